"""A segment that fails more than the rest does at the same time: its own trouble, not everybody's."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from detectors.frame import JSON, Flags, Floats
from detectors.matrix import FRESH, LINES
from detectors.offsets import Guess
from detectors.plain import number
from detectors.rates import RateDetector, Step
from detectors.table import Layout
from detectors.wander import DEVIATIONS, PRIOR, TIMES

RECENT, FEW = 0.1, 40.0
"""The rest's present rate is remembered over this many days or of everybody's failures, whichever is less."""
_REST = 0.5  # the rest's long level counts as this many failures in its present one
_ENOUGH = 10.0  # with fewer recent failures than this time fades them more slowly
_EVEN = 4.0  # a segment's odds ratio is taken for 1 with the weight of this many failures
_LEAST_REST = 0.1
_ODDS = 0.05 / 0.95
_LARGE, _SPLIT = 0.25, 0.1  # a wander by more, that lasts for longer: hours or a day
_OWN: Floats = PRIOR * np.select(
    [DEVIATIONS == 0.0, (DEVIATIONS > _LARGE) & (TIMES > _SPLIT) & (TIMES < 1.0)], [0.3, 3.0], 1.0
)
"""What sets a segment apart seldom stands still, for it has an owner, a place and a weather of its own: so it is
believed before it is known, else what is quiet in the first month are the streams alone that stand still."""


class Contrast(RateDetector):
    """Mixture Shiryaev-Roberts on each segment's odds ratio to all that is not the segment, averaged.

    Arguments as for the failure rate. A segment's reference is the present rate of the rest, over about the last
    two and a half hours, this window included: given the rates, the rest's outcomes are independent of the
    segment's. The odds ratio to it is learned over the same memories as a base, and each segment's own wander about
    it is in its null. What moves everything alike cancels out. Beside changes of a size, an outage is looked for,
    in which nearly all of one segment breaks; storms over everything seldom go so far. The whole is never in breach;
    a segment that is more than nine tenths of everything has no rest and is left out.

    >>> from detectors.frame import Frame
    >>> detector = Contrast(false_alarm_interval=90.0)
    >>> hour, names = 3600_000_000, ("", "carrier=AA", "carrier=MQ", "carrier=UA")
    >>> def frame(start, *broken):
    ...     hits, trials = np.array([sum(broken), *broken]), np.array([180, 60, 60, 60])
    ...     return Frame(start, start + hour, names, trials, hits, trials)
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number * hour, 6.0, 6.0, 6.0))
    >>> bool(detector.score(frame(24 * 14 * hour, 30.0, 30.0, 30.0)).breach.any())
    False
    >>> scores = detector.score(frame(24 * 14 * hour, 30.0, 6.0, 6.0))
    >>> [name for name, breach in zip(scores.segments, scores.breach) if breach]
    ['carrier=AA']
    """

    kind = "contrast"
    whole_share: ClassVar[float] = 0.0
    still: ClassVar[float] = RECENT
    outage: ClassVar[float] = 0.9
    factor: ClassVar[float] = 0.8
    """Segments that wander by .2 to .6 each day or within it, under days that differ for all: 39 where 50 were promised
    in ten streams of 150 days; with the factor of a rate by itself 1.4 times as many as promised."""
    beliefs: ClassVar[Floats] = _OWN / _OWN.sum()
    layout: ClassVar[Layout] = Layout({**LINES, "recent": 3, "load": 1}, FRESH)

    def __init__(
        self,
        false_alarm_interval: float,
        cold_start: float = 14.0,
        accept_after: float = 14.0,
        warm_after: float = 3.0,
    ) -> None:
        super().__init__(false_alarm_interval, cold_start, accept_after, warm_after)
        self._age = 0.0

    def _reference(self, step: Step) -> tuple[Floats | float, Floats | float]:
        frame, rows, now, hits = step.frame, step.rows, step.now, step.hits
        rows[self._table.at["load"]] += step.trials
        tried, broken, then = recent = rows[self._table.span["recent"]]
        enough = min(float(broken[0]) / _ENOUGH, 1.0)
        age = self._age + enough * (now - step.before) / RECENT + float(hits[0]) / FEW
        recent *= np.exp(then - age)
        tried += step.trials
        broken += hits if frame.outside is None else frame.hits[0] - frame.outside
        then[:] = age
        level = self._offsets.level(rows[:, 0], 0.5) * _ODDS
        rest = broken[0] - broken
        np.maximum(rest, 0.0, out=rest)
        kept = tried[0] - tried - rest
        np.maximum(kept, 0.0, out=kept)
        rest += _REST
        kept += _REST / level
        odds = rest / kept
        odds[0] = _ODDS
        return odds, 1.0 / rest + 1.0 / kept

    def _guesses(self, whole: Floats) -> tuple[Guess, Guess]:
        del whole
        return (0.5, 1.0), (_EVEN, 1.0)

    def _testable(self, step: Step) -> Flags:
        load = step.rows[self._table.at["load"]]
        flags: Flags = super()._testable(step) & (load < (1.0 - _LEAST_REST) * load[0])
        flags[0] = False
        return flags

    def _learn_reference(self, step: Step, *, frozen: bool) -> None:
        del frozen  # what is in breach is kept from the base, not from the rest of others
        self._age = float(step.rows[self._table.span["recent"]][2, 0])

    def _dump_reference(self) -> dict[str, JSON]:
        return {"age": self._age}

    def _load_reference(self, state: Mapping[str, JSON]) -> None:
        self._age = number(state["age"])
