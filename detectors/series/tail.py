"""How far out in the tail of everything seen so far a number lies, in decades."""

import math
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Self

from detectors.frame import JSON
from detectors.plain import number, numbers

START = 100
"""Numbers after which a rank says something."""
KEPT = 4096
"""The largest numbers that are kept; what lies below them is not unusual."""
_HORIZON = 100_000
"""Numbers after which the past counts half, so that a series which changes its nature is not held to its youth."""
_RECORD = 3.0
"""Decades of a value as high as the record."""
_PEAKS = 20
_FURTHER = 3.0
_SAME = 1e-9


class Tail:
    """The largest numbers of a past, and how many there were in all.

    The share of the past at least as large estimates the probability of the tail, but by it only a long series could
    ever be very unusual. How far up the list of records a value stands says the same of every length: it ranks by
    3 · (1 - log(1 + as large) / log(1 + all)), three decades at the record as if there were a thousand values, none
    at the least. Past the record it goes on with the exponential tail of the largest twenty (Pickands 1975), three
    decades at most.

    >>> tail = Tail()
    >>> for at in range(1000):
    ...     tail.learn(at % 100 / 100)
    >>> round(tail.decades(0.5), 1), round(tail.decades(0.99), 1), tail.decades(1.5) > 5
    (0.3, 2.0, True)
    """

    __slots__ = ("seen", "top")

    def __init__(self) -> None:
        self.seen = 0
        self.top: list[float] = []

    def decades(self, value: float) -> float:
        """0 for the least, and while too little was seen; what equals a past number but for rounding equals it."""
        top = self.top
        if self.seen < START:
            return 0.0
        same = _SAME * abs(value)
        at = bisect_left(top, value - same)
        if at == 0 and len(top) < self.seen:
            return 0.0
        larger = len(top) - at
        found = _RECORD * (1.0 - math.log(larger + 1) / math.log(self.seen + 1))
        if larger == 0:
            peaks = min(_PEAKS, len(top) // 2)
            scale = max(math.fsum(top[-peaks:]) / peaks - top[-peaks - 1], same, 1e-300)
            found += min((value - top[-1]) / scale / math.log(10.0), _FURTHER)
        return found

    def learn(self, value: float) -> None:
        """Remember a number."""
        self.seen += 1
        top = self.top
        if len(top) < KEPT or value > top[0]:
            insort(top, value)
            if len(top) > KEPT:
                del top[0]
        if self.seen >= _HORIZON:
            self.seen //= 2
            self.top = top[::-2][::-1]

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {"seen": self.seen, "top": list(self.top)}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The tail of a dump."""
        made = cls()
        made.seen = int(number(state["seen"]))
        made.top = numbers(state, "top")
        return made
