"""The weighted mean of the rows' statistics: the whole, and beside it each dimension, shared by its values."""

from collections.abc import Mapping, Sequence

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
        self.flow: list[float] = []
        self.live: list[float] = []
        self._weights: list[float] | None = None

    def dimension(self, segment: str) -> int:
        """The number of a segment's dimension; the whole has none and gets -1."""
        if segment == WHOLE:
            return -1
        name = segment.partition("=")[0]
        place = self.place.get(name)
        if place is None:
            place = self.place[name] = len(self.names)
            self.names.append(name)
            self.flow.append(0.0)
            self.live.append(0.0)
            self._weights = None
        return place

    @property
    def some(self) -> bool:
        """Any segment takes part."""
        return any(self.live)

    def weights(self) -> list[float]:
        """What a row of each dimension weighs among all segments; the weights of all live rows add up to 1."""
        if self._weights is None:
            used = sum(live > 0.0 for live in self.live)
            self._weights = [1.0 / live / used if live > 0.0 else 0.0 for live in self.live]
        return self._weights

    def of(self, dimensions: Floats) -> Floats:
        """What rows of these dimensions weigh."""
        weights = self.weights()
        return np.array(weights)[dimensions.astype(np.int64)] if weights else np.zeros(len(dimensions))

    def total(self, flow: Sequence[float], now: float) -> float:
        """The mean over all live segments."""
        return sum(
            weight * (come + live * now) for weight, come, live in zip(self.weights(), flow, self.live, strict=True)
        )

    def enter(self, segment: str, now: float) -> None:
        """A segment takes part from now on, with a statistic of 0."""
        place = self.dimension(segment)
        self.live[place] += 1.0
        self._weights = None
        self.flow[place] -= now

    def restart(self, dimensions: Floats, live: Flags, now: float) -> None:
        """All statistics are 0 again, and just the `live` rows take part."""
        rows = dimensions[live].astype(np.int64)
        self.live = np.bincount(rows, minlength=len(self.names)).astype(np.float64).tolist()
        self.flow = [-now * live for live in self.live]
        self._weights = None

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {"names": [*self.names], "flow": [*self.flow], "live": [*self.live]}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take in a dump."""
        names = state["names"]
        if not isinstance(names, list):
            raise ValueError("detector state: `names` must be a list")
        self.names = [str(name) for name in names]
        self.place = {name: place for place, name in enumerate(self.names)}
        self.flow, self.live = numbers(state, "flow"), numbers(state, "live")
        self._weights = None
