"""Control limits for a week's share of broken promises, from the weeks before it."""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Literal

import msgspec

from service.core.standing import Totals

WEEKS = 8
"""What is usual is read from up to so many weeks."""
SPREAD_WEEKS = 13
"""How much weeks vary is read from up to so many: a spread needs more of them than a middle does."""
LEAST = 4
"""Fewer weeks than this give no limits."""
METHOD = (
    "three standard deviations of a binomial share around the median of the weeks before, wider as far as those "
    "weeks varied beyond chance (Laney's p-prime chart) and while they are few; about one calm week a year lies outside"
)
_SIGMAS = 3.0
_UNSURE = 3.0
"""So many weeks' worth of doubt: a spread read from n weeks is taken (1 + 3 / n) times as wide. In simulations of
normal weeks this leaves 2 % of calm weeks outside for thirteen weeks; without it, 4 %."""
_MEDIAN_RANGE, _MEAN_RANGE = 0.954, 1.128
"""Median and mean of the moving ranges of independent normal values, in their standard deviations."""
_FEW = 3.0
"""Fewer breaks than this above or below the usual are no exception, whatever the limits say: among few
attempts, a single break can lie beyond them."""

Verdict = Literal["worse", "better", "inside", "unknown"]


class Limits(msgspec.Struct, frozen=True, gc=False):
    """The usual share, and the shares between which a week of so many attempts stays by chance alone."""

    usual: float
    lower: float
    upper: float
    weeks: int


def usual(before: Sequence[Totals]) -> float | None:
    """The median of the last weeks' shares, so that one bad week leaves it where it was; None without any week.

    `before`: the weeks before, in order, those in which nothing happened among them.
    """
    return median(shares) if (shares := _shares(before[-WEEKS:])) else None


def limits(before: Sequence[Totals], attempts: int) -> Limits | None:
    """The limits of a week with so many attempts; `before`: as for `usual`. None for too few weeks.

    A binomial share varies by sqrt(p (1 - p) / n); real weeks vary more. Each week's distance from the usual is
    put in these units, and the moving ranges of these distances say how much more (Laney 2002). The median of
    the ranges or their mean, whichever is less: a storm among the weeks before must not hide the next one, nor
    must a few ranges whose middle one happens to be large.
    """
    weeks = [totals for totals in before[-SPREAD_WEEKS:] if totals.attempts > 0]
    centre = usual(before)
    if len(weeks) < LEAST or attempts <= 0 or centre is None:
        return None
    spread = math.sqrt(_certain(centre, weeks) * (1 - _certain(centre, weeks)))
    distances = [(week.broken / week.attempts - centre) * math.sqrt(week.attempts) / spread for week in weeks]
    ranges = [abs(later - earlier) for earlier, later in pairwise(distances)]
    beyond = max(min(median(ranges) / _MEDIAN_RANGE, fmean(ranges) / _MEAN_RANGE), 1.0)
    reach = _SIGMAS * (1 + _UNSURE / len(weeks)) * beyond * spread / math.sqrt(attempts)
    return Limits(centre, max(0.0, centre - reach), min(1.0, centre + reach), len(weeks))


def verdict(week: Totals, known: Limits | None) -> Verdict:
    """Whether a week lies outside its limits, and on which side."""
    if known is None or week.attempts <= 0:
        return "unknown"
    share = week.broken / week.attempts
    if abs(week.broken - known.usual * week.attempts) < _FEW or known.lower <= share <= known.upper:
        return "inside"
    return "worse" if share > known.upper else "better"


def _shares(weeks: Sequence[Totals]) -> list[float]:
    return [week.broken / week.attempts for week in weeks if week.attempts > 0]


def _certain(centre: float, weeks: Sequence[Totals]) -> float:
    """The share that chance is reckoned with: never 0 or 1, for weeks without a break promise no certainty."""
    attempts = sum(week.attempts for week in weeks)
    least = 1 / (attempts + 2)
    return min(max(centre, least), 1 - least)
