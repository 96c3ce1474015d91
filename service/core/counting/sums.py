"""Cells as columns: what a batch counts is summed together, and a Cell is made only for whoever asks for one."""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView

import msgspec
import numpy as np
import numpy.typing as npt

from service.core.counting.tally import Cell, Values

Numbers = npt.NDArray[np.int64]

_SPARSE = 16
"""Keys may be so many times as many as there are of them, to be looked up by where they are."""


class Sums(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What many cells hold, an entry for each, as Cell has it; none of them holds nothing.

    `which`: the place of its values in `tuples`. `durations`, `signals`: None where there are none at all.
    """

    tuples: Sequence[Values]
    which: Numbers
    attempts: Numbers
    broken: Numbers
    cancelled: Numbers
    arrivals: Numbers
    value: Numbers
    broken_value: Numbers
    duration_ms: Numbers
    durations: Sequence[dict[int, int] | None] | None
    signals: Sequence[dict[str, int] | None] | None = None


class WindowSums(Mapping[Values, Cell]):
    """One window's cells, each with other values: those of `sums` from `begin` to `end`."""

    __slots__ = ("_made", "begin", "end", "sums")

    def __init__(self, sums: Sums, begin: int, end: int) -> None:
        self.sums = sums
        self.begin = begin
        self.end = end
        self._made: dict[Values, Cell] | None = None

    def __len__(self) -> int:
        return self.end - self.begin

    def __iter__(self) -> Iterator[Values]:
        return iter(self._cells())

    def __getitem__(self, values: Values) -> Cell:
        return self._cells()[values]

    def keys(self) -> KeysView[Values]:
        """The values of each cell."""
        return self._cells().keys()

    def values(self) -> ValuesView[Cell]:
        """The cells."""
        return self._cells().values()

    def items(self) -> ItemsView[Values, Cell]:
        """The cells with their values."""
        return self._cells().items()

    def _cells(self) -> dict[Values, Cell]:
        if self._made is None:
            sums, here = self.sums, slice(self.begin, self.end)
            columns = (
                sums.attempts,
                sums.broken,
                sums.cancelled,
                sums.arrivals,
                sums.value,
                sums.broken_value,
                sums.duration_ms,
            )
            durations = [None] * len(self) if sums.durations is None else sums.durations[here]
            signals = [None] * len(self) if sums.signals is None else sums.signals[here]
            cells = map(Cell, *(column[here].tolist() for column in columns), durations, signals)
            named = map(sums.tuples.__getitem__, sums.which[here].tolist())
            self._made = dict(zip(named, cells, strict=True))
        return self._made


def grouped(keys: Numbers, below: int) -> tuple[Numbers, Numbers]:
    """The group of each key, numbered as they first came, and where that was; keys are from 0 on, `below` a number."""
    many = len(keys)
    if below > _SPARSE * many:
        known, keys = np.unique(keys, return_inverse=True)
        below = len(known)
    first = np.full(below, many)
    # The last that is written stays, so that it is written backwards.
    first[keys[::-1]] = np.arange(many)[::-1]
    there = np.flatnonzero(first < many)
    order = there[np.argsort(first[there])]
    rank = np.empty(below, dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[keys], first[order]
