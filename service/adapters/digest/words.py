"""How the page writes shares, money, days and places; whatever came from outside is one short line of plain text."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from service.core.telling import message
from service.core.weekly.page import Page

_SECOND = 1_000_000


class Words:
    """Writes for one page's time zone and currency."""

    def __init__(self, page: Page) -> None:
        self._zone = ZoneInfo(page.timezone)
        self._currency = page.currency
        self._digits = page.minor_digits

    def day(self, at: datetime) -> str:
        """`Tue 16 Apr`."""
        local = at.astimezone(self._zone)
        return f"{local:%a} {local.day} {local:%b}"

    def time(self, at: datetime) -> str:
        """`Tue 16 Apr, 15:15`."""
        return f"{self.day(at)}, {at.astimezone(self._zone):%H:%M}"

    def span(self, start: datetime, end: datetime) -> str:
        """`Mon 15 to Sun 21 April 2013`."""
        first, last = start.astimezone(self._zone), (end - timedelta(microseconds=1)).astimezone(self._zone)
        month = f" {first:%B}" if first.month != last.month else ""
        year = f" {first:%Y}" if first.year != last.year else ""
        return f"{first:%a} {first.day}{month}{year} to {last:%a} {last.day} {last:%B} {last:%Y}"

    def stamp(self, at: datetime) -> str:
        """`Mon 22 Apr 2013, 07:00 EDT`."""
        local = at.astimezone(self._zone)
        return f"{self.day(at)} {local:%Y, %H:%M %Z}"

    def money(self, minor: float) -> str:
        """`BRL 4,977`."""
        return message.money(round(minor), self._currency, self._digits)


def percent(share: float) -> str:
    """`14 %`, `2.3 %`, `0.04 %`: two figures."""
    value = share * 100
    digits = 0 if value >= 10 or value == 0 else 1 if value >= 1 else 2  # noqa: PLR2004  # two figures
    said = f"{value:.{digits}f}"
    return f"{said.rstrip('0').rstrip('.') if digits else said} %"


def lasting(seconds: float) -> str:
    """`17 days`, `6 h`, `4 min`."""
    return message.lasting(round(abs(seconds) * _SECOND))


def number(value: float) -> str:
    """`44`, `2.3`, `under 0.1`."""
    return message.number(value)


def counted(count: int, unit: str) -> str:
    """`31 flights`, `1 flight`."""
    return message.counted(count, plain(unit, 40))


def one(unit: str) -> str:
    """`flight`."""
    return message.counted(1, plain(unit, 40)).removeprefix("1 ")


def plain(text: str, limit: int = 80) -> str:
    """One line without control characters."""
    return message.plain(text, limit)


def place(dimensions: Mapping[str, Sequence[str]]) -> str:
    """`carrier AA, MQ`; nothing for everywhere."""
    return message.segment_words(tuple((name, tuple(values)) for name, values in dimensions.items()))


def value(of: str) -> str:
    """A dimension's value as people read it."""
    return plain(of, 40) or "(empty)"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(parts) < 2:  # noqa: PLR2004  # two are needed for an "and"
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
