"""What would be usual: the share that broke in the same stretches of the weeks before.

The detector's own expectation is of the window that opened; over hours and days it would be held against attempts of
other times of the day. The same stretches of other weeks have their times of day in them.
"""

from collections.abc import Mapping

from service.core.event import DAY, Micros
from service.core.interruption import Segment
from service.core.ports import Reader, Totals

_WEEK: Micros = 7 * DAY
_WEEKS = 4
_ENOUGH = 30
"""Attempts from which a share of the past says more than the detector's expectation."""

Shares = Mapping[str | None, float]


def usual_share(reader: Reader, moment: str, segment: Segment, start: Micros, end: Micros) -> float | None:
    """The usual share of broken promises in a segment over [start, end); None where there is too little to tell."""
    found = [0, 0]
    for opens, closes in _stretches(start, end):
        if segment:
            dimension, values = segment[0]
            rows = reader.by_value(moment, dimension, opens, closes)
            sums = [totals for value, totals in rows if value in values]
        else:
            sums = [totals for _, totals in reader.totals(moment, opens, closes, closes - opens)]
        found[0] += sum(totals.broken for totals in sums)
        found[1] += sum(totals.attempts for totals in sums)
    return found[0] / found[1] if found[1] >= _ENOUGH else None


def usual_shares(reader: Reader, moment: str, dimension: str, start: Micros, end: Micros) -> Shares:
    """The same by a dimension's values; those with too little of a past are left out."""
    sums: dict[str | None, list[Totals]] = {}
    for opens, closes in _stretches(start, end):
        for value, totals in reader.by_value(moment, dimension, opens, closes):
            sums.setdefault(value, []).append(totals)
    tried = {value: sum(each.attempts for each in of) for value, of in sums.items()}
    return {
        value: sum(each.broken for each in of) / tried[value] for value, of in sums.items() if tried[value] >= _ENOUGH
    }


def _stretches(start: Micros, end: Micros) -> list[tuple[Micros, Micros]]:
    """The same hours of the same weekdays; of what lasts more than a day the four weeks before, at once."""
    if end - start > DAY:
        return [(start - _WEEKS * _WEEK, start)]
    return [(start - back * _WEEK, end - back * _WEEK) for back in range(1, _WEEKS + 1)]
