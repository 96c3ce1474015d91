"""How far a closing has come that is done in parts, and one index of promises by due in the place of two.

No column of an index changes when a promise is kept, so that PostgreSQL writes the row alone, if there is room
beside it: pages are left a fifth empty. A process of an older version knows nothing of parts: end it before a newer one
closes more promises at once than fit in a part, or their first ones would be counted by both.
"""

import sqlalchemy as sa
from alembic import op

revision = "1.12"
down_revision = "1.11"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and exchange the indexes."""
    op.add_column("moments", sa.Column("given_up_key", sa.Text(), nullable=True))
    op.add_column("moments", sa.Column("expired_through", sa.BigInteger(), nullable=True))
    op.add_column("moments", sa.Column("expired_key", sa.Text(), nullable=True))
    op.drop_index("promises_expiring", "promises")
    op.drop_index("promises_by_due", "promises")
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE promises ALTER COLUMN key TYPE text COLLATE "C"')
        op.execute("ALTER TABLE promises SET (fillfactor = 80)")
    op.create_index("promises_by_due", "promises", ["moment", "due", "key"])


def downgrade() -> None:
    """Exchange them back."""
    op.drop_index("promises_by_due", "promises")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE promises RESET (fillfactor)")
        op.execute('ALTER TABLE promises ALTER COLUMN key TYPE text COLLATE "default"')
    op.create_index("promises_by_due", "promises", ["moment", "due"])
    op.create_index(
        "promises_expiring",
        "promises",
        ["moment", "due"],
        postgresql_where=sa.text("expires"),
        sqlite_where=sa.text("expires"),
    )
    for column in ("expired_key", "expired_through", "given_up_key"):
        op.drop_column("moments", column)
