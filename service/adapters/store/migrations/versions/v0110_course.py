"""By which terms moments are kept, and a fresh count of what is given up, which leaves what is overdue now."""

import sqlalchemy as sa
from alembic import op

revision = "1.10"
down_revision = "1.9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; the next closing of each moment gives up anew what was given up before, and counts it."""
    op.create_table(
        "edits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("moment", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("now", sa.Text(), nullable=False),
        sa.Column("looser", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("edits_key")),
    )
    op.execute("UPDATE moments SET given_up_through = NULL")


def downgrade() -> None:
    """Drop the table and what it holds."""
    op.drop_table("edits")
