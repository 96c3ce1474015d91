"""The event contract: what one operational fact is, after it was checked and before it is counted."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec

Micros = int
"""Microseconds since 1970-01-01T00:00:00Z; every time inside the service is one."""

SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE
DAY: Micros = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> Micros:
    """Microseconds of an aware datetime, exact."""
    since = moment - _EPOCH
    return since.days * DAY + since.seconds * SECOND + since.microseconds


def instant(at: Micros) -> datetime:
    """The aware UTC datetime of some microseconds; raises OverflowError outside the years 1 to 9999."""
    return _EPOCH + timedelta(microseconds=at)


def rfc3339(at: Micros) -> str:
    """`2013-04-16T15:04:30Z`; with a fraction only where there is one."""
    return instant(at).isoformat().replace("+00:00", "Z")


# The limits of the contract stand in its types: the decoder checks them in C, and the published schema repeats them.
# Lengths are characters, not bytes.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
"""An id, a customer, a key, a moment, a journey."""
Word = Annotated[str, msgspec.Meta(max_length=256)]
"""A channel, a dimension's value."""
Text = Annotated[str, msgspec.Meta(max_length=16_384)]
"""What a customer wrote, a reason, a title, an address."""
When = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with an offset."""
Amount = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
"""Money in the reporting currency, or a score."""
Seconds = Annotated[float, msgspec.Meta(ge=0, le=315_576_000)]
"""A duration of no more than ten years."""
Dimensions = Annotated[
    dict[Annotated[str, msgspec.Meta(min_length=1, max_length=256)], Word], msgspec.Meta(max_length=64)
]

OutcomeWord = Literal["kept", "broken", "cancelled"]
ChangeWord = Literal["joined", "left", "grew", "shrank", "referred"]


class Outcome(msgspec.Struct, frozen=True, tag_field="type", tag="outcome", gc=False):
    """A promise was kept or broken, or the customer withdrew; settles the promise of its key, if it has one."""

    id: Name
    time: When
    moment: Name
    customer: Name
    outcome: OutcomeWord
    key: Name | None = None
    reason: Text | None = None
    duration_s: Seconds | None = None
    value: Amount | None = None
    dimensions: Dimensions | None = None


class Promise(msgspec.Struct, frozen=True, tag_field="type", tag="promise", gc=False):
    """What the customer was told: by when."""

    id: Name
    time: When
    moment: Name
    customer: Name
    key: Name
    due: When | None = None
    value: Amount | None = None
    dimensions: Dimensions | None = None


class Complaint(msgspec.Struct, frozen=True, tag_field="type", tag="complaint", gc=False):
    """A customer said that something went wrong."""

    id: Name
    time: When
    customer: Name | None = None
    moment: Name | None = None
    journey: Name | None = None
    channel: Word | None = None
    score: Amount | None = None
    text: Text | None = None
    dimensions: Dimensions | None = None


class Feedback(msgspec.Struct, frozen=True, tag_field="type", tag="feedback", gc=False):
    """A customer said something, not necessarily bad."""

    id: Name
    time: When
    customer: Name | None = None
    moment: Name | None = None
    journey: Name | None = None
    channel: Word | None = None
    score: Amount | None = None
    text: Text | None = None
    dimensions: Dimensions | None = None


class CustomerChange(msgspec.Struct, frozen=True, tag_field="type", tag="customer", gc=False):
    """A customer was gained or lost, or is worth more or less."""

    id: Name
    time: When
    customer: Name
    change: ChangeWord
    value: Amount | None = None


class Annotation(msgspec.Struct, frozen=True, tag_field="type", tag="annotation", gc=False):
    """Something that we did: a deployment, a campaign, a policy."""

    id: Name
    time: When
    title: Text
    url: Text | None = None
    moment: Name | None = None
    dimensions: Dimensions | None = None


Event = Outcome | Promise | Complaint | Feedback | CustomerChange | Annotation


class Partition(msgspec.Struct, frozen=True, order=True):
    """A sequence of records with positions: a Kafka partition, or a file (number 0, positions are lines).

    `topic_id` tells a re-created topic from the old one; a file's is its name.
    """

    topic: str
    number: int
    topic_id: str = ""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One accepted event with where it stood and when it happened."""

    offset: int
    at: Micros
    event: Event


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A record that could not be taken, with the reason in words and as a catalogued code.

    `reason` is one of REASONS (a metric label); `detail` names field, value (shortened, no more than
    200 characters) and remedy; `payload` is the record's bytes, cut at 64 KiB. `headers`: those that carried a
    part of the event, so that it can be taken anew.
    """

    partition: Partition
    offset: int
    reason: str
    detail: str
    payload: bytes
    headers: dict[str, bytes] | None = None


HEADERS = ("ce_specversion", "ce_id", "ce_time", "ce_type")
"""The headers that carry a part of an event (CloudEvents, binary)."""
_LONGEST_HEADER = 4096


def event_headers(headers: Mapping[str, bytes] | None) -> dict[str, bytes] | None:
    """Of a record's headers those that are a part of the event; one of absurd length is not."""
    if not headers:
        return None
    return {name: value for name in HEADERS if (value := headers.get(name)) and len(value) <= _LONGEST_HEADER} or None


REASONS = (
    "not_json",
    "not_an_object",
    "too_large",
    "too_deep",
    "missing_field",
    "wrong_type",
    "bad_time",
    "bad_text",
    "bad_number",
    "unknown_type",
    "unknown_moment",
    "no_due",
    "future",
    "mapping",
    "store_refused",
)
"""Every reason a dead letter can have."""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """What a source gives at a time: one partition's raw records in order, and how far that partition was read.

    `next_offset`: where to go on; it may lie beyond the last record (control records).
    `looked_at`: the wall time at which the source saw that nothing lay beyond `next_offset`, else None.
    `ended`: nothing will ever follow (a file's end), so that this partition no longer holds back the clock.
    `behind`: how many records are known to lie beyond `next_offset`; None where nobody knows.
    `lost`: [first, next) of the records before these that were gone before they could be read; see `Lost`.
    """

    partition: Partition
    offsets: list[int]
    payloads: list[bytes]
    next_offset: int
    headers: list[dict[str, bytes]] | None = None
    looked_at: Micros | None = None
    ended: bool = False
    behind: int | None = None
    lost: tuple[int, int] | None = None


class Assigned(msgspec.Struct, frozen=True, gc=False):
    """A source took partitions up: it gives nothing of them until it was told by `seek` where to go on.

    `known`: every partition that the source's topics have, whoever reads it.
    """

    partitions: tuple[Partition, ...]
    known: tuple[Partition, ...] = ()


class Revoked(msgspec.Struct, frozen=True, gc=False):
    """Partitions are no longer this reader's: what of theirs is not committed is for another to read."""

    partitions: tuple[Partition, ...]


class Lost(msgspec.Struct, frozen=True, gc=False):
    """The records [first, next_offset) of a partition were gone before they could be read.

    A `next_offset` below `first`: the log was cut back after it was read, and goes on anew from there.
    """

    partition: Partition
    first: int
    next_offset: int


class Idle(msgspec.Struct, frozen=True, gc=False):
    """Nothing came for a moment: time to commit what is in hand, or to stop."""


Arrival = Batch | Assigned | Revoked | Lost | Idle
"""What comes out of a source."""
