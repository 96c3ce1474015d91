"""Before which due time a moment's promises are given up that nobody ever settled."""

import sqlalchemy as sa
from alembic import op

revision = "1.7"
down_revision = "1.6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the next closing of the moment fills it."""
    op.add_column("moments", sa.Column("given_up_through", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take it away; who was given up waits again."""
    op.drop_column("moments", "given_up_through")
