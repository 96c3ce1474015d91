"""Where everything is kept: in memory, in SQLite or in PostgreSQL, behind one protocol."""
