"""How the pages write numbers, money, times and segments."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from service.adapters.web.settings import WebSettings
from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros, instant, micros
from service.core.interruption import Kind, Segment
from service.core.reporting.due_soon import Forecast
from service.core.telling import message
from service.core.telling.desk import Held, Reason

KINDS: dict[Kind, str] = {
    "failure_rate": "more promises broken than usual",
    "duration": "slower than usual",
    "volume": "an unusual number of events",
    "silence": "nothing is heard any more",
    "overdue": "promises overdue",
    "due_soon": "promises about to be missed",
    "value": "events worth unusually much or little",
    "complaints": "customers complain",
    "rule": "a rule's condition holds",
}
"""Evidence, as a person would say it."""

REASONS: dict[Reason | Held, str] = {
    "opened": "it opened",
    "reopened": "somebody opened it again",
    "level_changed": "its level changed",
    "resolved": "it is over",
    "found_late": "it was found late, while catching up",
    "was_open_while_away": "it opened and ended while the watch was away",
    "repeat": "nobody has acknowledged it and the route says it again",
    "escalated": "nobody has acknowledged it in time",
    "undelivered": "whoever was to be told could not be reached",
    "acknowledged": "somebody has it, and the incident there is to say so",
    "stale": "there was no data for a week",
    "withdrawn": "it was taken out of the catalogue",
    "shift": "a shift begins",
    "silence_ends": "a silence is about to end",
    "digest": "the digest",
    "test": "a test",
    "waiting_for_group": "its group gathers",
    "inhibited": "another one hides it",
    "awaiting_upstream": "an earlier stage is not judged so far yet",
    "silenced": "it is silenced",
    "muted": "the route is muted",
    "off_duty": "nobody is on duty",
    "over_before_told": "nobody had heard that it opened",
    "not_urgent": "it is not urgent enough to wake anybody",
    "page_budget_spent": "the owner's pages were marked noise as often as was agreed",
    "no_target": "the owner has no target",
}
"""Why somebody was told, or was not."""


class Words:
    """Writes for one reader's currency and time zone."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.time_zone)

    def local(self, at: Micros) -> datetime:
        """In the reader's zone."""
        return instant(at).astimezone(self._zone)

    def midnight(self, at: Micros) -> Micros:
        """The start of the local day that holds a time."""
        return micros(self.local(at).replace(hour=0, minute=0, second=0, microsecond=0))

    def days(self, at: Micros, count: int) -> list[Micros]:
        """The starts of the last so many days of 24 hours, today's last.

        Steps of a series are equal, so in the weeks around a change of clocks the older days are an hour off.
        """
        today = self.midnight(at)
        return [today - DAY * back for back in reversed(range(count))]

    def time(self, at: Micros, now: Micros) -> str:
        """`09:40` today, `Tue 16 Apr 09:40` else, with the year when it is not this one."""
        local, today = self.local(at), self.local(now)
        if local.date() == today.date():
            return f"{local:%H:%M}"
        return f"{self.day(at, now)} {local:%H:%M}"

    def stamp(self, at: Micros, now: Micros) -> str:
        """`Tue 16 Apr 09:40` whatever day it is, for a column of times."""
        return f"{self.day(at, now)} {self.local(at):%H:%M}"

    def day(self, at: Micros, now: Micros | None = None) -> str:
        """`Tue 16 Apr`, with the year when it is not this one."""
        return _day(self._zone, at, now)

    def moment(self, at: Micros) -> str:
        """`Tue 16 Apr 2013 09:40 EDT`: all of it."""
        local = self.local(at)
        zone = f"{local:%Z}"
        # Zones without a name of their own have their offset for one.
        return f"{self.day(at)} {local:%H:%M} {zone if zone.isalpha() else 'UTC' + zone}"

    def iso(self, at: Micros) -> str:
        """For machines."""
        return self.local(at - at % SECOND).isoformat()

    def money(self, minor: float) -> str:
        """`BRL 4,977`."""
        return message.money(round(minor), self._settings.currency, self._settings.minor_digits)

    def tick(self, at: Micros, step: Micros) -> str:
        """A label of a time axis whose ticks are so far apart."""
        local = self.local(at)
        if step >= DAY or (local.hour, local.minute) == (0, 0):
            return f"{local.day} {local:%b}"
        return f"{local:%H:%M}"

    def ticks(self, start: Micros, end: Micros, most: int, least: Micros = 0) -> list[tuple[Micros, str]]:
        """Round local times between two, no more than so many, and no closer than `least`."""
        steps = (5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
        days = tuple(DAY * count for count in (1, 2, 4, 7, 14, 28, 91, 365))
        step = next((each for each in (*steps, *days) if (end - start) / each <= most and each >= least), days[-1])
        at = self.midnight(start)
        found = []
        while at <= end:
            if at >= start:
                found.append((at, self.tick(at, step)))
            at = self._after(at, step)
        return found

    def _after(self, at: Micros, step: Micros) -> Micros:
        if step < DAY:
            return at + step
        # By the calendar, so that a tick stays at midnight when the clocks change.
        local = self.local(at) + timedelta(days=step // DAY)
        return micros(local.replace(tzinfo=None).replace(tzinfo=self._zone))


@lru_cache(maxsize=4096)
def _day(zone: ZoneInfo, at: Micros, now: Micros | None) -> str:
    """Kept, since every tile of a wall names the same days."""
    local = instant(at).astimezone(zone)
    year = "" if now is not None and local.year == instant(now).astimezone(zone).year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year}"


def whole(value: float) -> str:
    """`1,714`."""
    return f"{round(value):,}"


def about(value: float) -> str:
    """`44`, `2.3`, `under 0.1`."""
    return message.number(value)


def percent(share: float) -> str:
    """`14 %`, `8 %`, `2.3 %`, `0.04 %`."""
    value = share * 100
    digits = 0 if value >= 10 or value == 0 else 1 if value >= 0.95 else 2  # noqa: PLR2004  # two figures
    said = f"{value:.{digits}f}"
    return f"{said.rstrip('0').rstrip('.') if digits else said} %"


def span(duration: Micros) -> str:
    """`40 s`, `22 min`, `3 h 20 min`, `5 h`, `12 days`."""
    duration = max(duration, 0)
    if duration < 2 * MINUTE:
        return f"{duration // SECOND} s"
    if duration < 2 * HOUR and duration != HOUR:
        return f"{duration // MINUTE} min"
    if duration < 2 * DAY:
        hours, minutes = divmod(duration // MINUTE, 60)
        return f"{hours} h {minutes} min" if minutes and duration < 10 * HOUR else f"{hours} h"
    return f"{round(duration / DAY)} days"


def counted(count: int, unit: str) -> str:
    """`1 customer`, `31 flights`."""
    return message.counted(count, unit)


def value_name(value: str | None) -> str:
    """A dimension's value as people read it."""
    return "not stated" if value is None else message.plain(value, 60) or "(empty)"


def segment(of: Segment) -> str:
    """`carrier AA, MQ`; `everywhere` for everything."""
    return message.segment_words(of) or "everywhere"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(parts) < 2:  # noqa: PLR2004  # two are needed for an "and"
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def plain(text: str, limit: int = 300) -> str:
    """Text from outside on one line, without controls or overrides of the writing direction."""
    return message.plain(text, limit)


def will_miss(found: Forecast) -> str:
    """`about 11 will miss, 9 times in 10 from 7 to 16`."""
    return f"about {whole(found.middle)} will miss, 9 times in 10 from {whole(found.low)} to {whole(found.high)}"
