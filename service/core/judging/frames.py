"""From cells to frames: the counts of a stretch of windows, marginalised by each dimension's values.

What an open interruption of a segment already explains must not open another one elsewhere: the broken outcomes of
its cells count in the segment's own rows as they are, and in every other row as the number that would be usual there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from operator import itemgetter
from typing import TypeVar

import msgspec
import numpy as np

from detectors.frame import NOTHING, WHOLE, Beside, Floats, Frame, Ints
from service.core.counting.course import WAY_MARKS
from service.core.counting.tally import Values, Window
from service.core.event import Micros
from service.core.judging.gathered import Folded, Gathered, Marginal, gather

MAX_VALUES = 1000
"""A dimension's values that are watched one by one; later ones are counted together."""
OTHER = "__other__"
MAX_TUPLES = 1_000

K = TypeVar("K")


class Explained(msgspec.Struct, frozen=True, gc=False):
    """What an open interruption accounts for: rows of one dimension with the share of broken that is usual there."""

    dimension: str
    usual: Mapping[str, float]


class Framer:
    """Makes the frames of one moment.

    Rows have numbers, and values those of the rows that they count in, so that a frame is summed by columns, whatever
    its cells.
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
        self._of: list[dict[str | None, int]] = [{None: 0} for _ in dimensions]
        """The row of each value; 0 where none is stated. What is counted together is not in it."""
        self._places: dict[Values, int] | None = {}
        """Where a tuple of values stands in the table of rows; None: there are too many."""
        self._table: Ints = np.zeros((len(self._dimensions), 0), dtype=np.int64)
        for index, dimension in enumerate(dimensions):
            for value in (known or {}).get(dimension, ()):
                self._row(index, value)

    def dump(self) -> dict[str, list[str]]:
        """The values seen so far, in order of appearance."""
        return {d: list(rows) for d, rows in zip(self._dimensions, self._rows, strict=True)}

    def _columns(self, values: Sequence[Values]) -> Ints:
        """The rows that some tuples of values count in, a line for each dimension.

        Tuples are remembered only as long as they are few: where they hardly repeat that is memory for nothing.
        """
        places = self._places
        if places is None:
            return self._looked_up(values)
        try:
            here = list(map(places.__getitem__, values))
        except KeyError:
            new = [each for each in dict.fromkeys(values) if each not in places]
            if len(places) + len(new) > MAX_TUPLES:
                self._places, self._table = None, self._table[:, :0]
                return self._looked_up(values)
            places.update(zip(new, count(len(places)), strict=False))
            self._table = np.concatenate([self._table, self._looked_up(new)], axis=1)
            here = list(map(places.__getitem__, values))
        rows: Ints = self._table.take(here, axis=1)
        return rows

    def _looked_up(self, values: Sequence[Values]) -> Ints:
        """As `_columns`, value by value."""
        many = len(values)
        rows = np.zeros((len(self._dimensions), many), dtype=np.int64)
        for index, of in enumerate(self._of):
            try:
                rows[index] = np.fromiter(map(of.__getitem__, map(itemgetter(index), values)), np.int64, many)
            except KeyError:
                rows[index] = [self._row(index, given[index]) for given in values]
        return rows

    def _row(self, index: int, value: str | None) -> int:
        """The number of a value's row; 0 where none is stated."""
        of = self._of[index]
        number = of.get(value)
        if number is None and value is not None:
            rows = self._rows[index]
            if len(rows) >= MAX_VALUES:
                return self._number(_name(self._dimensions[index], OTHER))
            number = of[value] = rows[value] = self._number(_name(self._dimensions[index], value))
        return number or 0

    def _number(self, name: str) -> int:
        number = self._numbers.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        return number

    def frame(self, start: Micros, end: Micros, given: Gathered, explained: Sequence[Explained] = ()) -> Frame:
        """One frame of the cells of the windows in [start, end)."""
        if not (given.values or given.folded):
            none = np.zeros(1, dtype=np.int64)
            return Frame(start, end, (WHOLE,), none, none.astype(np.float64), none)
        rows = self._columns(given.values)
        here, names = self._present(rows, given.folded)
        tried, failed, arrived = (sums[here] for sums in self._sums(rows, given))
        outside = None
        if explained:
            failed, outside = self._imputed(here, rows, failed, given, explained)
        trials: Ints = tried.astype(np.int64)
        arrivals: Ints = trials if arrived is tried else arrived.astype(np.int64)
        return Frame(start, end, names, trials, failed, arrivals, outside=outside, beside=self._beside(given))

    def fold(self, window: Window) -> Window:
        """A window without its cells."""
        given = gather([window])
        rows = self._columns(given.values)
        here, _ = self._present(rows, given.folded)
        tried, failed, arrived = (sums[here] for sums in self._sums(rows, given))
        durations, signals = self._odd(given)
        of = Marginal(here, tried, failed, arrived, durations, signals, given.noted, given.value, given.broken_value)
        return Folded(window.start, window.end, {}, of=of)

    def _present(self, rows: Ints, folded: Sequence[Marginal]) -> tuple[Ints, tuple[str, ...]]:
        """The rows that anything counts in, the whole first, in the order of their names, which come with them."""
        if len(self._sorted) < len(self._names):
            self._sorted = np.array(sorted(range(len(self._names)), key=self._names.__getitem__), dtype=np.int64)
        met = np.zeros(len(self._names), dtype=np.bool_)
        met[rows] = True
        met[0] = True
        for part in folded:
            met[part.rows] = True
        here = self._sorted[met[self._sorted]]
        if not np.array_equal(here, self._latest[0]):
            self._latest = here, tuple(map(self._names.__getitem__, here.tolist()))
        return self._latest

    def _sums(self, rows: Ints, given: Gathered) -> tuple[Floats, Floats, Floats]:
        """What was tried, failed and arrived by the number of its row."""
        tried, failed = self._summed(rows, given.attempts), self._summed(rows, given.broken)
        same = np.array_equal(given.arrivals, given.attempts)
        arrived = tried if same and not given.folded else self._summed(rows, given.arrivals)
        for part in given.folded:
            tried[part.rows] += part.tried
            failed[part.rows] += part.failed
            arrived[part.rows] += part.arrived
        return tried, failed, arrived

    def _summed(self, rows: Ints, each: Floats) -> Floats:
        """Counts by the number of their rows."""
        sums = np.asarray(np.bincount(rows.ravel(), np.tile(each, len(rows)), len(self._names)), dtype=np.float64)
        sums[0] = each.sum()
        return sums

    def _odd(self, given: Gathered) -> tuple[dict[str, dict[int, int]], dict[str, dict[str, int]]]:
        """Durations by row, and signals by name and row."""
        durations: dict[str, dict[int, int]] = {}
        signals: dict[str, dict[str, int]] = {}
        for part in given.folded:
            for row, buckets in part.durations.items():
                _add(durations.setdefault(row, {}), buckets)
            for name, rows in part.signals.items():
                _add(signals.setdefault(name, {}), rows)
        names = self._names
        for values, cell in given.odd:
            mine = [WHOLE, *[names[row] for row in (self._row(*each) for each in enumerate(values)) if row]]
            for row in mine if cell.durations else ():
                _add(durations.setdefault(row, {}), cell.durations or {})
            for name, many in cell.signals.items() if cell.signals else ():
                _add(signals.setdefault(name, {}), dict.fromkeys(mine, many))
        return durations, signals

    def _beside(self, given: Gathered) -> Beside:
        """What the cells count beside outcomes."""
        if not (given.odd or given.folded or given.value):
            return NOTHING
        durations, signals = self._odd(given)
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
        for values, mine, broken, tried in zip(
            given.values, rows.T.tolist(), given.broken.tolist(), given.attempts.tolist(), strict=True
        ):
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


def _add(mine: dict[K, int], more: Mapping[K, int]) -> None:
    for key, many in more.items():
        mine[key] = mine.get(key, 0) + many


def _name(dimension: str, value: str) -> str:
    return f"{dimension}={value}"
