"""What the loops tell about their own work, as a port: counted by whoever listens, or by nobody."""

from typing import Literal, Protocol

from service.core.catalog import Catalog
from service.core.counting.changes import Counts
from service.core.counting.tally import Tally
from service.core.event import Partition
from service.core.outbox import Attempt
from service.core.standing import Judgement

Loop = Literal["ingest", "watch", "route", "send", "mark", "post", "rekey"]
LOOPS: tuple[Loop, ...] = ("ingest", "watch", "route", "send", "mark", "post", "rekey")


class Meter(Protocol):
    """What the loops tell about their own work. Cheap, safe from any thread, and never raises."""

    def loaded(self, catalog: Catalog) -> None:
        """A catalogue is in force from now on: its series start at 0, those of what it no longer names go."""
        ...

    def load_failed(self) -> None:
        """A changed catalogue was refused; the one before stays in force."""
        ...

    def ingested(self, partition: Partition, counts: Counts, tally: Tally, seconds: float) -> None:
        """A batch was committed: what became of its records, what it added to the tallies, its seconds.

        Counts and tally are read before this returns and not kept.
        """
        ...

    def refused(self, partition: Partition) -> None:
        """A batch was thrown away, for its claim was stale."""
        ...

    def behind(self, partition: Partition, records: int | None) -> None:
        """How many records lie beyond the last one read; None once the partition is no longer ours."""
        ...

    def rejecting(self, source: str, share: float | None, *, distrusted: bool) -> None:
        """Which share of a source's records cannot be taken of late, None while nobody can say; and what follows."""
        ...

    def closed(self, moment: str, tally: Tally, seconds: float) -> None:
        """A closing was committed; the tally holds the promises that expired in it."""
        ...

    def judged(self, moment: str, judgement: Judgement, seconds: float) -> None:
        """A judgement was committed."""
        ...

    def delivered(self, target: str, outcome: Attempt, seconds: float) -> None:
        """An attempt to send a notice ended."""
        ...

    def failed(self, loop: Loop) -> None:
        """A turn of a loop ended with an error and will be tried again."""
        ...

    def recounted(self, off: int) -> None:
        """The books were recounted: by how much their lines differ."""
        ...


class NoMeter:
    """A meter that keeps nothing, for commands that nobody scrapes."""

    def loaded(self, catalog: Catalog) -> None:
        """Nothing."""

    def load_failed(self) -> None:
        """Nothing."""

    def ingested(self, partition: Partition, counts: Counts, tally: Tally, seconds: float) -> None:
        """Nothing."""

    def refused(self, partition: Partition) -> None:
        """Nothing."""

    def behind(self, partition: Partition, records: int | None) -> None:
        """Nothing."""

    def rejecting(self, source: str, share: float | None, *, distrusted: bool) -> None:
        """Nothing."""

    def closed(self, moment: str, tally: Tally, seconds: float) -> None:
        """Nothing."""

    def judged(self, moment: str, judgement: Judgement, seconds: float) -> None:
        """Nothing."""

    def delivered(self, target: str, outcome: Attempt, seconds: float) -> None:
        """Nothing."""

    def failed(self, loop: Loop) -> None:
        """Nothing."""

    def recounted(self, off: int) -> None:
        """Nothing."""
