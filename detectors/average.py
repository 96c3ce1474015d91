"""The weighted mean of the rows' statistics: the whole, and beside it each dimension, shared by its values."""

from collections.abc import Mapping

import numpy as np

from detectors.frame import JSON, WHOLE, Flags, Floats
from detectors.plain import numbers


class Average:
    """How many rows of each dimension take part, and the sum of their statistics less the time.

    The statistic of a row that is not touched grows by the day and needs no look: only differences are added.
    A dimension with few values gives each of them more weight than one with many.
    """

    __slots__ = ("_weights", "flow", "live", "names", "place")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.place: dict[str, int] = {}
        self.flow: Floats = np.zeros(0)
        self.live: Floats = np.zeros(0)
        self._weights: Floats | None = None

    def dimension(self, segment: str) -> int:
        """The number of a segment's dimension; the whole has none and gets -1."""
        if segment == WHOLE:
            return -1
        name = segment.partition("=")[0]
        place = self.place.get(name)
        if place is None:
            place = self.place[name] = len(self.names)
            self.names.append(name)
            self.flow = np.append(self.flow, 0.0)
            self.live = np.append(self.live, 0.0)
            self._weights = None
        return place

    @property
    def some(self) -> bool:
        """Any segment takes part."""
        return bool(self.live.any())

    def weights(self) -> Floats:
        """What a row of each dimension weighs among all segments; the weights of all live rows add up to 1."""
        if self._weights is None:
            used = self.live > 0.0
            self._weights = used / np.maximum(self.live, 1.0) / max(int(used.sum()), 1)
        return self._weights

    def of(self, dimensions: Floats) -> Floats:
        """What rows of these dimensions weigh."""
        weights = self.weights()
        return weights[dimensions.astype(np.int64)] if len(weights) else np.zeros(len(dimensions))

    def total(self, flow: Floats, now: float) -> float:
        """The mean over all live segments."""
        return float(self.weights() @ (flow + self.live * now))

    def enter(self, segment: str, now: float) -> None:
        """A segment takes part from now on, with a statistic of 0."""
        place = self.dimension(segment)
        self.live[place] += 1.0
        self._weights = None
        self.flow[place] -= now

    def restart(self, dimensions: Floats, live: Flags, now: float) -> None:
        """All statistics are 0 again, and just the `live` rows take part."""
        rows = dimensions[live].astype(np.int64)
        self.live = np.bincount(rows, minlength=len(self.names)).astype(np.float64)
        self.flow = -now * self.live
        self._weights = None

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {"names": [*self.names], "flow": self.flow.tolist(), "live": self.live.tolist()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take in a dump."""
        names = state["names"]
        if not isinstance(names, list):
            raise ValueError("detector state: `names` must be a list")
        self.names = [str(name) for name in names]
        self.place = {name: place for place, name in enumerate(self.names)}
        self.flow, self.live = np.array(numbers(state, "flow")), np.array(numbers(state, "live"))
        self._weights = None
