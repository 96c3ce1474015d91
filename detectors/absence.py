"""A segment whose arrivals stop, or nearly so, while the rest goes on: a region, a carrier that sends no more."""

import math
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from detectors.absent_state import AbsentState
from detectors.frame import JSON, WHOLE, Frame, Scores, between
from detectors.plain import fields, number
from detectors.settings import all_days

_ARL_FACTOR = 0.676
_ENOUGH = 20.0  # arrivals of the whole from which it is warm early
_DAY = 86_400_000_000


class Absence:
    """Shiryaev-Roberts test that none, a tenth or a quarter of a segment's arrivals are left of its share of the rest.

    `false_alarm_interval`: days between false alarms of all segments together. `cold_start`: days after which it is
    warm at the latest; it is warm after eight. `accept_after`: days after which an absence becomes the base.

    What is expected of a segment is its learned share, by hour of day and weekend, of what the moment gets at the same
    time: when everything is slow nothing is absent. Where the moment gets more than it does at this time of the week,
    it is the usual that is shared: a sale in one region takes nothing from the others. A segment's share wanders
    (learned by quarters of a day, filtered as the hours pass), and empty windows in a row share one deviation: who
    comes seldom is missed late, and later than ever before. Who comes in clumps (`detectors/clumps.py`) is missed by
    clumps. Segments share the promise by dimension and
    value (R <- (R + dt) L, each against the whole threshold over its weight: the sum is a martingale less the time).
    A value that never came back is no fault but how its dimension is: values come and go there, and no other is missed
    until the promised interval, or 90 days, are over. The whole is for `Silence` and `Drop`, and so is who has more
    than seven tenths of it.
    Guarantee: where the model holds, about `false_alarm_interval` or more between false alarms; elsewhere as far as the
    last four weeks are like the next day.
    Source: Shiryaev 1963, Roberts 1966; gamma-Poisson filter after Smith and Miller 1986.

    >>> detector, hour, names = Absence(900.0), 3600_000_000, ("", "region=N", "region=S", "region=W")
    >>> def frame(number, *arrivals):
    ...     count = np.array([sum(arrivals), *arrivals])
    ...     return Frame(number * hour, (number + 1) * hour, names, count, 0.0 * count, count)
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number, 60 + number % 3, 60, 58 + number % 5))
    >>> bool(detector.score(frame(24 * 14, 240, 60, 60)).breach.any())      # a sale
    False
    >>> scores = detector.score(frame(24 * 14, 0, 60, 60))
    >>> [name for name, breach in zip(scores.segments, scores.breach) if breach]
    ['region=N']
    """

    kind: str = "absence"
    version: ClassVar[int] = 2

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
        self._state = AbsentState()
        self._cache: tuple[Frame, AbsentState] | None = None

    def score(self, frame: Frame) -> Scores | None:
        """Evidence, breach, onset of what is in breach and of the row nearest to it.

        With what was expected and seen of them since then; of the whole, in the latest quarter of an hour or window.
        """
        if not self._state.warm:
            return None
        state = self._after(frame)
        reached, since = state.shown, state.line("since")
        nearest = {int(np.argmax(reached))} if len(reached) else set()
        rows = sorted({*np.flatnonzero(since >= 0.0).tolist(), *nearest}, key=state.names.__getitem__)
        open_ = since[rows] >= 0.0
        due, seen, onset = state.story(rows)
        due, seen = np.concatenate([[state.latest[0]], due]), np.concatenate([[state.latest[1]], seen])
        spread = 2.0 * np.sqrt(due + due * due * np.concatenate([[0.0], state.deviation()[rows]]))
        return Scores(
            (WHOLE, *(state.names[row] for row in rows)),
            np.concatenate([[0.0], np.where(open_, 1.0, np.exp(np.minimum(reached[rows], -1e-9)))]),
            np.concatenate([[False], open_]),
            np.concatenate([[0], np.where(open_, state.origin + np.rint(onset * _DAY), 0.0)]).astype(np.int64),
            due,
            between(np.maximum(due - spread, 0.0), due + spread),
            seen,
        )

    def learn(self, frame: Frame) -> None:
        """Take in the frame."""
        self._state = self._after(frame)
        self._cache = None
        state = self._state
        if not state.warm and state.now - state.first >= self.warm_after:
            state.warm = state.base.total >= _ENOUGH or state.now - state.first >= self.cold_start

    def missing(self) -> int:
        """How many arrivals of the latest frame's time were those of segments in breach, had they come."""
        return self._state.missing

    def promise(self, false_alarm_interval: float) -> None:
        """Hold false alarms to one in so many days from now on."""
        self.false_alarm_interval = false_alarm_interval

    def progress(self) -> tuple[float, float]:
        """(days seen, days needed)."""
        state = self._state
        seen = state.now - state.first
        if state.warm:
            return max(seen, self.warm_after), self.warm_after
        return seen, self.warm_after if state.base.total >= _ENOUGH else self.cold_start

    def _after(self, frame: Frame) -> AbsentState:
        if self._cache is not None and self._cache[0] is frame:
            return self._cache[1]
        state = self._state.copy()
        least = math.log(max(_ARL_FACTOR * self.false_alarm_interval, 2.0))
        state.take(frame, least, (self.accept_after, min(self.false_alarm_interval, 90.0), self.warm_after))
        self._cache = (frame, state)
        return state

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
        made = cls(**{name: number(value) for name, value in fields(state, "settings").items()})
        made._state = AbsentState.load(fields(state, "state"))
        return made
