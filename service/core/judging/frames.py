"""From cells to frames: the counts of a stretch of windows, marginalised by each dimension's values.

What an open interruption of a segment already explains must not open another one elsewhere: the broken outcomes of
its cells count in the segment's own rows as they are, and in every other row as the number that would be usual there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from detectors.frame import NOTHING, WHOLE, Beside, Floats, Frame
from service.core.counting.course import WAY_MARKS
from service.core.counting.tally import Cell, Values, Window
from service.core.event import Micros

MAX_VALUES = 1000
"""A dimension's values that are watched one by one; later ones are counted together."""
OTHER = "__other__"
MAX_TUPLES = 100_000

V = TypeVar("V", int, float)


class Explained(msgspec.Struct, frozen=True, gc=False):
    """What an open interruption accounts for: rows of one dimension with the share of broken that is usual there."""

    dimension: str
    usual: Mapping[str, float]


class _Beside:
    """Sums of what cells count beside outcomes, by row."""

    def __init__(self) -> None:
        self._durations: dict[str, dict[int, int]] = {}
        self._signals: dict[str, dict[str, int]] = {}
        self._values: dict[str, int] = {}

    def add(self, rows: Sequence[str], cell: Cell) -> None:
        if cell.value:
            values, value = self._values, cell.value
            for row in rows:
                values[row] = values.get(row, 0) + value
        for bucket, count in cell.durations.items() if cell.durations else ():
            for row in rows:
                mine = self._durations.setdefault(row, {})
                mine[bucket] = mine.get(bucket, 0) + count
        for name, count in cell.signals.items() if cell.signals else ():
            counts = self._signals.setdefault(name, {})
            for row in rows:
                counts[row] = counts.get(row, 0) + count

    def counted(self) -> Beside:
        signals = self._signals
        way = [(signals.get(reached), signals.get(still_open, {})) for _, reached, still_open in WAY_MARKS]
        return Beside(
            self._durations,
            signals.get("complaints", {}),
            signals.get("overdue", {}),
            self._values,
            tuple((reached or {}, still_open) for reached, still_open in way)
            if any(reached for reached, _ in way)
            else (),
        )


class Framer:
    """Makes the frames of one moment."""

    def __init__(self, dimensions: Sequence[str], known: Mapping[str, Sequence[str]] | None = None) -> None:
        self._dimensions = tuple(dimensions)
        self._rows: list[dict[str, str]] = [
            {value: _name(dimension, value) for value in (known or {}).get(dimension, ())} for dimension in dimensions
        ]
        # The rows of a whole tuple of values, looked up once a tuple instead of once a value.
        self._of: dict[Values, tuple[str, ...]] = {}

    def dump(self) -> dict[str, list[str]]:
        """The values seen so far, in order of appearance."""
        return {d: list(rows) for d, rows in zip(self._dimensions, self._rows, strict=True)}

    def _rows_of(self, values: Values) -> tuple[str, ...]:
        """The rows that a tuple of values counts in; a value that is not stated has none."""
        known = self._of.get(values)
        if known is None:
            if len(self._of) >= MAX_TUPLES:
                self._of.clear()
            known = self._of[values] = tuple(
                self._row(index, value) for index, value in enumerate(values) if value is not None
            )
        return known

    def _row(self, index: int, value: str) -> str:
        rows = self._rows[index]
        name = rows.get(value)
        if name is None:
            if len(rows) >= MAX_VALUES:
                return _name(self._dimensions[index], OTHER)
            name = rows[value] = _name(self._dimensions[index], value)
        return name

    def frame(
        self,
        start: Micros,
        end: Micros,
        windows: Sequence[Window],
        explained: Sequence[Explained] = (),
    ) -> Frame:
        """One frame of the windows in [start, end)."""
        attempts: dict[str, int] = {WHOLE: 0}
        arrivals: dict[str, int] = {}
        broken: dict[str, float] = {}
        beside: _Beside | None = None
        for window in windows:
            for values, cell in window.cells.items():
                if cell.durations or cell.signals or cell.value:
                    beside = beside or _Beside()
                    beside.add((WHOLE, *self._rows_of(values)), cell)
                tried, came, failed = cell.attempts, cell.arrivals, cell.broken
                rows = self._rows_of(values)
                attempts[WHOLE] += tried
                for row in rows:
                    attempts[row] = attempts.get(row, 0) + tried
                # Most cells hold as many arrivals as attempts, and nothing broken.
                if came != tried:
                    _add(arrivals, rows, came - tried)
                if failed:
                    _add(broken, rows, failed)
        names = sorted(attempts)
        trials = np.array([attempts[name] for name in names], dtype=np.int64)
        came_early = np.array([arrivals.get(name, 0) for name in names], dtype=np.int64)
        hits = np.array([broken.get(name, 0.0) for name in names], dtype=np.float64)
        outside = None
        if explained:
            hits, outside = self._imputed(names, hits, windows, explained)
        return Frame(
            start,
            end,
            tuple(names),
            trials,
            hits,
            trials + came_early,
            outside=outside,
            beside=NOTHING if beside is None else beside.counted(),
        )

    def _imputed(
        self, names: Sequence[str], hits: Floats, windows: Sequence[Window], explained: Sequence[Explained]
    ) -> tuple[Floats, Floats]:
        """The broken of each row, and those outside of it, with what is explained replaced by what is usual.

        A segment's own rows keep what broke in them; everybody else, the whole too, gets the usual number.
        """
        accounts = [(self._dimensions.index(account.dimension), account) for account in explained]
        excess: dict[str, float] = {}
        kept: dict[str, float] = {}
        for window in windows:
            for values, cell in window.cells.items():
                for index, account in accounts:
                    value = values[index]
                    if value is None or value not in account.usual:
                        continue
                    surplus = cell.broken - cell.attempts * account.usual[value]
                    _add(excess, self._rows_of(values), surplus)
                    own = self._row(index, value)
                    kept[own] = kept.get(own, 0.0) + surplus
                    break
        shared = hits - np.array([excess.get(name, 0.0) for name in names])
        own_hits = shared + np.array([kept.get(name, 0.0) for name in names])
        return own_hits, shared[0] - shared


def _add(to: dict[str, V], rows: Iterable[str], amount: V) -> None:
    """Add to the whole and to some rows."""
    to[WHOLE] = to.get(WHOLE, 0) + amount
    for row in rows:
        to[row] = to.get(row, 0) + amount


def _name(dimension: str, value: str) -> str:
    return f"{dimension}={value}"
