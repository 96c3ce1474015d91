"""The ingest loop: what a source gives is gathered a partition and written in few transactions, once."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec

from service.core.catalog import Catalog
from service.core.counting.identity import Pseudonyms
from service.core.counting.intake import Intake
from service.core.counting.window import last_closing, next_closing
from service.core.event import SECOND, Arrival, Assigned, Batch, Idle, Lost, Micros, Partition, Revoked
from service.core.meter import Meter, NoMeter
from service.core.ports import Source, SourceAway, StaleClaim, Store, StoreAway
from service.loops.guard import Pulse
from service.loops.leap import Leap
from service.loops.writer import Decodes, Desk, PartitionWriter, merged

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is gathered before it is written, and how long is waited for what is away; seconds.

    A partition's records are written once there are `records` of them, or the oldest has waited for `gather`,
    or nothing more comes: so a partition takes few transactions a second, however small its batches are.
    `bytes` bounds what all partitions have in hand. Looks at an idle partition's end are written every `look`
    or, where that is longer, every `look_share` times the number of partitions, to leave time for work.
    For `haste` after the time at which a window could be closed, a live partition that has not shown that time yet
    gathers nothing: somebody waits for what the window tells. For `lead` before it they gather for `hurry`, so that
    little is in hand then, and judging has the processor to itself for a while.
    """

    records: int = 20_000
    bytes: int = 32 * 1024 * 1024
    gather: float = 1.0
    lead: float = 0.4
    hurry: float = 0.1
    look: float = 1.0
    look_share: float = 0.02
    haste: float = 1.0
    report: float = 5.0
    shortest_wait: float = 0.2
    longest_wait: float = 10.0
    stale_wait: float = 0.5


class _Stopped(Exception):  # noqa: N818  # an order, not a mistake
    """The loop was told to stop while it waited."""


class _Hand:
    """What one partition has gathered and not yet written."""

    def __init__(self, writer: PartitionWriter, now: float) -> None:
        self.writer = writer
        self.batches: list[Batch] = []
        self.records = 0
        self.bytes = 0
        self.since = now
        self.written_at: float | None = None
        self.next_offset = writer.position
        self.lost: tuple[int, int] | None = None
        """What was gone before what is in hand: it is written with the next batch, whatever that holds."""

    def may_show(self, awaited: Micros) -> bool:
        """Whether what is in hand may bring the partition's time to one that it has not reached yet."""
        before = self.writer.watermark
        if before is not None and before >= awaited:
            return False
        return bool(self.records) or any((batch.looked_at or 0) >= awaited for batch in self.batches)


class Ingest:
    """Reads a source into a store; one thread.

    `decoder_for` gives each partition its decoder; `clock` gives the wall time; `live` says whose clock that
    is, nobody's where it is not given. Every record ends as exactly one of accepted, duplicate and dead
    letter, in the same transaction as the position.
    """

    def __init__(  # noqa: PLR0913  # where everything that the loop works with comes together
        self,
        source: Source,
        store: Store,
        decoder_for: Callable[[Partition], Decodes],
        catalog: Catalog,
        clock: Callable[[], Micros],
        meter: Meter | None = None,
        *,
        live: Callable[[Partition], bool] | None = None,
        deduplicate: bool = True,
        pseudonyms: Pseudonyms | None = None,
        minor_digits: int = 2,
        pace: Pace | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._store = store
        self._decoder_for = decoder_for
        self._meter = meter or NoMeter()
        carries = partial(_carried, catalog)
        self._desk = Desk(store, Intake(catalog, minor_digits), clock, self._meter, deduplicate, pseudonyms, carries)
        self._clock = clock
        self._closings = {(moment.window, catalog.delay_of(name)) for name, moment in catalog.moments.items()}
        self._live = live or (lambda _: False)
        self._pace = pace or Pace()
        self._monotonic = monotonic
        self._hands: dict[Partition, _Hand] = {}
        self._stale: dict[Partition, float] = {}
        self._unreported: dict[Partition, int] = {}
        self._reported_at = monotonic()
        self._leap = Leap(clock, monotonic)
        self._stop = threading.Event()
        self.pulse = Pulse()
        self.begun = threading.Event()
        """The first records are written, or there are none to be had now: until then everything else can wait."""
        self._waiting = False
        self.away: str | None = "nothing has come from it yet"
        """Why the source cannot be reached, in words; None while it can."""

    def run(self, stop: threading.Event) -> None:
        """Read until the source ends or `stop` is set; then write what is in hand and let the partitions go.

        Raises what neither waiting nor halving a batch could mend.
        """
        self._stop = stop
        try:
            while not stop.is_set():
                if self._read():
                    break
            self.flush()
            self._report()
        except _Stopped:
            log.warning("stopped while the store was away: what was in hand will be read again")
        finally:
            self._source.close()

    def _read(self) -> bool:
        """Take what comes until the source ends (True), is away or the loop is told to stop."""
        wait = self._pace.shortest_wait
        while not self._stop.is_set():
            try:
                for arrival in self._source.batches():
                    self._reached()
                    wait = self._pace.shortest_wait
                    self.handle(arrival)
                    self.pulse.beat()
                    if self._stop.is_set():
                        return False
            except SourceAway as away:
                self._unreachable(str(away))
                self.flush()
                self._stop.wait(_jittered(wait))
                wait = min(2 * wait, self._pace.longest_wait)
            else:
                return True
        return False

    def _unreachable(self, why: str) -> None:
        if not self._waiting:
            log.warning("the source is away, waiting for it: %s", why)
        self._waiting, self.away = True, why
        self.begun.set()
        self._meter.failed("ingest")
        self.pulse.beat(well=False)

    def _reached(self) -> None:
        if self._waiting:
            log.warning("the source is there")
        self._waiting, self.away = False, None

    def handle(self, arrival: Arrival) -> None:
        """Take one thing that came from the source, and write what is due."""
        match arrival:
            case Batch():
                if arrival.looked_at is not None:
                    self.begun.set()
                self._gather(arrival)
            case Assigned():
                self._assigned(arrival)
            case Revoked():
                self._revoked(arrival.partitions)
            case Lost():
                self._lost(arrival)
            case Idle():
                self.flush()
        self._write_due()
        self._take_up_again()
        if self._unreported and self._monotonic() - self._reported_at >= self._pace.report:
            self._report()

    def flush(self) -> None:
        """Write what is in hand, except looks that came too soon after the last."""
        for partition, hand in list(self._hands.items()):
            if hand.records:
                self._write(partition, hand)

    def _assigned(self, assigned: Assigned) -> None:
        self._retire(assigned)
        self._expect(assigned.known)
        self._revoked(assigned.partitions)
        self._claim(assigned.partitions)

    def _claim(self, partitions: Iterable[Partition]) -> None:
        """Claim partitions, and have the source go on from where the store is."""
        positions: dict[Partition, int | None] = {}
        for partition in partitions:
            try:
                writer = self._patiently(partial(self._writer, partition))
            except StaleClaim as stale:
                # A topic was made anew, and the source does not know yet; it will say so.
                log.warning("%s[%d]: not taken up: %s", partition.topic, partition.number, stale)
                continue
            self._hands[partition] = _Hand(writer, self._monotonic())
            positions[partition] = writer.position
        self._source.seek(positions)

    def _writer(self, partition: Partition) -> PartitionWriter:
        return PartitionWriter(partition, self._decoder_for(partition), self._desk, live=self._live(partition))

    def _retire(self, assigned: Assigned) -> None:
        """A topic that was made anew leaves clocks behind that would hold time back for ever."""
        ids = {partition.topic: partition.topic_id for partition in assigned.partitions if partition.topic_id}
        if not ids:
            return
        clocks = self._patiently(self._store.clocks)
        gone = [
            clock.partition
            for clock in clocks
            if clock.partition.topic in ids and clock.partition.topic_id != ids[clock.partition.topic]
        ]
        if gone:
            log.warning("made anew, the old ones' clocks are retired: %s", sorted({p.topic for p in gone}))
            known = [p for p in {*assigned.partitions, *assigned.known} if p.topic_id == ids.get(p.topic)]
            self._patiently(lambda: self._store.retire(gone, sorted(known)))

    def _expect(self, known: Sequence[Partition]) -> None:
        """Another reader may not have claimed its partitions yet: no window may close over what lies in them."""
        if known:
            self._patiently(lambda: self._store.expect(known))

    def _revoked(self, partitions: Iterable[Partition]) -> None:
        # What is in hand is not written: the next reader starts from the store's position and reads it again.
        for partition in partitions:
            self._stale.pop(partition, None)
            self._unreported.pop(partition, None)
            if self._hands.pop(partition, None) is not None:
                self._meter.behind(partition, None)

    def _lost(self, lost: Lost) -> None:
        named = (lost.partition.topic, lost.partition.number)
        if lost.next_offset < lost.first:
            log.error(
                "%s[%d]: the log was cut back from %d to %d after it was read: read anew from there",
                *(*named, lost.first, lost.next_offset),
            )
        else:
            log.error(
                "%s[%d]: offsets %d to %d were gone before they were read, %d in all: keep topics longer",
                *(*named, lost.first, lost.next_offset - 1, lost.next_offset - lost.first),
            )
        self._meter.failed("ingest")
        hand = self._hands.get(lost.partition)
        if hand is not None and hand.records:
            # What came before is written by itself.
            self._write(lost.partition, hand)
            hand = self._hands.get(lost.partition)
        if hand is not None:
            hand.batches.clear()
            hand.lost = (lost.first if hand.lost is None else hand.lost[0], lost.next_offset)
            hand.next_offset = lost.next_offset

    def _gather(self, batch: Batch) -> None:
        partition = batch.partition
        hand = self._hands.get(partition)
        if hand is None:
            if partition in self._stale:
                return
            self._claim((partition,))
            hand = self._hands.get(partition)
            if hand is None:
                return
        if batch.behind is not None:
            self._meter.behind(partition, batch.behind)
        if batch.looked_at is not None and self._leap.doubted():
            batch = msgspec.structs.replace(batch, looked_at=None)
        if not (batch.offsets or batch.ended or batch.looked_at or hand.lost) and batch.next_offset == hand.next_offset:
            return
        if batch.offsets and hand.next_offset is not None and batch.offsets[0] < hand.next_offset:
            # Read before: only a source that was not told where to go on does this.
            self._source.seek({partition: hand.next_offset})
            return
        if not hand.records:
            hand.since = self._monotonic()
            # A later look says more than an earlier one.
            hand.batches.clear()
        hand.batches.append(batch)
        hand.records += len(batch.offsets)
        hand.bytes += sum(map(len, batch.payloads))
        hand.next_offset = batch.next_offset
        if batch.ended or hand.records >= self._pace.records:
            self._write(partition, hand)

    def _write_due(self) -> None:
        now = self._monotonic()
        full = sum(hand.bytes for hand in self._hands.values()) >= self._pace.bytes
        look = max(self._pace.look, self._pace.look_share * len(self._hands))
        awaited = self._awaited()
        soon = self._is_soon()
        for partition, hand in list(self._hands.items()):
            if awaited is not None and self._live(partition) and hand.may_show(awaited):
                due = True
            elif hand.records:
                gather = (
                    min(self._pace.hurry, self._pace.gather) if soon and self._live(partition) else self._pace.gather
                )
                due = full or now - hand.since >= gather or not self.begun.is_set()
            elif hand.lost is not None and not self._live(partition):
                # When the next record happened says until when nobody knows anything.
                due = False
            else:
                due = bool(hand.batches) and (hand.written_at is None or now - hand.written_at >= look)
            if due:
                self._write(partition, hand)

    def _awaited(self) -> Micros | None:
        """The time at which a window could be closed a moment ago."""
        now = self._clock()
        closing = last_closing(now, self._closings)
        return closing if closing is not None and now - closing < self._pace.haste * SECOND else None

    def _is_soon(self) -> bool:
        """Whether a window can be closed in a moment."""
        now = self._clock()
        closing = next_closing(now, self._closings)
        return closing is not None and closing - now < self._pace.lead * SECOND

    def _write(self, partition: Partition, hand: _Hand) -> None:
        batch = msgspec.structs.replace(merged(hand.batches), lost=hand.lost)
        hand.writer.put(batch)
        hand.batches, hand.records, hand.bytes, hand.lost = [], 0, 0, None
        try:
            self._patiently(hand.writer.flush)
        except StaleClaim as stale:
            log.warning("%s[%d]: thrown away and read again: %s", partition.topic, partition.number, stale)
            self._meter.refused(partition)
            del self._hands[partition]
            # Not at once: where another reader has it, the source will say so before the wait is over.
            self._stale[partition] = self._monotonic() + _jittered(self._pace.stale_wait)
            return
        hand.written_at = self._monotonic()
        if batch.offsets:
            self.begun.set()
        if hand.writer.position is not None:
            self._unreported[partition] = hand.writer.position

    def _take_up_again(self) -> None:
        if self._stale:
            now = self._monotonic()
            due = [partition for partition, at in self._stale.items() if at <= now]
            for partition in due:
                del self._stale[partition]
            if due:
                self._claim(due)

    def _report(self) -> None:
        self._source.commit(self._unreported)
        self._unreported = {}
        self._reported_at = self._monotonic()

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do something with the store, waiting while it is away; what is in hand stays in hand."""
        wait = self._pace.shortest_wait
        away = False
        while True:
            try:
                done = work()
            except StoreAway as error:
                if not away:
                    log.warning("the store is away, waiting for it: %s", error)
                    away = True
                self._meter.failed("ingest")
                self.pulse.beat(well=False)
                if self._stop.wait(_jittered(wait)):
                    raise _Stopped from error
                wait = min(2 * wait, self._pace.longest_wait)
            else:
                if away:
                    log.warning("the store is back")
                return done


def _carried(catalog: Catalog, topic: str) -> list[str]:
    return [name for name in catalog.moments if any(source.topic == topic for source in catalog.sources_of(name))]


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.75, 1.25)


def live_topics(catalog: Catalog, *, otherwise: bool = True) -> Callable[[Partition], bool]:
    """Which partitions run on the wall clock, as the catalogue's sources say; `otherwise` where none does."""
    clocks = {source.topic: source.clock == "live" for source in catalog.sources.values()}
    return lambda partition: clocks.get(partition.topic, otherwise)
