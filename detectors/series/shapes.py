"""How unlike everything before it the latest stretch of a series is: the distance to its nearest neighbour.

The matrix profile's question (Yeh et al. 2016), asked of the left only, so that it can be answered as rows come.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from detectors.frame import JSON, Floats
from detectors.plain import number, numbers

BLOCKS = 8
"""A stretch is this many means of `width` rows each."""
_KEPT = 4096
"""Stretches that are remembered, the latest ones."""


class Shapes:
    """The stretches of one width so far, one every `width` rows.

    A stretch is compared with those that it does not overlap, once by its level and form, once by its form alone.

    >>> shapes = Shapes(1)
    >>> for at in range(40):
    ...     shapes.learn([float((at + step) % 4) for step in range(8)])
    >>> shapes.distances([0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0])
    (0.0, 0.0)
    >>> shapes.distances([5.0, 6.0, 7.0, 8.0, 5.0, 6.0, 7.0, 8.0])[1]
    0.0
    """

    __slots__ = ("_admitted", "_forms", "_levels", "_seen", "_waiting", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self._forms: Floats = np.empty((64, BLOCKS))
        self._levels: Floats = np.empty(64)
        self._seen = 0
        self._admitted = 0
        self._waiting: list[list[float]] = []

    def distances(self, blocks: Sequence[float]) -> tuple[float, float]:
        """(with level, form alone) to the nearest stretch that ended before this one began; 0 while there is none."""
        kept = min(self._admitted, _KEPT)
        if not kept:
            return 0.0, 0.0
        level = math.fsum(blocks) / BLOCKS
        apart = self._forms[:kept] - (np.array(blocks) - level)
        forms = np.einsum("ij,ij->i", apart, apart)
        levels = self._levels[:kept] - level
        levels *= levels
        levels *= BLOCKS
        levels += forms
        return math.sqrt(levels.min()), math.sqrt(forms.min())

    def learn(self, blocks: Sequence[float]) -> None:
        """Take in the stretch that ends at this row; every row from the first whole stretch on must be given."""
        if self._seen % self.width == 0:
            self._waiting.append(list(blocks))
        self._seen += 1
        while self._waiting and self._admitted * self.width <= self._seen - BLOCKS * self.width:
            self._admit(self._waiting.pop(0))

    def _admit(self, blocks: Sequence[float]) -> None:
        place = self._admitted % _KEPT
        if place == len(self._levels):
            self._forms = np.concatenate([self._forms, np.empty_like(self._forms)])
            self._levels = np.concatenate([self._levels, np.empty_like(self._levels)])
        level = math.fsum(blocks) / BLOCKS
        self._forms[place] = np.array(blocks) - level
        self._levels[place] = level
        self._admitted += 1

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        kept = min(self._admitted, _KEPT)
        return {
            "width": self.width,
            "seen": self._seen,
            "admitted": self._admitted,
            "forms": self._forms[:kept].ravel().tolist(),
            "levels": self._levels[:kept].tolist(),
            "waiting": [value for blocks in self._waiting for value in blocks],
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The shapes of a dump."""
        made = cls(int(number(state["width"])))
        made._seen = int(number(state["seen"]))
        made._admitted = int(number(state["admitted"]))
        levels = np.array(numbers(state, "levels"))
        room = 64
        while room < len(levels):
            room *= 2
        made._levels, made._forms = np.empty(room), np.empty((room, BLOCKS))
        made._levels[: len(levels)] = levels
        made._forms[: len(levels)] = np.array(numbers(state, "forms")).reshape(-1, BLOCKS)
        waiting = numbers(state, "waiting")
        made._waiting = [waiting[at : at + BLOCKS] for at in range(0, len(waiting), BLOCKS)]
        return made
