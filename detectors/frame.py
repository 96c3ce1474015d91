"""What a detector sees of one window, what it says of it, and the two verbs it does so with."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

WHOLE = ""
"""The name of the segment that is everything; it sorts first."""


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What one window counted beside outcomes, by row; a row that is not listed had none.

    `durations`: how many durations fell in each logarithmic bucket, the higher the longer. `complaints`: heard.
    `overdue`: promises that fell due with no outcome. `values`: their events' values in all, in minor units,
    which the service counts for the whole only.
    `way`: by mark on the way to their due, half of the time given first, promises that came there, and those of them
    that were open; empty where none came to any.
    """

    durations: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    complaints: Mapping[str, int] = field(default_factory=dict)
    overdue: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    way: tuple[tuple[Mapping[str, int], Mapping[str, int]], ...] = ()


NOTHING = Beside()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One closed window: arrays over segments sorted by name.

    Row 0 is always the whole (`""`), also when nothing happened in the window; every other row is a segment
    `"dimension=value"` that had at least one trial or arrival in it. A segment that is not listed had none.
    An event without a value for a dimension counts in the whole and in no segment of that dimension.

    `start`, `end`: microseconds since 1970, UTC; windows come in order and never overlap, but a gap between
    two frames is allowed and means that all windows between them were empty (clock-driven detectors account
    for it).
    `trials`: outcomes that were due or happened in the window. `hits`: how many of those were broken; a float,
    because a share that another interruption already explains is replaced by its expected number.
    `arrivals`: events of any kind that arrived with their own time in the window (what silence is judged by).
    `usual`: False where a calendar or an annotation says that this window is special; baselines do not learn from it.
    `widen`: within what factor what is expected of such a window is right 19 times in 20; up to 5 a strong break
    still opens, beyond it nothing would.
    """

    start: int
    end: int
    segments: tuple[str, ...]
    trials: Ints
    hits: Floats
    arrivals: Ints
    usual: bool = True
    outside: Floats | None = None
    """Broken outcomes outside of each row, explained shares imputed there too; None: `hits[0] - hits`."""
    beside: Beside = NOTHING
    widen: float = 2.72

    @property
    def doubt(self) -> float:
        """Variance that the window adds to the logarithm of whatever is expected in it."""
        return 0.0 if self.usual else (0.5 * math.log(self.widen)) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a detector says after one window: arrays over `segments`, sorted by name, `""` first where present.

    `evidence`: each segment's part of the decision statistic over its threshold, so that a breach starts when
    the relevant sum reaches 1; comparable between detectors, each at its own share of the budget.
    `breach`: a breach holds now: it started at this window or an earlier one and has not ended.
    `onset`: microseconds UTC, the most likely start of the change; 0 where `breach` is False.
    `expected`: of the signal (a share for failure rate, a count for volume), and `band`, which works out between
    what it usually is, `lower` and `upper`; NaN if unknown. Few scores are ever asked for it.
    `seen`: what the signal was, where neither the frame's broken share nor its arrivals are it.
    `over`: the odds that what is in breach is over already, 0 where it goes on; None where nobody weighs that.
    """

    segments: tuple[str, ...]
    evidence: Floats
    breach: Flags
    onset: Ints
    expected: Floats
    band: Callable[[], tuple[Floats, Floats]]
    seen: Floats | None = None
    over: Floats | None = None

    @property
    def lower(self) -> Floats:
        """The lower end of the band."""
        return self.band()[0]

    @property
    def upper(self) -> Floats:
        """Its upper end."""
        return self.band()[1]


def between(lower: Floats, upper: Floats) -> Callable[[], tuple[Floats, Floats]]:
    """A band that is known already."""
    return lambda: (lower, upper)


class Detector(Protocol):
    """Score, then learn; both on the same frame, in order of time.

    `score` changes nothing that a later score could see and returns None while the detector is not warm.
    `learn` takes the frame in. A detector protects its own baseline: while a breach of its own holds for a
    segment it does not learn the broken level, but only up to a limit, after which the new level is accepted
    and the breach ends. `dump` gives versioned plain JSON from which `load` restores a detector that goes on
    exactly as this one would.
    """

    kind: str

    def score(self, frame: Frame) -> Scores | None:
        """The frame judged by what was learned before it; None while that is not enough."""
        ...

    def learn(self, frame: Frame) -> None:
        """Take the frame in."""
        ...

    def progress(self) -> tuple[float, float]:
        """How far the detector is from warm: (days seen, days needed); seen ≥ needed once it is warm."""
        ...

    def dump(self) -> Mapping[str, JSON]:
        """The whole state, with its `kind` and `version`."""
        ...

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The detector of a dump; ValueError for one that is not of this kind and version."""
        ...


class Default(Detector, Protocol):
    """A detector that shares a moment's promise with others."""

    def __init__(self, false_alarm_interval: float, cold_start: float = 14.0) -> None:
        """Both in days."""
        ...

    @property
    def false_alarm_interval(self) -> float:
        """Days between its false alarms, on average."""
        ...

    def promise(self, false_alarm_interval: float) -> None:
        """Hold false alarms to one in so many days from now on."""
        ...
