"""The tables: times are microseconds since 1970, money is minor units, sums are integers."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_once",
        "fk": "%(table_name)s_%(column_0_N_name)s_exists",
        "pk": "%(table_name)s_key",
    }
)

Big = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the type says INTEGER, which holds 64 bits there."""


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _word(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False)


partitions = Table(
    "partitions",
    metadata,
    Column("id", Big, primary_key=True),
    _word("topic"),
    Column("number", Integer, nullable=False),
    _word("topic_id"),
    _count("epoch"),
    Column("position", BigInteger),
    Column("latest", BigInteger),
    Column("looked_at", BigInteger),
    _flag("ended"),
    # It exists no longer, and its clock holds nothing back.
    _flag("retired"),
    # The topic was re-created: whoever still writes under the old id is refused.
    _flag("superseded"),
    # Ids of accepted records so far, by which the blobs of hashes are numbered.
    _count("ids"),
    # Where reading began: what lies between it and the position was read, or is named as not there.
    Column("first", BigInteger),
    # Where its log ended when that was last asked: what lay beyond the position is unread, if the topic goes.
    Column("log_end", BigInteger),
    UniqueConstraint("topic", "number", "topic_id"),
)

id_hashes = Table(
    "id_hashes",
    metadata,
    Column("partition", BigInteger, ForeignKey("partitions.id"), primary_key=True, autoincrement=False),
    Column("upto", BigInteger, primary_key=True, autoincrement=False),
    # The partition's latest event time when the batch ended.
    Column("watermark", BigInteger, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Apart from what judging writes, so that judging holds no lock that ingest needs.
moments = Table(
    "moments",
    metadata,
    _word("moment", key=True),
    Column("closed_through", BigInteger),
    # Windows before it were put together into hours.
    Column("hourly_through", BigInteger),
    # What fell due before it and was never settled has no outcome that will be known.
    Column("given_up_through", BigInteger),
    # The rest of that position among the promises of one due time, while giving up is under way.
    Column("given_up_key", Text),
    # While a closing is under way: the promises before this due and key are past their due.
    Column("expired_through", BigInteger),
    Column("expired_key", Text),
)

judged = Table(
    "judged",
    metadata,
    _word("moment", key=True),
    Column("judged_through", BigInteger),
    _count("tick"),
    Column("learning", Text),
    Column("series", Text),
)

snapshots = Table(
    "snapshots",
    metadata,
    _word("moment", key=True),
    Column("judged_through", BigInteger, nullable=False),
    _word("fingerprint"),
    _word("state"),
)

tallies = Table(
    "tallies",
    metadata,
    _word("moment", key=True),
    Column("opens", BigInteger, primary_key=True, autoincrement=False),
    # Canonical JSON: keys sorted, what is not stated left out.
    _word("dims", key=True),
    Column("late", Boolean, primary_key=True, autoincrement=False),
    _count("attempts"),
    _count("broken"),
    _count("cancelled"),
    _count("arrivals"),
    _count("value"),
    _count("broken_value"),
    _count("duration_ms"),
    sqlite_with_rowid=False,
)

durations = Table(
    "durations",
    metadata,
    _word("moment", key=True),
    Column("opens", BigInteger, primary_key=True, autoincrement=False),
    _word("dims", key=True),
    Column("late", Boolean, primary_key=True, autoincrement=False),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    _count("n"),
    sqlite_with_rowid=False,
)

# Counts that few windows have, by name.
signals = Table(
    "signals",
    metadata,
    _word("moment", key=True),
    Column("opens", BigInteger, primary_key=True, autoincrement=False),
    _word("dims", key=True),
    Column("late", Boolean, primary_key=True, autoincrement=False),
    _word("name", key=True),
    _count("n"),
    sqlite_with_rowid=False,
)

breaks = Table(
    "breaks",
    metadata,
    _word("moment", key=True),
    _word("ref", key=True),
    Column("at", BigInteger, nullable=False),
    _word("customer"),
    _count("value"),
    _word("dims"),
    Column("reason", Text),
    Column("settled_at", BigInteger),
    _flag("late"),
    _flag("promised"),
    Index("breaks_by_time", "moment", "at"),
)

promises = Table(
    "promises",
    metadata,
    _word("moment", key=True),
    # In the order of its characters' numbers everywhere, which is also the quickest to compare.
    Column("key", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True, nullable=False),
    Column("due", BigInteger),
    # Neither kept nor withdrawn so far.
    _flag("waiting"),
    # Breaks by itself at its due: no outcome came in time.
    _flag("expires"),
    _word("body"),
    Column("customer", Text),
    # The one index besides the key: what an outcome changes is in neither, so that PostgreSQL need not touch them.
    Index("promises_by_due", "moment", "due", "key"),
)

voices = Table(
    "voices",
    metadata,
    Column("id", Big, primary_key=True),
    Column("partition", BigInteger, ForeignKey("partitions.id"), nullable=False),
    Column("record", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    _word("kind"),
    Column("moment", Text),
    _word("body"),
    Column("customer", Text),
    Index("voices_by_time", "kind", "at"),
    Index("voices_by_customer", "customer"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Big, primary_key=True),
    Column("partition", BigInteger, ForeignKey("partitions.id"), nullable=False),
    Column("record", BigInteger, nullable=False),
    _word("reason"),
    _word("detail"),
    Column("payload", LargeBinary, nullable=False),
    Column("buried_at", BigInteger),
    # MessagePack of the headers that were a part of the event, where there were any.
    Column("headers", LargeBinary),
)

interruptions = Table(
    "interruptions",
    metadata,
    _word("id", key=True),
    _word("moment"),
    _word("segment"),
    # "" where none named it: NULLs would be different from one another in the index below.
    _word("rule"),
    _flag("is_open"),
    Column("detected_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
    _word("body"),
    Index("interruptions_by_detection", "detected_at", "id"),
)
Index(
    "interruptions_one_open",
    interruptions.c.moment,
    interruptions.c.segment,
    interruptions.c.rule,
    unique=True,
    # PostgreSQL's has the same condition (see the steps); to say so here would load its dialect for SQLite, too.
    sqlite_where=interruptions.c.is_open,
)

timeline = Table(
    "timeline",
    metadata,
    Column("id", Big, primary_key=True),
    _word("interruption"),
    Column("at", BigInteger, nullable=False),
    _word("what"),
    _word("note"),
    _word("author"),
    Index("timeline_of", "interruption", "id"),
)

blind_spans = Table(
    "blind_spans",
    metadata,
    _word("moment", key=True),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger),
    _word("reason"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Big, primary_key=True),
    _word("key"),
    _word("target"),
    _word("state"),
    _count("epoch"),
    _count("attempts"),
    Column("created_at", BigInteger, nullable=False),
    # While it is being attempted: when the lease runs out.
    Column("due_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    _word("last_error"),
    _flag("ambiguous"),
    _word("body"),
    # The conversation, and what the target called the message.
    Column("thread", Text, nullable=False, server_default=text("''")),
    Column("handle", Text, nullable=False, server_default=text("''")),
    UniqueConstraint("key"),
    Index("outbox_by_due", "state", "due_at"),
    Index("outbox_by_thread", "target", "thread", "id"),
)

# By partition, so that replicas do not wait for one another's rows.
counts = Table(
    "counts",
    metadata,
    Column("partition", BigInteger, primary_key=True, autoincrement=False),
    _word("name", key=True),
    _word("label", key=True),
    _count("n"),
)

# What was done for a customer of an interruption: append-only, the last one stands.
contacts = Table(
    "contacts",
    metadata,
    Column("id", Big, primary_key=True),
    _word("interruption"),
    _word("customer"),
    _word("state"),
    Column("at", BigInteger, nullable=False),
    _word("author"),
    _word("note"),
    Index("contacts_of", "interruption", "customer", "id"),
)

# Who saw or changed what of customers: append-only.
audit = Table(
    "audit",
    metadata,
    Column("id", Big, primary_key=True),
    Column("at", BigInteger, nullable=False),
    _word("author"),
    _word("role"),
    _word("what"),
    _word("subject"),
    _word("note"),
)

# `listed`: by the operators' table; `told`: by the newest customer event that carries a value. Minor units a year.
customers = Table(
    "customers",
    metadata,
    _word("customer", key=True),
    Column("segment", Text),
    _flag("listed"),
    Column("listed_value", BigInteger),
    Column("told_value", BigInteger),
    Column("told_at", BigInteger),
)

# By a keyed hash of the id, so that the list does not tell whom it forgot.
forgotten = Table(
    "forgotten",
    metadata,
    _word("mark", key=True),
    _word("tombstone"),
    Column("at", BigInteger, nullable=False),
)

# Random keys that this database made for itself, by what they are for.
salts = Table("salts", metadata, _word("name", key=True), Column("value", LargeBinary, nullable=False))

# Revenue at risk as it was told at a time: frozen, whatever is amended later.
risk_marks = Table(
    "risk_marks",
    metadata,
    _word("interruption", key=True),
    _word("what", key=True),
    Column("at", BigInteger, nullable=False),
    _word("body"),
)

restatements = Table(
    "restatements",
    metadata,
    Column("id", Big, primary_key=True),
    _word("moment"),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    _word("source"),
    _count("counted"),
    # The differences that it made.
    _count("attempts"),
    _count("broken"),
    _count("arrivals"),
    Column("at", BigInteger),
)

# Records that were gone before they were read; `after` below `first`: a log that was cut back after it was read.
gaps = Table(
    "gaps",
    metadata,
    Column("id", Big, primary_key=True),
    Column("partition", BigInteger, ForeignKey("partitions.id"), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("after", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    # The event times between which they lay, as far as anybody knows.
    Column("since", BigInteger),
    Column("until", BigInteger, nullable=False),
)

# By which terms moments were told to be kept, from when on: append-only; `was` is empty where they were first seen.
edits = Table(
    "edits",
    metadata,
    Column("id", Big, primary_key=True),
    Column("at", BigInteger, nullable=False),
    _word("moment"),
    _word("what"),
    _word("was"),
    _word("now"),
    _flag("looser"),
)
