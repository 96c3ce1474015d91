"""Routing and what people do: news, the desk, silences, handling with its audit, decisions."""

import sqlalchemy as sa
from alembic import op

revision = "1.2"
down_revision = "1.1"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "news",
        sa.Column("id", _NUMBER, nullable=False),
        _word("key"),
        sa.Column("routed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _time("at"),
        _word("body"),
        sa.PrimaryKeyConstraint("id", name=op.f("news_key")),
        sa.UniqueConstraint("key", name=op.f("news_key_once")),
    )
    op.create_index(
        "news_to_route",
        "news",
        ["id"],
        unique=False,
        postgresql_where=sa.text("NOT routed"),
        sqlite_where=sa.text("NOT routed"),
    )
    op.create_table(
        "desk",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        _time("tick"),
        _word("body"),
        sa.PrimaryKeyConstraint("id", name=op.f("desk_key")),
    )
    op.create_table(
        "silences",
        _word("id"),
        _time("starts"),
        _time("ends"),
        _word("body"),
        sa.PrimaryKeyConstraint("id", name=op.f("silences_key")),
    )
    op.create_index("silences_by_end", "silences", ["ends"], unique=False)
    op.create_table(
        "handlings",
        _word("interruption"),
        sa.Column("noise_at", sa.BigInteger(), nullable=True),
        _word("body"),
        sa.PrimaryKeyConstraint("interruption", name=op.f("handlings_key")),
    )
    op.create_index("handlings_by_noise", "handlings", ["noise_at"], unique=False)
    for name in ("actions", "decisions"):
        op.create_table(
            name,
            sa.Column("id", _NUMBER, nullable=False),
            _word("interruption"),
            _time("at"),
            _word("body"),
            sa.PrimaryKeyConstraint("id", name=op.f(f"{name}_key")),
        )
        op.create_index(f"{name}_of", name, ["interruption", "id"], unique=False)


def downgrade() -> None:
    """Take them away."""
    for name in ("decisions", "actions", "handlings", "silences", "desk", "news"):
        op.drop_table(name)
