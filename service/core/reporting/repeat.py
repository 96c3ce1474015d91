"""Repeat harm: customers with two, three and more broken promises across moments, and the cost to serve segments."""

from collections.abc import Sequence

import msgspec

from service.core.catalog import Catalog
from service.core.event import DAY, Micros
from service.core.people import Place, Repeat, SegmentHarm
from service.core.ports import Reader

PERIODS = (30, 90)
TOP = 50


class Again(msgspec.Struct, frozen=True, gc=False):
    """A period of days: the base is everybody who was hit; `by_times`: customers by their number of broken promises."""

    days: int
    base: int
    by_times: tuple[tuple[int, int], ...]
    top: tuple[Repeat, ...]

    def at_least(self, times: int) -> int:
        """Customers with so many broken promises or more."""
        return sum(count for n, count in self.by_times if n >= times)


class Served(msgspec.Struct, frozen=True, gc=False):
    """A customer segment and what serving its complaints cost, in minor units; None where no cost is told."""

    harm: SegmentHarm
    ideal: bool
    cost: int | None


def everywhere(catalog: Catalog, start: Micros, end: Micros) -> list[Place]:
    """All moments that count customers."""
    return [Place(name, (), start, end) for name, of in catalog.moments.items() if of.unit == "customers"]


def again(reader: Reader, catalog: Catalog, now: Micros, days: int, top: int = TOP) -> Again:
    """Repeat harm of the last days."""
    where = everywhere(catalog, now + 1 - days * DAY, now + 1)
    by_times = reader.repeats(where)
    found = tuple(reader.repeaters(where, 2, limit=top)) if top and any(n > 1 for n in by_times) else ()
    return Again(days, sum(by_times.values()), tuple(by_times.items()), found)


def served(
    reader: Reader, catalog: Catalog, now: Micros, days: int, ideal: Sequence[str], contact_cost: int | None
) -> list[Served]:
    """Customer segments, the ideal ones first as they are named, then the others, then those nobody told of."""
    start = now + 1 - days * DAY
    order = {name: place for place, name in enumerate(ideal)}
    found = reader.segments(everywhere(catalog, start, now + 1), start, now + 1)
    found.sort(key=lambda each: (each.segment is None, order.get(each.segment or "", len(order)), each.segment or ""))
    return [
        Served(each, each.segment in order, None if contact_cost is None else each.complaints * contact_cost)
        for each in found
    ]
