"""Files of events as one stream in the order of (time, file, line), what was refused, and how far it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath

from service.adapters.decode import Decoder
from service.adapters.files.lines import BLOCK, EventFile
from service.adapters.files.merge import merge
from service.adapters.files.order import RUN_BYTES, OrderedFile, OutOfOrder, Reading
from service.core.event import DeadLetter, Micros, Partition, Record

_SMALLEST_BLOCK = 64 * 1024
_MOST = 10_000
_PROGRESS = 8 * 1024 * 1024
"""Bytes between two chunks that say nothing but how far it is."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to 10,000 records in the order of time, a partition for each, and dead letters.

    Both lists may be empty: then only the progress is new. `bytes_done` of `bytes_total`: files are read
    twice, and both readings count. `anew`: everything given so far is to be forgotten, for a file that was taken for
    sorted is not; all of it comes again, in order.
    """

    records: Sequence[Record]
    partitions: list[Partition]
    dead: list[DeadLetter]
    bytes_done: int
    bytes_total: int
    anew: bool = False


class EventFiles:
    """JSON Lines files, plain or gzip by their first bytes, merged by (time, file, line).

    `now`: the wall clock against which an event is from the future; None: only the year 9000 is.
    `trusting`: files are taken for sorted and read once, for a reader who can begin anew where one is not (see
    Chunk); else each is looked through before the first of its events is given.
    `columns`: records may be Outcomes, for a reader who does not ask for each of them.
    Raises EventFileError: here for files that cannot be opened, from `chunks` for those that break off.
    """

    def __init__(
        self,
        paths: Sequence[str | PathLike[str]],
        decoder: Decoder,
        *,
        now: Micros | None = None,
        run_bytes: int = RUN_BYTES,
        trusting: bool = False,
        columns: bool = False,
    ) -> None:
        self._files = [EventFile(fspath(path)) for path in paths]
        # Each file has a block in memory.
        block = max(_SMALLEST_BLOCK, BLOCK // max(len(self._files), 1))
        # To merge files, each record is asked for.
        self._reading = Reading(decoder, now, block, run_bytes, columns=columns and len(self._files) == 1)
        self._trusting = trusting

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """A partition a file, in their order; its positions are line numbers, from 1."""
        return tuple(file.partition for file in self._files)

    def chunks(self) -> Iterator[Chunk]:
        """The events from the first to the last, a few thousand at a time, once. Raises EventFileError."""
        try:
            if self._trusting:
                try:
                    yield from self._attempt(trusting=True)
                except OutOfOrder:
                    self._reading.dead.clear()
                    yield Chunk([], [], [], 0, self._total, anew=True)
                else:
                    return
            yield from self._attempt(trusting=False)
        finally:
            for file in self._files:
                file.close()

    def _attempt(self, *, trusting: bool) -> Iterator[Chunk]:
        files = [OrderedFile(file, self._reading, trusting=trusting) for file in self._files]
        try:
            yield from self._chunks(files)
        finally:
            for file in files:
                file.close()

    @property
    def _total(self) -> int:
        return 2 * sum(file.size for file in self._files)

    def _chunks(self, files: Sequence[OrderedFile]) -> Iterator[Chunk]:
        told = 0
        for file in files:
            for _ in file.prepare():
                done = sum(each.done for each in files)
                if self._reading.dead or done >= told + _PROGRESS:
                    told = done
                    yield self._chunk([], [], files)
        partitions = [file.partition for file in self._files]
        for piece in merge([file.pieces() for file in files]):
            # At least once: a piece without records may bring dead letters.
            for start in range(0, len(piece.items) or 1, _MOST):
                numbers = piece.streams[start : start + _MOST]
                yield self._chunk(piece.items[start : start + _MOST], list(map(partitions.__getitem__, numbers)), files)

    def _chunk(self, records: Sequence[Record], partitions: list[Partition], files: Sequence[OrderedFile]) -> Chunk:
        dead = self._reading.dead[:]
        self._reading.dead.clear()
        return Chunk(records, partitions, dead, sum(file.done for file in files), self._total)


def describe(dead: DeadLetter) -> str:
    """A rejected line in one line: FILE:LINE: reason: detail."""
    return f"{dead.partition.topic}:{dead.offset}: {dead.reason}: {dead.detail}"
