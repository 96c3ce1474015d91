"""The week's shape of a failure rate: hour of day, and hour of day by weekend, shrunk by empirical Bayes."""

import math
from collections.abc import Mapping

from detectors.frame import JSON, Frame
from detectors.plain import number, numbers

MEMORY = 56.0
"""Mean memory in days."""
_HOUR = 3_600_000_000
_GUESSES = (0.15, 0.08)  # variance of the log factor between hours, and of weekends, before they are known
_WORTH = 4.0  # those guesses are worth this many hours
_REBASE = 30.0


def hour_of_week(frame: Frame) -> tuple[int, int]:
    """(hour of day, that plus 24 on Saturday and Sunday) of the middle of the window, UTC.

    >>> import numpy as np
    >>> nothing = np.zeros(1)
    >>> hour_of_week(Frame(0, 2 * 3_600_000_000, ("",), nothing, nothing, nothing))   # a Thursday
    (1, 1)
    """
    hours = (frame.start + frame.end) // 2 // _HOUR
    hour = hours % 24
    weekday = (hours // 24 + 3) % 7
    return hour, hour + 24 if weekday >= 5 else hour


class Season:
    """Factors on the odds of a failure by hour of day and weekend (Mantel-Haenszel ratios to the level).

    Each hour's factor is shrunk towards 1 by a variance between hours that is itself estimated once a day, so a
    flat stream gets a flat season; the weekend's factor of an hour is shrunk towards the hour's own. The
    wander of the stream counts against the hours' information: a bad day is no season.
    """

    __slots__ = ("_day", "_minus", "_plus", "_zero", "between")

    def __init__(self) -> None:
        self._plus = [0.0] * 72
        self._minus = [0.0] * 72
        self._zero = 0.0
        self._day = 0
        self.between = _GUESSES

    def factor(self, frame: Frame, now: float, seen_days: float, wander: float) -> tuple[float, float]:
        """(factor on the odds, variance of its logarithm) in this window."""
        unit = math.exp((now - self._zero) / MEMORY)
        days = 1.0 + min(seen_days, MEMORY)
        hour, week_hour = hour_of_week(frame)
        day, day_spread = self._ratio(hour, unit, days, wander, 1.0 / self.between[0])
        week, week_spread = self._ratio(week_hour + 24, unit, days, wander, 1.0 / self.between[1])
        return day * week, day_spread + week_spread

    def _ratio(self, place: int, unit: float, days: float, wander: float, weight: float) -> tuple[float, float]:
        plus, minus = self._plus[place] / unit, self._minus[place] / unit
        worth = 1.0 / (1.0 + wander * plus / days)
        return (plus * worth + weight) / (minus * worth + weight), 1.0 / (plus * worth + weight)

    def learn(
        self,
        frame: Frame,
        now: float,
        seen_days: float,
        wander: float,
        level: float,
        hits: float,
        trials: float,
    ) -> None:
        """Take in the whole's window; `level` is its odds without season."""
        if (now - self._zero) / MEMORY > _REBASE:
            unit = math.exp((now - self._zero) / MEMORY)
            self._plus = [value / unit for value in self._plus]
            self._minus = [value / unit for value in self._minus]
            self._zero = now
        unit = math.exp((now - self._zero) / MEMORY)
        hour, week_hour = hour_of_week(frame)
        rate = level / (1.0 + level)
        self._plus[hour] += unit * hits * (1.0 - rate)
        self._minus[hour] += unit * (trials - hits) * rate
        day, _ = self._ratio(hour, unit, 1.0 + min(seen_days, MEMORY), wander, 1.0 / self.between[0])
        rate = level * day / (1.0 + level * day)
        self._plus[week_hour + 24] += unit * hits * (1.0 - rate)
        self._minus[week_hour + 24] += unit * (trials - hits) * rate
        if int(now) > self._day:
            self._day = int(now)
            days = 1.0 + min(seen_days, MEMORY)
            self.between = (
                self._estimate(range(24), unit, days, wander, _GUESSES[0]),
                self._estimate(range(24, 72), unit, days / 2.0, wander, _GUESSES[1]),
            )

    def _estimate(self, places: range, unit: float, days: float, wander: float, guess: float) -> float:
        """The variance between these log factors by moments, weighted by information, shrunk to a guess."""
        information, total = _WORTH, _WORTH * guess
        for place in places:
            plus, minus = self._plus[place] / unit, self._minus[place] / unit
            if minus <= 0.0:
                continue
            noise = 1.0 / (plus + 0.5) + wander / days
            weight = (guess / (guess + noise)) ** 2
            information += weight
            total += weight * min(math.log((plus + 0.5) / (minus + 0.5)) ** 2 - noise, 4.0)
        return max(total / information, 0.002)

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "plus": list(self._plus),
            "minus": list(self._minus),
            "zero": self._zero,
            "day": self._day,
            "between": list(self.between),
        }

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take in a dump."""
        self._plus, self._minus = numbers(state, "plus"), numbers(state, "minus")
        self._zero = number(state["zero"])
        self._day = int(number(state["day"]))
        hours, weekends = numbers(state, "between")
        self.between = (hours, weekends)
