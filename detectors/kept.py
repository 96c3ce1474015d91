"""Windows in which every promise was kept, taken together: they can only lower the evidence."""

from collections.abc import Mapping

import numpy as np

from detectors.frame import JSON, Frame
from detectors.plain import number

_HOUR = 3_600_000_000


class Kept:
    """Trials without a failure that wait for the next failure or the end of the hour.

    The likelihood of failures at a steady rate does not depend on where between them the successes fell, so
    nothing is lost by taking them together; no alarm is later for it, since only a failure can raise one.

    >>> kept = Kept()
    >>> none = np.zeros(2)
    >>> kept.add(Frame(0, 60_000_000, ("", "region=RJ"), np.array([3, 2]), none, none))
    >>> kept.merged(Frame(60_000_000, 120_000_000, ("",), np.array([1]), np.array([1.0]), none)).trials.tolist()
    [4.0, 2.0]
    """

    __slots__ = ("trials",)

    def __init__(self) -> None:
        self.trials: dict[str, float] = {}

    def add(self, frame: Frame) -> None:
        """Let a window wait."""
        trials = self.trials
        for name, tried in zip(frame.segments, frame.trials.tolist(), strict=True):
            trials[name] = trials.get(name, 0.0) + tried

    def merged(self, frame: Frame) -> Frame:
        """The frame with everything that waits counted in."""
        if not self.trials:
            return frame
        names = tuple(sorted({*self.trials, *frame.segments}))
        place = {name: row for row, name in enumerate(names)}
        rows = [place[name] for name in frame.segments]
        trials = np.array([self.trials.get(name, 0.0) for name in names])
        trials[rows] += frame.trials
        hits = np.zeros(len(names))
        hits[rows] = frame.hits
        outside = None
        if frame.outside is not None:
            outside = np.full(len(names), hits[0])
            outside[rows] = frame.outside
        return Frame(frame.start, frame.end, names, trials, hits, trials, frame.usual, outside, widen=frame.widen)

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return dict(sorted(self.trials.items()))

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take in a dump."""
        self.trials = {name: number(value) for name, value in state.items()}


def ends_hour(frame: Frame) -> bool:
    """The window is the last of its hour, or longer than one."""
    return frame.start // _HOUR != frame.end // _HOUR
