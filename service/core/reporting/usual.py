"""How many promises fell due and how many broke, by segment; and what would be usual.

What is usual is the share that broke in the same stretches of the weeks before. The detector's own expectation is of
the window that opened; over hours and days it would be held against attempts of other times of the day. The same
stretches of other weeks have their times of day in them. A time is read once, by whole tuples of values, and summed
here by any dimension: once a dimension and week would be a database's work twenty times over for each notice.
"""

from service.core.event import DAY, Micros
from service.core.interruption import Interruption, Segment
from service.core.people import Place
from service.core.ports import Reader

_WEEK: Micros = 7 * DAY
_WEEKS = 4
_ENOUGH = 30
"""Attempts from which a share of the past says more than the detector's expectation."""


class Due:
    """What fell due over some time: (attempts, broken) of any segment."""

    __slots__ = ("_broken", "_cells")

    def __init__(self, reader: Reader, moment: str, *spans: tuple[Micros, Micros]) -> None:
        self._cells = reader.outcomes(moment, spans)
        self._broken = [cell for cell in self._cells if cell[2]]

    def within(self, segment: Segment) -> tuple[int, int]:
        """Of a segment."""
        cells = self._cells
        if segment:
            dimension, values = segment[0]
            cells = [cell for cell in cells if cell[0].get(dimension) in values]
        return sum([attempts for _, attempts, _ in cells]), sum([broken for _, _, broken in cells])

    def by_value(self, dimension: str) -> dict[str | None, tuple[int, int]]:
        """Of each value of a dimension, most broken first; None is "not stated"."""
        tried: dict[str | None, int] = {}
        failed: dict[str | None, int] = {}
        for values, attempts, broken in self._cells:
            value = values.get(dimension)
            tried[value] = tried.get(value, 0) + attempts
            if broken:
                failed[value] = failed.get(value, 0) + broken
        sums = {value: (attempts, failed.get(value, 0)) for value, attempts in tried.items()}
        return dict(sorted(sums.items(), key=lambda each: (-each[1][1], each[0] is None, each[0] or "")))

    def of_values(self, dimension: str, least: int) -> dict[str, tuple[int, int]]:
        """Of each value of a dimension of which at least so many broke, in no order; most values are of no interest."""
        failed: dict[str | None, int] = {}
        for values, _, broken in self._broken:
            value = values.get(dimension)
            failed[value] = failed.get(value, 0) + broken
        tried = {value: 0 for value, broken in failed.items() if value is not None and broken >= least}
        for values, attempts, _ in self._cells if tried else ():
            value = values.get(dimension)
            if value in tried:
                tried[value] += attempts
        return {value: (attempts, failed[value]) for value, attempts in tried.items()}


def steps_of(reader: Reader, place: Place, step: Micros) -> set[Micros]:
    """The steps of a place in which anything fell due: a day off, or a night, says nothing of a trend."""
    first = place.start - place.start % step
    sums = reader.totals(place.moment, first, place.end, step, segment=place.segment, customers=False)
    return {at for at, totals in sums if totals.attempts}


def before(reader: Reader, moment: str, start: Micros, end: Micros, weeks: int = _WEEKS) -> Due:
    """The same hours of the same weekdays before; of what lasts more than a day the weeks before, at once."""
    if end - start > DAY:
        return Due(reader, moment, (start - weeks * _WEEK, start))
    return Due(
        reader, moment, *((start - back * _WEEK, end - back * _WEEK) for back in range(1, weeks + 1) if end > start)
    )


def share(counted: tuple[int, int] | None) -> float | None:
    """The share of the attempts that broke; None where there are too few to tell."""
    if counted is None or counted[0] < _ENOUGH:
        return None
    return counted[1] / counted[0]


def usual_of(past: Due, it: Interruption) -> float | None:
    """The usual share in an interruption's segment; the detector's own expectation where the past has too little."""
    found = share(past.within(it.segment))
    return it.expected if found is None and it.kind == "failure_rate" else found
