"""What the core needs of the world outside: sources, a store, a notifier; each with one contract suite."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

import msgspec

from service.core.catalog import Moment
from service.core.counting.changes import BlindSpan, Break, Changes, PromiseKey, Unread, View, Voice
from service.core.counting.closing import Expiring
from service.core.counting.identity import Forgetting
from service.core.counting.reach import Reach
from service.core.counting.tally import Window
from service.core.counting.watermark import PartitionClock
from service.core.course_ports import CourseReader, CourseStore
from service.core.desk_ports import DeskReader, DeskStore
from service.core.event import Arrival, Micros, Partition
from service.core.interruption import Impact, Interruption, Segment
from service.core.joining_ports import JoiningStore
from service.core.keeping import BooksReader
from service.core.outbox import Delivery, Leased, OutboxRow
from service.core.people import PeopleReader, PeopleStore
from service.core.standing import Judged, Judgement, MomentStatus, Snapshot, TimelineEntry, Totals
from service.core.survey import Survey
from service.core.telling.desk import News
from service.core.telling.route import Message, Notice


class Source(Protocol):
    """Kafka, files, memory: raw records a partition at a time, in order."""

    def batches(self) -> Iterator[Arrival]:
        """What comes: `Assigned` first, then, once `seek` was called, records. Ends with the source.

        Each partition's records come in order and once, from the position sought. A batch without records
        reports a look at the partition's end, or that only control records lay before it. Raises SourceAway when
        nothing can be reached; iterating again goes on from the last position given.
        """
        ...

    def seek(self, positions: Mapping[Partition, int | None]) -> None:
        """Go on from these positions; None: where the source was told to start with what nobody has read.

        Partitions that are no longer this reader's are passed over: their `Revoked` is on its way.
        """
        ...

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Tell lag tools how far the database is; nothing depends on it."""
        ...

    def close(self) -> None:
        """Let go of the partitions, so that others can take them up at once."""
        ...


class SourceAway(Exception):  # noqa: N818  # a state of the world
    """The source cannot be reached now; try again later."""


class StoreAway(Exception):  # noqa: N818  # a state of the world, not a mistake
    """The store cannot be reached now; try again later.

    What was being written may or may not be there: `claim` again tells.
    """


class StoreBusy(Exception):  # noqa: N818  # a state of the world, not a mistake
    """A transaction gave way to another and was rolled back: do the same once more with the same claim."""


class StoreRefused(Exception):  # noqa: N818  # said of what was written, or of how the store was opened
    """The store will not take this, now or later: a record's content, another process's file, a newer schema."""


class StaleClaim(Exception):  # noqa: N818  # another's turn
    """The compare-and-set was refused: another reader has this partition, or the answer of a commit was lost."""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """The right to write a partition's next batch: refused once anybody has claimed it, or forgotten someone, since.

    `position`: the next offset to read, None when nothing was ever read. `hashes`: of accepted ids that may still be
    needed, oldest first. `unread`: what the topic that was here before left, until this one has moved its clock; the
    first partition's also what lay in places that are no more.
    """

    partition: Partition
    epoch: int
    position: int | None
    clock: PartitionClock
    hashes: tuple[bytes, ...] = ()
    forgetting: Forgetting = Forgetting()
    unread: tuple[Unread, ...] = ()


class IngestTransaction(Protocol):
    """A batch's transaction; the view is read under the shared lock that closing takes exclusively."""

    view: View

    def save(self, changes: Changes, position: int, clock: PartitionClock) -> Claim:
        """Write everything with the compare-and-set, and commit; the claim for the next batch, without hashes.

        Raises StaleClaim, and StoreAway, StoreBusy or StoreRefused with nothing written (away: see there).
        """


class ClosingTransaction(Expiring, Protocol):
    """A part of a closing: a transaction that is exclusive for its moment."""

    def save(self, changes: Changes, reach: Reach) -> None:
        """Write the expiries and how far the moment has come, and commit; it is never closed less than before."""
        ...


class Notifier(Protocol):
    """Sends messages."""

    def send(self, target: str, message: Message) -> Delivery:
        """One attempt; never raises for what the target did."""
        ...

    def keeps_incidents(self, target: str) -> bool:
        """Whether a target has incidents of its own, which are to be acknowledged where ours are."""
        ...


class Reader(CourseReader, DeskReader, PeopleReader, BooksReader, Protocol):
    """The questions that pages, digests and reports ask; figures are as amended unless said otherwise."""

    def interruptions(
        self, *, moment: str | None = None, open_only: bool = False, since: Micros | None = None
    ) -> list[Interruption]:
        """In order of detection (detected_at, id); `since`: those not resolved before it."""
        ...

    def interruption(self, identity: str) -> Interruption | None:
        """One by its id."""
        ...

    def timeline(self, identity: str) -> list[TimelineEntry]:
        """In order of time."""
        ...

    def impact(self, moment: str, segment: Segment, start: Micros, end: Micros) -> Impact:
        """Exact distinct customers, breaks and value of [start, end) in a segment."""
        ...

    def breaks(
        self, moment: str, segment: Segment, start: Micros, end: Micros, *, limit: int = 1000, offset: int = 0
    ) -> list[Break]:
        """In order of time."""
        ...

    def broken(self, moments: Collection[str], start: Micros, end: Micros) -> dict[str, int]:
        """How many promises of each moment broke in [start, end); those of which none did are left out."""
        ...

    def totals(
        self, moment: str, start: Micros, end: Micros, step: Micros, *, segment: Segment = (), customers: bool = True
    ) -> list[tuple[Micros, Totals]]:
        """Sums by step aligned to 1970 plus `start % step`, empty ones left out; to count `customers` takes longest."""
        ...

    def arrivals(
        self, moment: str, start: Micros, end: Micros, step: Micros, *, segment: Segment = ()
    ) -> dict[Micros, int]:
        """How many events came by step, aligned as above; steps in which none came are left out."""
        ...

    def by_value(
        self, moment: str, dimension: str, start: Micros, end: Micros, *, customers: bool = True
    ) -> list[tuple[str | None, Totals]]:
        """Sums by a dimension's values, most broken first; None is "not stated". `customers`: as above."""
        ...

    def survey(self, moments: Mapping[str, Moment], first: Micros, seen: Micros, now: Micros) -> dict[str, Survey]:
        """Each moment as it stands: days since `first`, blindness since `seen`, the week before and after now."""
        ...

    def outcomes(self, moment: str, spans: Sequence[tuple[Micros, Micros]]) -> list[tuple[Mapping[str, str], int, int]]:
        """(values by dimension, attempts, broken) of every tuple of values, over all of some spans."""
        ...

    def customers(self, moments: Sequence[str], start: Micros, end: Micros) -> tuple[int, int]:
        """(distinct customers let down, distinct breaks) over several moments."""
        ...

    def complaints(self, moment: str | None, start: Micros, end: Micros) -> list[Voice]:
        """Complaints in order of time; `moment` None: all."""
        ...

    def voices(self, kind: Literal["feedback", "customer", "annotation"], start: Micros, end: Micros) -> list[Voice]:
        """What was said or done besides complaints, in order of time."""
        ...

    def clocks(self) -> list[PartitionClock]:
        """Of every partition ever written and not retired."""
        ...

    def status(self, moment: str) -> MomentStatus:
        """Where a moment stands."""
        ...

    def blind(self, moment: str, start: Micros, end: Micros) -> list[BlindSpan]:
        """The spans that touch [start, end), in order of time."""
        ...

    def outbox(self, *, limit: int = 100) -> list[OutboxRow]:
        """Newest first."""
        ...


class Store(Reader, CourseStore, DeskStore, PeopleStore, JoiningStore, Protocol):
    """SQLite, PostgreSQL, memory: one contract suite for all."""

    def declare(self, moments: Mapping[str, Moment]) -> None:
        """Say which dimensions and window width each moment has; again after the catalogue was reloaded."""
        ...

    def claim(self, partition: Partition) -> Claim:
        """Take a partition: bumps the epoch, so that earlier claims are stale."""
        ...

    def ingest(
        self, claim: Claim, moments: Sequence[str], keys: Sequence[PromiseKey]
    ) -> AbstractContextManager[IngestTransaction]:
        """One batch's transaction; rolled back unless saved."""
        ...

    def expect(self, partitions: Sequence[Partition]) -> None:
        """Say which partitions there are: time waits for those that nobody has claimed yet, too.

        A topic that is known under another id is left alone: whoever retires or claims it says which is right.
        """
        ...

    def retire(self, gone: Sequence[Partition], known: Sequence[Partition] = ()) -> None:
        """Forget the clocks of partitions that no longer exist; time waits for what is `known` in their places.

        Where `known` has their topic under another id, nobody may claim them any more; unless that id is itself one
        that was made anew since: who has not heard of it takes nothing away.
        """
        ...

    def closing(self, moment: str) -> AbstractContextManager[ClosingTransaction]:
        """A moment's closing; rolled back unless saved."""
        ...

    def close_at_once(self, ways: Mapping[str, tuple[Micros, Micros]]) -> Mapping[str, Micros]:
        """Close many moments in one transaction; how far each of them is closed then.

        `ways`: through when, and through when promises are given up. Those that have promises on their way or that
        somebody has locked are not in the answer: `closing` is for them.
        """
        ...

    def judged(self, moment: str) -> Judged:
        """How far a moment was judged, and the newest snapshot."""
        ...

    def windows(self, moment: str, after: Micros | None, through: Micros) -> Iterator[Window]:
        """As judged: closed windows with start ≥ after and end ≤ through that hold anything, in order."""
        ...

    def save_judgement(
        self,
        moment: str,
        tick: int,
        judgement: Judgement,
        snapshot: Snapshot | None,
        told: Sequence[News] = (),
    ) -> None:
        """One transaction with a compare-and-set on the tick; raises StaleClaim.

        Every change becomes a line of its interruption's timeline; `told`: what of it is to be routed.
        """
        ...

    def save_blind(self, spans: Sequence[BlindSpan]) -> None:
        """Put spans by (moment, since)."""
        ...

    def note(self, entry: TimelineEntry) -> None:
        """Append a line to an interruption's timeline."""
        ...

    def enqueue(self, notices: Sequence[Notice], now: Micros) -> int:
        """Put notices in the outbox; one whose key is already there is left alone. How many were new."""
        ...

    def lease(self, now: Micros, until: Micros, limit: int, skip: Collection[str] = ()) -> list[Leased]:
        """Mark due rows `attempting` until a time and give them, longest due first; none of the targets in `skip`.

        Rows whose lease ran out come back, ambiguous. What follows in a conversation with a target comes with
        or after what was before, or an incident could be resolved before it was opened; and with what the target
        called the first one.
        """
        ...

    def release(self, leased: Leased, due_at: Micros) -> bool:
        """Hand back a row that was not tried: no attempt, no more ambiguous than before. False: not ours any more."""
        ...

    def delivered(self, leased: Leased, delivery: Delivery, now: Micros, next_at: Micros | None) -> bool:
        """Record an attempt; `next_at` None ends it. False when the lease was no longer ours."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
