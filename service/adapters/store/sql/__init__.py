"""One store over SQLAlchemy for SQLite and PostgreSQL; a file a concern."""
