"""A failure rate that rises: the whole and every segment against their own learned base, under one promise."""

from collections.abc import Mapping
from typing import ClassVar

from detectors.frame import JSON, WHOLE, Floats, Frame
from detectors.lasting import Lasting
from detectors.offsets import Guess
from detectors.plain import fields
from detectors.rates import RateDetector, Step
from detectors.season import Season
from detectors.week import Week

_ODDS = 0.05 / 0.95
_WHOLE_WEIGHT, _SEGMENT_WEIGHT = 0.5, 2.0


class FailureRate(RateDetector):
    """Mixture Shiryaev-Roberts on broken/kept outcomes, half its weight on the whole, half on the segments.

    `false_alarm_interval`: days between false alarms of this detector as a whole, however many segments.
    `cold_start`: days after which it is warm whatever it has seen; before, after `warm_after` days and three
    failures. `accept_after`: days after which the level of a breach becomes the base.

    Base: level over about 28 days shrunk to its own longer past, segments to the whole, times the week's shape of
    the whole (hour of day, weekend, hour of week). What is not known of it, and how the stream wanders, is in the null.
    Assumes that outcomes are independent given a rate that follows that null. Guarantee: the mean time to a
    false alarm is at least 0.33 times the interval under the null (0.47 of it, or 0.7 of that where the statistic
    leaps tenfold and lands as far beyond), about the interval in simulation.

    >>> import numpy as np
    >>> from detectors.frame import Frame
    >>> detector = FailureRate(false_alarm_interval=90.0)
    >>> minute, day = 60_000_000, 86_400_000_000
    >>> def frame(start, broken):
    ...     return Frame(start, start + 3600_000_000, ("",), np.array([600]), np.array([broken]), np.array([600]))
    >>> for hour in range(24 * 14):
    ...     detector.learn(frame(hour * 3600_000_000, 6.0))
    >>> bool(detector.score(frame(14 * day, 6.0)).breach[0]), bool(detector.score(frame(14 * day, 60.0)).breach[0])
    (False, True)
    """

    kind = "failure_rate"
    whole_share: ClassVar[float] = 0.5
    guess: ClassVar[float] = 1.0
    """How many times as long as the hypotheses say a wander lasts, before anything of it is seen."""
    early: ClassVar[bool] = True
    promised: ClassVar[bool] = False
    """Whether all that is tried was promised for a day; else it is so once promises are seen on their way."""

    def __init__(
        self,
        false_alarm_interval: float,
        cold_start: float = 14.0,
        accept_after: float = 14.0,
        warm_after: float = 3.0,
    ) -> None:
        super().__init__(false_alarm_interval, cold_start, accept_after, warm_after)
        self._season = Season()
        self._week = Week()
        self._lasting = Lasting(self.guess)
        if self.promised:
            self._lasting.begin()

    @property
    def lasting(self) -> float:
        """How many times as long as the hypotheses of a wander say it lasts here: where promises are, as they show."""
        return self._lasting.value

    def learn(self, frame: Frame) -> None:
        """Take the frame in; where promises are on their way, what comes after is theirs."""
        if frame.beside.way:
            self._lasting.begin()
        super().learn(frame)

    def _reference(self, step: Step) -> tuple[Floats | float, Floats | float]:
        factor, spread = self._season.factor(step.frame)
        weekly, doubt = self._week.factor(step.frame)
        return _ODDS * factor * weekly, spread + doubt

    def _guesses(self, whole: Floats) -> tuple[Guess, Guess]:
        return (_WHOLE_WEIGHT, 1.0), (_SEGMENT_WEIGHT, self._offsets.level(whole, _WHOLE_WEIGHT))

    def _learn_reference(self, step: Step, *, frozen: bool) -> None:
        frame = step.frame
        # Before the level is known, every hour would be learned to be far from it.
        if not frame.usual or step.trials[0] == 0.0 or not self._enough():
            return
        odds = float(step.rate[0] / (1.0 - step.rate[0]))
        factor = float(step.reference[0] / (1.0 - step.reference[0])) / _ODDS
        window = odds / factor, float(step.hits[0]), float(step.trials[0])
        days = step.now - self._first
        self._week.learn(frame, step.now, step.breaches[WHOLE].since if frozen else None, window)
        if not frozen:
            self._season.learn(frame, step.now, days, step.restless, window)
            seen = float(step.trials[0]), float(step.hits[0])
            self._lasting.take(step.now, seen, float(step.rate[0]), step.restless)
        self._week.refresh(step.now, days, step.restless, self._season.factors)

    def _dump_reference(self) -> dict[str, JSON]:
        return {"season": self._season.dump(), "week": self._week.dump(), "lasting": self._lasting.dump()}

    def _load_reference(self, state: Mapping[str, JSON]) -> None:
        self._season.restore(fields(state, "season"))
        self._week.restore(fields(state, "week"))
        self._lasting.restore(fields(state, "lasting"))
