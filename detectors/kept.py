"""Windows in which every promise was kept, taken together: they can only lower the evidence."""

from collections.abc import Mapping, Sequence
from itertools import count

import numpy as np

from detectors.frame import JSON, Flags, Floats, Frame, Ints
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

    __slots__ = ("_counts", "_index", "_waits")

    def __init__(self) -> None:
        self._index: dict[str, int] = {}
        """The place of each row that ever waited."""
        self._counts: Floats = np.zeros(0)
        self._waits: Flags = np.zeros(0, dtype=np.bool_)

    @property
    def trials(self) -> dict[str, float]:
        """What waits of each row."""
        each = zip(self._index, self._counts.tolist(), self._waits.tolist(), strict=False)
        return {name: tried for name, tried, waits in each if waits}

    def add(self, frame: Frame) -> None:
        """Let a window wait."""
        self._add(frame.segments, frame.trials)

    def _add(self, names: Sequence[str], trials: Floats | Ints) -> None:
        try:
            places = self._places(names)
        except KeyError:
            index = self._index
            new = [name for name in names if name not in index]
            index.update(zip(new, count(len(index)), strict=False))
            self._counts = np.concatenate([self._counts, np.zeros(len(new))])
            self._waits = np.concatenate([self._waits, np.zeros(len(new), dtype=np.bool_)])
            places = self._places(names)
        self._counts[places] += trials
        self._waits[places] = True

    def _places(self, names: Sequence[str]) -> Ints:
        return np.fromiter(map(self._index.__getitem__, names), np.int64, len(names))

    def clear(self) -> None:
        """Nothing waits any more."""
        self._counts.fill(0.0)
        self._waits.fill(False)

    def merged(self, frame: Frame) -> Frame:
        """The frame with everything that waits counted in."""
        if not self._waits.any():
            return frame
        waiting = self.trials
        names = tuple(sorted({*waiting, *frame.segments}))
        place = {name: row for row, name in enumerate(names)}
        rows = [place[name] for name in frame.segments]
        trials = np.array([waiting.get(name, 0.0) for name in names])
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
        self._add(list(state), np.array([number(value) for value in state.values()]))


def ends_hour(frame: Frame) -> bool:
    """The window is the last of its hour, or longer than one."""
    return frame.start // _HOUR != frame.end // _HOUR
