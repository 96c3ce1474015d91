"""A partition's way into the store: a batch is decoded, freed of duplicates and written in one transaction.

A batch that cannot be written as a whole is halved until the one record that is to blame stands alone; that
one is buried as a dead letter, and everything else is written.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import msgspec

from service.core.columns import times_of
from service.core.counting.changes import BlindSpan, Changes, Counts, Gap, PromiseKey, keys_of
from service.core.counting.duplicates import IdHorizon
from service.core.counting.identity import Identities, Pseudonyms, WrongKeys
from service.core.counting.intake import Intake
from service.core.counting.outcomes import Parted, parted
from service.core.counting.watermark import PartitionClock, advanced, partition_watermark
from service.core.event import MINUTE, Batch, DeadLetter, Micros, Partition, Record, event_headers
from service.core.meter import Meter
from service.core.ports import Claim, StaleClaim, Store, StoreAway, StoreBusy

log = logging.getLogger(__name__)

PAYLOAD_KEPT = 64 * 1024
DETAIL = 200
UNSURE: Micros = 2 * MINUTE
"""A topic that was made anew within so long of the last look at it is not held to have lost anything."""
BUSY_IN_A_ROW = 20
"""So often a transaction may give way before the store counts as away, and is waited for."""
BURIALS_IN_A_ROW = 100
"""So many records refused one after the other are no matter of records: the error is raised."""


class Decoded(Protocol):
    """Each payload of a batch as an accepted record or as a dead letter."""

    @property
    def records(self) -> Sequence[Record]:
        """Those that were taken, in order."""
        ...

    @property
    def dead(self) -> list[DeadLetter]:
        """Those that were not, in order."""
        ...

    @property
    def unfolded(self) -> int:
        """How many more records there are than payloads that gave any."""
        ...

    @property
    def passed(self) -> int:
        """Payloads that are of no concern."""
        ...


class Decodes(Protocol):
    """Turns payloads into events."""

    def decode(self, batch: Batch, now: Micros | None = None, *, columns: bool = False) -> Decoded:
        """Decode a batch; `now` is None where time comes from the events themselves; `columns` allows Outcomes."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What the writers of all partitions share; `clock` gives the wall time."""

    store: Store
    intake: Intake
    clock: Callable[[], Micros]
    meter: Meter
    deduplicate: bool = True
    pseudonyms: Pseudonyms | None = None
    """What customers are called in the store; None: as they come."""
    carries: Callable[[str], Sequence[str]] = lambda _: ()
    """The moments whose events a topic carries."""


class _Prepared(msgspec.Struct, gc=False):
    """A batch, decoded and freed of duplicates; good for as many attempts as the store gives way."""

    taken: int
    dead: list[DeadLetter]
    fresh: Sequence[Record]
    parted: Parted
    unfolded: int
    passed: int
    hashes: bytes
    moments: Sequence[str]
    keys: Sequence[PromiseKey]
    clock: PartitionClock


class PartitionWriter:
    """Holds the claim on one partition and writes its batches, in order.

    `live`: the wall clock is this partition's clock. Raises StoreAway where the claim cannot be had now.
    """

    def __init__(self, partition: Partition, decoder: Decodes, desk: Desk, *, live: bool) -> None:
        self._partition = partition
        self._decoder = decoder
        self._desk = desk
        self._live = live
        self._todo: list[Batch] = []
        self._prepared: _Prepared | None = None
        self._unsure = False
        self._blame: Exception | None = None
        self._buried = 0
        self._busy = 0
        self._claim: Claim
        self._horizon: IdHorizon
        self._identities: Identities
        self._take_claim()

    @property
    def position(self) -> int | None:
        """The next offset that the store waits for."""
        return self._claim.position

    @property
    def watermark(self) -> Micros | None:
        """The event time that the partition has shown, as it is written."""
        return partition_watermark(self._claim.clock)

    def _take_claim(self) -> None:
        """Claim the partition (anew); what the horizon knew of a batch that was not written is forgotten."""
        claim = self._desk.store.claim(self._partition)
        horizon = IdHorizon()
        horizon.restore(claim.hashes)
        try:
            identities = Identities(claim.forgetting, self._desk.pseudonyms)
        except WrongKeys as error:
            # They may come yet, where a file with a new one reaches some replicas before others.
            raise StoreAway(str(error)) from error
        self._claim = msgspec.structs.replace(claim, hashes=())
        self._horizon = horizon
        self._identities = identities
        self._prepared = None

    def put(self, batch: Batch) -> None:
        """Take a batch in hand; it is written by `flush`."""
        self._todo.insert(0, batch)

    def flush(self) -> None:
        """Write what is in hand.

        Raises StoreAway with the rest still in hand: call again. Raises StaleClaim when another reader has
        the partition: this writer is of no use any more.
        """
        while self._todo:
            batch = self._todo[-1]
            if self._unsure and self._was_written(batch):
                self._todo.pop()
                continue
            try:
                if self._blame is None:
                    self._write(batch)
                else:
                    self._bury(batch, self._blame)
            except StoreBusy as error:
                self._busy += 1
                if self._busy < BUSY_IN_A_ROW:
                    continue
                self._unsure, self._busy = True, 0
                raise StoreAway(f"gave way {BUSY_IN_A_ROW} times over: {error}") from error
            except StoreAway:
                self._unsure = True
                raise
            except StaleClaim:
                raise
            except Exception as error:
                if self._blame is not None:
                    raise
                self._refused(batch, error)
                continue
            self._todo.pop()
            self._blame, self._busy = None, 0

    def _was_written(self, batch: Batch) -> bool:
        """After the store was away: whether the last attempt was committed and only its answer lost."""
        before = self._claim.position
        self._take_claim()
        self._unsure = False
        position = self._claim.position
        if position == before:
            return False
        if position == batch.next_offset:
            return True
        raise self._taken(before)

    def _prepare(self, batch: Batch) -> _Prepared:
        now = self._desk.clock() if self._live else None
        # Who is called by another name is looked at one by one.
        decoded = self._decoder.decode(batch, now, columns=self._identities.idle)
        records = self._identities.named(decoded.records)
        fresh = self._horizon.sift(records) if self._desk.deduplicate else records
        given = parted(fresh)
        return _Prepared(
            taken=len(records),
            dead=self._identities.buried(decoded.dead),
            fresh=fresh,
            parted=given,
            unfolded=decoded.unfolded,
            passed=decoded.passed,
            hashes=self._horizon.drain() if self._desk.deduplicate and fresh else b"",
            moments=sorted(self._desk.intake.touched(given)),
            keys=sorted(keys_of(given.rest)),
            clock=advanced(self._claim.clock, batch, fresh, now),
        )

    def _write(self, batch: Batch) -> None:
        started = perf_counter()
        prepared = self._prepared
        if prepared is None:
            prepared = self._prepared = self._prepare(batch)
        dead = prepared.dead
        changes = self._changes(batch, prepared.fresh, prepared.clock)
        changes.dead, changes.hashes = list(dead), prepared.hashes
        counts = changes.counts
        counts.read = len(batch.offsets) + prepared.unfolded
        counts.unfolded = prepared.unfolded
        if prepared.passed:
            counts.accepted[""] += prepared.passed
        counts.duplicate = prepared.taken - len(prepared.fresh)
        for letter in dead:
            counts.dead[letter.reason] += 1
        with self._desk.store.ingest(self._claim, prepared.moments, prepared.keys) as transaction:
            self._desk.intake.take_runs([(self._partition, prepared.parted)], transaction.view, changes)
            if not counts.balanced:
                raise ArithmeticError(f"{self._named()}: read is not accepted + duplicate + dead: {counts}")
            claim = transaction.save(changes, batch.next_offset, prepared.clock)
        self._settle(claim, changes, started)

    def _changes(self, batch: Batch, fresh: Sequence[Record], clock: PartitionClock) -> Changes:
        """What was lost before a batch, for a start: nobody knows what happened from the last record to the next."""
        changes = Changes(log_end=None if batch.behind is None else batch.next_offset + batch.behind)
        before = partition_watermark(self._claim.clock)
        if batch.lost is not None:
            why = (
                f"{max(0, batch.lost[1] - batch.lost[0]):,} records of {self._named()} were gone before they were read"
            )
            self._miss(changes, self._partition, batch.lost, (before, self._until(before, fresh)), why)
        for unread in self._claim.unread if partition_watermark(clock) is not None else ():
            until = self._until(unread.since, fresh)
            count, where = unread.after - unread.first, named(unread.partition)
            if count or (self._live and until - unread.since > UNSURE):
                why = f"{count:,} records" if count else "nobody knows how much"
                why += f" of {where} was left unread when its topic was made anew"
                log.error("%s: %s", where, why)
                self._miss(changes, unread.partition, (unread.first, unread.after), (unread.since, until), why)
        return changes

    def _until(self, since: Micros | None, fresh: Sequence[Record]) -> Micros:
        """When something is known again: at the first record, or where the wall clock is the partition's, now."""
        now = self._desk.clock() if self._live else since or 0
        return max(min(times_of(fresh), default=now), since or 0)

    def _miss(
        self,
        changes: Changes,
        partition: Partition,
        offsets: tuple[int, int],
        span: tuple[Micros | None, Micros],
        why: str,
    ) -> None:
        gap = Gap(partition, *offsets, self._desk.clock(), *span)
        changes.gaps.append(gap)
        if gap.hides is not None:
            since, until = gap.hides
            # Not from the very time of the last event: a span that is open since then is another one.
            carried = self._desk.carries(partition.topic)
            changes.blind += [BlindSpan(name, since + 1, until, why) for name in carried]

    def _settle(self, claim: Claim, changes: Changes, started: float) -> None:
        # Until this partition has shown a time, nobody can say until when what was left unread lay.
        unread = self._claim.unread if partition_watermark(claim.clock) is None else ()
        self._claim = msgspec.structs.replace(claim, unread=unread)
        self._prepared = None
        if changes.counts.accepted:
            self._buried = 0
        self._desk.meter.ingested(self._partition, changes.counts, changes.tally, perf_counter() - started)

    def _refused(self, batch: Batch, error: Exception) -> None:
        """Put halves in the place of a batch that could not be written, or the blame on a single record."""
        expected = self._claim.position
        self._take_claim()
        if self._claim.position != expected:
            raise self._taken(expected) from error
        size = len(batch.offsets)
        if size == 0:
            raise error
        if size == 1:
            self._blame = error
            return
        log.warning("%s: a batch of %d records was refused and is halved: %s", self._named(), size, error)
        self._todo.pop()
        self._todo.extend(reversed(halves(batch)))

    def _bury(self, batch: Batch, error: Exception) -> None:
        self._buried += 1
        if self._buried > BURIALS_IN_A_ROW:
            raise error
        started = perf_counter()
        [letter] = self._identities.buried([refused_letter(batch, error)])
        log.error("%s: offset %d is buried as a dead letter: %s", self._named(), letter.offset, letter.detail)
        clock = advanced(self._claim.clock, batch, (), self._desk.clock() if self._live else None)
        changes = self._changes(batch, (), clock)
        changes.dead, changes.counts = [letter], Counts(read=1)
        changes.counts.dead[letter.reason] += 1
        with self._desk.store.ingest(self._claim, (), ()) as transaction:
            claim = transaction.save(changes, batch.next_offset, clock)
        self._settle(claim, changes, started)

    def _taken(self, expected: int | None) -> StaleClaim:
        return StaleClaim(f"the position is {self._claim.position} and was {expected}: another reader wrote")

    def _named(self) -> str:
        return named(self._partition)


def named(partition: Partition) -> str:
    """A partition as logs name it."""
    return f"{partition.topic}[{partition.number}]"


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """A batch of two records or more as two; what was seen of the log's end belongs to the second."""
    middle = len(batch.offsets) // 2
    headers = batch.headers
    first = Batch(
        batch.partition,
        batch.offsets[:middle],
        batch.payloads[:middle],
        batch.offsets[middle],
        headers=headers[:middle] if headers else None,
        lost=batch.lost,
    )
    second = msgspec.structs.replace(
        batch,
        offsets=batch.offsets[middle:],
        payloads=batch.payloads[middle:],
        headers=headers[middle:] if headers else None,
        lost=None,
    )
    return first, second


def merged(batches: Sequence[Batch]) -> Batch:
    """Neighbouring batches of one partition as one; what was seen of the log's end is the last one's word."""
    if len(batches) == 1:
        return batches[0]
    last = batches[-1]
    headers = None
    if any(batch.headers for batch in batches):
        headers = [header for batch in batches for header in batch.headers or [{}] * len(batch.offsets)]
    return msgspec.structs.replace(
        last,
        offsets=[offset for batch in batches for offset in batch.offsets],
        payloads=[payload for batch in batches for payload in batch.payloads],
        headers=headers,
    )


def refused_letter(batch: Batch, error: Exception) -> DeadLetter:
    """The dead letter of a batch's one record, with the store's reason in words that any store can keep."""
    lines = str(error).splitlines() or [""]
    detail = "".join(c if c.isprintable() else " " for c in f"{type(error).__name__}: {lines[0]}")
    return DeadLetter(
        partition=batch.partition,
        offset=batch.offsets[0],
        reason="store_refused",
        detail=detail[:DETAIL],
        payload=batch.payloads[0][:PAYLOAD_KEPT],
        headers=event_headers(batch.headers[0] if batch.headers else None),
    )
