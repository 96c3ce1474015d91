"""What whoever keeps a store in order asks of it: dead letters, and counts that are corrected afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from service.core.counting.changes import Break, Changes, Counts, Gap, PromiseKey, View
from service.core.counting.identity import Forgetting
from service.core.counting.ledger import Promised
from service.core.counting.reach import Reach
from service.core.counting.tally import Cell, Values
from service.core.event import DeadLetter, Micros, Partition


class Buried(msgspec.Struct, frozen=True, gc=False):
    """A dead letter where it lies; `number` is its own, and grows with every burial."""

    number: int
    buried_at: Micros | None
    letter: DeadLetter


class Which(msgspec.Struct, frozen=True, gc=False):
    """Which dead letters are meant; what is left out narrows nothing. `since` ≤ the wall time of burial < `until`."""

    reasons: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    since: Micros | None = None
    until: Micros | None = None


class Group(msgspec.Struct, frozen=True, gc=False):
    """How many dead letters a topic and a reason have."""

    topic: str
    reason: str
    letters: int
    first_at: Micros | None
    last_at: Micros | None


class Revision(Protocol):
    """A transaction that corrects what was counted of one partition, without moving it.

    `hashes`: as a claim's. Whoever reads the partition is made to claim it again, so that its memory of ids is no
    older than this transaction.
    """

    view: View
    hashes: Sequence[bytes]
    forgetting: Forgetting

    def save(self, changes: Changes, numbers: Sequence[int] = ()) -> None:
        """Write the changes, take these dead letters away, and commit.

        Raises StoreBusy, with nothing written, where somebody else took one of them away meanwhile.
        """
        ...


class Restatement(msgspec.Struct, frozen=True, gc=False):
    """The record of a stretch that was counted anew: who would ask a year later why a figure moved finds it here.

    `source`: where the corrected events came from, in words; `counted` of them stand in it now.
    """

    moment: str
    since: Micros
    until: Micros
    source: str
    counted: int = 0
    attempts: int = 0
    broken: int = 0
    arrivals: int = 0
    """The differences that it made to the stretch's sums; to `arrivals` beyond the dead letters that it freed."""
    at: Micros | None = None


class StretchTransaction(Protocol):
    """A moment's transaction, exclusive, in which a stretch of its closed windows is counted anew."""

    reach: Reach
    """How far the moment has come."""
    forgetting: Forgetting

    def rows(self) -> Iterator[Promised]:
        """All promises of the moment."""
        ...

    def cells(self, since: Micros, until: Micros) -> Mapping[tuple[Micros, Values], Cell]:
        """What its windows hold, as amended."""
        ...

    def breaks(self, since: Micros, until: Micros) -> list[Break]:
        """Those in a stretch."""
        ...

    def save(self, changes: Changes, taken: Mapping[Partition, Sequence[int]], row: Restatement) -> int:
        """Write the changes and the record of it, and commit.

        The dead letters of records that were `taken`, by partition and offset, leave the dead. How many did.
        """
        ...


class Graves(Protocol):
    """The dead letters of a store, and the way back for them."""

    def groups(self, which: Which) -> list[Group]:
        """By topic and reason, most first."""
        ...

    def buried(self, which: Which, *, after: int = 0, before: int | None = None, limit: int = 100) -> list[Buried]:
        """Those whose number is above `after`, oldest first; with `before`: those below it, newest first."""
        ...

    def revise(
        self, partition: Partition, moments: Sequence[str], keys: Sequence[PromiseKey]
    ) -> AbstractContextManager[Revision]:
        """A revision; rolled back unless saved."""
        ...

    def purge(self, which: Which, limit: int) -> Mapping[str, int]:
        """Delete so many of the oldest; how many of each reason. Counts keep what they were."""
        ...


class Restates(Protocol):
    """A store whose closed windows can be counted anew."""

    def restating(self, moment: str) -> AbstractContextManager[StretchTransaction]:
        """A moment's transaction; rolled back unless saved."""
        ...

    def restatements(self, *, limit: int = 100) -> list[Restatement]:
        """The records of what was counted anew, newest first."""
        ...


class Account(msgspec.Struct, frozen=True, gc=False):
    """One line of the books: what must be equal, and is or is not. `of`: a partition or a moment."""

    of: str
    what: str
    left: int
    right: int
    note: str = ""

    @property
    def difference(self) -> int:
        """0 where the books are right."""
        return self.left - self.right


class Keep(msgspec.Struct, frozen=True, gc=False):
    """How long what is kept; None: for ever. `minutes`: windows of minutes, which then become hours.

    `promises`: those that were settled. `timeline`: what interruptions went through, and who was told of it. `audit`:
    who saw, changed and did what.
    """

    minutes: Micros | None = None
    dead_letters: Micros | None = None
    notices: Micros | None = None
    breaks: Micros | None = None
    voices: Micros | None = None
    promises: Micros | None = None
    timeline: Micros | None = None
    audit: Micros | None = None


class Ages(Protocol):
    """A store in which time does something to what is kept."""

    def step(self, keep: Keep, now: Micros) -> int:
        """A bounded piece of the work; how many rows it touched, 0 when all is done."""
        ...


class BooksReader(Protocol):
    """What became of records, and which never came."""

    def dead_letters(self, *, limit: int = 100, offset: int = 0) -> list[tuple[Micros | None, DeadLetter]]:
        """Newest first, with the wall time of their burial."""
        ...

    def counts(self) -> Counts:
        """Since the store was made."""
        ...

    def gaps(self) -> list[Gap]:
        """Stretches of logs that were gone before they were read, or were cut back after it, newest first."""
        ...

    def rejected(self) -> Mapping[str, tuple[int, int]]:
        """(records read, dead letters not taken anew) by topic, since the store was made."""
        ...
