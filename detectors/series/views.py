"""What a series looks like at its latest row, seen in several ways; in each, the larger the number the stranger."""

import math
from collections.abc import Mapping, Sequence
from typing import Self

from detectors.frame import JSON
from detectors.plain import fields, numbers
from detectors.series.shapes import BLOCKS, Shapes

SCALES = (1, 8, 64)
"""Rows that means are over: one for a blow, and twice eight times as many for what creeps."""
WIDTHS = (1, 2, 4, 8)
"""Rows a block of a shape."""
FAMILIES: tuple[tuple[int, ...], ...] = (
    *((0, 1, 2), (3, 4, 5)),
    (6,),
    *((7, 8), (9, 10)),
    *((11, 12), (13, 14)),
)
"""The views that ask the same at several scales: how high, how low; how far from this time of day; how
unlike any earlier stretch the last dozen rows are and the last fifty, and the same of their form alone."""
YOUTH = 2 * BLOCKS * max(WIDTHS)
"""Rows after which there is something to compare with in every view."""
_BINS = 48
_BIN = 86_400.0 / _BINS
_STEADY = 200.0
"""Values that a time of day is averaged over at most: a month of five-minute rows."""


class Views:
    """The last rows, the means of each time of day, the stretches so far.

    At the start a mean is over as many rows as there are. So a long mean, too, begins with a past that is as wide as
    the values are, and has to beat that. How much the series changed is not asked: whatever does is unlike all before.

    >>> views = Views()
    >>> for value in (1.0, 2.0, 3.0):
    ...     views.learn(None, value)
    >>> views.of(None, 10.0)[:7]
    [10.0, 4.0, 4.0, -10.0, -4.0, -4.0, 0.0]
    """

    __slots__ = ("_counts", "_levels", "_shapes", "_values")

    def __init__(self) -> None:
        self._values: list[float] = []
        """The last rows, as many as the longest view needs."""
        self._levels = [0.0] * _BINS
        self._counts = [0.0] * _BINS
        self._shapes = [Shapes(width) for width in WIDTHS]

    def of(self, time: float | None, value: float) -> list[float]:
        """The views of a next row; `time` in seconds since 1970, None where it is not known."""
        values = [*self._values, value]
        means = [_mean(values, scale) for scale in SCALES]
        found = [*means, *(-mean for mean in means)]
        found.append(self._unseasonal(time, value))
        far = [
            shapes.distances(_blocks(values, shapes.width)) if len(values) >= BLOCKS * shapes.width else (0.0, 0.0)
            for shapes in self._shapes
        ]
        found += [levels for levels, _ in far]
        found += [forms for _, forms in far]
        return found

    def learn(self, time: float | None, value: float) -> None:
        """Take a row in."""
        values = self._values
        values.append(value)
        del values[: -max(SCALES)]
        for shapes in self._shapes:
            if len(values) >= BLOCKS * shapes.width:
                shapes.learn(_blocks(values, shapes.width))
        if time is not None:
            place = _place(time)
            self._counts[place] = min(self._counts[place] + 1.0, _STEADY)
            self._levels[place] += (value - self._levels[place]) / self._counts[place]

    def _unseasonal(self, time: float | None, value: float) -> float:
        if time is None or not self._counts[_place(time)]:
            return 0.0
        return abs(value - self._levels[_place(time)])

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "values": list(self._values),
            "levels": list(self._levels),
            "counts": list(self._counts),
            "shapes": {str(shapes.width): shapes.dump() for shapes in self._shapes},
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The views of a dump."""
        made = cls()
        made._values = numbers(state, "values")
        made._levels, made._counts = numbers(state, "levels"), numbers(state, "counts")
        made._shapes = [Shapes.load(fields(fields(state, "shapes"), str(width))) for width in WIDTHS]
        return made


def _mean(values: Sequence[float], scale: int) -> float:
    """The mean of the last `scale` values, or of those there are; exactly rounded, so that equals stay equal."""
    last = values[-scale:]
    return math.fsum(last) / len(last)


def _blocks(values: Sequence[float], width: int) -> list[float]:
    last = values[-BLOCKS * width :]
    return [math.fsum(last[at : at + width]) / width for at in range(0, len(last), width)]


def _place(time: float) -> int:
    return int(time % 86_400.0 // _BIN)
