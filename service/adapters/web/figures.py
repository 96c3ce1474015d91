"""What is usual, from the steps before: the range that most of their shares of broken promises, or counts, kept."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import msgspec

from service.core.counting.changes import BlindSpan
from service.core.event import DAY, Micros
from service.core.standing import Totals

LEAST = 7
"""Fewer steps than this say nothing about what is usual."""
LOW, HIGH = 0.05, 0.95
"""Nine steps of ten lay between."""
_CALM = 2 / 3
_WEEKS = 2
"""A single week before this one is no habit."""


class Usual(msgspec.Struct, frozen=True, gc=False):
    """Shares, or counts, between which nine steps of ten lay."""

    low: float
    high: float


class Point(msgspec.Struct, frozen=True, gc=False):
    """A step of a series; `usual` None: not known. `blind`: which part of it nobody saw."""

    start: Micros
    end: Micros
    totals: Totals
    usual: Usual | None = None
    blind: float = 0.0

    @property
    def share(self) -> float | None:
        """Broken of attempts."""
        return self.totals.broken / self.totals.attempts if self.totals.attempts else None

    @property
    def is_high(self) -> bool:
        """Above the usual."""
        return self.usual is not None and self.share is not None and self.share > self.usual.high


def usual(history: Iterable[Totals]) -> Usual | None:
    """Quantiles of the shares, each step weighing as much as it had attempts; None for too few steps."""
    return _between([(each.broken / each.attempts, each.attempts) for each in history if each.attempts > 0])


def counts(history: Iterable[int]) -> Usual | None:
    """Quantiles of counts, each step alike; None for too few steps."""
    return _between([(float(each), 1) for each in history])


def _between(steps: list[tuple[float, int]]) -> Usual | None:
    if len(steps) < LEAST:
        return None
    steps.sort()
    total = sum([weight for _, weight in steps])
    return Usual(_quantile(steps, LOW * total), _quantile(steps, HIGH * total))


def weekly(days: Mapping[Micros, Totals], end: Micros, weeks: int = 4) -> float | None:
    """The usual share of broken promises: the median of the weeks before `end`; None for fewer than two.

    A median, so that one bad week leaves it where it was; of weeks, since a day may have too few for a share.
    """
    shares = []
    for back in range(weeks):
        last = end - back * 7 * DAY
        mine = [sums for start, sums in days.items() if last - 7 * DAY <= start < last]
        attempts = sum(sums.attempts for sums in mine)
        if attempts:
            shares.append(sum(sums.broken for sums in mine) / attempts)
    return median(shares) if len(shares) >= _WEEKS else None


def _quantile(steps: Sequence[tuple[float, int]], wanted: float) -> float:
    seen = 0
    for share, weight in steps:
        seen += weight
        if seen >= wanted:
            return share
    return steps[-1][0]


def blind_part(spans: Sequence[BlindSpan], start: Micros, end: Micros, now: Micros) -> float:
    """Which part of [start, end) lay in blind spans, which do not overlap."""
    if end <= start:
        return 0.0
    return blind_time(spans, start, end, now) / (end - start)


def blind_time(spans: Sequence[BlindSpan], start: Micros, end: Micros, now: Micros) -> Micros:
    """How much of [start, end) lay in blind spans; an open one lasts until now."""
    return sum(max(0, min(end, now if each.until is None else each.until) - max(start, each.since)) for each in spans)


class Grid(msgspec.Struct, frozen=True, gc=False):
    """Equal steps: the starts of those shown, in order, how long each is, and what each is compared with.

    Each step is compared with up to `history` steps before it that are `every` steps apart: days with the
    days before at 1, hours with the same hour of other days at 24.
    """

    starts: Sequence[Micros]
    step: Micros
    history: int = 28
    every: int = 1

    @property
    def end(self) -> Micros:
        """Where the last step ends."""
        return self.starts[-1] + self.step


def series(totals: Mapping[Micros, Totals], grid: Grid, blind: Sequence[BlindSpan], now: Micros) -> list[Point]:
    """The points of a grid, each with what was usual before it."""
    nothing = Totals()
    points: list[Point] = []
    high: set[Micros] = set()
    # A wall of hundreds of moments looks at each step dozens of times.
    weighed = {at: (each.broken / each.attempts, each.attempts) for at, each in totals.items() if each.attempts > 0}
    apart = grid.step * grid.every
    for start in grid.starts:
        before = [at for at in range(start - apart, start - apart * grid.history - 1, -apart) if at in weighed]
        # What was above the usual does not become usual for what follows, until there is too much of it.
        calm = [at for at in before if at not in high]
        known = calm if len(calm) >= _CALM * len(before) else before
        end = start + grid.step
        seen = min(end, now) if now > start else end
        point = Point(
            start,
            end,
            totals.get(start, nothing),
            _between([weighed[at] for at in known]),
            blind_part(blind, start, seen, now),
        )
        if point.is_high:
            high.add(start)
        points.append(point)
    return points
