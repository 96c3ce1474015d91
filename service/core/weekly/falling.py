"""What is to be expected of the promises that fall due in the week after the one that is told of."""

from service.core.catalog import Moment
from service.core.event import Micros
from service.core.ports import Reader
from service.core.reporting.due_soon import will_miss_where

Misses = tuple[int, int, int]
"""How many of the open ones will probably miss: at least, about, at most."""
Worst = tuple[str, str, int, int]
"""Dimension, value, how many will miss, of how many open ones."""


def expected(
    reader: Reader, moment: Moment, now: Micros, span: tuple[Micros, Micros]
) -> tuple[Misses | None, Worst | None]:
    """What a moment's open promises of a week come to, once it has begun and until it is over; and where most miss."""
    start, end = span
    if not start <= now < end:
        return None, None
    found, places = will_miss_where(reader, moment.name, now, end - now, moment.dimensions, 1)
    if found is None:
        return None, None
    worst = next(((it.dimension, it.value, it.forecast.middle, it.forecast.open) for it in places), None)
    return (found.low, found.middle, found.high), worst
