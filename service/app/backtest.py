"""A backtest: the core that `serve` runs, over files, in memory, with no clock but the events' own."""

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import msgspec

from detectors.registry import load as load_detector
from service.adapters.decode import Decoder
from service.adapters.files import Chunk, EventFiles
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog
from service.core.changes import Changes, Counts, keys_of
from service.core.duplicates import IdHorizon
from service.core.event import DAY, DeadLetter, Micros, Partition, Record, rfc3339
from service.core.intake import Intake
from service.core.ports import Claim
from service.core.report import Line, Span, lines
from service.core.watchers import watchers
from service.loops.watch import Watch

MINOR_DIGITS = 2
LEAP: Micros = 366 * DAY
"""Events so long after everything before them are taken for mistakes."""


class Result(msgspec.Struct, frozen=True):
    """What a backtest found, and what became of the events."""

    lines: list[Line]
    counts: Counts
    span: Span | None


class Backtest:
    """Runs files of events through a catalogue.

    `store` and `watch` stay open to questions after the run. Raises EventFileError for unreadable files.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.store = MemoryStore(catalog.moments, clock=lambda: 0)
        self.watch = Watch(self.store, catalog, watchers, load_detector, snapshots=False)
        self._intake = Intake(catalog, MINOR_DIGITS)
        self._horizons: dict[Partition, IdHorizon] = {}
        self._began: Micros | None = None
        self._ended: Micros | None = None

    def run(
        self,
        paths: Sequence[Path],
        until: Micros | None = None,
        progress: Callable[[int, int, Counts], None] = lambda done, total, counts: None,
        rejected: Callable[[DeadLetter], None] = lambda dead: None,
    ) -> Result:
        """All files to their ends, then the clock on to `until`."""
        files = EventFiles(paths, Decoder(self._catalog))
        claim = self.store.claim(Partition("files", 0, "files"))
        # The events are made and dropped in millions, and none of them can be part of a cycle.
        gc.collect()
        gc.disable()
        try:
            for chunk in (self._without_far_future(chunk) for chunk in files.chunks()):
                for letter in chunk.dead:
                    rejected(letter)
                claim = self._take(claim, chunk)
                if chunk.records:
                    self._ended = max(chunk.records[-1].at, self._ended or chunk.records[-1].at)
                    self.watch.tick(self._ended)
                progress(chunk.bytes_done, chunk.bytes_total, self.store.counts())
        finally:
            gc.enable()
        if until is not None and self._ended is not None and until > self._ended:
            self._ended = until
            self.watch.tick(until)
        span = None
        if self._began is not None and self._ended is not None:
            span = Span(self._began, self._ended + 1)
        found = lines(self.store, dict(self._catalog.moments), span, MINOR_DIGITS) if span else []
        return Result(found, self.store.counts(), span)

    def _without_far_future(self, chunk: Chunk) -> Chunk:
        """The chunk, and as dead letters what stands beyond a leap of time that no history makes.

        A file has no wall clock to say what is from the future, and may be a simulation of it. But one event of
        the year 2999 must not close the windows of a thousand years.
        """
        records = chunk.records
        if not records:
            return chunk
        before = self._ended if self._ended is not None else records[0].at
        if records[-1].at - before <= LEAP:
            return chunk
        for index, record in enumerate(records):
            if record.at - before > LEAP:
                break
            before = record.at
        else:
            return chunk
        dead = [
            DeadLetter(
                partition,
                record.offset,
                "future",
                f"time is {rfc3339(record.at)}, over a year after the event before it; mend it, or split the file",
                record.event.id.encode(),
            )
            for partition, record in zip(chunk.partitions[index:], records[index:], strict=True)
        ]
        return replace(chunk, records=records[:index], partitions=chunk.partitions[:index], dead=[*chunk.dead, *dead])

    def _take(self, claim: Claim, chunk: Chunk) -> Claim:
        """One chunk in one transaction."""
        changes = Changes()
        counts = changes.counts
        counts.read = len(chunk.records) + len(chunk.dead)
        counts.dead.update(letter.reason for letter in chunk.dead)
        runs = [(partition, self._sift(partition, records)) for partition, records in _runs(chunk)]
        fresh = [record for _, records in runs for record in records]
        counts.duplicate = len(chunk.records) - len(fresh)
        if fresh and self._began is None:
            self._began = fresh[0].at
        with self.store.ingest(claim, list(self._catalog.moments), list(keys_of(fresh))) as transaction:
            self._intake.take_runs(runs, transaction.view, changes)
            return transaction.save(changes, (claim.position or 0) + counts.read, claim.clock)

    def _sift(self, partition: Partition, records: list[Record]) -> list[Record]:
        horizon = self._horizons.get(partition)
        if horizon is None:
            horizon = self._horizons[partition] = IdHorizon()
        fresh = horizon.sift(records)
        horizon.drain()
        return fresh


def _runs(chunk: Chunk) -> Iterator[tuple[Partition, list[Record]]]:
    """A chunk's records by stretches of one file."""
    first = chunk.partitions[0] if chunk.partitions else None
    if first is not None and all(partition is first for partition in chunk.partitions):
        yield first, chunk.records
        return
    pairs = zip(chunk.partitions, chunk.records, strict=True)
    for partition, run in groupby(pairs, key=lambda pair: pair[0]):
        yield partition, [record for _, record in run]
