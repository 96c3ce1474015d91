"""When a promise falls due that was given in working days or service hours, in the clock of a place.

The day of the promise does not count. So many working days later it is due at the end of that day's service hours; at
the same time of day as it was made, where the calendar says nothing of hours, so that a calendar without days off is
no other than plain days. What was promised on a day off counts as promised with the last moment of the working day
before, and is due with the last moment of a day. Hours are those of service, or all hours of working days.

A later promise is never due earlier: the hour that a clock shows twice counts up to its end when it comes round
again, and a time that a clock skips is the moment of the skip. Chosen over the end of the day for all, because then
`after: 5d` would mean up to a day more as soon as a calendar is named.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from service.core.catalog import Deadline, WorkingCalendar
from service.core.event import DAY, MINUTE, SECOND, Micros, instant, micros

_ONE = timedelta(days=1)
_CLOCK_CHANGE = 26 * 60 * MINUTE
"""No clock was ever moved by more: a whole day, where an island changed sides of the date line."""
_ALL_DAY = ((0, 24 * 60),)


def falls_due(made: Micros, deadline: Deadline) -> Micros:
    """When a promise of a time falls due that says nothing of it itself."""
    calendar = deadline.calendar
    if calendar is None:
        return made + deadline.after
    zone = ZoneInfo(deadline.zone)
    days, rest = divmod(deadline.after, DAY)
    if days:
        made = _days_later(made, days, calendar, zone, closing=not rest)
    return _served(made, rest, calendar, zone) if rest else made


def _days_later(made: Micros, days: int, calendar: WorkingCalendar, zone: ZoneInfo, *, closing: bool) -> Micros:
    local = instant(made).astimezone(zone)
    day = local.date()
    works = calendar.works(day)
    for _ in range(days):
        day = next(_working_days(day + _ONE, calendar))
    if calendar.hours and closing:
        return min(_at(day, calendar.hours[-1][1], zone), _last_of(day, zone))
    if not works:
        return _last_of(day, zone)
    if local.fold:
        # Shown for the second time: all of the first time came before it.
        change = _change(zone, made - _CLOCK_CHANGE, made)
        before = instant(change - 1).astimezone(zone).replace(tzinfo=None) + timedelta(microseconds=1)
        if before.date() != local.date():
            return _last_of(day, zone)
        return _moment(datetime.combine(day, before.time()), zone)
    return _moment(datetime.combine(day, local.time()), zone)


def _served(made: Micros, span: Micros, calendar: WorkingCalendar, zone: ZoneInfo) -> Micros:
    """When a span of service has passed since a time."""
    for day in _working_days(instant(made).astimezone(zone).date(), calendar):
        for opens, closes in calendar.hours or _ALL_DAY:
            start, end = max(_at(day, opens, zone), made), _at(day, closes, zone)
            if end - start >= span:
                return min(start + span, _last_of(day, zone))
            span -= max(end - start, 0)
    raise AssertionError("working days never end")


def _working_days(day: date, calendar: WorkingCalendar) -> Iterator[date]:
    """The working days from a day on."""
    while True:
        off = calendar.holiday(day)
        if off is not None:
            day = off + _ONE
        elif not calendar.weekday(day):
            day += _ONE
        else:
            yield day
            day += _ONE


def _at(day: date, minute: int, zone: ZoneInfo) -> Micros:
    """A minute of a day, the 1440th being the end of it."""
    return _moment(datetime.combine(day, time()) + timedelta(minutes=minute), zone)


def _last_of(day: date, zone: ZoneInfo) -> Micros:
    """The last moment that still has the date."""
    return _at(day, 24 * 60, zone) - 1


def _moment(wall: datetime, zone: ZoneInfo) -> Micros:
    """When a clock shows a time: the first of two; where it skips the time, the moment of the skip."""
    at = micros(wall.replace(tzinfo=zone))
    if instant(at).astimezone(zone).replace(tzinfo=None) == wall:
        return at
    return _change(zone, at - _CLOCK_CHANGE, at)


def _change(zone: ZoneInfo, low: Micros, high: Micros) -> Micros:
    """When a clock was moved between two times, whole seconds; it was, and once."""
    old = instant(low).astimezone(zone).utcoffset()
    low, high = low // SECOND, -(-high // SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if instant(middle * SECOND).astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high * SECOND
