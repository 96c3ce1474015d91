"""River's detectors as functions of a number, each rebuilt from its last inputs so that plain JSON is its state."""

import math
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

PAST = 400
"""Inputs a river object is rebuilt from; it is rebuilt every half as many, so that a load can do the same."""

Parameter = float | int | str
Scorer = Callable[[float], float]
"""Scores a number, then learns it: higher is stranger; a drift detector answers 1 where it sees a drift."""
Maker = Callable[[Mapping[str, Parameter], float], Scorer]


def _half_space_trees(parameters: Mapping[str, Parameter], _: float) -> Scorer:
    """River's own defaults want numbers in 0..1: three views of the series, squashed."""
    features = ("now", "mean", "jump")
    chosen = {"n_trees": 15, "height": 6, "window_size": 100, "seed": 1, **parameters}
    model = import_module("river.anomaly").HalfSpaceTrees(**chosen, limits=dict.fromkeys(features, (0.0, 1.0)))
    last = [0.0] * 4

    def step(value: float) -> float:
        jump = value - last[-1]
        last.append(value)
        del last[0]
        views = (value, 2.0 * sum(last) / len(last), jump)
        row = {name: 0.5 + 0.5 * math.tanh(view / 4.0) for name, view in zip(features, views, strict=True)}
        score = float(model.score_one(row))
        model.learn_one(row)
        return score

    return step


def _gaussian_scorer(parameters: Mapping[str, Parameter], _: float) -> Scorer:
    model: Any = import_module("river.anomaly").GaussianScorer(**{"grace_period": 50, **parameters})

    def step(value: float) -> float:
        score = float(model.score_one(None, value))
        model.learn_one(None, value)
        return score

    return step


def _standard_absolute_deviation(_: Mapping[str, Parameter], __: float) -> Scorer:
    model: Any = import_module("river.anomaly").StandardAbsoluteDeviation(sub_stat=import_module("river.stats").Mean())

    def step(value: float) -> float:
        score = abs(float(model.score_one(None, value)))
        model.learn_one(None, value)
        return score

    return step


def _adwin(parameters: Mapping[str, Parameter], steps: float) -> Scorer:
    chosen = {"delta": min(0.002, 1.0 / steps), "clock": 4, **parameters}
    return _drift(import_module("river.drift").ADWIN(**chosen))


def _page_hinkley(parameters: Mapping[str, Parameter], steps: float) -> Scorer:
    """The mean time to a false alarm grows with e^(2 delta threshold) on standard normal numbers."""
    chosen = {
        "delta": 0.5,
        "threshold": 2.0 * math.log(steps),
        "alpha": 1.0,
        "min_instances": 30,
        **parameters,
    }
    return _drift(import_module("river.drift").PageHinkley(**chosen))


def _drift(model: Any) -> Scorer:
    def step(value: float) -> float:
        model.update(value)
        return 1.0 if model.drift_detected else 0.0

    return step


ALLOWED: Mapping[str, tuple[Maker, bool, frozenset[str]]] = MappingProxyType(
    {
        "adwin": (_adwin, False, frozenset({"delta", "clock", "min_window_length", "grace_period"})),
        "gaussian_scorer": (_gaussian_scorer, True, frozenset({"window_size", "grace_period"})),
        "half_space_trees": (
            _half_space_trees,
            True,
            frozenset({"n_trees", "height", "window_size", "seed"}),
        ),
        "page_hinkley": (_page_hinkley, False, frozenset({"min_instances", "delta", "threshold", "alpha"})),
        "standard_absolute_deviation": (_standard_absolute_deviation, True, frozenset()),
    }
)
"""By name: how to make it, whether its scores are ranked (else it says drift or not), and its parameters."""


def maker(name: str, parameters: Mapping[str, Parameter]) -> Maker:
    """How to make the detector of this name; ValueError, with what is allowed, for a name or parameter unknown."""
    if name not in ALLOWED:
        raise ValueError(f"detector: {name!r} is not allowed; take one of {', '.join(sorted(ALLOWED))}")
    make, _, known = ALLOWED[name]
    for parameter in parameters:
        if parameter not in known:
            allowed = ", ".join(sorted(known)) or "none"
            raise ValueError(f"detector {name}: parameter {parameter!r} is not known; known are {allowed}")
    return make


class Replayed:
    """A scorer that is exactly what its last inputs make it, and that can look ahead without being changed.

    >>> twice = Replayed(lambda: lambda value: 2 * value)
    >>> twice.peek([1.0, 3.0]), twice.take(1.0), twice.inputs
    ([2.0, 6.0], 2.0, [1.0])
    """

    __slots__ = ("_ahead", "_make", "_scorer", "inputs", "seen")

    def __init__(self, make: Callable[[], Scorer], inputs: Sequence[float] = (), seen: int = 0) -> None:
        self._make = make
        self.inputs = list(inputs)
        self.seen = seen
        self._ahead: list[tuple[float, float]] = []
        self._scorer = make()
        self._rebuild()

    def peek(self, values: Sequence[float]) -> list[float]:
        """The scores these values would get, one after the other."""
        if self.seen // (PAST // 2) != (self.seen + len(values) - 1) // (PAST // 2):
            twin = Replayed(self._make, self.inputs, self.seen)
            return [twin.take(value) for value in values]
        if any(seen != value for (seen, _), value in zip(self._ahead, values, strict=False)):
            self._rebuild()
        for value in values[len(self._ahead) :]:
            self._ahead.append((value, self._score(value)))
        return [score for _, score in self._ahead[: len(values)]]

    def take(self, value: float) -> float:
        """The score of the value, which is then learned."""
        if self._ahead and self._ahead[0][0] != value:
            self._rebuild()
        score = self._ahead.pop(0)[1] if self._ahead else self._score(value)
        self.inputs.append(value)
        self.seen += 1
        if self.seen % (PAST // 2) == 0:
            del self.inputs[:-PAST]
            self._rebuild()
        return score

    def _score(self, value: float) -> float:
        score = self._scorer(value)
        return score if math.isfinite(score) else 0.0

    def _rebuild(self) -> None:
        self._ahead = []
        self._scorer = self._make()
        for value in self.inputs:
            self._scorer(value)
