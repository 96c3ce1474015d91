"""Pages as they were made, for whoever starts later."""

import sqlalchemy as sa
from alembic import op

revision = "1.11"
down_revision = "1.10"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "shown",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("took", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("shown_key")),
    )


def downgrade() -> None:
    """Drop the table: what it holds is made anew."""
    op.drop_table("shown")
