"""A store in plain Python data, for backtests and tests: the whole protocol, gone with the process."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from service.adapters.store.ledger_rows import expires_at
from service.adapters.store.memory_desk import MemoryDesk
from service.adapters.store.memory_places import Spot, begin, expect, hashes_of, replaced, retire, unread_of
from service.adapters.store.memory_reader import MemoryReader
from service.adapters.store.one_by_one import one_by_one
from service.core.catalog import Moment
from service.core.counting.changes import BlindSpan, Break, Changes, PromiseKey, View
from service.core.counting.course import settled_at
from service.core.counting.duplicates import LIMIT, SPAN, extent
from service.core.counting.ledger import Promised
from service.core.counting.reach import NOWHERE, START, Position, Reach
from service.core.counting.tally import Window
from service.core.counting.watermark import PartitionClock, partition_watermark
from service.core.event import Micros, Partition
from service.core.interruption import Interruption
from service.core.outbox import Delivery, Leased
from service.core.people import Erased
from service.core.ports import Claim, StaleClaim, StoreRefused
from service.core.standing import Judged, Judgement, Snapshot, TimelineEntry
from service.core.survey import Survey
from service.core.telling.desk import News
from service.core.telling.route import Notice
from service.core.terms import Edit, Place


class MemoryStore(MemoryReader, MemoryDesk):
    """Keeps everything in dictionaries. `clock`: the wall time, where burials shall have one."""

    def __init__(
        self, moments: Mapping[str, Moment] | None = None, *, clock: Callable[[], Micros] | None = None
    ) -> None:
        super().__init__(dict(moments or {}), clock)
        self._open_desk()
        self._places: dict[Partition, Spot] = {}
        self._expiring: dict[str, list[tuple[Micros, str]]] = defaultdict(list)
        self._broken_open: dict[str, list[tuple[Micros, str]]] = defaultdict(list)
        self._looked: dict[str, Position] = {}

    def survey(self, moments: Mapping[str, Moment], first: Micros, seen: Micros, now: Micros) -> dict[str, Survey]:
        """Each moment as it stands."""
        return one_by_one(self, moments, first, seen, now)

    def declare(self, moments: Mapping[str, Moment]) -> None:
        """Say which dimensions and window width each moment has."""
        with self._lock:
            self._moments = {**self._moments, **moments}

    def terms(self) -> dict[Place, str]:
        """The moments' terms as they were last written down."""
        with self._lock:
            return {(edit.moment, edit.what): edit.now for edit in self._edits}

    def add_edits(self, given: Sequence[Edit]) -> None:
        """Append what differs of them."""
        with self._lock:
            self._edits.extend(given)

    def claim(self, partition: Partition) -> Claim:
        """Take a partition: bumps the epoch, so that earlier claims are stale."""
        with self._lock:
            if replaced(self._places, partition):
                where = f"{partition.topic}/{partition.number}"
                raise StaleClaim(f"{where} was re-created since; {partition.topic_id!r} is its old id")
            place = self._places.get(partition) or begin(self._places, partition)
            place.epoch += 1
            place.retired = False
            hashes = hashes_of(self._places, partition)
            unread = unread_of(self._places, partition) if partition_watermark(place.clock) is None else ()
            return Claim(partition, place.epoch, place.position, place.clock, hashes, self._forgetting, unread)

    def clocks(self) -> list[PartitionClock]:
        """Of the partitions that exist."""
        with self._lock:
            return [
                self._places[partition].clock
                for partition in sorted(self._places)
                if not self._places[partition].retired
            ]

    def forget(self, customer: str, *, by: str, at: Micros, known_as: str | None = None) -> Erased:
        """Put a random tombstone in the place of an id; every claim is stale afterwards."""
        with self._lock:
            for place in self._places.values():
                place.epoch += 1
            return super().forget(customer, by=by, at=at, known_as=known_as)

    def expect(self, partitions: Sequence[Partition]) -> None:
        """Say which partitions there are: time waits for those that nobody has claimed yet, too."""
        with self._lock:
            expect(self._places, partitions)

    def retire(self, gone: Sequence[Partition], known: Sequence[Partition] = ()) -> None:
        """Forget the clocks of partitions that no longer exist; time waits for what is in their places."""
        with self._lock:
            retire(self._places, gone, known)

    @contextmanager
    def ingest(self, claim: Claim, moments: Sequence[str], keys: Sequence[PromiseKey]) -> Iterator["_Ingest"]:
        """One batch's transaction."""
        del moments
        with self._lock:
            promises = self._promises
            known = {key: row for key in keys if (row := promises.get(key)) is not None}
            view = View(self._reaches, known)
            yield _Ingest(self, claim, view)

    def save_batch(self, claim: Claim, changes: Changes, position: int, clock: PartitionClock) -> Claim:
        """The compare-and-set, and everything with it."""
        place = self._places.get(claim.partition)
        if place is None or (place.epoch, place.position) != (claim.epoch, claim.position):
            where = f"{claim.partition.topic}/{claim.partition.number}"
            raise StaleClaim(f"{where}: another reader has claimed it since")
        place.position = position
        place.clock = clock
        place.log_end = place.log_end if changes.log_end is None else changes.log_end
        if changes.hashes:
            self._remember(place, changes.hashes)
        self.apply(changes)
        read, dead = self._rejected.get(claim.partition.topic, (0, 0))
        self._rejected[claim.partition.topic] = (read + changes.counts.read, dead + changes.counts.dead.total())
        return Claim(claim.partition, claim.epoch, position, clock)

    def _remember(self, place: Spot, blob: bytes) -> None:
        count, latest = extent(blob)
        if not count:
            return
        place.hashes.append(blob)
        place.ids += count
        while True:
            oldest, at = extent(place.hashes[0])
            if at >= latest - SPAN and place.ids - oldest < LIMIT:
                break
            place.hashes.popleft()
            place.ids -= oldest

    def apply(self, changes: Changes) -> None:
        """Write what a batch or a closing changes; its cells are taken over as they are."""
        for moment, windows in changes.tally.cells.items():
            add = self._books[moment].add
            for (window, late), cells in windows.items():
                add(window, cells, late=late)
        for (moment, ref), row in changes.breaks.items():
            self._put_break(moment, ref, row)
        for place, promised in changes.promises.items():
            self._put_promise(place, promised)
        self._voices.extend(changes.voices)
        if changes.told:
            self.take_told(changes.told)
        if changes.dead:
            buried = self._clock() if self._clock else None
            self._dead.extend((buried, letter) for letter in changes.dead)
        self._counts.add(changes.counts)
        self._gaps.extend(changes.gaps)
        self.save_blind(changes.blind)

    def _put_break(self, moment: str, ref: str, row: Break | None) -> None:
        rows = self._breaks[moment]
        before = rows.get(ref)
        if before is not None and (row is None or row.at != before.at):
            self._break_times[moment].remove(before.at, ref)
        if row is None:
            rows.pop(ref, None)
            return
        rows[ref] = row
        if before is None or before.at != row.at:
            self._break_times[moment].add(row.at, ref)

    def _put_promise(self, place: PromiseKey, row: Promised) -> None:
        moment, key = place
        before = self._promises.get(place)
        self._promises[place] = row
        if before is not None and before.first is row.first:
            # An outcome can end a row's waiting, and never begins it.
            return
        was = before.due if before else None
        if was != row.due:
            if was is not None:
                self._due_times[moment].remove(was, key)
            if row.due is not None:
                self._due_times[moment].add(row.due, key)
        expires = expires_at(row)
        if expires is not None and (before is None or expires_at(before) != expires):
            heapq.heappush(self._expiring[moment], (expires, key))

    def together(self) -> AbstractContextManager[None]:
        """Each transaction by itself."""
        return nullcontext()

    def reading(self) -> AbstractContextManager[None]:
        """Each read by itself."""
        return nullcontext()

    def close_at_once(self, ways: Mapping[str, tuple[Micros, Micros]]) -> dict[str, Micros]:
        """Each by itself."""
        del ways
        return {}

    @contextmanager
    def closing(self, moment: str) -> Iterator["_Closing"]:
        """A closing's transaction."""
        with self._lock:
            transaction = _Closing(self, moment, self._reaches.get(moment, NOWHERE))
            try:
                yield transaction
            finally:
                # What was looked at but not closed falls due again.
                for row in transaction.taken:
                    heapq.heappush(self._expiring[moment], row)

    def expiring(
        self, moment: str, span: tuple[Position, Position], limit: int, taken: list[Position]
    ) -> tuple[list[Promised], Position]:
        """The promises of a span that still break at their due, each once, and where the rest begins.

        Off the heap and into `taken`: of what the heap holds, some is settled or has another due since, and what lies
        before the span broke when it was told.
        """
        start, end = span
        heap, open_still = self._expiring[moment], self._broken_open[moment]
        found: dict[str, Promised] = {}
        while heap and heap[0] < end and len(found) < limit:
            place = heapq.heappop(heap)
            taken.append(place)
            due, key = place
            row = self._promises.get((moment, key))
            if row is not None and expires_at(row) == due and key not in found:
                heapq.heappush(open_still, place)
                if place >= start:
                    found[key] = row
        rest = min(heap[0], end) if heap else end
        return list(found.values()), max(rest, start)

    def unsettled(self, moment: str, span: tuple[Position, Position], limit: int) -> tuple[list[Promised], Position]:
        """The promises of a span, whichever way it leads, that have no outcome at all, and how far some rows lead."""
        start, end = span
        if end < start or start < self._looked.get(moment, START):
            places, reached = self._between(moment, span, limit)
        else:
            # Forward, as nearly always: what broke at its due comes off a heap, and nothing has to be sorted for it.
            heap, places = self._broken_open[moment], []
            while heap and heap[0] < end and len(places) < limit:
                place = heapq.heappop(heap)
                if place >= start and place not in places[-1:]:
                    places.append(place)
            reached = self._looked[moment] = max(min(heap[0], end) if heap else end, start)
        # Under another name since: what is forgotten is on the heaps as it was, too.
        rows = [row for _, key in places if (row := self._promises.get((moment, key))) is not None]
        return [row for row in rows if settled_at(row) is None], reached

    def _between(self, moment: str, span: tuple[Position, Position], limit: int) -> tuple[list[Position], Position]:
        """The places of promises in a span that was looked at before, or that leads back."""
        start, end = span
        low, high = sorted(span)
        keys = self._due_times[moment].between(low[0], high[0] + 1)
        rows = [row for key in keys if (row := self._promises.get((moment, key))) is not None]
        places = sorted(place for row in rows if low <= (place := (row.due or 0, row.key)) < high)
        if len(places) <= limit:
            return places, end
        if start < end:
            return places[:limit], places[limit]
        return places[-limit:], places[-limit]

    def save_closing(self, moment: str, changes: Changes, reach: Reach) -> None:
        """Write the expiries and how far the moment has come."""
        self.apply(changes)
        closed = max(reach.closed, self._reaches.get(moment, NOWHERE).closed)
        expired = reach.expired if reach.expired > (closed, "") else START
        self._reaches[moment] = Reach(closed, reach.given_up, expired)

    def judged(self, moment: str) -> Judged:
        """How far a moment was judged."""
        with self._lock:
            return self._judged[moment]

    def windows(self, moment: str, after: Micros | None, through: Micros) -> Iterator[Window]:
        """As judged: closed windows with start ≥ after and end ≤ through that hold anything, in order."""
        if moment in self._books:
            through = min(through, self._reaches.get(moment, NOWHERE).closed)
            yield from self._books[moment].windows(after, through, self._moments[moment].window)

    def save_judgement(  # the port's
        self,
        moment: str,
        tick: int,
        judgement: Judgement,
        snapshot: Snapshot | None,
        told: Sequence[News] = (),
    ) -> None:
        """Write a judgement with a compare-and-set on the tick."""
        with self._lock:
            known = self._judged[moment]
            if known.tick != tick:
                raise StaleClaim(f"{moment}: judged by another replica since (tick {known.tick}, not {tick})")
            if judgement.changes:
                latest = {change.interruption.id: change.interruption for change in judgement.changes}
                self._interruptions = _with(self._interruptions, latest)
            self._judged[moment] = Judged(judgement.through, tick + 1, snapshot or known.snapshot)
            self._judgements[moment] = judgement
            for change in judgement.changes:
                one = change.interruption
                self._timeline[one.id].append(TimelineEntry(one.id, change.at, change.what, change.note))
            self.tell(told)

    def save_blind(self, spans: Sequence[BlindSpan]) -> None:
        """Put spans by (moment, since)."""
        with self._lock:
            for span in spans:
                self._blind[span.moment][span.since] = span

    def note(self, entry: TimelineEntry) -> None:
        """Append a line to an interruption's history."""
        with self._lock:
            self._timeline[entry.interruption].append(entry)

    def enqueue(self, notices: Sequence[Notice], now: Micros) -> int:
        """Put notices in the outbox; how many were new."""
        with self._lock:
            return self._outbox.enqueue(notices, now)

    def lease(self, now: Micros, until: Micros, limit: int, skip: Collection[str] = ()) -> list[Leased]:
        """Take due rows for sending until a time."""
        with self._lock:
            return self._outbox.lease(now, until, limit, skip)

    def release(self, leased: Leased, due_at: Micros) -> bool:
        """Hand back a row that was not tried."""
        with self._lock:
            return self._outbox.release(leased, due_at)

    def delivered(self, leased: Leased, delivery: Delivery, now: Micros, next_at: Micros | None) -> bool:
        """Record an attempt; False when the lease was no longer ours."""
        with self._lock:
            return self._outbox.delivered(leased, delivery, now, next_at)

    def close(self) -> None:
        """Nothing to let go of."""


def _with(known: dict[str, Interruption], latest: dict[str, Interruption]) -> dict[str, Interruption]:
    """Known interruptions and their latest state; one at most may be open for a moment, segment and rule."""
    together = known | latest
    places = [(one.moment, one.segment, one.rule) for one in together.values() if one.is_open]
    if len(places) > len(set(places)):
        raise StoreRefused("two interruptions of one moment, segment and rule cannot be open at once")
    return together


class _Ingest:
    __slots__ = ("_claim", "_store", "view")

    def __init__(self, store: MemoryStore, claim: Claim, view: View) -> None:
        self._store = store
        self._claim = claim
        self.view = view

    def save(self, changes: Changes, position: int, clock: PartitionClock) -> Claim:
        return self._store.save_batch(self._claim, changes, position, clock)


class _Closing:
    __slots__ = ("_moment", "_store", "reach", "taken")

    def __init__(self, store: MemoryStore, moment: str, reach: Reach) -> None:
        self._store = store
        self._moment = moment
        self.reach = reach
        self.taken: list[Position] = []

    def due(self, end: Position, limit: int) -> tuple[Sequence[Promised], Position]:
        return self._store.expiring(self._moment, (self.reach.next, end), limit, self.taken)

    def unsettled(self, end: Position, limit: int) -> tuple[Sequence[Promised], Position]:
        return self._store.unsettled(self._moment, (self.reach.given_up, end), limit)

    def save(self, changes: Changes, reach: Reach) -> None:
        self._store.save_closing(self._moment, changes, reach)
        self.taken = [place for place in self.taken if place >= reach.next]
