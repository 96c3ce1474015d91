"""How many arrivals of each segment come together, learned by the hour."""

import math
from collections.abc import Mapping
from typing import Self

import numpy as np

from detectors.arrivals import MEMORY
from detectors.clumps import BOUND, NOISE
from detectors.frame import JSON, Flags, Floats
from detectors.plain import number

_ROWS = 8  # size, sum and weight of the terms, hours in a row, and of the two before: residuals, counts


class SegmentClumps:
    """`Clumps` of many segments: a column each; what an hour changes is replaced, never changed.

    A segment is held against what is expected of its share of the whole in the same hour, so that whatever moves
    everything is no clump: d is the second difference of what came less what was due, and of a share s of independent
    arrivals the mean of d^2 / 2 n (1 - s) is 1, n being what came in the three hours.
    """

    def __init__(self, rows: Floats | None = None, hour: float = -2.0) -> None:
        self._rows = np.zeros((_ROWS, 0)) if rows is None else rows
        self._hour = hour

    def more(self, many: int) -> Self:
        """With so many more segments."""
        fresh = np.zeros((_ROWS, many))
        fresh[0] = 1.0
        return type(self)(np.concatenate([self._rows, fresh], axis=1), self._hour)

    @property
    def size(self) -> Floats:
        """How many come together, by segment."""
        size: Floats = self._rows[0]
        return size

    def after(self, hour: float, due: Floats, came: Floats, share: Floats, usual: Flags) -> Self:
        """With an hour: what was due and came by segment, its share of the whole, and whether all was usual there."""
        size, total, weight, run, first, second, many_first, many_second = self._rows
        run = np.where(usual, run + 1.0 if hour == self._hour + 1.0 else 1.0, 0.0)
        apart, many = came - due, many_first + many_second + came
        good = (run >= 3.0) & (many > 0.0)  # noqa: PLR2004  # hours of a term
        left = 2.0 * np.maximum(many, 1e-9) * np.maximum(1.0 - share, 0.1)
        term = np.minimum((first - 2.0 * second + apart) ** 2 / left, BOUND * size)
        fade = math.exp(-1.0 / 24.0 / MEMORY)
        total, weight = total * fade + np.where(good, term, 0.0), weight * fade + good
        beyond = np.maximum(total / np.maximum(weight, 1e-9) - 1.0, 1e-9)
        size = 1.0 + np.maximum(beyond - NOISE * (1.0 + beyond) ** 2 / (np.maximum(weight, 1e-9) * beyond), 0.0)
        return type(self)(np.stack([size, total, weight, run, second, apart, many_second, came]), hour)

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {"hour": self._hour, "rows": self._rows.T.tolist()}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The clumps of a dump."""
        rows = np.array(state["rows"], dtype=np.float64).reshape(-1, _ROWS)
        return cls(rows.T.copy(), number(state["hour"]))
