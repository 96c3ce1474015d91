"""The questions of pages and reports, answered from plain Python data."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Literal, TypeVar

from service.adapters.store.memory_book import Book
from service.adapters.store.memory_outbox import MemoryOutbox
from service.adapters.store.memory_people import MemoryPeople
from service.adapters.store.timeindex import TimeIndex
from service.core.catalog import Moment
from service.core.counting.changes import BlindSpan, Break, Counts, Gap, PromiseKey, Voice
from service.core.counting.ledger import Promised  # with the rest of the core, for annotations too
from service.core.counting.reach import NOWHERE, Reach
from service.core.counting.tally import Cell, Values, stated
from service.core.counting.window import window_of
from service.core.event import Annotation, Complaint, CustomerChange, DeadLetter, Feedback, Micros
from service.core.interruption import Impact, Interruption, Segment, holds
from service.core.outbox import OutboxRow
from service.core.people import Place
from service.core.standing import Judged, Judgement, MomentStatus, TimelineEntry, Totals
from service.core.terms import Edit

P = TypeVar("P")

_KINDS = {"feedback": Feedback, "customer": CustomerChange, "annotation": Annotation}


class MemoryReader(MemoryPeople):
    """Everything that was stored, and the reading half of the protocol."""

    def __init__(self, moments: Mapping[str, Moment], clock: Callable[[], Micros] | None) -> None:
        super().__init__()
        self._moments = moments
        self._clock = clock
        # One lock for everything: the threads of a service take turns, and a single thread hardly notices.
        self._lock = threading.RLock()
        self._reaches: dict[str, Reach] = {}
        self._edits: list[Edit] = []
        self._books: dict[str, Book] = defaultdict(Book)
        self._breaks: dict[str, dict[str, Break]] = defaultdict(dict)
        self._break_times: dict[str, TimeIndex] = defaultdict(TimeIndex)
        self._promises: dict[PromiseKey, Promised] = {}
        self._due_times: dict[str, TimeIndex] = defaultdict(TimeIndex)
        self._voices: list[Voice] = []
        self._dead: list[tuple[Micros | None, DeadLetter]] = []
        self._counts = Counts()
        self._gaps: list[Gap] = []
        self._rejected: dict[str, tuple[int, int]] = {}
        self._judged: dict[str, Judged] = defaultdict(Judged)
        self._judgements: dict[str, Judgement] = {}
        self._interruptions: dict[str, Interruption] = {}
        self._timeline: dict[str, list[TimelineEntry]] = defaultdict(list)
        self._blind: dict[str, dict[Micros, BlindSpan]] = defaultdict(dict)
        self._outbox = MemoryOutbox()

    def interruptions(
        self, *, moment: str | None = None, open_only: bool = False, since: Micros | None = None
    ) -> list[Interruption]:
        """In order of detection; `since`: those not resolved before it."""
        with self._lock:
            found = [
                one
                for one in self._interruptions.values()
                if (moment is None or one.moment == moment)
                and (not open_only or one.is_open)
                and (since is None or one.resolved_at is None or one.resolved_at >= since)
            ]
        return sorted(found, key=lambda one: (one.detected_at, one.id))

    def interruption(self, identity: str) -> Interruption | None:
        """One interruption by its id."""
        return self._interruptions.get(identity)

    def timeline(self, identity: str) -> list[TimelineEntry]:
        """An interruption's history as it was written."""
        with self._lock:
            return list(self._timeline.get(identity, ()))

    def impact(self, moment: str, segment: Segment, start: Micros, end: Micros) -> Impact:
        """Exact distinct customers, breaks and value of [start, end) in a segment."""
        return self.harm([Place(moment, segment, start, end)])

    def breaks(  # the port's
        self, moment: str, segment: Segment, start: Micros, end: Micros, *, limit: int = 1000, offset: int = 0
    ) -> list[Break]:
        """In order of time."""
        return self._breaks_between(moment, segment, start, end)[offset : offset + limit]

    def broken(self, moments: Collection[str], start: Micros, end: Micros) -> dict[str, int]:
        """How many promises of each moment broke in [start, end); those of which none did are left out."""
        found = {moment: len(self._breaks_between(moment, (), start, end)) for moment in moments}
        return {moment: many for moment, many in found.items() if many}

    def _breaks_between(self, moment: str, segment: Segment, start: Micros, end: Micros) -> list[Break]:
        with self._lock:
            if moment not in self._breaks:
                return []
            rows = self._breaks[moment]
            found = [rows[ref] for ref in self._break_times[moment].between(start, end)]
        return [row for row in found if holds(segment, row.dimensions)] if segment else found

    def totals(
        self, moment: str, start: Micros, end: Micros, step: Micros, *, segment: Segment = (), customers: bool = True
    ) -> list[tuple[Micros, Totals]]:
        """Sums by step aligned to `start`; steps in which nothing happened are left out."""
        with self._lock:
            cells: dict[Micros, Cell] = defaultdict(Cell)
            for window, _, cell in self._cells_between(moment, start, end, segment):
                cells[start + window_of(window - start, step)].add(cell)
            hurt: dict[Micros, set[str]] = defaultdict(set)
            for row in self._breaks_between(moment, segment, start, end) if customers else ():
                hurt[start + window_of(row.at - start, step)].add(row.customer)
        return sorted(_totals(cells, hurt), key=itemgetter(0))

    def arrivals(
        self, moment: str, start: Micros, end: Micros, step: Micros, *, segment: Segment = ()
    ) -> dict[Micros, int]:
        """How many events came by step, aligned to `start`; steps in which none came are left out."""
        found: dict[Micros, int] = defaultdict(int)
        with self._lock:
            for window, _, cell in self._cells_between(moment, start, end, segment):
                if cell.arrivals:
                    found[start + window_of(window - start, step)] += cell.arrivals
        return dict(sorted(found.items()))

    def by_value(
        self, moment: str, dimension: str, start: Micros, end: Micros, *, customers: bool = True
    ) -> list[tuple[str | None, Totals]]:
        """Sums by a dimension's values, most broken first; None is "not stated"."""
        with self._lock:
            names = self._moments[moment].dimensions
            place = names.index(dimension) if dimension in names else None
            cells: dict[str | None, Cell] = defaultdict(Cell)
            for _, values, cell in self._cells_between(moment, start, end):
                cells[None if place is None else values[place]].add(cell)
            hurt: dict[str | None, set[str]] = defaultdict(set)
            for row in self._breaks_between(moment, (), start, end) if customers else ():
                hurt[row.dimensions.get(dimension)].add(row.customer)
        totals = _totals(cells, hurt)
        return sorted(totals, key=lambda each: (-each[1].broken, each[0] is None, each[0] or ""))

    def outcomes(self, moment: str, spans: Sequence[tuple[Micros, Micros]]) -> list[tuple[Mapping[str, str], int, int]]:
        """(values by dimension, attempts, broken) of every tuple of values, over all of some spans."""
        with self._lock:
            names = self._moments[moment].dimensions
            sums: dict[tuple[str | None, ...], tuple[int, int]] = {}
            for start, end in spans:
                for _, values, cell in self._cells_between(moment, start, end):
                    attempts, broken = sums.get(values, (0, 0))
                    sums[values] = (attempts + cell.attempts, broken + cell.broken)
        return [
            ({name: value for name, value in zip(names, values, strict=True) if value is not None}, *counts)
            for values, counts in sums.items()
        ]

    def _cells_between(
        self, moment: str, start: Micros, end: Micros, segment: Segment = ()
    ) -> Iterator[tuple[Micros, tuple[str | None, ...], Cell]]:
        found = self._books[moment].between(start, end) if moment in self._books else iter(())
        if not segment:
            return found
        names = self._moments[moment].dimensions
        return (row for row in found if all(dict(zip(names, row[1], strict=True)).get(n) in of for n, of in segment))

    def customers(self, moments: Sequence[str], start: Micros, end: Micros) -> tuple[int, int]:
        """(distinct customers let down, distinct breaks) over several moments."""
        hurt = self.harm([Place(moment, (), start, end) for moment in sorted(set(moments))])
        return hurt.customers, hurt.broken

    def complaints(self, moment: str | None, start: Micros, end: Micros) -> list[Voice]:
        """Complaints in order of time; `moment` None: all."""
        return self._voices_between(Complaint, moment, start, end)

    def voices(self, kind: Literal["feedback", "customer", "annotation"], start: Micros, end: Micros) -> list[Voice]:
        """What else was said, gained, lost or done, in order of time."""
        return self._voices_between(_KINDS[kind], None, start, end)

    def _voices_between(self, kind: type, moment: str | None, start: Micros, end: Micros) -> list[Voice]:
        with self._lock:
            found = [
                voice
                for voice in self._voices
                if isinstance(voice.event, kind)
                and start <= voice.at < end
                and (moment is None or getattr(voice.event, "moment", None) == moment)
            ]
        return sorted(found, key=lambda voice: (voice.at, voice.partition, voice.offset))

    def signals(self, moment: str, start: Micros, end: Micros) -> dict[str, int]:
        """Sums of what windows counted beside outcomes, by name."""
        total = Cell()
        with self._lock:
            for _, _, cell in self._cells_between(moment, start, end):
                for name, n in (cell.signals or {}).items():
                    total.count_signal(name, n)
        return dict(total.signals or {})

    def edits(self, start: Micros, end: Micros) -> list[Edit]:
        """Changes of moments' terms, in order."""
        with self._lock:
            return [edit for edit in self._edits if edit.was and start <= edit.at < end]

    def due(self, moment: str, start: Micros, end: Micros) -> tuple[int, int]:
        """(open promises, all promises) with a due time in [start, end)."""
        with self._lock:
            if moment not in self._due_times:
                return 0, 0
            rows: list[Promised] = [self._promises[moment, key] for key in self._due_times[moment].between(start, end)]
        return sum(row.waiting for row in rows), len(rows)

    def coming(
        self, moment: str, start: Micros, end: Micros, step: Micros, dimensions: tuple[str, ...] = ()
    ) -> list[tuple[int, Values, int]]:
        """(number of the step since start, values of the dimensions, open promises) of those due in [start, end)."""
        found: Counter[tuple[int, Values]] = Counter()
        for row in self.lives(moment, start, end, limit=len(self._promises)):
            if row.waiting and row.first is not None and row.due is not None:
                found[(row.due - start) // step, stated(row.first.dimensions, dimensions)] += 1
        return [(number, values, n) for (number, values), n in found.items()]

    def lives(self, moment: str, start: Micros, end: Micros, *, limit: int) -> list[Promised]:
        """The promises with a due time in [start, end) and what became of them, the last due first."""
        with self._lock:
            if moment not in self._due_times:
                return []
            keys = list(self._due_times[moment].between(start, end))[-limit:]
            return [self._promises[moment, key] for key in reversed(keys)]

    def status(self, moment: str) -> MomentStatus:
        """Where a moment stands."""
        with self._lock:
            judgement = self._judgements.get(moment)
            blind = min(((s.since, s.reason) for s in self._blind[moment].values() if s.until is None), default=None)
            reach = self._reaches.get(moment, NOWHERE)
            return MomentStatus(
                moment=moment,
                closed_through=reach.closed or None,
                judged_through=self._judged[moment].through,
                learning=judgement.learning if judgement else None,
                blind_since=blind[0] if blind else None,
                blind_reason=blind[1] if blind else "",
                series=judgement.series if judgement else (),
                given_up_through=max(reach.given_up[0], 0),
            )

    def blind(self, moment: str, start: Micros, end: Micros) -> list[BlindSpan]:
        """Stretches without trustworthy data that touch [start, end), in order."""
        with self._lock:
            spans = [s for s in self._blind[moment].values() if s.since < end and (s.until is None or s.until > start)]
        return sorted(spans, key=lambda span: span.since)

    def dead_letters(self, *, limit: int = 100, offset: int = 0) -> list[tuple[Micros | None, DeadLetter]]:
        """Newest first, with the wall time of their burial."""
        with self._lock:
            return self._dead[::-1][offset : offset + limit]

    def gaps(self) -> list[Gap]:
        """What was gone before it was read, newest first."""
        with self._lock:
            return self._gaps[::-1]

    def counts(self) -> Counts:
        """Since the store was made."""
        with self._lock:
            copy = Counts()
            copy.add(self._counts)
            return copy

    def rejected(self) -> dict[str, tuple[int, int]]:
        """(records read, dead letters) by topic."""
        with self._lock:
            return dict(self._rejected)

    def outbox(self, *, limit: int = 100) -> list[OutboxRow]:
        """Newest first."""
        with self._lock:
            return self._outbox.rows(limit)


def _totals(cells: Mapping[P, Cell], customers: Mapping[P, set[str]]) -> list[tuple[P, Totals]]:
    """Sums by place, where anything happened."""
    nothing, nobody = Cell(), set[str]()
    found = []
    for place in cells.keys() | customers.keys():
        cell = cells.get(place, nothing)
        hurt = len(customers.get(place, nobody))
        totals = Totals(cell.attempts, cell.broken, cell.cancelled, cell.value, cell.broken_value, hurt)
        if totals != Totals():
            found.append((place, totals))
    return found
