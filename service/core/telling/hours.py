"""Whether a time lies within recurring intervals, and when it next will: mute times, service hours."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from service.core.event import MINUTE, Micros, instant, micros
from service.core.routes import TimeInterval

_AHEAD = 370
"""Days in which a yearly interval comes round again."""
_WHOLE_DAY = ((0, 24 * 60),)


def within(intervals: Iterable[TimeInterval], at: Micros) -> bool:
    """Whether a time lies in any of the intervals."""
    return any(_holds(interval, at) for interval in intervals)


def _holds(interval: TimeInterval, at: Micros) -> bool:
    local = instant(at).astimezone(ZoneInfo(interval.zone))
    minute = local.hour * 60 + local.minute
    return _any(interval.times, minute, half_open=True) and _fits_day(interval, local.date())


def _fits_day(interval: TimeInterval, local: date) -> bool:
    if not _any(interval.weekdays, local.weekday()):
        return False
    if not _any(interval.months, local.month) or not _any(interval.years, local.year):
        return False
    if not interval.days_of_month:
        return True
    length = monthrange(local.year, local.month)[1]
    return any(_day(first, length) <= local.day <= _day(last, length) for first, last in interval.days_of_month)


def _day(day: int, length: int) -> int:
    return day if day > 0 else length + 1 + day


def _any(ranges: Sequence[tuple[int, int]], value: int, *, half_open: bool = False) -> bool:
    if not ranges:
        return True
    return any(first <= value < last if half_open else first <= value <= last for first, last in ranges)


def next_within(intervals: Sequence[TimeInterval], at: Micros) -> Micros | None:
    """The first whole minute from a time on that lies in any of the intervals; None: not within a year.

    Looked for by the day first, so that a yearly interval costs hundreds of steps and not half a million.
    """
    if within(intervals, at):
        return at
    start = at - at % MINUTE + MINUTE
    best: Micros | None = None
    for interval in intervals:
        found = _next(interval, start)
        if found is not None and (best is None or found < best):
            best = found
    return best


def beginnings(intervals: Iterable[TimeInterval], start: Micros, end: Micros) -> list[Micros]:
    """The times in [start, end) at which any of the intervals begins and none was going on, in order."""
    intervals = tuple(intervals)
    found: set[Micros] = set()
    for interval in intervals:
        zone = ZoneInfo(interval.zone)
        day, last = instant(start).astimezone(zone).date(), instant(end).astimezone(zone).date()
        while day <= last:
            if _fits_day(interval, day):
                found |= {_at(day, begin, zone) for begin, _ in interval.times or _WHOLE_DAY}
            day += timedelta(days=1)
    return sorted(at for at in found if start <= at < end and not within(intervals, at - MINUTE))


def _at(day: date, minute: int, zone: ZoneInfo) -> Micros:
    return micros(datetime.combine(day, time(minute // 60, minute % 60), zone))


def _next(interval: TimeInterval, start: Micros) -> Micros | None:
    zone = ZoneInfo(interval.zone)
    today = instant(start).astimezone(zone).date()
    for ahead in range(_AHEAD):
        day = today + timedelta(days=ahead)
        if not _fits_day(interval, day):
            continue
        for begin in sorted(begin for begin, _ in interval.times or _WHOLE_DAY):
            at = _at(day, begin, zone)
            if at >= start:
                return at
    return None
