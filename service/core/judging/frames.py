"""From cells to frames: the counts of a stretch of windows, marginalised by each dimension's values.

What an open interruption of a segment already explains must not open another one elsewhere: the broken outcomes of
its cells count in the segment's own rows as they are, and in every other row as the number that would be usual there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

import msgspec
import numpy as np

from detectors.frame import NOTHING, WHOLE, Beside, Floats, Frame, Ints
from service.core.counting.course import WAY_MARKS
from service.core.counting.tally import Values
from service.core.event import Micros
from service.core.judging.gathered import Gathered

MAX_VALUES = 1000
"""A dimension's values that are watched one by one; later ones are counted together."""
OTHER = "__other__"
MAX_TUPLES = 100_000


class Explained(msgspec.Struct, frozen=True, gc=False):
    """What an open interruption accounts for: rows of one dimension with the share of broken that is usual there."""

    dimension: str
    usual: Mapping[str, float]


class Framer:
    """Makes the frames of one moment.

    Rows have numbers, and a tuple of values those of the rows that it counts in, so that a frame is summed by
    columns, whatever its cells.
    """

    def __init__(self, dimensions: Sequence[str], known: Mapping[str, Sequence[str]] | None = None) -> None:
        self._dimensions = tuple(dimensions)
        self._rows: list[dict[str, int]] = [{} for _ in dimensions]
        self._numbers = {WHOLE: 0}
        self._names = [WHOLE]
        self._sorted: Ints = np.zeros(1, dtype=np.int64)
        """The rows' numbers in the order of their names."""
        self._latest: tuple[Ints, tuple[str, ...]] = (self._sorted, (WHOLE,))
        """The rows of the last frame, which are nearly always those of the next."""
        self._of: dict[Values, int] = {}
        """Where a tuple of values stands in the table below."""
        self._table: Ints = np.zeros((0, len(self._dimensions)), dtype=np.int64)
        """The rows of each tuple by dimension; 0 where nothing is stated."""
        for index, dimension in enumerate(dimensions):
            for value in (known or {}).get(dimension, ()):
                self._row(index, value)

    def dump(self) -> dict[str, list[str]]:
        """The values seen so far, in order of appearance."""
        return {d: list(rows) for d, rows in zip(self._dimensions, self._rows, strict=True)}

    def _tuples(self, values: Sequence[Values]) -> Ints:
        """The rows of each of some tuples of values, by dimension."""
        of = self._of
        try:
            places = list(map(of.__getitem__, values))
        except KeyError:
            if len(of) >= MAX_TUPLES:
                of.clear()
                self._table = self._table[:0]
            new = list(dict.fromkeys(each for each in values if each not in of))
            of.update(zip(new, count(len(of)), strict=False))
            more = [[self._row(*each) for each in enumerate(given)] for given in new]
            self._table = np.concatenate(
                [self._table, np.array(more, dtype=np.int64).reshape(len(new), len(self._dimensions))]
            )
            places = list(map(of.__getitem__, values))
        rows: Ints = self._table.take(places, axis=0)
        return rows

    def _row(self, index: int, value: str | None) -> int:
        """The number of a value's row; 0 where none is stated."""
        if value is None:
            return 0
        rows = self._rows[index]
        number = rows.get(value)
        if number is None:
            if len(rows) >= MAX_VALUES:
                return self._number(_name(self._dimensions[index], OTHER))
            number = rows[value] = self._number(_name(self._dimensions[index], value))
        return number

    def _number(self, name: str) -> int:
        number = self._numbers.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        return number

    def frame(self, start: Micros, end: Micros, given: Gathered, explained: Sequence[Explained] = ()) -> Frame:
        """One frame of the cells of the windows in [start, end)."""
        if not given.cells:
            none = np.zeros(1, dtype=np.int64)
            return Frame(start, end, (WHOLE,), none, none.astype(np.float64), none)
        rows = self._tuples(given.values)
        here, names = self._present(rows)
        tried = self._summed(rows, given.attempts)[here]
        failed = self._summed(rows, given.broken)[here]
        trials: Ints = tried.astype(np.int64)
        arrivals = trials
        if given.arrivals != given.attempts:
            arrivals = self._summed(rows, given.arrivals)[here].astype(np.int64)
        outside = None
        if explained:
            failed, outside = self._imputed(here, rows, failed, given, explained)
        return Frame(start, end, names, trials, failed, arrivals, outside=outside, beside=self._beside(given))

    def _present(self, rows: Ints) -> tuple[Ints, tuple[str, ...]]:
        """The rows that anything counts in, the whole first, in the order of their names, which come with them."""
        if len(self._sorted) < len(self._names):
            self._sorted = np.array(sorted(range(len(self._names)), key=self._names.__getitem__), dtype=np.int64)
        met = np.zeros(len(self._names), dtype=np.bool_)
        met[rows] = True
        met[0] = True
        here = self._sorted[met[self._sorted]]
        if not np.array_equal(here, self._latest[0]):
            self._latest = here, tuple(map(self._names.__getitem__, here.tolist()))
        return self._latest

    def _summed(self, rows: Ints, counts: Sequence[int]) -> Floats:
        """Counts of cells by the number of their rows; whole numbers, far below where a float is none."""
        each = np.array(counts, dtype=np.float64)
        sums = np.asarray(np.bincount(rows.ravel(), each.repeat(rows.shape[1]), len(self._names)), dtype=np.float64)
        sums[0] = each.sum()
        return sums

    def _beside(self, given: Gathered) -> Beside:
        """What the cells count beside outcomes."""
        if not (given.odd or given.value):
            return NOTHING
        durations: dict[str, dict[int, int]] = {}
        signals: dict[str, dict[str, int]] = {}
        names = self._names
        for values, cell in given.odd:
            rows = [WHOLE, *[names[row] for row in self._table[self._of[values]].tolist() if row]]
            for bucket, many in cell.durations.items() if cell.durations else ():
                for row in rows:
                    mine = durations.setdefault(row, {})
                    mine[bucket] = mine.get(bucket, 0) + many
            for name, many in cell.signals.items() if cell.signals else ():
                counts = signals.setdefault(name, {})
                for row in rows:
                    counts[row] = counts.get(row, 0) + many
        way = [(signals.get(reached), signals.get(still_open, {})) for _, reached, still_open in WAY_MARKS]
        return Beside(
            durations,
            signals.get("complaints", {}),
            signals.get("overdue", {}),
            {WHOLE: given.value} if given.value else {},
            tuple((reached or {}, still_open) for reached, still_open in way)
            if any(reached for reached, _ in way)
            else (),
        )

    def _imputed(
        self, here: Ints, rows: Ints, hits: Floats, given: Gathered, explained: Sequence[Explained]
    ) -> tuple[Floats, Floats]:
        """The broken of each row, and those outside of it, with what is explained replaced by what is usual.

        A segment's own rows keep what broke in them; everybody else, the whole too, gets the usual number.
        """
        accounts = [(self._dimensions.index(account.dimension), account.usual) for account in explained]
        excess = [0.0] * len(self._names)
        kept = excess.copy()
        for values, mine, broken, tried in zip(given.values, rows.tolist(), given.broken, given.attempts, strict=True):
            for index, usual in accounts:
                value = values[index]
                if value is None or value not in usual:
                    continue
                surplus = broken - tried * usual[value]
                for row in (0, *filter(None, mine)):
                    excess[row] += surplus
                kept[mine[index]] += surplus
                break
        shared = hits - np.array(excess)[here]
        return shared + np.array(kept)[here], shared[0] - shared


def filled(frame: Frame, missing: int) -> Frame:
    """The frame with the arrivals that segments known to be absent would have had, so that one cause is missed once."""
    if not missing:
        return frame
    arrivals = frame.arrivals.copy()
    arrivals[0] += missing
    return replace(frame, arrivals=arrivals)


def _name(dimension: str, value: str) -> str:
    return f"{dimension}={value}"
