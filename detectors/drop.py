"""Arrivals that fall to a part of what is usual: the test for silence, against milder alternatives."""

import math
from typing import ClassVar

from detectors.arrivals import log_negative_binomial
from detectors.silence import Silence
from detectors.silence_state import State

_NO_PART = 12.0
"""So many expected arrivals in a row that did not come are no part of them: of a third, one would at 97 %."""


class Drop(Silence):
    """Shiryaev-Roberts test that 10, 30 or 50 % of the expected arrivals of the whole are left.

    Settings, base, null, threshold, breach, assumptions and guarantee are those of `Silence`; a test for a stop is
    the wrong one for a part, whose first arrival ends it. What grows is no evidence here: more customers are no harm.
    That nothing comes at all is for `Silence` to tell: here it is kept from being learned, and no more.

    >>> import numpy as np
    >>> from detectors.frame import Frame
    >>> detector, hour = Drop(90.0), 3600_000_000
    >>> def frame(number, arrivals):
    ...     count = np.array([arrivals])
    ...     return Frame(number * hour, (number + 1) * hour, ("",), count, 0.0 * count, count)
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number, 600 + number % 7))
    >>> bool(detector.score(frame(24 * 14, 2400)).breach[0]), bool(detector.score(frame(24 * 14, 180)).breach[0])
    (False, True)
    """

    kind: str = "drop"
    version: ClassVar[int] = 7
    levels: ClassVar[tuple[float, ...]] = (0.1, 0.3, 0.5)
    weights: ClassVar[tuple[float, ...]] = (0.3, 0.4, 0.3)
    back: ClassVar[float] = 0.7

    def _likelihood(self, state: State, place: int, mean: float, arrivals: float) -> float:
        """A part clumps as the whole does: a narrower law would win by fitting regular arrivals better."""
        if arrivals > 0.0:
            return log_negative_binomial(arrivals, state.wide, state.wide, mean)
        before = state.parts[place]
        state.parts[place] = -state.wide * math.log1p(self.levels[place] * state.gap / state.wide) if state.gap else 0.0
        return state.parts[place] - before

    def _recover(self, state: State, mean: float, arrivals: float, null: float) -> None:
        """Where something comes after all, it was no stop but a part, if the gap was as short as a part's may be.

        After a longer one the test begins anew: it tells whether what comes now is a part or the usual.
        """
        if state.stopped and arrivals > 0.0 and state.missed < _NO_PART:
            state.stopped = 0.0
        if state.stopped and arrivals > 0.0:
            state.since, state.stopped = -1.0, 0.0
            state.shape = state.scale = state.owed = 0.0  # the stop says nothing of how busy it is now
            state.restart()
        else:
            super()._recover(state, mean, arrivals, null)

    def _says(self, state: State) -> bool:
        return state.since >= 0.0 and not state.stopped
