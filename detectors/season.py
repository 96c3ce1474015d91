"""The week's shape of a failure rate: hour of day, and hour of day by weekend, shrunk by empirical Bayes."""

import math
from collections.abc import Mapping, Sequence

from detectors.frame import JSON, Frame
from detectors.plain import number, numbers

MEMORY = 56.0
"""Mean memory in days."""
_HOUR = 3_600_000_000
_GUESSES = (0.05, 0.02, 0.03, 0.01)
"""Variance of the log factor between hours and of an hour about its neighbours, then of weekends, not yet known."""
_WORTH = 0.5  # those guesses are worth this many hours
_LEAST = 5e-4
_FRIDAY = 4
_DAY_HOURS = 24
_REBASE = 30.0


def _hour(frame: Frame) -> int:
    """The hour since 1970 in which the middle of the window lies."""
    return (frame.start + frame.end) // 2 // _HOUR


def _places(hours: int) -> tuple[int, int]:
    """(hour of day, that plus 24 on Saturday and Sunday) of an hour since 1970, UTC.

    >>> _places(1), _places(2 * 24 + 1)      # a Thursday, a Saturday
    ((1, 1), (1, 25))
    """
    hour = hours % 24
    weekday = (hours // 24 + 3) % 7
    return hour, hour + 24 if weekday > _FRIDAY else hour


class Season:
    """Factors on the odds of a failure by hour of day and weekend (Mantel-Haenszel ratios to the level).

    Each hour's factor is shrunk towards its two neighbours' and theirs towards 1, by variances that are themselves
    estimated once a day: a flat stream gets a flat season, a smooth one is soon known, a spike is still found.
    The weekend's factor of an hour, relative to the hour's own, likewise. The wander of the stream counts
    against the hours' information: a bad day is no season. All of it is refreshed once an hour: the factor of an
    hour holds through it, and what it brought counts once it is over.
    """

    __slots__ = ("_day", "_hour", "_minus", "_now", "_plus", "_sums", "_zero", "between")

    def __init__(self) -> None:
        self._plus = [0.0] * 72
        self._minus = [0.0] * 72
        self._zero = 0.0
        self._day = 0
        self.between = _GUESSES
        self._hour = -1
        """The hour since 1970 that is being seen; -1: none yet."""
        self._now = (1.0, 1.0, 0.0)
        """Its factor of the day, of the week, and the variance of the logarithm of both."""
        self._sums = [0.0] * 4

    def factor(self, frame: Frame, now: float, seen_days: float, wander: float) -> tuple[float, float]:
        """(factor on the odds, variance of its logarithm) in this window."""
        day, week, spread = self._factors(_hour(frame), now, seen_days, wander)
        return day * week, spread

    def _factors(self, hours: int, now: float, seen_days: float, wander: float) -> tuple[float, float, float]:
        if hours == self._hour:
            return self._now
        unit = math.exp((now - self._zero) / MEMORY)
        days = 1.0 + min(seen_days, MEMORY)
        hour, week_hour = _places(hours)
        day, day_spread = self._ratio(hour, unit, days, wander)
        week, week_spread = self._ratio(week_hour + 24, unit, days, wander)
        return day, week, day_spread + week_spread

    def _ratio(self, place: int, unit: float, days: float, wander: float) -> tuple[float, float]:
        """Factor of one place and the variance of its logarithm."""
        flat, near = self.between[:2] if place < _DAY_HOURS else self.between[2:]
        weight = 1.0 / flat
        plus, minus = self._beside(place, unit)
        worth = 1.0 / (1.0 + wander * plus / days)
        target = (plus * worth + weight) / (minus * worth + weight)
        weight = 1.0 / (near + 1.0 / (plus * worth + weight))
        plus, minus = self._plus[place] / unit, self._minus[place] / unit
        worth = 1.0 / (1.0 + wander * plus / days)
        return (plus * worth + weight) / (minus * worth + weight / target), 1.0 / (plus * worth + weight)

    def _beside(self, place: int, unit: float) -> tuple[float, float]:
        """The sums of both neighbours on the day's ring."""
        ring = place // _DAY_HOURS * _DAY_HOURS
        before, after = ring + (place - 1) % _DAY_HOURS, ring + (place + 1) % _DAY_HOURS
        return (self._plus[before] + self._plus[after]) / unit, (self._minus[before] + self._minus[after]) / unit

    def learn(
        self,
        frame: Frame,
        now: float,
        seen_days: float,
        wander: float,
        window: tuple[float, float, float],
    ) -> None:
        """Take in the whole's window; `window`: its odds without season, failures, trials."""
        level, hits, trials = window
        hours = _hour(frame)
        if hours != self._hour:
            factors = self._factors(hours, now, seen_days, wander)
            self._turn(now, 1.0 + min(seen_days, MEMORY), wander)
            self._hour, self._now = hours, factors
        sums = self._sums
        rate = level / (1.0 + level)
        sums[0] += hits * (1.0 - rate)
        sums[1] += (trials - hits) * rate
        level *= self._now[0]
        rate = level / (1.0 + level)
        sums[2] += hits * (1.0 - rate)
        sums[3] += (trials - hits) * rate

    def _turn(self, now: float, days: float, wander: float) -> None:
        """The hour is over: it counts from now on; and once a day, how much hours differ."""
        unit = math.exp((now - self._zero) / MEMORY)
        if (now - self._zero) / MEMORY > _REBASE:
            self._plus = [value / unit for value in self._plus]
            self._minus = [value / unit for value in self._minus]
            self._zero, unit = now, 1.0
        if self._hour >= 0:
            hour, week_hour = _places(self._hour)
            for place, first in ((hour, 0), (week_hour + 24, 2)):
                self._plus[place] += unit * self._sums[first]
                self._minus[place] += unit * self._sums[first + 1]
            self._sums = [0.0] * 4
        if int(now) > self._day:
            self._day = int(now)
            hours = self._estimate(range(24), unit, days, wander, _GUESSES[:2])
            weekends = self._estimate(range(24, 72), unit, days / 2.0, wander, _GUESSES[2:])
            self.between = (*hours, *weekends)

    def _estimate(
        self, places: range, unit: float, days: float, wander: float, guesses: Sequence[float]
    ) -> tuple[float, float]:
        """Variances of these log factors about 1 and about their neighbours' by moments, shrunk to a guess."""
        information, total = [_WORTH, _WORTH], [_WORTH * guess for guess in guesses]
        for place in places:
            plus, minus = self._plus[place] / unit, self._minus[place] / unit
            if minus <= 0.0:
                continue
            own = math.log((plus + 0.5) / (minus + 0.5))
            noise = 1.0 / (plus + 0.5) + wander / days
            plus, minus = self._beside(place, unit)
            beside = math.log((plus + 0.5) / (minus + 0.5))
            more = noise + 1.0 / (plus + 0.5) + 0.5 * wander / days
            for which, (square, error) in enumerate(((own**2, noise), ((own - beside) ** 2, more))):
                weight = (guesses[which] / (guesses[which] + error)) ** 2
                information[which] += weight
                total[which] += weight * min(square - error, 4.0)
        flat, near = (max(all_ / known, _LEAST) for all_, known in zip(total, information, strict=True))
        return flat, near

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "plus": list(self._plus),
            "minus": list(self._minus),
            "zero": self._zero,
            "day": self._day,
            "between": list(self.between),
            "hour": self._hour,
            "now": list(self._now),
            "sums": list(self._sums),
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take in a dump."""
        self._plus, self._minus = numbers(state, "plus"), numbers(state, "minus")
        self._zero = number(state["zero"])
        self._day = int(number(state["day"]))
        hours, near, weekends, near_weekends = numbers(state, "between")
        self.between = (hours, near, weekends, near_weekends)
        self._hour = int(number(state["hour"]))
        day, week, spread = numbers(state, "now")
        self._now = (day, week, spread)
        self._sums = numbers(state, "sums")
