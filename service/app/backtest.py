"""A backtest: the core that `serve` runs, over files, in memory, with no clock but the events' own."""

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import msgspec

from detectors.registry import load as load_detector
from service.adapters.clock import wall_clock
from service.adapters.decode import Decoder
from service.adapters.files import Chunk, EventFiles
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Source
from service.core.counting.changes import Changes, Counts, PromiseKey, keys_of
from service.core.counting.duplicates import IdHorizon
from service.core.counting.intake import Intake
from service.core.counting.outcomes import parted
from service.core.event import DAY, DeadLetter, Micros, Partition, Record, rfc3339
from service.core.judging.judge import Build
from service.core.judging.watchers import watchers
from service.core.reporting.carried import places
from service.core.reporting.report import Line, Span, lines
from service.loops.watch import Watch

MINOR_DIGITS = 2
LEAP: Micros = 366 * DAY
"""So long without any event may be a mistake in the time of those before or after."""


class Result(msgspec.Struct, frozen=True):
    """What a backtest found, and what became of the events."""

    lines: list[Line]
    counts: Counts
    span: Span | None


class Backtest:
    """Runs files of events through a catalogue.

    `store` and `watch` stay open to questions after the run. `clock`: the wall time, asked only for events that a
    leap of time parts from all others. `source`: whose records the files hold; None: events as the contract has them.
    `build`: what watches. Raises EventFileError for unreadable files.
    """

    def __init__(
        self,
        catalog: Catalog,
        clock: Callable[[], Micros] = wall_clock,
        source: Source | None = None,
        build: Build = watchers,
    ) -> None:
        self._build = build
        self._source = source
        self._catalog = catalog
        self._clock = clock
        self._intake = Intake(catalog, MINOR_DIGITS)
        self._begin()

    def _begin(self) -> None:
        """Know nothing of any event."""
        self.store = MemoryStore(self._catalog.moments, clock=lambda: 0)
        self.watch = Watch(self.store, self._catalog, self._build, load_detector, snapshots=False)
        self._horizons: dict[Partition, IdHorizon] = {}
        self._began: Micros | None = None
        self._ended: Micros | None = None
        self._claim = self.store.claim(Partition("files", 0, "files"))

    def run(
        self,
        paths: Sequence[Path],
        until: Micros | None = None,
        progress: Callable[[int, int, Counts], None] | None = None,
        rejected: Callable[[DeadLetter], None] | None = None,
    ) -> Result:
        """All files to their ends, then the clock on to `until`."""
        files = EventFiles(paths, Decoder(self._catalog, self._source), trusting=True, columns=True)
        told: set[tuple[str, int]] = set()
        # The events are made and dropped in millions, and none of them can be part of a cycle.
        gc.disable()
        try:
            for chunk in (self._without_strays(chunk) for chunk in files.chunks()):
                if chunk.anew:
                    self._begin()
                if rejected is not None:
                    for letter in chunk.dead:
                        place = (letter.partition.topic, letter.offset)
                        if place not in told:
                            told.add(place)
                            rejected(letter)
                self._take(chunk)
                if chunk.records:
                    self._ended = max(chunk.records[-1].at, self._ended or chunk.records[-1].at)
                    self.watch.tick(self._ended)
                if progress is not None:
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

    def places(self, span: Span | None) -> dict[str, str]:
        """Where the interruptions of everything that a run found are worst, in words, by their ids."""
        return {} if span is None else places(self.store, self._catalog.moments, span.end)

    def _without_strays(self, chunk: Chunk) -> Chunk:
        """The chunk, and as dead letters what a leap of time parts from the rest and no history can have made.

        A file has no wall clock to say what is from the future, and may be a simulation of it. But one event of the
        year 2999 must not close the windows of a thousand years, nor one of 1970 begin them: beyond a leap, what
        lies ahead of this machine's clock is dead, and a few at the very beginning are. Any other leap is a gap
        between the times that the files cover.
        """
        records = chunk.records
        if not records or records[-1].at - (self._ended or records[0].at) <= LEAP:
            return chunk
        dead = list(chunk.dead)
        first, last = 0, len(records)
        before = self._ended or records[0].at
        for index, record in enumerate(records):
            if record.at - before > LEAP:
                if record.at > self._clock():
                    last = index
                    break
                if self._ended is None and index - first < len(records) - index:
                    first = index
            before = record.at
        strays = [(index, "over a year before the event after it") for index in range(first)]
        strays += [(index, "over a year after the event before it") for index in range(last, len(records))]
        for index, where in strays:
            record = records[index]
            reason = "future" if index >= last else "bad_time"
            detail = f"time: {rfc3339(record.at)} is {where}: send the real one, or split the file"
            payload = record.event.id.encode()
            dead.append(DeadLetter(chunk.partitions[index], record.offset, reason, detail, payload))
        return replace(chunk, records=records[first:last], partitions=chunk.partitions[first:last], dead=dead)

    def _take(self, chunk: Chunk) -> None:
        """One chunk in one transaction."""
        changes = Changes()
        counts = changes.counts
        counts.read = len(chunk.records) + len(chunk.dead)
        counts.dead.update(letter.reason for letter in chunk.dead)
        fresh = [(partition, self._sift(partition, records)) for partition, records in _runs(chunk)]
        counts.duplicate = len(chunk.records) - sum(len(records) for _, records in fresh)
        if self._began is None:
            self._began = next((records[0].at for _, records in fresh if records), None)
        runs = [(partition, parted(records)) for partition, records in fresh]
        keys: set[PromiseKey] = set().union(*(keys_of(given.rest) for _, given in runs))
        claim = self._claim
        with self.store.ingest(claim, list(self._catalog.moments), list(keys)) as transaction:
            self._intake.take_runs(runs, transaction.view, changes)
            self._claim = transaction.save(changes, (claim.position or 0) + counts.read, claim.clock)

    def _sift(self, partition: Partition, records: Sequence[Record]) -> Sequence[Record]:
        horizon = self._horizons.get(partition)
        if horizon is None:
            horizon = self._horizons[partition] = IdHorizon()
        fresh = horizon.sift(records)
        horizon.skip()
        return fresh


def _runs(chunk: Chunk) -> Iterator[tuple[Partition, Sequence[Record]]]:
    """A chunk's records by stretches of one file."""
    first = chunk.partitions[0] if chunk.partitions else None
    if first is not None and chunk.partitions.count(first) == len(chunk.partitions):
        yield first, chunk.records
        return
    pairs = zip(chunk.partitions, chunk.records, strict=True)
    for partition, run in groupby(pairs, key=lambda pair: pair[0]):
        yield partition, [record for _, record in run]
