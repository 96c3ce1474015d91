"""ISO weeks: Monday to Monday by the clock of a place, named by their own year and number."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from service.core.event import Micros, instant, micros

_NAME = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
_FIRST, _LAST = 1970, 9000
"""Years between which every week, and those some months around it, have their microseconds."""


class Week(msgspec.Struct, frozen=True, order=True):
    """A week by its ISO year and number: 1 January 2027 lies in 2026-W53.

    It lasts 168 hours, and one less or more where the clocks change in it.
    """

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04d}-W{self.number:02d}"

    @classmethod
    def parse(cls, text: str) -> "Week":
        """`2013-W15`. Raises ValueError that says what to write instead."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise ValueError(f'"{text}" is not an ISO week; write a year and a week such as 2013-W15')
        year, number = int(found[1]), int(found[2])
        if not _FIRST <= year <= _LAST:
            raise ValueError(f"{text} lies outside the years {_FIRST} to {_LAST}")
        # The 28th of December is always in the last week of its year.
        last = date(year, 12, 28).isocalendar().week
        if not 1 <= number <= last:
            raise ValueError(f"{year} has no week {number}; its weeks are {year}-W01 to {year}-W{last}")
        return cls(year, number)

    @classmethod
    def of(cls, at: Micros, zone: ZoneInfo) -> "Week":
        """The week that holds a time."""
        year, number, _ = instant(at).astimezone(zone).isocalendar()
        return cls(year, number)

    @property
    def monday(self) -> date:
        """Its first day."""
        return date.fromisocalendar(self.year, self.number, 1)

    def start(self, zone: ZoneInfo) -> Micros:
        """Midnight at its Monday's beginning."""
        return at_local(self.monday, time.min, zone)

    def end(self, zone: ZoneInfo) -> Micros:
        """Midnight at the next Monday's beginning."""
        return self.after(1).start(zone)

    def after(self, weeks: int) -> "Week":
        """So many weeks later, or earlier for a negative number."""
        year, number, _ = (self.monday + timedelta(weeks=weeks)).isocalendar()
        return Week(year, number)


def at_local(day: date, clock: time, zone: ZoneInfo) -> Micros:
    """When a local clock first shows a time on a day; where it leaps over it, as much later as it leaps."""
    return micros(datetime.combine(day, clock, tzinfo=zone))


class Schedule(msgspec.Struct, frozen=True):
    """A time of every week: an ISO weekday (1 is Monday) and a local time of day."""

    weekday: int
    clock: time
    zone: ZoneInfo

    def last(self, now: Micros) -> Micros:
        """The latest time at or before now."""
        week = Week.of(now, self.zone)
        at = self._in(week)
        return at if at <= now else self._in(week.after(-1))

    def next(self, now: Micros) -> Micros:
        """The first time after now."""
        week = Week.of(now, self.zone)
        at = self._in(week)
        return at if at > now else self._in(week.after(1))

    def page(self, at: Micros) -> Week:
        """The week that a page of this time is about: the last one that is over."""
        return Week.of(at, self.zone).after(-1)

    def _in(self, week: Week) -> Micros:
        return at_local(week.monday + timedelta(days=self.weekday - 1), self.clock, self.zone)
