"""The tables of routing and of people's handling."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, UniqueConstraint, text

from service.adapters.store.sql.tables import Big, metadata

news = Table(
    "news",
    metadata,
    Column("id", Big, primary_key=True),
    Column("key", Text, nullable=False),
    Column("routed", Boolean, nullable=False, server_default=text("false")),
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("key"),
)
# PostgreSQL's has the same condition, see `interruptions_one_open`.
Index("news_to_route", news.c.id, sqlite_where=~news.c.routed)

# One row.
desk = Table(
    "desk",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("tick", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("starts", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("silences_by_end", "ends"),
)

handlings = Table(
    "handlings",
    metadata,
    Column("interruption", Text, primary_key=True),
    # When it was marked as noise, if it still is.
    Column("noise_at", BigInteger),
    Column("body", Text, nullable=False),
    Index("handlings_by_noise", "noise_at"),
)

# Append-only.
actions = Table(
    "actions",
    metadata,
    Column("id", Big, primary_key=True),
    Column("interruption", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("actions_of", "interruption", "id"),
)

# Append-only.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Big, primary_key=True),
    Column("interruption", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("decisions_of", "interruption", "id"),
)
