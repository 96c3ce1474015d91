"""How silent ordinary days are: hours that wander, the highest statistic a day, the records by time of day."""

import math
from collections.abc import Mapping
from typing import Self

from detectors.frame import JSON
from detectors.plain import number, numbers

MEMORY = 28.0
"""Mean memory of everything here, in days."""
WANDER, WORTH, WORTH_ALIKE = 0.05, 4.0, 16.0
"""Squared coefficient of variation of an hour's count, beyond counting, before it is known; worth so many hours.

The whole day's is worth so many of one hour of day."""
FLOOR = 0.003
"""What hours differ by even where no difference was ever seen."""
TAIL, WORTH_PEAKS, WORTH_HERE = 1.0, 8.0, 4.0
"""The tail before a peak was seen, worth so many peaks; the whole day's, worth so many about one hour."""
MARGIN = 2.0
"""A statistic is news only when it is e² times the highest of late at that time of day."""
FADING = 0.08
"""What a record loses a day, in logarithms: after a month without another like it, it is worth a tenth."""
AROUND = 2
"""Hours before and after whose peaks tell the tail of one."""
NEAR = 1
"""Records count for as many hours before and after: the clocks change, and days start late."""
_WORTH_SQUARE = 0.25  # an hour tells half as much where what is due is known no better than this
AGAIN = 8.5
"""Days within which a second lull at the same time of day makes both of them ordinary."""


class Lulls:
    """What the statistic of silence reached on days on which nothing was wrong.

    Under an exact model the daily peaks of a Shiryaev-Roberts statistic have a tail of exp(-s) in its logarithm
    s; where days differ more than the model knows, the tail is exp(-s / b) with b > 1. b is the mean excess of the
    daily peaks over 0, shrunk to 1 and never below it. A lull that opened a breach and ended is a peak of at most
    the threshold; its record counts from the second one at that time of day on, so that a real outage leaves
    no blind hour behind while a habit is learned.
    Source: Pickands 1975 (excesses over a threshold).

    >>> lulls = Lulls()
    >>> for day in range(60):
    ...     lulls.note(day + 0.3, 6.0 if day % 2 else 1.0)
    ...     lulls.settle(day + 0.4)
    >>> round(lulls.tail(7), 1), lulls.record(7) > 5.0, lulls.record(20)
    (3.4, True, 0.0)
    """

    _NUMBERS = ("day", "spread", "weight")
    _LISTS = ("rising", "highest", "excess", "peaks", "squares", "information", "records", "odd", "odd_on")

    def __init__(self) -> None:
        self.day = -1.0
        self.rising, self.highest, self.excess, self.peaks = ([0.0] * 24 for _ in range(4))
        self.spread = self.weight = 0.0
        self.squares = [0.0] * 24
        self.information = [0.0] * 24
        self.records = [0.0] * 24
        self.odd = [0.0] * 24
        self.odd_on = [-1e9] * 24

    def copy(self) -> Self:
        """An independent copy."""
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        for name in self._LISTS:
            setattr(made, name, list(getattr(self, name)))
        return made

    def tail(self, hour: int) -> float:
        """Mean excess b of the peaks about that hour of day, 1 where the model is right."""
        hours = [(hour + by) % 24 for by in range(-AROUND, AROUND + 1)]
        excess, peaks = sum(self.excess[each] for each in hours), sum(self.peaks[each] for each in hours)
        common = (sum(self.excess) + WORTH_PEAKS * TAIL) / (sum(self.peaks) + WORTH_PEAKS)
        return max((excess + WORTH_HERE * common) / (peaks + WORTH_HERE), 1.0)

    def record(self, hour: int) -> float:
        """The highest statistic of late about that hour of day."""
        return max(self.records[(hour + by) % 24] for by in range(-NEAR, NEAR + 1))

    def note(self, when: float, statistic: float) -> None:
        """A logarithm of the statistic at that time, in days; it counts when it is over and was no outage."""
        hour = math.floor(when * 24.0) % 24
        self.rising[hour] = max(self.rising[hour], statistic)

    def settle(self, when: float) -> None:
        """What rose has come down by itself: an ordinary lull."""
        if math.floor(when) > self.day:
            self.turn(math.floor(when))
        for hour, statistic in enumerate(self.rising):
            self.highest[hour] = max(self.highest[hour], statistic)
            self.records[hour] = max(self.records[hour], statistic)
        self.drop()

    def drop(self) -> None:
        """What rose was an outage: it counts for nothing."""
        self.rising = [0.0] * 24

    def turn(self, day: float) -> None:
        """The days up to this one are over."""
        past = min(day - self.day, 1000.0) if self.day >= 0.0 else 0.0
        if past:
            fade = math.exp(-past / MEMORY)
            self.excess, self.peaks = [one * fade for one in self.excess], [one * fade for one in self.peaks]
            for hour, peak in enumerate(self.highest):
                if peak > 0.0:
                    self.excess[hour] += peak
                    self.peaks[hour] += 1.0
            self.records = [max(one - FADING * past, 0.0) for one in self.records]
        self.day, self.highest = float(day), [0.0] * 24

    def lull(self, when: float, statistic: float) -> None:
        """A breach was in its first hours at that time: what it reached is a habit if it was so lately."""
        hour, day = math.floor(when * 24.0) % 24, float(math.floor(when))
        before = max(
            (self.odd[(hour + by) % 24] for by in range(-NEAR, NEAR + 1) if self._lately((hour + by) % 24, day)),
            default=0.0,
        )
        if before:
            self.records[hour] = max(self.records[hour], min(before, statistic))
        if self.odd_on[hour] != day:
            self.odd[hour], self.odd_on[hour] = 0.0, day
        self.odd[hour] = max(self.odd[hour], statistic)

    def _lately(self, hour: int, day: float) -> bool:
        return 0.0 < day - self.odd_on[hour] < AGAIN

    def common(self) -> float:
        """Squared coefficient of variation of hours about the base, beyond counting."""
        return min(max((self.spread + WORTH * WANDER) / (self.weight + WORTH), FLOOR), 1.0)

    def wander(self, hour: int) -> float:
        """The same of that hour of day, of what falls short of what the hours before it made one hope for."""
        common = (sum(self.squares) + WORTH * WANDER) / (sum(self.information) + WORTH)
        short = (self.squares[hour] + WORTH_ALIKE * common) / (self.information[hour] + WORTH_ALIKE)
        return min(max(short, FLOOR), 1.0)

    def hour_over(self, hour: int, hoped: float, seen: float, due: float, doubt: float, clump: float = 1.0) -> None:
        """One more hour with so many arrivals seen, hoped for at the least and expected, `clump` at a time.

        `doubt`: variance of the expectation's logarithm: what was not known of the hour is not its wander.
        """
        fade = math.exp(-1.0 / MEMORY)
        self.squares[hour] *= fade
        self.information[hour] *= fade
        if hoped > 0.0:
            weight, excess = _excess(min(seen - hoped, hoped), hoped, clump / hoped + doubt)
            self.squares[hour] += weight * excess
            self.information[hour] += weight
        fade = math.exp(-1.0 / 24.0 / MEMORY)
        self.spread, self.weight = self.spread * fade, self.weight * fade
        if due > 0.0:
            weight, excess = _excess(min(seen - due, due), due, clump / due + doubt)
            self.spread += weight * excess
            self.weight += weight

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        plain: dict[str, JSON] = {name: getattr(self, name) for name in self._NUMBERS}
        lists: dict[str, JSON] = {name: list(getattr(self, name)) for name in self._LISTS}
        return {**plain, **lists}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The lulls of a dump."""
        made = cls()
        for name in cls._NUMBERS:
            setattr(made, name, number(state[name]))
        for name in cls._LISTS:
            setattr(made, name, numbers(state, name))
        return made


def _excess(apart: float, due: float, noise: float) -> tuple[float, float]:
    """The weight of an hour that was so far from what was due, and its squared deviation beyond chance and doubt."""
    return _WORTH_SQUARE / (_WORTH_SQUARE + noise), (apart / due) ** 2 - noise
