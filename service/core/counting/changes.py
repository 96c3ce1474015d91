"""What one batch, or one closing, changes: plain rows that a store writes in one transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from service.core.counting.ledger import Promised
from service.core.counting.reach import NOWHERE, Reach
from service.core.counting.tally import Tally
from service.core.event import (
    Annotation,
    Complaint,
    CustomerChange,
    DeadLetter,
    Feedback,
    Micros,
    Outcome,
    Partition,
    Promise,
    Record,
)

PromiseKey = tuple[str, str]
"""Moment and key."""


class Break(msgspec.Struct, frozen=True, gc=False):
    """One broken promise of one customer.

    `ref` is unique within the moment: "=" and the key for a keyed promise, "@" and the place and id of the record for
    others. `at`: when it broke. `settled_at`: when it was kept after all. `value`: minor units. `late`: its window had
    closed when it was taken in, so that it amends reports and was not judged. `promised`: it had a due time and was
    not withdrawn since, so that the customer may still be waiting.
    """

    moment: str
    ref: str
    at: Micros
    customer: str
    value: int = 0
    dimensions: dict[str, str] = {}
    reason: str | None = None
    settled_at: Micros | None = None
    late: bool = False
    promised: bool = False


class Voice(msgspec.Struct, frozen=True, gc=False):
    """A record that is kept as it is: a complaint, feedback, a customer's change, an annotation, with its place."""

    partition: Partition
    offset: int
    at: Micros
    event: Complaint | Feedback | CustomerChange | Annotation


class Counts(msgspec.Struct, gc=False):
    """What became of records: read = accepted (late ones among them) + duplicate + dead-lettered, always.

    Where a source says what its records mean, each event of a record is read; `unfolded`: those beyond the first. A
    record of no concern is accepted, of no moment.
    """

    read: int = 0
    accepted: Counter[str] = msgspec.field(default_factory=Counter)
    """By moment; "" for events that name none."""
    late: Counter[str] = msgspec.field(default_factory=Counter)
    duplicate: int = 0
    dead: Counter[str] = msgspec.field(default_factory=Counter)
    """By reason."""
    unfolded: int = 0

    def add(self, other: "Counts") -> None:
        """Take another batch's counts in."""
        self.read += other.read
        self.unfolded += other.unfolded
        self.accepted.update(other.accepted)
        self.late.update(other.late)
        self.duplicate += other.duplicate
        self.dead.update(other.dead)

    @property
    def balanced(self) -> bool:
        """Whether the equation holds."""
        return self.read == self.accepted.total() + self.duplicate + self.dead.total()


class BlindSpan(msgspec.Struct, frozen=True, gc=False):
    """A stretch of wall time without trustworthy data; `until` None: still so."""

    moment: str
    since: Micros
    until: Micros | None
    reason: str


class Gap(msgspec.Struct, frozen=True, gc=False):
    """Records [first, after) of a partition that were gone before they were read; `after` below: it was cut back.

    Where `after` is `first`, nobody knows whether there were any: a topic was made anew, and its old records are gone.
    `since` and `until`: the event times between which they lay, as far as anybody can know; None where nothing was
    read before. `at`: the wall time at which that was noticed.
    """

    partition: Partition
    first: int
    after: int
    at: Micros
    since: Micros | None
    until: Micros

    @property
    def records(self) -> int:
        """How many there were at most; 0 where the log was cut back."""
        return max(0, self.after - self.first)

    @property
    def hides(self) -> tuple[Micros, Micros] | None:
        """[since, until) of which nobody knows what happened; None where nothing is known to be missing."""
        if self.since is None or self.after < self.first:
            return None
        return self.since, self.until


class Unread(msgspec.Struct, frozen=True, gc=False):
    """What was left of a partition when its topic was made anew: records [first, after), as far as its end was known.

    `since`: how far its clock had moved.
    """

    partition: Partition
    first: int
    after: int
    since: Micros


class Changes(msgspec.Struct, gc=False):
    """Everything a transaction writes besides positions and clocks.

    `tally`: deltas to add. `breaks`: by (moment, ref), the row to put or None to take away. `promises`: ledger rows
    to put. `voices`, `dead`: rows to append. `hashes`: the accepted ids of the batch, one blob. `told`: by customer,
    their yearly value in minor units and when it was told; None where nothing but that they exist was. `gaps`: what was
    lost before it was read, and `blind` the stretches of moments for which that means that nobody knows.
    `log_end`: the offset at which the partition's log ends, as far as is known; None: as before.
    """

    tally: Tally = msgspec.field(default_factory=Tally)
    breaks: dict[tuple[str, str], Break | None] = msgspec.field(default_factory=dict)
    promises: dict[PromiseKey, Promised] = msgspec.field(default_factory=dict)
    voices: list[Voice] = msgspec.field(default_factory=list)
    dead: list[DeadLetter] = msgspec.field(default_factory=list)
    hashes: bytes = b""
    told: dict[str, tuple[int, Micros] | None] = msgspec.field(default_factory=dict)
    counts: Counts = msgspec.field(default_factory=Counts)
    gaps: list[Gap] = msgspec.field(default_factory=list)
    blind: list[BlindSpan] = msgspec.field(default_factory=list)
    log_end: int | None = None


class View(msgspec.Struct, frozen=True, gc=False):
    """What a transaction shows of the state: how far moments have come, and the ledger rows asked for."""

    reaches: Mapping[str, Reach]
    promises: Mapping[PromiseKey, Promised]

    def reach(self, moment: str) -> Reach:
        """How far a moment has come; of one that never closed: nowhere."""
        return self.reaches.get(moment, NOWHERE)


def keys_of(records: Iterable[Record]) -> set[PromiseKey]:
    """The ledger rows that a batch will touch."""
    return {
        (event.moment, event.key)
        for record in records
        if isinstance(event := record.event, (Outcome, Promise)) and event.key is not None
    }
