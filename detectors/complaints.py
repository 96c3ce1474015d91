"""Complaints that cluster: counts on the clock against their own base, the whole and each segment in one statistic."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import ClassVar, Self

import numpy as np

from detectors.clusters import Clusters, Settings
from detectors.frame import JSON, WHOLE, Frame, Scores, between
from detectors.naming import DAY
from detectors.plain import fields, number
from detectors.settings import all_days


class Complaints:
    """Mixture Shiryaev-Roberts on the number of complaints, half its weight on the whole, half on the segments.

    R <- (R + dt) L, dt in days and L the likelihood ratio of what came since: so many times as many complaints
    (Poisson) against the sequential prediction (negative binomial) from what was learned. The prediction is the
    seasonal base's (level, hour of day, kind of day, hour of week, each shrunk), times a gamma deviation that is
    filtered: a day's own level holds until midnight (how much days differ is learned, `detectors/day_levels.py`), an
    hour's fades within hours; how surely each is known is in it; a segment's is its share of it. Where more
    customers come than in the last four weeks, more complaints are expected in proportion. Some come several at a
    time (`detectors/batches.py`): an hour's complaints so far are weighed together, whenever they came. sum(R) - t is a
    martingale while the predictions are right, so that the mean time to a false alarm is at least 0.676 times the
    interval, and about the interval in simulation.

    `false_alarm_interval`, `cold_start`, `accept_after`: days; warm after three days with three complaints, else
    after the cold start: that there are none is something to know as well. While a breach holds nothing is learned,
    up to `accept_after`; then what is there is the base.
    Source: Shiryaev 1963, Roberts 1966; gamma-Poisson filter after Smith and Miller 1986.

    >>> from detectors.frame import Beside
    >>> detector, hour, many = Complaints(90.0), 3600_000_000, np.array([600])
    >>> def frame(number, complaints):
    ...     return Frame(number * hour, (number + 1) * hour, ("",), many, 0.0 * many, many,
    ...                  beside=Beside(complaints={"": complaints}))
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number, number % 2))
    >>> bool(detector.score(frame(24 * 14, 2)).breach[0]), bool(detector.score(frame(24 * 14, 12)).breach[0])
    (False, True)
    """

    kind: str = "complaints"
    version: ClassVar[int] = 5

    def __init__(self, false_alarm_interval: float, cold_start: float = 14.0, accept_after: float = 14.0) -> None:
        self._settings = Settings(float(false_alarm_interval), float(cold_start), float(accept_after))
        all_days(self.kind, **asdict(self._settings))
        self._state = Clusters()
        self._cache: tuple[Frame, Clusters] | None = None

    @property
    def false_alarm_interval(self) -> float:
        """Days between false alarms."""
        return self._settings.false_alarm_interval

    def promise(self, false_alarm_interval: float) -> None:
        """Hold false alarms to one in so many days from now on."""
        self._settings = replace(self._settings, false_alarm_interval=false_alarm_interval)

    def progress(self) -> tuple[float, float]:
        """(days seen, days needed)."""
        seen, needed = self._state.now - self._state.first, self._state.needed(self._settings.cold_start)
        return max(seen, needed) if self._state.warm else seen, needed

    def score(self, frame: Frame) -> Scores | None:
        """Evidence, breach, what was expected and what came, of the whole and of rows with a complaint or a breach."""
        after = self._after(frame)
        if not after.warm:
            return None
        came = frame.beside.complaints
        names = tuple(sorted({WHOLE, *(name for name in came if name in after.rows), *after.breaches}))
        shown = np.array([after.shown.get(name, (0.0, 0.0, 0.0, 0.0)) for name in names])
        breach = np.array([name in after.breaches for name in names])
        onset = [
            after.base.origin + round(after.breaches[name].onset * DAY) if name in after.breaches else 0
            for name in names
        ]
        return Scores(
            names,
            np.where(breach, np.maximum(shown[:, 0], 1.0), shown[:, 0]),
            breach,
            np.array(onset, dtype=np.int64),
            shown[:, 1],
            between(shown[:, 2], shown[:, 3]),
            np.array([float(came.get(name, 0)) for name in names]),
            np.array([after.breaches[name].over if name in after.breaches else 0.0 for name in names]),
        )

    def learn(self, frame: Frame) -> None:
        """Take the frame in, and the time before it in which nobody complained."""
        state = self._state
        same_day = frame.start // DAY == frame.end // DAY
        if state.base.origin >= 0 and same_day and not (state.heard or frame.beside.complaints):
            # That nobody ever complained is known of a gap just as well.
            return
        self._state = self._after(frame)
        self._cache = None

    def _after(self, frame: Frame) -> Clusters:
        if self._cache is not None and self._cache[0] is frame:
            return self._cache[1]
        made = self._state.copy()
        made.take(frame, self._settings)
        self._cache = (frame, made)
        return made

    def dump(self) -> dict[str, JSON]:
        """Everything the detector knows, as versioned plain JSON."""
        settings: dict[str, JSON] = dict(asdict(self._settings))
        return {"kind": self.kind, "version": self.version, "settings": settings, "state": self._state.dump()}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The detector of a dump; ValueError where kind or version is another's."""
        if state.get("kind") != cls.kind or state.get("version") != cls.version:
            raise ValueError(
                f"detector state: kind {state.get('kind')!r} version {state.get('version')!r} is not "
                f"{cls.kind!r} version {cls.version}; drop it and learn again"
            )
        made = cls(**{name: number(value) for name, value in fields(state, "settings").items()})
        made._state = Clusters.load(fields(state, "state"))
        return made
