"""The week's shape of a failure rate: a smooth day, hours of their own, and a weekend, by empirical Bayes."""

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from detectors.frame import JSON, Floats, Frame
from detectors.plain import number, numbers

MEMORY = 56.0
"""Mean memory in days."""
_HOUR = 3_600_000_000
_FRIDAY = 4
_HOURS, _SLOTS = 24, 48
_WEEKDAYS = 5.0 / 7.0
_REBASE = 30.0
_SMOOTH = 0.8
"""Length of the day's curve: hours one apart are alike by 95 %, six apart by a fifth."""
_WANDERS = 8.0
"""Hours over which a day that differs does so in one direction."""
_UNKNOWN = 1e3
_LEVEL = 1.0
"""Variance of what all hours have in common: it is the level's, and no season."""
_CURVES = ((0.0, 0.5), (0.003, 0.1), (0.03, 0.15), (0.15, 0.15), (0.6, 0.1))
_OWN = ((1e-5, 0.5), (1e-3, 0.25), (1e-2, 0.15), (0.1, 0.1))
_WEEKENDS = ((1e-5, 0.6), (0.01, 0.2), (0.1, 0.2))
"""Variance of log factors with its prior weight: of the day's curve, of an hour of its own, of the weekend."""


def _slot(frame: Frame) -> int:
    """The hour of day, UTC, in which the middle of the window lies, plus 24 on Saturday and Sunday.

    >>> nothing = np.zeros(1)
    >>> [_slot(Frame(day * 24 * _HOUR, (day * 24 + 2) * _HOUR, ("",), nothing, nothing, nothing)) for day in (0, 2)]
    [1, 25]
    """
    hours = (frame.start + frame.end) // 2 // _HOUR
    hour = hours % _HOURS
    return hour + _HOURS if (hours // _HOURS + 3) % 7 > _FRIDAY else hour


def _shapes() -> tuple[Floats, Floats]:
    """Prior covariances of the log factors, one a combination of variances, and the weights of these."""
    slots = np.arange(_SLOTS)
    apart = slots[:, None] % _HOURS - slots % _HOURS
    curve = np.exp(-2.0 * np.sin(np.pi * apart / _HOURS) ** 2 / _SMOOTH**2)
    own = (apart == 0).astype(np.float64)
    side = np.where(slots < _HOURS, -1.0 + _WEEKDAYS, _WEEKDAYS)
    # Most of a weekend is one factor on all hours; a little of it is each hour's own.
    weekend = np.outer(side, side) * (0.8 + 0.15 * curve + 0.05 * own)
    # Over the week the log factors are 0 in the mean: the rest is the level's.
    mean = np.where(slots < _HOURS, _WEEKDAYS, 1.0 - _WEEKDAYS) / _HOURS
    centred = np.eye(_SLOTS) - mean
    found, weights = [], []
    for (bends, first), (jumps, second), (rests, third) in product(_CURVES, _OWN, _WEEKENDS):
        found.append(centred @ (bends * curve + jumps * own + rests * weekend) @ centred.T)
        weights.append(first * second * third)
    return np.array(found), np.array(weights)


_PRIORS, _WEIGHTS = _shapes()
_LOGS = np.log(_WEIGHTS)
_RING = np.abs(np.arange(_SLOTS)[:, None] - np.arange(_SLOTS)) % _HOURS
_SAME_KIND = (np.arange(_SLOTS)[:, None] < _HOURS) == (np.arange(_SLOTS) < _HOURS)
_ALIKE = np.where(_SAME_KIND, np.exp(-np.minimum(_RING, _HOURS - _RING) / _WANDERS), 0.0)
_SHARE = np.where(np.arange(_SLOTS) < _HOURS, _WEEKDAYS, 1.0 - _WEEKDAYS)
_FADES = _ALIKE / np.sqrt(np.outer(_SHARE, _SHARE))


def _inverse_of_lower(lower: Floats) -> Floats:
    """The inverses of lower triangular matrices, shape (count, _SLOTS, _SLOTS), from blocks of three upwards.

    LAPACK would be called once a matrix, for six times the time.

    >>> lower = np.tril(np.cos(np.arange(_SLOTS**2.0)).reshape(1, _SLOTS, _SLOTS) / 9.0) + np.eye(_SLOTS)
    >>> bool(np.abs(_inverse_of_lower(lower) @ lower - np.eye(_SLOTS)).max() < 1e-12)
    True
    """
    inverse = np.zeros_like(lower)
    first = np.arange(0, _SLOTS, 3)
    second, third = first + 1, first + 2
    one, two, three = (1.0 / lower[:, place, place] for place in (first, second, third))
    inverse[:, first, first], inverse[:, second, second], inverse[:, third, third] = one, two, three
    below, beside = lower[:, second, first], lower[:, third, second]
    inverse[:, second, first] = -below * one * two
    inverse[:, third, second] = -beside * two * three
    inverse[:, third, first] = (below * beside * two - lower[:, third, first]) * one * three
    size = 3
    while size < _SLOTS:
        for at in range(0, _SLOTS, 2 * size):
            upper, under = slice(at, at + size), slice(at + size, at + 2 * size)
            inside = lower[:, under, upper] @ inverse[:, upper, upper]
            inverse[:, under, upper] = -inverse[:, under, under] @ inside
        size *= 2
    return inverse


class Season:
    """Factors on the odds of a failure by hour of day and weekend, worked out anew once a day.

    Each slot's log ratio to the level (Mantel-Haenszel sums) is a noisy look at its log factor. The factors are a
    Gaussian process: a smooth curve over the day, hours of their own, a weekend; how much of each there is, is
    averaged over by marginal likelihood. A flat stream gets a flat season, a smooth one is soon known, a spike is
    still found. The wander of the stream counts against the hours' information: a bad day is no season.
    Source: Rasmussen and Williams 2006, chapters 2 and 5.
    """

    __slots__ = ("_day", "_doubts", "_factors", "_minus", "_plus", "_zero")

    def __init__(self) -> None:
        self._plus = [0.0] * _SLOTS
        self._minus = [0.0] * _SLOTS
        self._zero = 0.0
        self._day = 0
        self._factors = [1.0] * _SLOTS
        self._doubts: list[float] = (_WEIGHTS @ np.diagonal(_PRIORS, axis1=1, axis2=2)).tolist()

    @property
    def factors(self) -> Sequence[float]:
        """By hour of a weekday, then by hour of the weekend."""
        return self._factors

    def factor(self, frame: Frame) -> tuple[float, float]:
        """(factor on the odds, variance of its logarithm) in this window."""
        slot = _slot(frame)
        return self._factors[slot], self._doubts[slot]

    def learn(
        self, frame: Frame, now: float, seen_days: float, wander: float, window: tuple[float, float, float]
    ) -> None:
        """Take in the whole's window; `window`: its odds without season, failures, trials."""
        level, hits, trials = window
        if int(now) > self._day:
            self._day = int(now)
            self._refresh(now, 1.0 + min(seen_days, MEMORY), wander)
        unit = math.exp((now - self._zero) / MEMORY)
        rate = level / (1.0 + level)
        slot = _slot(frame)
        self._plus[slot] += unit * hits * (1.0 - rate)
        self._minus[slot] += unit * (trials - hits) * rate

    def _refresh(self, now: float, days: float, wander: float) -> None:
        """A day is over: what is known of every slot's factor now."""
        unit = math.exp((now - self._zero) / MEMORY)
        plus, minus = np.array(self._plus) / unit, np.array(self._minus) / unit
        if (now - self._zero) / MEMORY > _REBASE:
            self._plus, self._minus, self._zero = plus.tolist(), minus.tolist(), now
        seen = np.log((plus + 0.5) / (minus + 0.5))
        # Where failures are the rule, the successes tell.
        noise = np.where(plus + minus > 0.0, 1.0 / (np.minimum(plus, minus) + 0.5), _UNKNOWN)
        lower = np.linalg.cholesky(_PRIORS + (np.diag(noise) + (wander / days) * _FADES + _LEVEL))
        whiten = _inverse_of_lower(lower)
        white = whiten @ seen
        logs = _LOGS - np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1) - 0.5 * (white * white).sum(axis=1)
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        keep = weights > 1e-3  # noqa: PLR2004 - the rest would not show
        weights = weights[keep] / weights[keep].sum()
        priors = _PRIORS[keep]
        gain = whiten[keep] @ priors
        means = (white[keep, None] @ gain)[:, 0]
        spreads = np.diagonal(priors, axis1=1, axis2=2) - (gain * gain).sum(axis=1)
        mean = weights @ means
        spread = weights @ (spreads + (means - mean) ** 2)
        self._factors = np.exp(mean).tolist()
        self._doubts = np.maximum(spread, 0.0).tolist()

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "plus": list(self._plus),
            "minus": list(self._minus),
            "zero": self._zero,
            "day": self._day,
            "factors": list(self._factors),
            "doubts": list(self._doubts),
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take in a dump."""
        self._plus, self._minus = numbers(state, "plus"), numbers(state, "minus")
        self._zero = number(state["zero"])
        self._day = int(number(state["day"]))
        self._factors, self._doubts = numbers(state, "factors"), numbers(state, "doubts")
