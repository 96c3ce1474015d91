"""How much a day's count differs from what was expected of it, beyond what counting explains."""

import math
from dataclasses import dataclass, replace

_MEMORY = 28.0  # days
_USUAL, _WORTH = 0.01, 4.0  # variance of a day's log level before it is known, worth so many days
_MOST = 1.0  # a day far off is one


@dataclass(frozen=True, slots=True)
class DayLevels:
    """The variance of the logarithm of a day's level, by moments. Never changed: what learns gives another.

    An hour of a few tells next to nothing of it, and all hours of a day share it: who takes them for independent
    believes in the level of the day before until noon.

    >>> days = DayLevels()
    >>> for number in range(28):
    ...     days = days.after(30.0 if number % 2 else 60.0, 45.0).over(1.0)
    >>> 0.05 < days.variance() < 0.15
    True
    """

    seen: float = 0.0
    due: float = 0.0
    squares: float = _WORTH * _USUAL
    information: float = _WORTH

    def variance(self) -> float:
        """Of the logarithm of a day's level."""
        return max(self.squares / self.information, 0.0)

    def after(self, seen: float, due: float) -> "DayLevels":
        """With a part of the day."""
        return replace(self, seen=self.seen + seen, due=self.due + due)

    def over(self, size: float) -> "DayLevels":
        """At the end of the day; `size`: variance over mean of its counts."""
        if self.due <= 0.0:
            return self
        counting = size / (self.due + 0.5)
        weight, fade = (0.1 / (0.1 + counting)) ** 2, math.exp(-1.0 / _MEMORY)
        apart = math.log((self.seen + 0.5) / (self.due + 0.5)) ** 2 - counting
        return DayLevels(
            squares=_WORTH * _USUAL * (1.0 - fade) + self.squares * fade + weight * min(apart, _MOST),
            information=_WORTH * (1.0 - fade) + self.information * fade + weight,
        )
