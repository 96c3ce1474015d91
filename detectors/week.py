"""What comes again week by week: a Sunday, a Friday evening that fails more often than the day's hours say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from detectors.frame import JSON, Floats, Frame
from detectors.plain import fields, number, numbers
from detectors.season import MEMORY

_SLOTS, _PER_DAY = 56, 8
_SLOT = 3 * 3_600_000_000
_MONDAY = 3 * _PER_DAY  # slots by which the first day of all was past a Monday
_WEEK = 7.0
_REBASE = 30.0
_SIZES = ((0.0, 0.8), (0.03, 0.1), (0.3, 0.07), (2.0, 0.03))
"""Variance of the log factors with its prior weight: most streams have no week beside day and weekend."""
_SMOOTH = 2.0  # slots: six hours
_WANDERS = 8.0 / 3.0  # slots over which a day that differs does so in one direction
_UNKNOWN = 1e3
_COMMON = 1.0
"""Variance of what a slot has in common on all days: it is the day's shape, and none of the week's."""
_AGAIN = (5.0, 9.0)
"""Days after which a break in the same hours of the week is its second."""


def _slot(frame: Frame) -> int:
    """The three hours of the week, from Monday 00:00 UTC, in which the middle of the window lies.

    >>> nothing, hour = np.zeros(1), 3_600_000_000
    >>> [_slot(Frame(day * 24 * hour, (day * 24 + 8) * hour, ("",), nothing, nothing, nothing)) for day in (0, 4)]
    [25, 1]
    """
    return ((frame.start + frame.end) // 2 // _SLOT + _MONDAY) % _SLOTS


_RING = np.abs(np.arange(_SLOTS)[:, None] - np.arange(_SLOTS))
_APART = np.minimum(_RING, _SLOTS - _RING)
_SHAPE = 0.85 * np.exp(-0.5 * (_APART / _SMOOTH) ** 2) + 0.15 * np.eye(_SLOTS)
_ALIKE = np.exp(-_APART / _WANDERS)
_SAME = np.where(_RING % _PER_DAY == 0, _COMMON, 0.0)
_PRIORS: Floats = np.array([size for size, _ in _SIZES])[:, None, None] * _SHAPE
_LOGS = np.log([weight for _, weight in _SIZES])


@dataclass(frozen=True, slots=True)
class _Held:
    """The break last seen in a slot: when it began, when it was last there, its sums, and whether it was a second."""

    since: float
    last: float
    plus: float
    minus: float
    again: bool

    def dump(self) -> dict[str, JSON]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        since, last, plus, minus = (number(state[name]) for name in ("since", "last", "plus", "minus"))
        return cls(since, last, plus, minus, again=bool(state["again"]))


class Week:
    """Factors on the odds of a failure by hour of the week, beside those of hour and weekend; anew once a day.

    A Gaussian process about the week, how large is averaged over by marginal likelihood. A break is not learned, or
    the next would be missed; but one that comes again in the same hours of the week, after it was over, is the week's,
    and is learned with the one before. Without that a Sunday on which nobody delivers would break anew for ever.
    Source: Rasmussen and Williams 2006, chapters 2 and 5.
    """

    __slots__ = ("_day", "_doubts", "_factors", "_held", "_minus", "_plus", "_zero")

    def __init__(self) -> None:
        self._plus = [0.0] * _SLOTS
        self._minus = [0.0] * _SLOTS
        self._zero = 0.0
        self._day = 0
        self._factors = [1.0] * _SLOTS
        self._doubts = [0.0] * _SLOTS
        self._held: dict[int, _Held] = {}

    def factor(self, frame: Frame) -> tuple[float, float]:
        """(factor on the odds, variance of its logarithm) in this window."""
        slot = _slot(frame)
        return self._factors[slot], self._doubts[slot]

    def learn(self, frame: Frame, now: float, since: float | None, window: tuple[float, float, float]) -> None:
        """Take in the whole's window; `since`: when the break it is in began; `window`: odds without season, counts."""
        level, hits, trials = window
        rate = level / (1.0 + level)
        slot = _slot(frame)
        plus, minus = hits * (1.0 - rate), (trials - hits) * rate
        if since is None:
            self._add(slot, now, plus, minus)
            return
        held = self._held.get(slot, _Held(since, now, 0.0, 0.0, again=False))
        if held.since != since:
            again = _AGAIN[0] <= now - held.last <= _AGAIN[1]
            if again:
                self._add(slot, now, held.plus, held.minus)
            held = _Held(since, now, 0.0, 0.0, again=again)
        if held.again:
            self._add(slot, now, plus, minus)
            self._held[slot] = replace(held, last=now)
        else:
            self._held[slot] = replace(held, last=now, plus=held.plus + plus, minus=held.minus + minus)

    def _add(self, slot: int, now: float, plus: float, minus: float) -> None:
        unit = math.exp((now - self._zero) / MEMORY)
        self._plus[slot] += unit * plus
        self._minus[slot] += unit * minus

    def refresh(self, now: float, seen_days: float, wander: float, season: Sequence[float]) -> None:
        """Where a day is over: what is known now; `season`: the factors of the day's hours, then of the weekend's."""
        if int(now) <= self._day:
            return
        self._day = int(now)
        unit = math.exp((now - self._zero) / MEMORY)
        plus, minus = np.array(self._plus) / unit, np.array(self._minus) / unit
        if (now - self._zero) / MEMORY > _REBASE:
            self._plus, self._minus, self._zero = plus.tolist(), minus.tolist(), now
        of_day = np.array(season).reshape(2, _PER_DAY, -1).mean(axis=2)
        due = minus * np.concatenate([np.tile(of_day[0], 5), np.tile(of_day[1], 2)])
        seen = np.log((plus + 0.5) / (due + 0.5))
        noise = np.where(plus + due > 0.0, 1.0 / (np.minimum(plus, due) + 0.5), _UNKNOWN)
        weeks = max(min(seen_days, MEMORY) / _WEEK, 1.0)
        lower = np.linalg.cholesky(_PRIORS + (np.diag(noise) + (wander / weeks) * _ALIKE + _SAME))
        white = np.linalg.solve(lower, np.broadcast_to(seen[:, None], (len(_SIZES), _SLOTS, 1)))
        logs = _LOGS - np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1) - 0.5 * (white * white).sum(axis=(1, 2))
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        gain = np.linalg.solve(lower, _PRIORS)
        means = (white.transpose(0, 2, 1) @ gain)[:, 0]
        spreads = np.diagonal(_PRIORS, axis1=1, axis2=2) - (gain * gain).sum(axis=1)
        mean = weights @ means
        self._factors = np.exp(mean).tolist()
        self._doubts = np.maximum(weights @ (spreads + (means - mean) ** 2), 0.0).tolist()

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "plus": list(self._plus),
            "minus": list(self._minus),
            "zero": self._zero,
            "day": self._day,
            "factors": list(self._factors),
            "doubts": list(self._doubts),
            "held": {str(slot): held.dump() for slot, held in sorted(self._held.items())},
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take in a dump."""
        self._plus, self._minus = numbers(state, "plus"), numbers(state, "minus")
        self._zero = number(state["zero"])
        self._day = int(number(state["day"]))
        self._factors, self._doubts = numbers(state, "factors"), numbers(state, "doubts")
        held = fields(state, "held")
        self._held = {int(slot): _Held.load(fields(held, slot)) for slot in held}
