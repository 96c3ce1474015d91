"""From cells to frames: the counts of a stretch of windows, marginalised by each dimension's values.

What an open interruption of a segment already explains must not open another one elsewhere: the broken outcomes of
its cells count in the segment's own rows as they are, and in every other row as the number that would be usual there.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from detectors.frame import WHOLE, Frame
from service.core.event import Micros
from service.core.tally import Cell, Values, Window

MAX_VALUES = 1000
"""A dimension's values that are watched one by one; later ones are counted together."""
OTHER = "__other__"


class Explained(msgspec.Struct, frozen=True, gc=False):
    """What an open interruption accounts for: rows of one dimension with the share of broken that is usual there."""

    dimension: str
    usual: Mapping[str, float]


class Framer:
    """Makes the frames of one moment."""

    def __init__(self, dimensions: Sequence[str], known: Mapping[str, Sequence[str]] | None = None) -> None:
        self._dimensions = tuple(dimensions)
        self._rows: list[dict[str, str]] = [
            {value: self._name(d, value) for value in (known or {}).get(d, ())} for d in dimensions
        ]

    @staticmethod
    def _name(dimension: str, value: str) -> str:
        return f"{dimension}={value}"

    def dump(self) -> dict[str, list[str]]:
        """The values seen so far, in order of appearance."""
        return {d: list(rows) for d, rows in zip(self._dimensions, self._rows, strict=True)}

    def row(self, index: int, value: str) -> str:
        """The row of a dimension's value."""
        rows = self._rows[index]
        name = rows.get(value)
        if name is None:
            if len(rows) >= MAX_VALUES:
                return self._name(self._dimensions[index], OTHER)
            name = rows[value] = self._name(self._dimensions[index], value)
        return name

    def frame(
        self,
        start: Micros,
        end: Micros,
        windows: Iterable[Window],
        explained: Sequence[Explained] = (),
    ) -> Frame:
        """One frame of the windows in [start, end)."""
        whole = [0, 0.0, 0, 0.0]
        rows: dict[str, list[float]] = {}
        for window in windows:
            for values, cell in window.cells.items():
                self._add(values, cell, whole, rows, explained)
        names = sorted(rows)
        table = np.array([whole, *(rows[name] for name in names)], dtype=np.float64)
        trials = table[:, 0].astype(np.int64)
        return Frame(
            start=start,
            end=end,
            segments=(WHOLE, *names),
            trials=trials,
            hits=table[:, 1],
            arrivals=table[:, 2].astype(np.int64),
            outside=table[0, 1] - table[:, 3] if explained else None,
        )

    def _add(
        self,
        values: Values,
        cell: Cell,
        whole: list[float],
        rows: dict[str, list[float]],
        explained: Sequence[Explained],
    ) -> None:
        """Add one cell to the whole and to the row of each of its values.

        A row holds attempts, broken, arrivals and the broken that count for everybody else.
        """
        attempts, arrivals = cell.attempts, cell.arrivals
        broken = shared = float(cell.broken)
        own = -1
        for account in explained:
            index = self._dimensions.index(account.dimension)
            value = values[index]
            if value is not None and value in account.usual:
                shared = attempts * account.usual[value]
                own = index
                break
        whole[0] += attempts
        whole[1] += shared
        whole[2] += arrivals
        whole[3] += shared
        for index, value in enumerate(values):
            if value is None:
                continue
            name = self.row(index, value)
            row = rows.get(name)
            if row is None:
                row = rows[name] = [0, 0.0, 0, 0.0]
            row[0] += attempts
            row[1] += broken if index == own else shared
            row[2] += arrivals
            row[3] += shared
