"""Arrivals that stop: clock-driven, seasonal, so that a quiet night is no silence and a missing Monday is."""

import math
from collections.abc import Mapping
from typing import Self

import numpy as np

from detectors.arrivals import ArrivalBase
from detectors.frame import JSON, Frame, Scores
from detectors.plain import fields, number, numbers

DAY = 86_400_000_000
_ARL_FACTOR = 0.676
_LEVELS = (0.0, 0.05)
_PERSISTENCE = 0.25
_CONFIDENCE = math.log(50.0)
_BACK = 0.3  # a recovery must be likelier than this share of the expected rate
_CEILING = 1e60
_LONGEST = 60 * 24  # hours of a gap that are gone through one by one; what lies before them changes nothing


class Silence:
    """Shiryaev-Roberts test that the arrivals of the whole stopped (0 or 5 % of the expected are left).

    `false_alarm_interval`: days between false alarms. `cold_start`: days after which it is warm at the latest;
    it is warm after eight, when every hour of the week was seen. `accept_after`: days after which silence becomes
    the base. Arrivals are Poisson given a rate; the rate is the level of about 28 days times the hour's factor
    (hour of day, weekend and day of week, each shrunk to the one before) times a gamma deviation that is filtered
    as the hours pass: what is not known of an hour and how much hours differ is in the null, so that joint
    emptiness of many uncertain hours is no proof. Time without frames is time without arrivals.
    Source: Shiryaev 1963, Roberts 1966; gamma-Poisson filter after Smith and Miller 1986.

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

    kind = "silence"
    version = 1

    def __init__(
        self,
        false_alarm_interval: float,
        cold_start: float = 14.0,
        accept_after: float = 14.0,
        warm_after: float = 8.0,
    ) -> None:
        for name, value in (
            ("false_alarm_interval", false_alarm_interval),
            ("cold_start", cold_start),
            ("accept_after", accept_after),
            ("warm_after", warm_after),
        ):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"silence: {name} is {value!r}; give a number of days above 0")
        self.false_alarm_interval = float(false_alarm_interval)
        self.cold_start = float(cold_start)
        self.accept_after = float(accept_after)
        self.warm_after = min(float(warm_after), self.cold_start)
        self._state = _State()
        self._cache: tuple[Frame, _State] | None = None

    def score(self, frame: Frame) -> Scores | None:
        """Evidence, breach and the expected count of the whole; None before it is warm."""
        state = self._after(frame)
        if not self._state.warm:
            return None
        spread = 2.0 * math.sqrt(state.expected + state.doubt * state.expected**2)
        open_ = state.since >= 0.0
        threshold = _ARL_FACTOR * self.false_alarm_interval
        return Scores(
            ("",),
            np.array([1.0 if open_ else sum(state.measure) / threshold]),
            np.array([open_]),
            np.array([round(state.onset * DAY) + state.base.origin if open_ else 0], dtype=np.int64),
            np.array([state.expected]),
            np.array([max(state.expected - spread, 0.0)]),
            np.array([state.expected + spread]),
        )

    def learn(self, frame: Frame) -> None:
        """Take in the frame and the empty time before it."""
        self._state = self._after(frame)
        self._cache = None
        state = self._state
        if not state.warm and state.now - state.first >= self.warm_after:
            state.warm = state.base.total >= 20.0 or state.now - state.first >= self.cold_start

    def progress(self) -> tuple[float, float]:
        """(days seen, days needed)."""
        state = self._state
        seen = state.now - state.first
        if state.warm:
            return max(seen, self.warm_after), self.warm_after
        return seen, self.warm_after if state.base.total >= 20.0 else self.cold_start

    def _after(self, frame: Frame) -> "_State":
        if self._cache is not None and self._cache[0] is frame:
            return self._cache[1]
        state = self._state.copy()
        if state.base.origin < 0:
            state.base.origin = frame.start - frame.start % DAY
            state.now = state.first = (frame.start - state.base.origin) / DAY
        self._pass(state, frame)
        self._cache = (frame, state)
        return state

    def _pass(self, state: "_State", frame: Frame) -> None:
        """Go through the empty time since the last frame hour by hour, then through the frame."""
        end = (frame.end - state.base.origin) / DAY
        start = max((frame.start - state.base.origin) / DAY, state.now)
        at = max(state.now, start - _LONGEST / 24.0)
        while at < start - 1e-9:
            until = min((math.floor(at * 24.0 + 1e-6) + 1.0) / 24.0, start)
            self._window(state, at, until, 0.0, usual=True)
            at = until
        self._window(state, start, end, float(frame.arrivals[0]), usual=frame.usual)

    def _window(self, state: "_State", start: float, end: float, arrivals: float, *, usual: bool) -> None:
        length = max(end - start, 0.0)
        rate, doubt = state.base.rate((start + end) / 2.0)
        mean = rate * length
        state.expected, state.doubt = mean, doubt + state.base.wander()
        spread = state.doubt if usual else state.doubt + 0.5
        prior = 1.0 / max(spread, 1e-6)
        keep = math.exp(-length / _PERSISTENCE)
        shape = prior + (min(state.shape, 1e12) - prior) * keep if state.shape > 0.0 else prior
        scale = prior + (min(state.scale, 1e12) - prior) * keep if state.shape > 0.0 else prior
        null = _log_negative_binomial(arrivals, shape, scale, mean)
        state.shape, state.scale = shape + arrivals, scale + mean
        state.now = end
        if state.since < 0.0:
            self._test(state, length, mean, arrivals, null)
        else:
            self._recover(state, mean, arrivals)
        if usual and (state.since < 0.0 or not state.warm):
            state.base.learn((start + end) / 2.0, length, arrivals)

    def _test(self, state: "_State", length: float, mean: float, arrivals: float, null: float) -> None:
        if not state.warm:
            return
        best = 0.0
        for place, level in enumerate(_LEVELS):
            gain = _log_poisson(arrivals, level * mean) - null
            ratio = math.exp(min(gain, 70.0))
            state.measure[place] = min((state.measure[place] + length / len(_LEVELS)) * ratio, _CEILING)
            state.climb[place] = max(state.climb[place] + max(gain, -1e9), 0.0)
            if state.climb[place] == 0.0:
                state.start[place] = state.now
            if state.climb[place] >= best:
                best = state.climb[place]
                state.onset = state.start[place]
        if sum(state.measure) >= _ARL_FACTOR * self.false_alarm_interval:
            state.since = state.now
            state.evidence = 0.0
            state.restart()

    def _recover(self, state: "_State", mean: float, arrivals: float) -> None:
        gain = arrivals * -math.log(_BACK) - mean * (1.0 - _BACK)
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
        made._state = _State.load(inner)
        return made


class _State:
    """Plain numbers of a silence detector: the base, the filter, the statistic, the breach."""

    _NUMBERS = ("now", "first", "shape", "scale", "expected", "doubt", "since", "onset", "evidence")
    _LISTS = ("measure", "climb", "start")

    def __init__(self) -> None:
        self.base = ArrivalBase()
        self.warm = False
        self.now = self.first = 0.0
        self.shape = self.scale = 0.0
        self.expected = self.doubt = 0.0
        self.since, self.onset, self.evidence = -1.0, 0.0, 0.0
        self.measure = [0.0] * len(_LEVELS)
        self.climb = [0.0] * len(_LEVELS)
        self.start = [0.0] * len(_LEVELS)

    def copy(self) -> "_State":
        made = _State.__new__(_State)
        made.__dict__.update(self.__dict__)
        made.base = self.base.copy()
        for name in self._LISTS:
            setattr(made, name, list(getattr(self, name)))
        return made

    def restart(self) -> None:
        self.measure = [0.0] * len(_LEVELS)
        self.climb = [0.0] * len(_LEVELS)
        self.start = [self.now] * len(_LEVELS)

    def forget(self) -> None:
        """Take silence for the new base: learn anew from what comes, warm again when that is known."""
        origin = self.base.origin
        self.base = ArrivalBase()
        self.base.origin = origin
        self.first, self.warm = self.now, False
        self.shape = self.scale = 0.0

    def dump(self) -> dict[str, JSON]:
        plain: dict[str, JSON] = {name: getattr(self, name) for name in self._NUMBERS}
        lists: dict[str, JSON] = {name: list(getattr(self, name)) for name in self._LISTS}
        return {**plain, **lists, "warm": self.warm, "base": self.base.dump()}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> "_State":
        made = cls()
        for name in cls._NUMBERS:
            setattr(made, name, number(state[name]))
        for name in cls._LISTS:
            setattr(made, name, numbers(state, name))
        made.warm = bool(state["warm"])
        made.base = ArrivalBase.load(fields(state, "base"))
        return made


def _log_poisson(count: float, mean: float) -> float:
    """Without the count's factorial, which cancels."""
    if mean <= 0.0:
        return 0.0 if count == 0.0 else -1e9
    return count * math.log(mean) - mean


def _log_negative_binomial(count: float, shape: float, scale: float, mean: float) -> float:
    """The same for a rate with a gamma deviation of this shape and scale; Poisson as the shape grows."""
    if mean <= 0.0:
        return 0.0 if count == 0.0 else -1e9
    if count == 0.0:
        return -shape * math.log1p(mean / scale)
    if shape > 1e7:
        return _log_poisson(count, mean * shape / scale)
    rising = math.lgamma(shape + count) - math.lgamma(shape)
    return rising - shape * math.log1p(mean / scale) + count * math.log(mean / (scale + mean))
