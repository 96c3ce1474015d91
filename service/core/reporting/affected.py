"""Whom several interruptions let down together: distinct customers are counted once, never summed."""

from collections.abc import Iterator, Sequence

from service.core.counting.changes import Break
from service.core.interruption import Impact
from service.core.people import Place, outermost, place_of
from service.core.ports import Reader

__all__ = ["Place", "affected", "all_breaks", "outermost", "place_of"]

_PAGE = 10_000


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
    return reader.harm(needed) if needed else Impact()
