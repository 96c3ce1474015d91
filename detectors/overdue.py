"""Promises that fall due with no outcome at all: more of them than this moment's promises are used to."""

from collections.abc import Mapping
from typing import ClassVar

from detectors.failure_rate import FailureRate
from detectors.frame import JSON, Frame
from detectors.kept import Kept
from detectors.naming import DAY
from detectors.plain import fields
from detectors.shares import Counted, ShareDetector


class Fallen(FailureRate):
    """Of promises alone, each with a day that it falls due."""

    promised: ClassVar[bool] = True


class Overdue(ShareDetector):
    """Mixture Shiryaev-Roberts on the share of due promises that nobody has settled by then.

    Where outcomes say `broken` themselves, a promise without one is another failure: nobody knows, or nobody tells.
    Its own base is far below the broken share's, and so a rise is seen in it long before. Which promises of a
    segment are overdue counts in the segment's row.
    Settings, assumptions and guarantee: those of `FailureRate`. How many are open past their due at a time is no
    such count (today's are yesterday's as well), which is why it is not what is tested.

    >>> import numpy as np
    >>> from detectors.frame import Beside
    >>> detector, hour = Overdue(90.0), 3600_000_000
    >>> def frame(number, open_, broken=30.0):
    ...     tried, hits = np.array([600]), np.array([broken])
    ...     return Frame(number * hour, (number + 1) * hour, ("",), tried, hits, tried,
    ...                  beside=Beside(overdue={"": open_}))
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number, number % 2))
    >>> bool(detector.score(frame(24 * 14, 1)).breach[0]), bool(detector.score(frame(24 * 14, 12)).breach[0])
    (False, True)
    """

    kind: str = "overdue"
    version: ClassVar[int] = 2
    test: ClassVar[type[FailureRate]] = Fallen

    def __init__(self, false_alarm_interval: float, cold_start: float = 14.0, accept_after: float = 14.0) -> None:
        super().__init__(false_alarm_interval, cold_start, accept_after)
        self._kept = Kept()
        self._began = self._found = False

    def _skips(self, frame: Frame) -> bool:
        """While no promise ever was overdue, a day's frames are taken in at once."""
        return self._began and not (self._found or frame.beside.overdue) and frame.start // DAY == frame.end // DAY

    def _skip(self, frame: Frame) -> None:
        self._kept.add(frame)

    def _counted(self, frame: Frame) -> Counted:
        open_, kept = frame.beside.overdue, self._kept.trials
        for name, tried in zip(frame.segments, frame.trials.tolist(), strict=True):
            kept[name] = kept.get(name, 0.0) + tried
        return {name: (tried, min(max(open_.get(name, 0), 0), tried)) for name, tried in kept.items()}

    def _rest(self, frame: Frame, whole: tuple[float, float], apart: Mapping[str, float]) -> tuple[float, float]:
        tried, hits = whole
        open_ = frame.beside.overdue
        for name, trials in zip(frame.segments, frame.trials.tolist(), strict=True):
            if name in apart:
                hits += apart[name] * trials - min(max(open_.get(name, 0), 0), trials)
        return tried, max(hits, 0.0)

    def _took(self, frame: Frame) -> None:
        self._kept.clear()
        self._began, self._found = True, self._found or bool(frame.beside.overdue)

    def _dump_more(self) -> dict[str, JSON]:
        return {"kept": self._kept.dump(), "began": self._began, "found": self._found}

    def _load_more(self, state: Mapping[str, JSON]) -> None:
        self._kept.restore(fields(state, "kept"))
        self._began, self._found = bool(state["began"]), bool(state["found"])
