"""Where each partition's log ends, so that what a deleted topic held and nobody had read can be counted."""

import sqlalchemy as sa
from alembic import op

revision = "1.13"
down_revision = "1.12"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it is filled by the next batches."""
    op.add_column("partitions", sa.Column("log_end", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("partitions", "log_end")
