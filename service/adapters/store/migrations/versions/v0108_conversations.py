"""Which conversation a notice is of, and what the target called the message."""

import sqlalchemy as sa
from alembic import op

revision = "1.8"
down_revision = "1.7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; notices from before stand alone."""
    op.add_column("outbox", sa.Column("thread", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("outbox", sa.Column("handle", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.create_index("outbox_by_thread", "outbox", ["target", "thread", "id"])


def downgrade() -> None:
    """Take them away; what follows begins a conversation anew."""
    op.drop_index("outbox_by_thread", "outbox")
    op.drop_column("outbox", "handle")
    op.drop_column("outbox", "thread")
