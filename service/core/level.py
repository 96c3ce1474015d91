"""How bad an interruption is, against the moment's own past: the level that decides whom it wakes."""

from collections.abc import Sequence
from statistics import median

import msgspec

from service.core.catalog import LEVELS, Level
from service.core.event import DAY, HOUR, Micros

HORIZON: Micros = 4 * HOUR
"""What the present pace will have done by then counts as if it were done: waiting for the harm is no early warning."""

BOUNDS: tuple[tuple[float, Level], ...] = ((6.0, "critical"), (2.0, "high"), (0.5, "medium"))
"""Usual days' worth of harm from which a level holds."""


class Harm(msgspec.Struct, frozen=True, gc=False):
    """What is known of an interruption's harm: breaks so far, as many as usual, and money if there is any."""

    broken: int
    usual: float
    value: int
    since: Micros


class Past(msgspec.Struct, frozen=True, gc=False):
    """Breaks of the moment, and their value in minor units, on each of the days before."""

    broken: Sequence[int]
    value: Sequence[int]


def level_of(harm: Harm, past: Past) -> Level:
    """From the excess over the usual, in usual days: so far and, at the present pace, within four hours.

    Where breaks carry money, one that is worth more than the moment's usual break counts for more.
    """
    excess = max(harm.broken - harm.usual, 0.0)
    pace = excess / max(harm.since, HOUR // 4)
    expected = excess + pace * HORIZON
    usual = max(median(past.broken) if past.broken else 0.0, 1.0)
    weight = 1.0
    if harm.value and harm.broken and sum(past.value) and sum(past.broken):
        weight = (harm.value / harm.broken) / (sum(past.value) / sum(past.broken))
    days = expected * weight / usual
    return next((level for bound, level in BOUNDS if days >= bound), "low")


def higher(one: Level, other: Level) -> Level:
    """The worse of two levels."""
    return max(one, other, key=LEVELS.index)


PAST_DAYS = 28
PAST: Micros = PAST_DAYS * DAY
