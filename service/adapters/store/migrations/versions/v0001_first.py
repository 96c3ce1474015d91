"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "blind_spans",
        _word("moment"),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        _word("reason"),
        sa.PrimaryKeyConstraint("moment", "since", name=op.f("blind_spans_key")),
    )
    op.create_table(
        "breaks",
        _word("moment"),
        _word("ref"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        _word("customer"),
        _count("value"),
        _word("dims"),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        _flag("late"),
        _flag("promised"),
        sa.PrimaryKeyConstraint("moment", "ref", name=op.f("breaks_key")),
    )
    op.create_index("breaks_by_time", "breaks", ["moment", "at"], unique=False)
    op.create_table(
        "counts",
        sa.Column("partition", sa.BigInteger(), autoincrement=False, nullable=False),
        _word("name"),
        _word("label"),
        _count("n"),
        sa.PrimaryKeyConstraint("partition", "name", "label", name=op.f("counts_key")),
    )
    op.create_table(
        "durations",
        _word("moment"),
        sa.Column("opens", sa.BigInteger(), autoincrement=False, nullable=False),
        _word("dims"),
        sa.Column("late", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        _count("n"),
        sa.PrimaryKeyConstraint("moment", "opens", "dims", "late", "bucket", name=op.f("durations_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "interruptions",
        _word("id"),
        _word("moment"),
        _word("segment"),
        _word("rule"),
        _flag("is_open"),
        sa.Column("detected_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        _word("body"),
        sa.PrimaryKeyConstraint("id", name=op.f("interruptions_key")),
    )
    op.create_index("interruptions_by_detection", "interruptions", ["detected_at", "id"], unique=False)
    op.create_index(
        "interruptions_one_open",
        "interruptions",
        ["moment", "segment", "rule"],
        unique=True,
        postgresql_where=sa.text("is_open"),
        sqlite_where=sa.text("is_open"),
    )
    op.create_table(
        "judged",
        _word("moment"),
        sa.Column("judged_through", sa.BigInteger(), nullable=True),
        _count("tick"),
        sa.Column("learning", sa.Text(), nullable=True),
        sa.Column("series", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("moment", name=op.f("judged_key")),
    )
    op.create_table(
        "moments",
        _word("moment"),
        sa.Column("closed_through", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("moment", name=op.f("moments_key")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", _NUMBER, nullable=False),
        _word("key"),
        _word("target"),
        _word("state"),
        _count("epoch"),
        _count("attempts"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        _word("last_error"),
        _flag("ambiguous"),
        _word("body"),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_key")),
        sa.UniqueConstraint("key", name=op.f("outbox_key_once")),
    )
    op.create_index("outbox_by_due", "outbox", ["state", "due_at"], unique=False)
    op.create_table(
        "partitions",
        sa.Column("id", _NUMBER, nullable=False),
        _word("topic"),
        sa.Column("number", sa.Integer(), nullable=False),
        _word("topic_id"),
        _count("epoch"),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("latest", sa.BigInteger(), nullable=True),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        _flag("ended"),
        _flag("retired"),
        _flag("superseded"),
        _count("ids"),
        sa.PrimaryKeyConstraint("id", name=op.f("partitions_key")),
        sa.UniqueConstraint("topic", "number", "topic_id", name=op.f("partitions_topic_number_topic_id_once")),
    )
    op.create_table(
        "promises",
        _word("moment"),
        _word("key"),
        sa.Column("due", sa.BigInteger(), nullable=True),
        _flag("waiting"),
        _flag("expires"),
        _word("body"),
        sa.PrimaryKeyConstraint("moment", "key", name=op.f("promises_key")),
    )
    op.create_index("promises_by_due", "promises", ["moment", "due"], unique=False)
    op.create_index(
        "promises_expiring",
        "promises",
        ["moment", "due"],
        unique=False,
        postgresql_where=sa.text("expires"),
        sqlite_where=sa.text("expires"),
    )
    op.create_table(
        "snapshots",
        _word("moment"),
        sa.Column("judged_through", sa.BigInteger(), nullable=False),
        _word("fingerprint"),
        _word("state"),
        sa.PrimaryKeyConstraint("moment", name=op.f("snapshots_key")),
    )
    op.create_table(
        "tallies",
        _word("moment"),
        sa.Column("opens", sa.BigInteger(), autoincrement=False, nullable=False),
        _word("dims"),
        sa.Column("late", sa.Boolean(), autoincrement=False, nullable=False),
        _count("attempts"),
        _count("broken"),
        _count("cancelled"),
        _count("arrivals"),
        _count("value"),
        _count("broken_value"),
        _count("duration_ms"),
        sa.PrimaryKeyConstraint("moment", "opens", "dims", "late", name=op.f("tallies_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "timeline",
        sa.Column("id", _NUMBER, nullable=False),
        _word("interruption"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        _word("what"),
        _word("note"),
        _word("author"),
        sa.PrimaryKeyConstraint("id", name=op.f("timeline_key")),
    )
    op.create_index("timeline_of", "timeline", ["interruption", "id"], unique=False)
    op.create_table(
        "dead_letters",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.BigInteger(), nullable=False),
        _word("reason"),
        _word("detail"),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("buried_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["partition"], ["partitions.id"], name=op.f("dead_letters_partition_exists")),
        sa.PrimaryKeyConstraint("id", name=op.f("dead_letters_key")),
    )
    op.create_table(
        "id_hashes",
        sa.Column("partition", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("upto", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("watermark", sa.BigInteger(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["partition"], ["partitions.id"], name=op.f("id_hashes_partition_exists")),
        sa.PrimaryKeyConstraint("partition", "upto", name=op.f("id_hashes_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "voices",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        _word("kind"),
        sa.Column("moment", sa.Text(), nullable=True),
        _word("body"),
        sa.ForeignKeyConstraint(["partition"], ["partitions.id"], name=op.f("voices_partition_exists")),
        sa.PrimaryKeyConstraint("id", name=op.f("voices_key")),
    )
    op.create_index("voices_by_time", "voices", ["kind", "at"], unique=False)


def downgrade() -> None:
    """Drop every table and what it holds."""
    op.drop_table("voices")
    op.drop_table("id_hashes")
    op.drop_table("dead_letters")
    op.drop_table("timeline")
    op.drop_table("tallies")
    op.drop_table("snapshots")
    op.drop_table("promises")
    op.drop_table("partitions")
    op.drop_table("outbox")
    op.drop_table("moments")
    op.drop_table("judged")
    op.drop_table("interruptions")
    op.drop_table("durations")
    op.drop_table("counts")
    op.drop_table("breaks")
    op.drop_table("blind_spans")
