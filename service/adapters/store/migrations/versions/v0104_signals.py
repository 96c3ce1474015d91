"""Counts beside outcomes: complaints, promises open past their due, annotations."""

import sqlalchemy as sa
from alembic import op

revision = "1.4"
down_revision = "1.3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; what was counted before it stays uncounted."""
    op.create_table(
        "signals",
        sa.Column("moment", sa.Text(), nullable=False),
        sa.Column("opens", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("dims", sa.Text(), nullable=False),
        sa.Column("late", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("moment", "opens", "dims", "late", "name", name=op.f("signals_key")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the table and what it holds."""
    op.drop_table("signals")
