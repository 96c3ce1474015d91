"""The mean value of an event, and whether it is one that this moment has never seen, held to a promise."""

import math
from collections.abc import Mapping
from typing import Self

import numpy as np

from detectors.frame import JSON, WHOLE, Frame, Scores, between
from detectors.plain import fields, number, numbers
from detectors.series.unusual import Unusual
from detectors.settings import all_days

_DAY = 86_400_000_000
_STEP = 3_600_000_000
_EVENTS = 10.0
"""A step is an hour, or as long as it takes to have so many events: the mean of fewer is mostly chance."""
_DAYS = 400
"""Daily peaks that are remembered."""
_LEAST_DAYS = 1
_RECENT = 168
"""Steps from which the usual mean and its band are read."""
_CALM = 4
"""Steps in a row that must be ordinary for a breach to be over."""
_BAND = (2.5, 50.0, 97.5)


class Value:
    """The score of `Unusual` on the mean value an event of the whole, alarmed at a return level.

    What is scored is the logarithm of the mean, so that half as much is as far off as twice as much.

    Steps near each other are unusual together, so what is counted is a day's peak. Peaks above their median have
    an exponential tail (Pickands 1975; clusters' peaks are independent in the limit, Leadbetter 1983); its scale is
    integrated over what k excesses with sum S leave open, which gives P(peak > x) = (1 + (x - median) / S)^-k / 2. A
    breach starts where that is below a day over the interval, so that a false one comes once an interval, on average,
    as long as days are alike; little history only raises the level.

    `false_alarm_interval`, `cold_start`, `accept_after`: days. While a breach holds nothing is learned, up to
    `accept_after`; then everything is learned anew. Values are in whatever unit the frames have.

    >>> import numpy as np
    >>> from detectors.frame import Beside
    >>> detector, hour, many = Value(90.0), 3600_000_000, np.array([60])
    >>> def frame(number, mean):
    ...     beside = Beside(values={"": 60 * mean})
    ...     return Frame(number * hour, (number + 1) * hour, ("",), many, 0.0 * many, many, beside=beside)
    >>> for number in range(24 * 28):
    ...     detector.learn(frame(number, 4000 + number * 7919 % 101))
    >>> bool(detector.score(frame(24 * 28, 4050)).breach[0]), bool(detector.score(frame(24 * 28, 400)).breach[0])
    (False, True)
    """

    kind = "value"
    version = 1

    def __init__(self, false_alarm_interval: float, cold_start: float = 14.0, accept_after: float = 14.0) -> None:
        settings = {
            "false_alarm_interval": float(false_alarm_interval),
            "cold_start": float(cold_start),
            "accept_after": float(accept_after),
        }
        all_days(self.kind, **settings)
        self._settings = settings
        self._series = Unusual()
        self._recent: list[float] = []
        self._peaks: list[float] = []
        self._day, self._peak = -1, 0.0
        self._first, self._end = -1, -1
        self._total, self._tried, self._began = 0.0, 0.0, -1
        self._since, self._onset, self._calm = -1, 0, 0
        self._evidence, self._mean = 0.0, 0.0

    @property
    def false_alarm_interval(self) -> float:
        """Days between false alarms."""
        return self._settings["false_alarm_interval"]

    def promise(self, false_alarm_interval: float) -> None:
        """Hold false alarms to one in so many days from now on."""
        self._settings["false_alarm_interval"] = float(false_alarm_interval)

    def score(self, frame: Frame) -> Scores | None:
        """Evidence, breach and the mean of the step that ended last; None before it is warm."""
        if not self._warm():
            return None
        evidence, since, onset, mean = self._evidence, self._since, self._onset, self._mean
        step = self._closes(frame)
        if step is not None:
            middle, mean = step
            evidence = self._weigh(middle, mean)
            if since >= 0:
                if self._over(evidence, frame.end):
                    since = -1
            elif evidence >= 1.0 and frame.usual:
                since, onset = frame.end, frame.start if self._began < 0 else self._began
        breach = since >= 0
        lower, expected, upper = np.percentile(self._recent, _BAND)
        return Scores(
            (WHOLE,),
            np.array([max(evidence, 1.0) if breach else min(evidence, 1.0 - 1e-9)]),
            np.array([breach]),
            np.array([onset if breach else 0], dtype=np.int64),
            np.array([expected]),
            between(np.array([lower]), np.array([upper])),
            np.array([mean]),
        )

    def learn(self, frame: Frame) -> None:
        """Add the frame to the open step; judge and learn the step where it ends with it."""
        if self._first < 0:
            self._first = frame.start
        self._end = frame.end
        step = self._closes(frame)
        if step is None:
            total, tried = self._counted(frame)
            if tried > 0.0 and self._began < 0:
                self._began = frame.start
            self._total, self._tried = self._total + total, self._tried + tried
            return
        onset = frame.start if self._began < 0 else self._began
        self._total, self._tried, self._began = 0.0, 0.0, -1
        self._take(frame, onset, *step)

    def _take(self, frame: Frame, onset: int, middle: float, mean: float) -> None:
        self._mean = mean
        self._evidence = self._weigh(middle, mean) if self._warm() else 0.0
        if self._since >= 0:
            over = self._over(self._evidence, frame.end)
            accepted = frame.end - self._since >= self._settings["accept_after"] * _DAY
            self._calm = self._calm + 1 if self._ordinary(self._evidence) else 0
            if over:
                self._since, self._calm = -1, 0
            if accepted:
                self._forget()
                self._first = frame.end
            return
        if not frame.usual:
            return
        if self._evidence >= 1.0:
            self._since, self._onset, self._calm = frame.end, onset, 0
            return
        self._learn_step(frame.end, middle, mean)

    def _learn_step(self, end: int, middle: float, mean: float) -> None:
        decades = self._series.decades(middle, math.log1p(mean))
        young = not self._series.grown
        self._series.learn(middle, math.log1p(mean))
        self._recent = [*self._recent[1 - _RECENT :], mean]
        if young and self._series.grown:
            # What stood out in the series' youth says nothing of the days to come.
            self._peaks, self._day, self._peak = [], -1, 0.0
        elif decades is not None:
            day = end // _DAY
            if day != self._day and self._day >= 0:
                self._peaks = [*self._peaks[1 - _DAYS :], self._peak]
                self._peak = 0.0
            self._day, self._peak = day, max(self._peak, decades)

    def _weigh(self, middle: float, mean: float) -> float:
        """1 where a day's peak so high comes once an interval; the logarithm of how rare, over that."""
        decades = self._series.decades(middle, math.log1p(mean)) or 0.0
        ordered = sorted(self._peaks)
        median = ordered[len(ordered) // 2]
        if decades <= median:
            return 0.0
        above = [peak - median for peak in ordered if peak > median]
        total = math.fsum(above) + 1e-9
        rare = math.log(2.0) + len(above) * math.log1p((decades - median) / total)
        return rare / math.log(max(self.false_alarm_interval, 4.0))

    def _ordinary(self, evidence: float) -> bool:
        """No higher than an ordinary day's peak."""
        return evidence <= 0.0

    def _over(self, evidence: float, end: int) -> bool:
        accepted = end - self._since >= self._settings["accept_after"] * _DAY
        return accepted or (self._ordinary(evidence) and self._calm + 1 >= _CALM)

    def _counted(self, frame: Frame) -> tuple[float, float]:
        value = frame.beside.values.get(WHOLE, 0)
        # Events of a frame without any value have none that was stated.
        return (float(value), float(frame.trials[0])) if value > 0 else (0.0, 0.0)

    def _closes(self, frame: Frame) -> tuple[float, float] | None:
        """(middle of the step in seconds, mean value) where the step ends with the frame."""
        total, tried = self._counted(frame)
        total, tried = self._total + total, self._tried + tried
        began = frame.start if self._began < 0 else self._began
        if tried < _EVENTS or frame.end - began < _STEP:
            return None
        return 0.5e-6 * (began + frame.end), total / tried

    def _warm(self) -> bool:
        seen, needed = self.progress()
        return seen >= needed

    def progress(self) -> tuple[float, float]:
        """(days seen, days needed): there must be enough daily peaks to tell how they are spread."""
        needed = self._settings["cold_start"]
        if self._first < 0:
            return 0.0, needed
        seen = (self._end - self._first) / _DAY
        return (seen, needed) if len(self._peaks) >= _LEAST_DAYS else (min(seen, 0.99 * needed), needed)

    def _forget(self) -> None:
        self._series = Unusual()
        self._recent, self._peaks = [], []
        self._day, self._peak = -1, 0.0
        self._first, self._end = -1, -1

    def dump(self) -> dict[str, JSON]:
        """Everything the detector knows, as versioned plain JSON."""
        return {
            "kind": self.kind,
            "version": self.version,
            "settings": dict(self._settings),
            "series": self._series.dump(),
            "recent": list(self._recent),
            "peaks": list(self._peaks),
            "today": [self._day, self._peak],
            "clock": [self._first, self._end, self._began, self._since, self._onset, self._calm],
            "open": [self._total, self._tried, self._evidence, self._mean],
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The detector of a dump; ValueError where kind or version is another's."""
        if state.get("kind") != cls.kind or state.get("version") != cls.version:
            raise ValueError(
                f"detector state: kind {state.get('kind')!r} version {state.get('version')!r} is not "
                f"{cls.kind!r} version {cls.version}; drop it and learn again"
            )
        made = cls(**{name: number(value) for name, value in fields(state, "settings").items()})
        made._series = Unusual.load(fields(state, "series"))
        made._recent, made._peaks = numbers(state, "recent"), numbers(state, "peaks")
        day, made._peak = numbers(state, "today")
        made._day = int(day)
        clock = [int(at) for at in numbers(state, "clock")]
        made._first, made._end, made._began, made._since, made._onset, made._calm = clock
        made._total, made._tried, made._evidence, made._mean = numbers(state, "open")
        return made
