"""How many arrivals come together: batches, groups and retries make counts vary more than a Poisson law says."""

import math
from collections.abc import Mapping, Sequence
from typing import Self

from detectors.arrivals import MEMORY
from detectors.frame import JSON
from detectors.plain import numbers

_BINS = (1.0, 5.0, 15.0, 60.0)
"""Minutes. A clump may be spread over some time: it shows whole in bins that are longer than that."""
_MANY = 60.0
"""Arrivals beyond which a bin of several windows tells nothing: rates that move by an eighth would pass for clumps."""
BOUND = 9.0
"""A term counts for no more than so many times the present size: three deviations."""
NOISE = 4.0 * 2.0**2
"""Variance of a term over the squared size, for what it shares with its neighbours too (35/9 of a normal law), of twice
the deviation: a size that is not surely beyond 1 would make who comes one by one wait longer."""
_ALIKE = 2.0
_ROW = 3  # bins of a term
_NEARLY, _PIECES = 1e-7, 100.0  # parts of a bin that rounding may lose, by so many windows
_MINUTES = 1440.0


def alike(rates: Sequence[float]) -> bool:
    """Whether hours of these rates are alike enough to tell clumps from the shape of the day."""
    return 0.0 < max(rates) <= _ALIKE * min(rates)


class Clumps:
    """The size of clumps: variance over mean of counts at short range, 1 where arrivals come one by one.

    A term is d (d - e) / 2 n of the counts of three bins in a row: d = x1 - 2 x2 + x3, e what is expected of it by the
    usual shape of the day, n their sum. Given n its mean is 1 where arrivals are Poisson, whatever the rate and however
    steadily it rises or falls, and c where they come c at a time. The size is the mean of the terms over four weeks, of
    the length of bins that gives most; it is believed as far as it is beyond 1 by more than twice its own error, so
    that who comes one by one pays next to nothing. Likelihoods are then those of counts / size of means / size (quasi-
    likelihood): exact for clumps of one size, and for mixed and spread ones on the safe side where fewer are looked
    for; where more are, clumps of very mixed sizes are still told too often.
    Not taken: differences of two neighbours, to which each morning is a clump; a law of compound counts, which needs
    the sizes one by one; a wider deviation of the hour, which an empty stretch within it does not show.
    Source: von Neumann 1941 (successive differences); Wedderburn 1974; James and Stein 1961.

    >>> clumps, size = Clumps(), []
    >>> for number in range(24 * 14):
    ...     clumps.take(number / 24, (number + 1) / 24, 10.0 * (number % 5 == 2), 0.0)
    ...     size.append(clumps.size())
    >>> size[1], size[-1] > 5.0
    (1.0, True)
    """

    def __init__(self) -> None:
        self._bins = [_Bins(minutes / _MINUTES) for minutes in _BINS]

    def size(self) -> float:
        """How many come together."""
        return max(bins.size() for bins in self._bins)

    def take(self, start: float, end: float, arrivals: float, bend: float | None) -> None:
        """Take in a window from `start` to `end`, in days.

        `bend`: the second difference over the sum that is expected of this hour and the two before it; None where
        hours about it are too unlike to tell clumps from the shape of the day.
        """
        for bins in self._bins:
            if bins.begun <= start and end < bins.end:
                bins.covered += end - start
                bins.count += arrivals
            else:
                bins.take(start, end, arrivals, bend)

    def part(self) -> None:
        """What comes next is no neighbour of what came: something was wrong, or special, between them."""
        for bins in self._bins:
            bins.part()

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {f"{minutes:g}": bins.dump() for minutes, bins in zip(_BINS, self._bins, strict=True)}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The clumps of a dump."""
        made = cls()
        for minutes, bins in zip(_BINS, made._bins, strict=True):
            bins.load(numbers(state, f"{minutes:g}"))
        return made


class _Bins:
    """Counts in bins of one length, and the terms of three in a row."""

    _NUMBERS = ("place", "begun", "end", "covered", "count", "over", "run", "first", "second", "total", "weight")

    def __init__(self, length: float) -> None:
        self.length, self.hours, self.fade = length, length * 24.0, math.exp(-length / MEMORY)
        self.place, self.covered, self.count = -1.0, 0.0, 0.0  # the bin that is being filled
        self.begun, self.end = 0.0, -1.0  # about when, less what rounding may lose
        self.over, self.run = -1.0, 0.0  # the last whole bin, and how many there were in a row
        self.first = self.second = 0.0  # counts of the last two of them
        self.total = self.weight = 0.0

    def size(self) -> float:
        beyond = self.total / self.weight - 1.0 if self.weight > 0.0 else 0.0
        if beyond <= 0.0:
            return 1.0
        return 1.0 + max(beyond - NOISE * (1.0 + beyond) ** 2 / (self.weight * beyond), 0.0)

    def part(self) -> None:
        self.place = self.over = self.end = -1.0

    def take(self, start: float, end: float, arrivals: float, bend: float | None) -> None:
        length = self.length
        place = math.floor(start / length + _NEARLY)
        little = length * _NEARLY
        if end > (place + 1) * length + little and (arrivals > 0.0 or self.over < 0.0):
            self.part()
            if arrivals > 0.0:
                # Nobody knows in which bins they came; and those windows that are short enough are so by what came.
                self.total = self.weight = 0.0
            return
        at = start
        while end - at > little:
            if place != self.place:
                self.place, self.covered, self.count = float(place), 0.0, 0.0
                self.begun, self.end = place * length - little, (place + 1) * length - little
            until = min((place + 1) * length, end)
            self.covered += until - at
            self.count += arrivals
            if (place + 1) * length - until <= little:
                self._close(bend, alone=until - at >= length - little)
            at, place = until, place + 1

    def _close(self, bend: float | None, *, alone: bool) -> None:
        """The bin is over; `alone`: it was one window."""
        self.total *= self.fade
        self.weight *= self.fade
        if self.covered < self.length * (1.0 - _PIECES * _NEARLY):
            return
        self.run = self.run + 1.0 if self.over == self.place - 1.0 else 1.0
        many = self.first + self.second + self.count
        if self.run >= _ROW and many > 0.0 and bend is not None and (alone or many <= _ROW * _MANY):
            apart, most = self.first - 2.0 * self.second + self.count, BOUND * self.size()
            term = apart * (apart - bend * self.hours * self.hours * many) / (2.0 * many)
            self.total += min(max(term, -most), most)
            self.weight += 1.0
        self.over, self.first, self.second = self.place, self.second, self.count

    def dump(self) -> list[JSON]:
        return [getattr(self, name) for name in self._NUMBERS]

    def load(self, kept: list[float]) -> None:
        for name, value in zip(self._NUMBERS, kept, strict=True):
            setattr(self, name, value)
