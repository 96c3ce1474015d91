"""Detectors of a share other than the broken one: trials and hits are theirs, the test is the failure rate's."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from detectors.failure_rate import FailureRate
from detectors.frame import JSON, NOTHING, WHOLE, Frame, Scores
from detectors.plain import fields
from detectors.rates import RateDetector

Counted = Mapping[str, tuple[float, float]]
"""By row: trials and hits."""


class ShareDetector(ABC):
    """A `FailureRate` over frames in which something else is tried and hit.

    So the mixture Shiryaev-Roberts test, the base's posterior and season, its wander, the segments under one
    threshold, breach and recovery are the same and kept in one place. Settings are those of `FailureRate`.
    """

    kind: str
    version: ClassVar[int]
    test: ClassVar[type[FailureRate]] = FailureRate

    def __init__(self, false_alarm_interval: float, cold_start: float = 14.0, accept_after: float = 14.0) -> None:
        self._inner = self.test(false_alarm_interval, cold_start, accept_after)
        self._cache: tuple[Frame, Frame] | None = None

    @abstractmethod
    def _counted(self, frame: Frame) -> Counted:
        """Trials and hits of the rows that have any; changes nothing."""

    @abstractmethod
    def _rest(self, frame: Frame, whole: tuple[float, float], apart: Mapping[str, float]) -> tuple[float, float]:
        """The whole without what segments in breach account for; `apart`: their usual shares."""

    @abstractmethod
    def _took(self, frame: Frame) -> None:
        """Take in, after the test has, what the frame says beyond it."""

    def _skips(self, frame: Frame) -> bool:
        """Whether there is nothing in the frame to be worked out now."""
        del frame
        return False

    def _skip(self, frame: Frame) -> None:
        """Keep what is needed of a frame that is skipped."""
        del frame

    @abstractmethod
    def _dump_more(self) -> dict[str, JSON]: ...

    @abstractmethod
    def _load_more(self, state: Mapping[str, JSON]) -> None: ...

    @property
    def false_alarm_interval(self) -> float:
        """Days between false alarms."""
        return self._inner.false_alarm_interval

    def promise(self, false_alarm_interval: float) -> None:
        """Hold false alarms to one in so many days from now on."""
        self._inner.promise(false_alarm_interval)

    def score(self, frame: Frame) -> Scores | None:
        """As `FailureRate`, with the share that was seen; None before it is warm."""
        mine = self._frame(frame)
        scores = self._inner.score(mine)
        if scores is None:
            return None
        shares = np.where(mine.trials > 0, mine.hits / np.maximum(mine.trials, 1e-9), np.nan)
        if scores.segments != mine.segments:
            share = dict(zip(mine.segments, shares.tolist(), strict=True))
            shares = np.array([share.get(name, np.nan) for name in scores.segments])
        return replace(scores, seen=shares)

    def asks(self, frame: Frame) -> list[tuple[RateDetector, Frame]]:
        """The frames whose work may be done together with other detectors'."""
        return [] if self._skips(frame) else self._inner.asks(self._frame(frame))

    def learn(self, frame: Frame) -> None:
        """Take the frame in."""
        if self._skips(frame):
            self._skip(frame)
            return
        mine = self._frame(frame)
        self._cache = None
        self._inner.learn(mine)
        self._took(frame)

    def progress(self) -> tuple[float, float]:
        """(days seen, days needed)."""
        return self._inner.progress()

    def _frame(self, frame: Frame) -> Frame:
        if self._cache is not None and self._cache[0] is frame:
            return self._cache[1]
        counted = dict(self._counted(frame))
        apart = self._inner.apart()
        if apart and WHOLE in counted:
            counted[WHOLE] = self._rest(frame, counted[WHOLE], apart)
        names = tuple(sorted({WHOLE, *counted}))
        pairs = np.array([counted.get(name, (0.0, 0.0)) for name in names], dtype=np.float64)
        trials = pairs[:, 0].astype(np.int64)
        mine = replace(
            frame, segments=names, trials=trials, hits=pairs[:, 1], arrivals=trials, outside=None, beside=NOTHING
        )
        self._cache = (frame, mine)
        return mine

    def dump(self) -> dict[str, JSON]:
        """Everything the detector knows, as versioned plain JSON."""
        return {"kind": self.kind, "version": self.version, "test": self._inner.dump(), **self._dump_more()}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The detector of a dump; ValueError where kind or version is another's."""
        if state.get("kind") != cls.kind or state.get("version") != cls.version:
            raise ValueError(
                f"detector state: kind {state.get('kind')!r} version {state.get('version')!r} is not "
                f"{cls.kind!r} version {cls.version}; drop it and learn again"
            )
        inner = cls.test.load(fields(state, "test"))
        made = cls(inner.false_alarm_interval, inner.cold_start, inner.accept_after)
        made._inner = inner
        made._load_more(state)
        return made
