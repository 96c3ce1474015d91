"""How bad an interruption is, against the moment's own past: the level that decides whom it wakes."""

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import median

import msgspec

from service.core.catalog import LEVELS, Level
from service.core.counting.tally import Values, Window
from service.core.event import HOUR, Micros
from service.core.interruption import Segment
from service.core.judging.gathered import Folded, Gathered

PAST_DAYS = 28

HORIZON: Micros = 4 * HOUR
"""What the present pace will have done by then counts as if it were done: waiting for the harm is no early warning."""

BOUNDS: tuple[tuple[float, Level], ...] = ((4.0, "critical"), (1.5, "high"), (0.4, "medium"))
"""Harm in ordinary bad days from which a level holds."""


class Harm(msgspec.Struct, frozen=True, gc=False):
    """What is known of an interruption's harm: breaks so far, as many as usual, and money if there is any."""

    broken: int
    usual: float
    value: int
    since: Micros


class Counted(msgspec.Struct, frozen=True, gc=False):
    """What windows that began at a time or later held of a segment, as judged; `value`: of what broke."""

    since: Micros = 0
    attempts: int = 0
    broken: int = 0
    value: int = 0

    def plus(self, windows: Iterable[Window], chosen: Callable[[Values], bool]) -> "Counted":
        """With some more windows, as far as their cells are chosen."""
        attempts, broken, value = self.attempts, self.broken, self.value
        for window in windows:
            if window.start < self.since:
                continue
            if isinstance(window, Folded):
                # Only while nothing but the whole is asked for.
                attempts += int(window.of.tried[0])
                broken += int(window.of.failed[0])
                value += window.of.broken_value
            for values, cell in window.cells.items():
                if chosen(values):
                    attempts += cell.attempts
                    broken += cell.broken
                    value += cell.broken_value
        return Counted(self.since, attempts, broken, value)


def cells_of(segment: Segment, dimensions: Sequence[str]) -> Callable[[Values], bool]:
    """Whether a cell's values lie in a segment."""
    places = [(dimensions.index(dimension), frozenset(among)) for dimension, among in segment]
    if not places:
        return lambda _: True
    if len(places) == 1:
        ((only, values_of),) = places
        return lambda values: values[only] in values_of
    return lambda values: all(values[place] in among for place, among in places)


class Day(msgspec.Struct, gc=False):
    """What one day of a moment held: events, breaks and their value in minor units, as judged."""

    events: int = 0
    broken: int = 0
    value: int = 0

    def take(self, given: Gathered) -> None:
        """Add the cells of some windows."""
        self.events += given.events
        self.broken += given.failures
        self.value += given.broken_value


class Past(msgspec.Struct, frozen=True, gc=False):
    """A moment's usual: breaks on the median day, and the mean value of a break in minor units."""

    broken: float = 0.0
    value: float = 0.0


def past_of(days: Iterable[Day]) -> Past:
    """The usual of the days before."""
    known = list(days)
    broken = sum(day.broken for day in known)
    value = sum(day.value for day in known)
    return Past(median(day.broken for day in known) if known else 0.0, value / broken if broken else 0.0)


def level_of(harm: Harm, past: Past) -> Level:
    """From the excess over the usual, in ordinary bad days: so far and, at the present pace, within four hours.

    Where breaks carry money, one that is worth more than the moment's usual break counts for more.
    """
    excess = max(harm.broken - harm.usual, 0.0)
    pace = excess / max(harm.since, HOUR // 4)
    expected = excess + pace * HORIZON
    weight = (harm.value / harm.broken) / past.value if harm.value and harm.broken and past.value else 1.0
    # Where a day usually brings one break, three are chance and no harm to wake anyone for.
    bad_day = past.broken + 3.0 * math.sqrt(past.broken) + 3.0
    days = expected * weight / bad_day
    return next((level for bound, level in BOUNDS if days >= bound), "low")


def higher(one: Level, other: Level) -> Level:
    """The worse of two levels."""
    return max(one, other, key=LEVELS.index)
