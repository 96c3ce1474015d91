"""Sources over what is already in memory: lines to their end, and logs that a test appends to."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from service.core.event import Arrival, Assigned, Batch, Idle, Lost, Micros, Partition, Revoked
from service.core.ports import SourceAway

BATCH = 5_000
"""Records of a batch, unless told otherwise."""


class LineSource:
    """One partition whose records are lines, numbered from 0; it ends with them.

    In lines that can be walked more than once (a list, a file that opens itself anew) it can seek back; in an
    iterator only forward.
    """

    def __init__(self, partition: Partition, lines: Iterable[bytes], batch: int = BATCH) -> None:
        self._partition = partition
        self._lines = lines
        self._iterator = iter(lines)
        self._at = 0
        self._batch = batch
        self._announced = False
        self._sought = False

    def batches(self) -> Iterator[Arrival]:
        """The lines from the position sought; the last batch says that nothing follows."""
        if not self._announced:
            self._announced = True
            yield Assigned((self._partition,), (self._partition,))
        while self._sought:
            first = self._at
            lines = list(islice(self._iterator, self._batch))
            self._at = first + len(lines)
            ended = len(lines) < self._batch
            offsets = list(range(first, self._at))
            yield Batch(self._partition, offsets, lines, self._at, ended=ended, behind=0 if ended else None)
            if ended and self._at == first + len(lines):
                return

    def seek(self, positions: Mapping[Partition, int | None]) -> None:
        """Go on from a line; None is the first. Raises ValueError for a way back that there is not."""
        if self._partition not in positions:
            return
        to = positions[self._partition] or 0
        if to < self._at:
            if self._iterator is self._lines:
                raise ValueError(f"{self._partition.topic}: line {to} has passed, these lines come only once")
            self._iterator, self._at = iter(self._lines), 0
        self._at += sum(1 for _ in islice(self._iterator, to - self._at))
        self._sought = True

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Nobody watches."""

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class MemoryLog:
    """A partition's log: records with their offsets, as a broker keeps them."""

    records: list[tuple[int, bytes, dict[str, bytes]]] = field(default_factory=list)
    end: int = 0
    start: int = 0
    ended: bool = False

    def append(self, payloads: Iterable[bytes], headers: Mapping[str, bytes] | None = None) -> None:
        """Add records at the end."""
        for payload in payloads:
            self.records.append((self.end, payload, dict(headers or {})))
            self.end += 1

    def control(self) -> None:
        """Add a record that no reader sees: it takes an offset."""
        self.end += 1

    def forget(self, before: int) -> None:
        """Drop the records before an offset, as retention does."""
        self.records = [record for record in self.records if record[0] >= before]
        self.start = max(self.start, before)


class MemorySource:
    """A reader of logs in memory that behaves as a broker's does: idle, away, revoked; all at a word.

    `clock` is the wall clock by which looks at a log's end are dated. Ends when every log has ended and was
    read.
    """

    def __init__(self, logs: Mapping[Partition, MemoryLog], clock: Callable[[], Micros], batch: int = BATCH) -> None:
        self.logs = dict(logs)
        self.away = False
        self.closed = False
        self.committed: dict[Partition, int] = {}
        self._clock = clock
        self._batch = batch
        self._news: list[Arrival] = [Assigned(tuple(self.logs), tuple(self.logs))]
        self._positions: dict[Partition, int] = {}
        self._done: set[Partition] = set()

    def revoke(self, partitions: Sequence[Partition]) -> None:
        """Take partitions away."""
        for partition in partitions:
            self._positions.pop(partition, None)
        self._news.append(Revoked(tuple(partitions)))

    def assign(self, partitions: Sequence[Partition]) -> None:
        """Give partitions; new ones get an empty log."""
        for partition in partitions:
            self.logs.setdefault(partition, MemoryLog())
        self._news.append(Assigned(tuple(partitions), tuple(self.logs)))

    def batches(self) -> Iterator[Arrival]:
        """Each partition in turn, as far as one batch goes."""
        while True:
            if self.away:
                raise SourceAway("told to be away")
            while self._news:
                yield self._news.pop(0)
            came = False
            for partition in list(self._positions):
                for arrival in self._read(partition):
                    came = came or (isinstance(arrival, Batch) and bool(arrival.offsets))
                    yield arrival
            if all(log.ended for log in self.logs.values()) and self._done >= self.logs.keys():
                return
            if not came:
                yield Idle()

    def _read(self, partition: Partition) -> Iterator[Arrival]:
        log = self.logs[partition]
        at = self._positions[partition]
        if at < log.start:
            self._positions[partition] = log.start
            yield Lost(partition, at, log.start)
            return
        found = [record for record in log.records if record[0] >= at][: self._batch]
        whole = not found or found[-1] is log.records[-1]
        after = log.end if whole else found[-1][0] + 1
        if whole and log.ended and partition in self._done:
            return
        self._positions[partition] = after
        if whole and log.ended:
            self._done.add(partition)
        yield Batch(
            partition,
            [offset for offset, _, _ in found],
            [payload for _, payload, _ in found],
            after,
            headers=[headers for _, _, headers in found] if any(h for _, _, h in found) else None,
            looked_at=self._clock() if whole else None,
            ended=whole and log.ended,
            behind=log.end - after,
        )

    def seek(self, positions: Mapping[Partition, int | None]) -> None:
        """Go on from these positions; None is the oldest record that is there."""
        for partition, to in positions.items():
            if partition in self.logs:
                self._positions[partition] = self.logs[partition].start if to is None else to
                self._done.discard(partition)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Kept for tests to look at."""
        self.committed.update(positions)

    def close(self) -> None:
        """Remember that it was done."""
        self.closed = True
