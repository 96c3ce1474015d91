"""The learned rate of arrivals: level, hour of day, weekend and day of week, and how much hours differ."""

import math
from collections.abc import Mapping
from typing import ClassVar, Self

from detectors.frame import JSON
from detectors.plain import number, numbers

MEMORY = 28.0
"""Mean memory of the level in days; of an hour's rate in as many of its own kind."""
APART, WORTH_BINS = 2.0, 1.0
"""Variance of an hour's log rate about its coarser kind's before it is known, worth this many hours of that kind."""
WANDER, WORTH = 0.1, 24.0
"""Variance of an hour's log rate about its expectation before it is known, worth this many hours."""
_HOUR = 3_600_000_000
_SURE = 1e7  # as good as Poisson
_BY_HOUR, _BY_KIND = 24, 72  # where the hours by kind of day, and those of the week, begin
_SATURDAY = 5
_KINDS = ((0, _BY_HOUR), (_BY_HOUR, _BY_KIND), (_BY_KIND, 240))


class ArrivalBase:
    """Expected arrivals a day at any time: a level and three ever finer kinds of hour.

    Rates by hour of day, by hour of day on weekdays or weekends, and by hour of week, each shrunk to the coarser
    one by how much such hours were found to differ. Times are days since `origin` (microseconds, a midnight UTC).

    >>> base = ArrivalBase()
    >>> base.origin = 0
    >>> for hour in range(48):
    ...     base.learn(hour / 24, 1 / 24, 12.0 if hour % 24 >= 8 else 0.0)
    >>> night, day = base.rate(2 + 3 / 24)[0], base.rate(2 + 12 / 24)[0]
    >>> bool(night < 20 < 200 < day)
    True
    """

    _NUMBERS = (
        "arrivals", "days", "total", "information", "squares", "block_due", "block_seen", "block", "day", "origin"
    )  # fmt: skip

    apart_prior: ClassVar[float] = APART

    def __init__(self) -> None:
        self.origin = -1
        self.clump = 1.0
        """How many arrivals tell as much as one; who knows it says it, it is no part of the dump."""
        self.arrivals = self.days = self.total = 0.0
        self.information = self.squares = 0.0
        self.block_due = self.block_seen = 0.0
        self.block = -1.0
        self.day = -1.0
        self.seen = [0.0] * 240
        self.time = [0.0] * 240
        self.apart = [self.apart_prior] * 3

    def copy(self) -> Self:
        """An independent copy."""
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.seen, made.time = list(self.seen), list(self.time)
        return made

    def rate(self, when: float) -> tuple[float, float]:
        """Expected arrivals a day at that time, and the variance of its logarithm."""
        rate, doubt = self._level(), self.clump / (self.arrivals + 0.5)
        if rate <= 0.0:
            return 0.0, APART
        for place, apart in zip(self._places(when), self.apart, strict=True):
            rate, doubt = self._shrunk(place, apart, rate, doubt)
        return rate, doubt

    def _shrunk(self, place: int, apart: float, coarse: float, doubt: float) -> tuple[float, float]:
        """The rate of one kind of hour, shrunk to the coarser kind's as a gamma prior would."""
        weight = self.clump / (apart + doubt)
        known = self.seen[place] + weight
        return known / (self.time[place] + weight / coarse), self.clump / known

    def wander(self) -> float:
        """Variance of an hour's log rate about its expectation, beyond counting."""
        return max((self.squares + WORTH * WANDER) / (self.information + WORTH), 0.01)

    def learn(self, when: float, length: float, arrivals: float) -> None:
        """Take in a window about `when`, `length` days long."""
        self._note(when, self.rate(when)[0] * length, arrivals)
        self.total += arrivals
        hourly = math.exp(-length * 24.0 / MEMORY)
        for place in self._places(when):
            self.seen[place] = self.seen[place] * hourly + arrivals
            self.time[place] = self.time[place] * hourly + length
        fade = math.exp(-length / MEMORY)
        self.arrivals = self.arrivals * fade + arrivals
        self.days = self.days * fade + length
        if math.floor(when) > self.day:
            self.day = float(math.floor(when))
            self.apart = [self._differ(*kind) for kind in _KINDS]

    def _differ(self, first: int, last: int) -> float:
        """How much the rates of one kind of hour differ from the coarser kind's, by moments, shrunk to a guess."""
        information, squares, wander = WORTH_BINS, WORTH_BINS * self.apart_prior, self.wander()
        for place in range(first, last):
            if self.time[place] <= 0.0:
                continue
            coarse = self._coarse(place) * self.time[place]
            noise = self.clump / (coarse + 0.5) + wander / max(self.time[place] * 24.0, 1.0)
            weight = (0.1 / (0.1 + noise)) ** 2
            information += weight
            squares += weight * min(math.log((self.seen[place] + 0.5) / (coarse + 0.5)) ** 2 - noise, 4.0)
        return max(squares / information, 0.01)

    def _coarse(self, place: int) -> float:
        """Arrivals a day of the kind of hour that this one is part of."""
        if place < _BY_HOUR:
            return self._level()
        weekday, hour = divmod(place - _BY_KIND, 24)
        parent = (place - _BY_HOUR) % 24 if place < _BY_KIND else _BY_HOUR + hour + (24 if weekday >= _SATURDAY else 0)
        return self.seen[parent] / self.time[parent] if self.time[parent] > 0.0 else self._level()

    def _level(self) -> float:
        return (self.arrivals + 0.5) / (self.days + 1.0 / 24.0) if self.days else 0.0

    def _places(self, when: float) -> tuple[int, int, int]:
        hours = int(self.origin) // _HOUR + math.floor(when * 24.0)
        hour, weekday = hours % 24, (hours // 24 + 3) % 7
        return hour, _BY_HOUR + hour + (24 if weekday >= _SATURDAY else 0), _BY_KIND + weekday * 24 + hour

    def _note(self, when: float, due: float, arrivals: float) -> None:
        """Add to the present hour; when it is over, its residual is one more look at the wander."""
        block = math.floor(when * 24.0)
        if block != self.block:
            if self.block_due > 0.0:
                counting = self.clump / (self.block_due + 0.5)
                weight = (WANDER / (WANDER + counting)) ** 2
                residual = math.log((self.block_seen + 0.5) / (self.block_due + 0.5))
                fade = math.exp(-1.0 / 24.0 / MEMORY)
                self.information = self.information * fade + weight
                self.squares = self.squares * fade + weight * min(residual * residual - counting, 4.0)
            self.block, self.block_due, self.block_seen = float(block), 0.0, 0.0
        self.block_due += due
        self.block_seen += arrivals

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        plain: dict[str, JSON] = {name: getattr(self, name) for name in self._NUMBERS}
        return {**plain, "seen": list(self.seen), "time": list(self.time), "apart": list(self.apart)}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The base of a dump."""
        made = cls()
        for name in cls._NUMBERS:
            setattr(made, name, number(state[name]))
        made.origin = int(made.origin)
        made.seen, made.time, made.apart = (numbers(state, name) for name in ("seen", "time", "apart"))
        return made


def log_poisson(count: float, mean: float) -> float:
    """Without the count's factorial, which cancels."""
    if mean <= 0.0:
        return 0.0 if count == 0.0 else -1e9
    return count * math.log(mean) - mean


def log_negative_binomial(count: float, shape: float, scale: float, mean: float) -> float:
    """The same for a rate with a gamma deviation of this shape and scale; Poisson as the shape grows."""
    if mean <= 0.0:
        return 0.0 if count == 0.0 else -1e9
    if count == 0.0:
        return -shape * math.log1p(mean / scale)
    if shape > _SURE:
        return log_poisson(count, mean * shape / scale)
    rising = math.lgamma(shape + count) - math.lgamma(shape)
    return rising - shape * math.log1p(mean / scale) + count * math.log(mean / (scale + mean))
