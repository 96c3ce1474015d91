"""River's anomaly and drift detectors by name, lifted to frames: the volume of the whole, step by step."""

import math
from bisect import bisect_left, insort
from collections.abc import Mapping
from copy import copy
from typing import Any, Self

import numpy as np

from detectors.arrivals import ArrivalBase
from detectors.frame import JSON, Frame, Scores, between
from detectors.plain import fields, number, numbers
from detectors.replayed import ALLOWED, Parameter, Replayed, maker

DAY = 86_400_000_000
_RANKED = 4000
_UNRIPE = 50  # scores of a river object that has seen less are noise, or 1e10
_LEAST_RANKED = 100
_TAIL = 0.1
_RECOVERY = 4
_NORMAL = 1.5
_NEWS = 1.0
_LIMIT = 8.0
_SIGNS = {"up": 1.0, "down": -1.0, "both": 0.0}
_GAP = 192  # steps of a gap that are gone through one by one; what lies before them adds nothing


class Adapted:
    """One of river's detectors on the arrivals of the whole, summed over steps of a quarter hour.

    What the detector reads is the residual of a step: arrivals less the seasonal expectation, over the standard
    deviation that counting and the hours' wander leave. So no river detector has to learn the week. Its scores
    are not comparable and may saturate; a score counts by its rank among the last thousands of its own, and
    beyond the record by an exponential tail, which makes evidence of 1 as rare as `false_alarm_interval` says. A
    drift detector has no rank: its sensitivity is set from the interval, and a drift is evidence of 1.

    `detector`: a name in `ALLOWED`, `parameters` its own.
    `direction`: whether too many arrivals count, too few, or both.
    `false_alarm_interval`, `cold_start`, `accept_after`: days.
    A breach ends when the mean residual of an hour is ordinary again. The state is the last inputs: the river
    object is rebuilt from them every few hundred steps anyway, so that a load rebuilds the very same one.

    >>> detector, hour = Adapted(90.0, detector="standard_absolute_deviation"), 3600_000_000
    >>> def frame(number, arrivals):
    ...     count = np.array([arrivals])
    ...     return Frame(number * hour, (number + 1) * hour, ("",), count, 0.0 * count, count)
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number, 500 + number % 5))
    >>> bool(detector.score(frame(24 * 14, 5000)).breach[0])
    True
    """

    kind = "volume"
    version = 2

    def __init__(
        self,
        false_alarm_interval: float,
        cold_start: float = 14.0,
        accept_after: float = 14.0,
        detector: str = "standard_absolute_deviation",
        parameters: Mapping[str, Parameter] | None = None,
        step: float = 900.0,
        *,
        direction: str = "both",
    ) -> None:
        self.parameters = dict(parameters or {})
        make = maker(detector, self.parameters)
        self._ranked = ALLOWED[detector][1]
        for name, value in (
            ("false_alarm_interval", false_alarm_interval),
            ("cold_start", cold_start),
            ("accept_after", accept_after),
            ("step", step),
        ):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"volume: {name} is {value!r}; give a number above 0")
        self.false_alarm_interval = float(false_alarm_interval)
        self.cold_start = float(cold_start)
        self.accept_after = float(accept_after)
        self.detector = detector
        self.step = float(step)
        if direction not in _SIGNS:
            raise ValueError(f"volume: direction is {direction!r}; give one of {', '.join(sorted(_SIGNS))}")
        self.direction = direction
        self._length = self.step / 86400.0
        self._steps = max(self.false_alarm_interval / self._length, 2.0)
        try:
            make(self.parameters, self._steps)
        except (TypeError, ValueError) as error:
            raise ValueError(f"detector {detector}: river refused the parameters: {error}") from error
        self._river = Replayed(lambda: make(self.parameters, self._steps))
        self._preview: list[float] | None = None
        self._base = ArrivalBase()
        self._first = -1.0
        self._open = 0  # number of the step that is open, counted from the origin
        self._count = 0.0
        self._scores: list[float] = []
        self._sorted: list[float] = []
        self._since, self._onset = -1.0, 0.0
        self._last = [0.0] * _RECOVERY
        self._evidence = 0.0

    def score(self, frame: Frame) -> Scores | None:
        """Evidence, breach and the expected count of the step that ended last; None before it is warm."""
        seen, needed = self.progress()
        if seen < needed - 1e-9:
            return None
        after = self._copy_if_step(frame)
        expected, deviation = after._expectation(after._next - 0.5 * after._length)
        breach = after._since >= 0.0
        return Scores(
            ("",),
            np.array([max(after._evidence, 1.0) if breach else min(after._evidence, 1.0 - 1e-9)]),
            np.array([breach]),
            np.array([self._base.origin + round(after._onset * DAY) if breach else 0], dtype=np.int64),
            np.array([expected]),
            between(np.array([max(expected - 2.0 * deviation, 0.0)]), np.array([expected + 2.0 * deviation])),
        )

    def learn(self, frame: Frame) -> None:
        """Add the frame to the open step; close the steps that are over, empty ones of a gap too."""
        if self._base.origin < 0:
            self._base.origin = frame.start - frame.start % DAY
            self._open = math.floor((frame.start - self._base.origin) / DAY / self._length + 1e-9)
            self._first = self._next
        start, end = self._days(frame)
        self._close_until(start, usual=frame.usual)
        each = float(frame.arrivals[0]) / (end - start)
        while self._next + self._length <= end + 1e-9:
            self._count += each * min(self._next + self._length - start, self._length)
            self._close(usual=frame.usual)
        self._count += each * max(end - max(self._next, start), 0.0)

    def progress(self) -> tuple[float, float]:
        """(days seen, days needed): there must be enough scores to rank another among."""
        seen = self._next - self._first if self._first >= 0.0 else 0.0
        needed = max(self.cold_start, (_UNRIPE + _LEAST_RANKED + 1) * self._length)
        return (min(seen, needed * 0.99) if len(self._scores) < _LEAST_RANKED else seen), needed

    @property
    def _next(self) -> float:
        """When the open step starts, in days."""
        return self._open * self._length

    def _days(self, frame: Frame) -> tuple[float, float]:
        return (frame.start - self._base.origin) / DAY, (frame.end - self._base.origin) / DAY

    def _copy_if_step(self, frame: Frame) -> "Adapted":
        """This detector after the frame; itself where no step ends in it."""
        if self._days(frame)[1] < self._next + self._length - 1e-9:
            return self
        made = copy(self)
        made._base = self._base.copy()
        made._scores, made._sorted = list(self._scores), list(self._sorted)
        made._preview = []
        made.learn(frame)
        return made

    def _close_until(self, until: float, *, usual: bool) -> None:
        self._open = max(self._open, math.floor(until / self._length) - _GAP)
        while self._next + self._length <= until + 1e-9:
            self._close(usual=usual)

    def _expectation(self, when: float) -> tuple[float, float]:
        rate, doubt = self._base.rate(when)
        expected = rate * self._length
        return expected, math.sqrt(expected + (doubt + self._base.wander()) * expected**2 + 0.5)

    def _close(self, *, usual: bool) -> None:
        middle, end = self._next + 0.5 * self._length, self._next + self._length
        expected, deviation = self._expectation(middle)
        residual = max(min((self._count - expected) / deviation, _LIMIT), -_LIMIT)
        self._last = [*self._last[1:], residual]
        self._judge(residual, end, usual=usual)
        if usual and self._since < 0.0:
            self._base.learn(middle, self._length, self._count)
        self._open, self._count = self._open + 1, 0.0

    def _judge(self, residual: float, end: float, *, usual: bool) -> None:
        if self._since >= 0.0:
            accepted = end - self._since >= self.accept_after
            if accepted or abs(sum(self._last)) / _RECOVERY < _NORMAL:
                self._since = -1.0
            if accepted:
                origin, self._base = self._base.origin, ArrivalBase()
                self._base.origin = origin
                self._first = end
            return
        score = self._take(residual)
        # What is within its own noise is no news, whatever a saturated score says of a constant stream.
        self._evidence = self._weigh(score) if abs(residual) >= _NEWS else 0.0
        warm = end - self._first >= self.cold_start - 1e-9 and len(self._scores) >= _LEAST_RANKED
        if warm and usual and self._evidence >= 1.0 and residual * _SIGNS[self.direction] >= 0.0:
            self._since, self._onset = end, self._next
            return
        self._remember(score)

    def _take(self, residual: float) -> float:
        if self._preview is None:
            return self._river.take(residual)
        self._preview.append(residual)
        return self._river.peek(self._preview)[-1]

    def _weigh(self, score: float) -> float:
        """Evidence: log tail rank of the score over the log of what the interval allows."""
        if not self._ranked:
            return score
        past = self._sorted
        rank = (len(past) - bisect_left(past, score) + 1.0) / (len(past) + 1.0)
        if len(past) >= _LEAST_RANKED and rank < _TAIL:
            cut = past[int(len(past) * (1.0 - _TAIL))]
            excess = sum(value - cut for value in past[int(len(past) * (1.0 - _TAIL)) :])
            mean = excess / (len(past) * _TAIL)
            if mean > 0.0:
                rank = min(rank, _TAIL * math.exp(-min((score - cut) / mean, 500.0)))
        return math.log(rank) / -math.log(self._steps)

    def _remember(self, score: float) -> None:
        if self._river.seen < _UNRIPE:
            return
        self._scores.append(score)
        insort(self._sorted, score)
        if len(self._scores) > _RANKED:
            old = self._scores.pop(0)
            del self._sorted[bisect_left(self._sorted, old)]

    def dump(self) -> dict[str, JSON]:
        """Everything the detector knows, as versioned plain JSON: the inputs stand for the river object."""
        return {
            "kind": self.kind,
            "version": self.version,
            "settings": {
                "false_alarm_interval": self.false_alarm_interval,
                "cold_start": self.cold_start,
                "accept_after": self.accept_after,
                "detector": self.detector,
                "parameters": dict(self.parameters),
                "step": self.step,
                "direction": self.direction,
            },
            "base": self._base.dump(),
            "clock": [self._first, self._count, self._since, self._onset, self._evidence],
            "open": self._open,
            "seen": self._river.seen,
            "inputs": list(self._river.inputs),
            "scores": list(self._scores),
            "last": list(self._last),
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The detector of a dump; ValueError where kind, version or settings are another's."""
        if state.get("kind") != cls.kind or state.get("version") != cls.version:
            raise ValueError(
                f"detector state: kind {state.get('kind')!r} version {state.get('version')!r} is not "
                f"{cls.kind!r} version {cls.version}; drop it and learn again"
            )
        settings: dict[str, Any] = dict(fields(state, "settings"))
        made = cls(**settings)
        made._base = ArrivalBase.load(fields(state, "base"))
        clock = numbers(state, "clock")
        made._first, made._count, made._since, made._onset, made._evidence = clock
        made._open = int(number(state["open"]))
        make = maker(made.detector, made.parameters)
        made._river = Replayed(
            lambda: make(made.parameters, made._steps), numbers(state, "inputs"), int(number(state["seen"]))
        )
        made._scores = numbers(state, "scores")
        made._sorted = sorted(made._scores)
        made._last = numbers(state, "last")
        return made
