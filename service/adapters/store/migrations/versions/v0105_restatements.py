"""The record of stretches that were counted anew."""

import sqlalchemy as sa
from alembic import op

revision = "1.5"
down_revision = "1.4"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COUNTS = ("counted", "attempts", "broken", "arrivals")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "restatements",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("moment", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in _COUNTS),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("restatements_key")),
    )


def downgrade() -> None:
    """Drop the record; the figures stay as they were restated."""
    op.drop_table("restatements")
