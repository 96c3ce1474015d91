"""Arrivals that stop: clock-driven, seasonal, so that a quiet night is no silence and a missing Monday is."""

import math
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from detectors.arrivals import log_poisson
from detectors.frame import JSON, Frame, Scores, between
from detectors.lulls import MARGIN
from detectors.plain import number
from detectors.settings import all_days
from detectors.silence_state import DAY, ENOUGH, State

_ARL_FACTOR = 0.676
_CONFIDENCE = math.log(50.0)
_SETTLED = 0.5  # of the days to be warm, after which lulls are noted
_TRUSTED = 0.5  # days of a breach that are still learned: a habit is, a long outage is not
_CEILING = 1e60
_LONGEST = 60 * 24  # hours of a gap that are gone through one by one; what lies before them changes nothing
_APART = 1.0  # days without a frame after which what comes is no neighbour of what came
_STOPPED = 6.0  # expected arrivals in a row that did not come: of a third, one would have come at 86 %


class Silence:
    """Shiryaev-Roberts test that the arrivals of the whole stopped (0 or 5 % of the expected are left).

    `false_alarm_interval`: days between false alarms. `cold_start`: days after which it is warm at the latest;
    it is warm after eight, when every hour of the week was seen. `accept_after`: days after which silence becomes
    the base.

    Arrivals are Poisson given a rate, or come in clumps whose size is learned (`detectors/clumps.py`): clumps are
    counted then. The rate is the base's for the hour of the week, or an hour's beside it where that is clearly lower
    (two hours beside: the geometric mean), since clocks change and days start late; times the trend of the last days
    and weeks (an hour far above the expected teaches no more than a little above it, so that the usual after a sale is
    no drop); times the day's own pace, filtered as the hours pass and never above 1. How surely each is known, and how
    much hours differ, is in the null: empty windows in a row share one deviation. What is left is measured: the
    threshold follows the tail of the highest statistics of ordinary days about this time of day, and is above the
    record of late there. A breach is learned for its first half day, and its height becomes ordinary when it comes
    again at the same time of day within eight days. Time without frames is time without arrivals.
    Guarantee: where the model holds, about `false_alarm_interval` or more between false alarms; elsewhere as far
    as the last four weeks are like the next day.
    Source: Shiryaev 1963, Roberts 1966; gamma-Poisson filter after Smith and Miller 1986; tails Pickands 1975.

    >>> detector, hour = Silence(90.0), 3600_000_000
    >>> def frame(number, arrivals):
    ...     count = np.array([arrivals])
    ...     return Frame(number * hour, (number + 1) * hour, ("",), count, 0.0 * count, count)
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number, 60 if 6 <= number % 24 < 22 else 0))
    >>> bool(detector.score(frame(24 * 14 + 5, 0)).breach[0])      # the night
    False
    >>> bool(detector.score(frame(24 * 14 + 8, 0)).breach[0])      # and nobody in the morning
    True
    """

    kind: str = "silence"
    version: ClassVar[int] = 9
    levels: ClassVar[tuple[float, ...]] = (0.0, 0.05)
    """What is left of the expected arrivals."""
    weights: ClassVar[tuple[float, ...]] = (0.8, 0.2)
    back: ClassVar[float] = 0.3
    """A recovery must be likelier than this share of the expected rate."""

    def __init__(
        self,
        false_alarm_interval: float,
        cold_start: float = 14.0,
        accept_after: float = 14.0,
        warm_after: float = 8.0,
    ) -> None:
        all_days(
            self.kind,
            false_alarm_interval=false_alarm_interval,
            cold_start=cold_start,
            accept_after=accept_after,
            warm_after=warm_after,
        )
        self.false_alarm_interval = float(false_alarm_interval)
        self.cold_start = float(cold_start)
        self.accept_after = float(accept_after)
        self.warm_after = min(float(warm_after), self.cold_start)
        self._state = State(len(self.levels))
        self._cache: tuple[Frame, State] | None = None

    def score(self, frame: Frame) -> Scores | None:
        """Evidence, breach and the expected count of the whole; None before it is warm."""
        state = self._after(frame)
        if not self._state.warm:
            return None
        spread = 2.0 * math.sqrt(state.clump * state.expected + (state.doubt + state.common) * state.expected**2)
        open_ = self._says(state)
        evidence = math.exp(min(state.statistic() - self._threshold(state), 0.0))
        return Scores(
            ("",),
            np.array([1.0 if open_ else evidence]),
            np.array([open_]),
            np.array([round(state.onset * DAY) + state.base.origin if open_ else 0], dtype=np.int64),
            np.array([state.expected]),
            between(np.array([max(state.expected - spread, 0.0)]), np.array([state.expected + spread])),
        )

    def learn(self, frame: Frame) -> None:
        """Take in the frame and the empty time before it."""
        before = self._state
        state = self._state = self._after(frame)
        self._cache = None
        start = (frame.start - state.base.origin) / DAY
        empty = max(start - before.now, 0.0) if before.base.origin >= 0 else 0.0
        if frame.usual and state.since < 0.0 and empty <= _APART:
            if empty:
                state.clumps.take(start - empty, start, 0.0, state.bend)
            state.clumps.take(start, state.now, float(frame.arrivals[0]), state.bend)
        else:
            state.clumps.part()
        if not state.warm and state.now - state.first >= self.warm_after:
            state.warm = state.base.total >= ENOUGH or state.now - state.first >= self.cold_start

    def promise(self, false_alarm_interval: float) -> None:
        """Hold false alarms to one in so many days from now on."""
        self.false_alarm_interval = false_alarm_interval

    def progress(self) -> tuple[float, float]:
        """(days seen, days needed)."""
        state = self._state
        seen = state.now - state.first
        if state.warm:
            return max(seen, self.warm_after), self.warm_after
        return seen, self.warm_after if state.base.total >= ENOUGH else self.cold_start

    def _after(self, frame: Frame) -> State:
        if self._cache is not None and self._cache[0] is frame:
            return self._cache[1]
        state = self._state.copy()
        if state.base.origin < 0:
            state.base = state.base.copy()
            state.base.origin = frame.start - frame.start % DAY
            state.now = state.first = (frame.start - state.base.origin) / DAY
        self._pass(state, frame)
        self._cache = (frame, state)
        return state

    def _pass(self, state: State, frame: Frame) -> None:
        """Go through the empty time since the last frame hour by hour, then through the frame."""
        end = (frame.end - state.base.origin) / DAY
        start = max((frame.start - state.base.origin) / DAY, state.now)
        at = max(state.now, start - _LONGEST / 24.0)
        while at < start - 1e-9:
            until = min((math.floor(at * 24.0 + 1e-6) + 1.0) / 24.0, start)
            self._window(state, at, until, 0.0)
            at = until
        self._window(state, start, end, float(frame.arrivals[0]), None if frame.usual else frame.doubt)

    def _window(self, state: State, start: float, end: float, arrivals: float, doubt: float | None = None) -> None:
        """`doubt`: added variance of a window that is special and not learned; None where it is as usual."""
        length = max(end - start, 0.0)
        hour = math.floor((start + end) * 12.0)
        if hour != state.hour:
            state.turn(hour)
        state.expected = state.rate * length
        hoped = state.rate * length * (state.shape / state.scale if state.scale > 0.0 else 1.0)
        clumps = arrivals / state.clump
        null = state.filter(length, clumps, doubt or 0.0)
        mean = state.low * length / state.clump
        state.now = end
        if arrivals > 0.0:
            state.empty_from = end
        if state.since < 0.0:
            self._test(state, length, mean, clumps, null)
        else:
            self._recover(state, mean, clumps, null)
        if doubt is None and (state.since < 0.0 or not state.warm or end - state.since < _TRUSTED):
            state.seen += arrivals
            state.time += length
            state.hoped += hoped

    def _threshold(self, state: State) -> float:
        """Logarithm of the statistic that opens a breach now."""
        return max(state.tail * math.log(max(_ARL_FACTOR * self.false_alarm_interval, 2.0)), state.record + MARGIN)

    def _test(self, state: State, length: float, mean: float, arrivals: float, null: float) -> None:
        if state.now - state.first < _SETTLED * self.warm_after:
            return
        best = 0.0
        for place, level in enumerate(self.levels):
            gain = self._likelihood(state, place, level * mean, arrivals) - null
            state.measure[place] = min(
                (state.measure[place] + length * self.weights[place]) * math.exp(min(gain, 70.0)), _CEILING
            )
            state.climb[place] = max(state.climb[place] + max(gain, -1e9), 0.0)
            if state.climb[place] == 0.0:
                state.start[place] = state.now
            if state.climb[place] >= best:
                best = state.climb[place]
                state.onset = state.start[place]
        reached = state.statistic()
        if state.warm and reached >= self._threshold(state):
            state.since = state.now
            state.stopped = float(state.onset >= state.empty_from or state.gap >= _STOPPED)
            state.evidence = 0.0
            state.restart()
            state.reached = reached
            state.lulls = state.lulls.copy()
            state.lulls.drop()
            state.lulls.lull(state.now, reached)
        elif reached > max(state.told, 0.0):
            state.tell(reached)
        elif reached <= 0.0 < state.told:
            state.lulls = state.lulls.copy()
            state.lulls.settle(state.now)
            state.told = 0.0

    def _likelihood(self, state: State, place: int, mean: float, arrivals: float) -> float:
        """Logarithm of how likely the arrivals are if something is wrong."""
        del state, place
        return log_poisson(arrivals, mean)

    def _says(self, state: State) -> bool:  # whether the breach that is open, if any, is this detector's to tell
        return state.since >= 0.0

    def _recover(self, state: State, mean: float, arrivals: float, null: float) -> None:
        if arrivals == 0.0 and state.now - state.since < _TRUSTED:
            state.reached -= null
            state.lulls = state.lulls.copy()
            state.lulls.lull(state.now, state.reached)
        gain = arrivals * -math.log(self.back) - mean * (1.0 - self.back)
        state.evidence = max(state.evidence + gain, 0.0)
        if state.evidence >= _CONFIDENCE:
            state.since = -1.0
            state.restart()
        elif state.now - state.since >= self.accept_after:
            state.since = -1.0
            state.forget()
            state.restart()

    def dump(self) -> dict[str, JSON]:
        """Everything the detector knows, as versioned plain JSON."""
        return {
            "kind": self.kind,
            "version": self.version,
            "settings": {
                "false_alarm_interval": self.false_alarm_interval,
                "cold_start": self.cold_start,
                "accept_after": self.accept_after,
                "warm_after": self.warm_after,
            },
            "state": self._state.dump(),
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The detector of a dump; ValueError where kind or version is another's."""
        if state.get("kind") != cls.kind or state.get("version") != cls.version:
            raise ValueError(
                f"detector state: kind {state.get('kind')!r} version {state.get('version')!r} is not "
                f"{cls.kind!r} version {cls.version}; drop it and learn again"
            )
        settings, inner = state["settings"], state["state"]
        if not isinstance(settings, dict) or not isinstance(inner, dict):
            raise ValueError("detector state: `settings` and `state` must be objects")
        made = cls(**{name: number(value) for name, value in settings.items()})
        made._state = State.load(inner)
        return made
