"""What it takes to take dead letters anew, and to reconcile a partition with its offsets."""

import sqlalchemy as sa
from alembic import op

revision = "1.1"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("dead_letters", sa.Column("headers", sa.LargeBinary(), nullable=True))
    op.add_column("partitions", sa.Column("first", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take them away: dead letters in CloudEvents' binary form cannot be taken anew any more."""
    op.drop_column("partitions", "first")
    op.drop_column("dead_letters", "headers")
