"""The record of what was gone before it was read."""

import sqlalchemy as sa
from alembic import op

revision = "1.9"
down_revision = "1.8"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "gaps",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("first", "after", "at")),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["partition"], ["partitions.id"], name=op.f("gaps_partition_exists")),
        sa.PrimaryKeyConstraint("id", name=op.f("gaps_key")),
    )


def downgrade() -> None:
    """Drop the record; blind spans that were made of it stay."""
    op.drop_table("gaps")
