"""How far a moment's minute windows were put together into hours."""

import sqlalchemy as sa
from alembic import op

revision = "1.6"
down_revision = "1.5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("moments", sa.Column("hourly_through", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take it away; what was put together stays so, and whoever learns anew reads hours as if they were minutes."""
    op.drop_column("moments", "hourly_through")
