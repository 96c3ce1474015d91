"""Whom several interruptions let down together: distinct customers are counted once, never summed."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from service.core.counting.changes import Break
from service.core.event import Micros
from service.core.interruption import Impact, Interruption, Segment
from service.core.ports import Reader

_PAGE = 10_000


class Place(msgspec.Struct, frozen=True, gc=False):
    """A moment's segment over [start, end)."""

    moment: str
    segment: Segment
    start: Micros
    end: Micros

    def covers(self, other: "Place") -> bool:
        """Whether every break of the other place is one of this."""
        if self.moment != other.moment or self.start > other.start or self.end < other.end:
            return False
        theirs = dict(other.segment)
        return all(set(theirs.get(name, ())) and set(theirs[name]) <= set(of) for name, of in self.segment)


def place_of(interruption: Interruption, now: Micros) -> Place:
    """Where an interruption did its harm, up to its end or to now."""
    end = interruption.resolved_at if interruption.resolved_at is not None else now + 1
    return Place(interruption.moment, interruption.segment, interruption.onset, max(end, interruption.onset))


def outermost(places: Iterable[Place]) -> list[Place]:
    """The places that no other one covers; of equal ones the first."""
    kept: list[Place] = []
    for place in places:
        if not any(other.covers(place) for other in kept):
            kept = [other for other in kept if not place.covers(other)]
            kept.append(place)
    return kept


def all_breaks(reader: Reader, place: Place) -> Iterator[Break]:
    """Every break of a place, in order of time, read in pages."""
    offset = 0
    while True:
        page = reader.breaks(place.moment, place.segment, place.start, place.end, limit=_PAGE, offset=offset)
        yield from page
        if len(page) < _PAGE:
            return
        offset += _PAGE


def affected(reader: Reader, places: Sequence[Place]) -> Impact:
    """Exact distinct customers, breaks and value over places that may overlap."""
    needed = outermost(places)
    if not needed:
        return Impact()
    if len(needed) == 1:
        [place] = needed
        return reader.impact(place.moment, place.segment, place.start, place.end)
    seen: set[tuple[str, str]] = set()
    customers: set[str] = set()
    waiting: set[str] = set()
    value = 0
    for place in needed:
        for row in all_breaks(reader, place):
            if (row.moment, row.ref) in seen:
                continue
            seen.add((row.moment, row.ref))
            customers.add(row.customer)
            value += row.value
            if row.promised and row.settled_at is None:
                waiting.add(row.customer)
    return Impact(len(seen), len(customers), value, len(waiting))
