"""Customers: whose promise and voice it is, recovery, audit, values, the forgotten, and frozen money."""

import sqlalchemy as sa
from alembic import op

revision = "1.3"
down_revision = "1.2"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _at() -> sa.Column[int]:
    return sa.Column("at", sa.BigInteger(), nullable=False)


def upgrade() -> None:
    """Add the tables, and fill the new columns from the bodies."""
    op.add_column("promises", sa.Column("customer", sa.Text()))
    op.add_column("voices", sa.Column("customer", sa.Text()))
    if op.get_bind().dialect.name == "sqlite":
        entries = ", ".join(f"json_extract(body, '$.{name}[2]')" for name in ("first", "kept", "broken", "cancelled"))
        op.execute(f"UPDATE promises SET customer = coalesce({entries})")  # noqa: S608  # our own names
        op.execute("UPDATE voices SET customer = json_extract(body, '$.customer')")
    else:
        entries = ", ".join(f"body::jsonb -> '{name}' ->> 2" for name in ("first", "kept", "broken", "cancelled"))
        op.execute(f"UPDATE promises SET customer = coalesce({entries})")  # noqa: S608  # our own names
        op.execute("UPDATE voices SET customer = body::jsonb ->> 'customer'")
    op.create_index("voices_by_customer", "voices", ["customer"])
    op.create_table(
        "contacts",
        sa.Column("id", _NUMBER, nullable=False),
        _word("interruption"),
        _word("customer"),
        _word("state"),
        _at(),
        _word("author"),
        _word("note"),
        sa.PrimaryKeyConstraint("id", name=op.f("contacts_key")),
    )
    op.create_index("contacts_of", "contacts", ["interruption", "customer", "id"])
    op.create_table(
        "audit",
        sa.Column("id", _NUMBER, nullable=False),
        _at(),
        _word("author"),
        _word("role"),
        _word("what"),
        _word("subject"),
        _word("note"),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_key")),
    )
    op.create_table(
        "customers",
        _word("customer"),
        sa.Column("segment", sa.Text()),
        sa.Column("listed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("listed_value", sa.BigInteger()),
        sa.Column("told_value", sa.BigInteger()),
        sa.Column("told_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("customer", name=op.f("customers_key")),
    )
    op.create_table(
        "forgotten",
        _word("mark"),
        _word("tombstone"),
        _at(),
        sa.PrimaryKeyConstraint("mark", name=op.f("forgotten_key")),
    )
    op.create_table(
        "salts",
        _word("name"),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("salts_key")),
    )
    op.create_table(
        "risk_marks",
        _word("interruption"),
        _word("what"),
        _at(),
        _word("body"),
        sa.PrimaryKeyConstraint("interruption", "what", name=op.f("risk_marks_key")),
    )


def downgrade() -> None:
    """Take them away again."""
    for name in ("risk_marks", "salts", "forgotten", "customers", "audit", "contacts"):
        op.drop_table(name)
    op.drop_index("voices_by_customer", table_name="voices")
    op.drop_column("voices", "customer")
    op.drop_column("promises", "customer")
