"""The score of the Numenta Anomaly Benchmark, written from its definition (Lavin and Ahmad 2015; NAB v1.1).

Every label window is credited once, for its earliest row at or above the threshold, by a sigmoid of where in the window
that row lies; a window without one costs a miss. Every such row outside of windows is a false alarm, the cheaper
the sooner after a window it comes. The first rows of a file, its probation, count for nothing. One threshold holds
for the whole corpus, the one with the best total; that total is put between 0, a detector that says nothing, and
100, one that names the first row of every window and nothing else.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Profile:
    """What a hit earns, and what a false alarm and a missed window cost."""

    name: str
    hit: float
    false: float
    miss: float


PROFILES = (
    Profile("standard", 1.0, 0.11, 1.0),
    Profile("reward low FP", 1.0, 0.22, 1.0),
    Profile("reward low FN", 1.0, 0.11, 2.0),
)
_FAR = 3.0
"""Window widths after which a false alarm is no longer the cheaper for following a window."""
NOTHING = 1.1
"""A threshold that no score reaches."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One file: its scores, and its label windows as (first row, last row), in order and apart."""

    name: str
    scores: Sequence[float]
    windows: Sequence[tuple[int, int]]

    @property
    def probation(self) -> int:
        """How many of the first rows count for nothing.

        >>> Scored("short", [0.0] * 4032, []).probation, Scored("long", [0.0] * 22695, []).probation
        (604, 750)
        """
        return min(math.floor(0.15 * len(self.scores)), 750)


def sigmoid(position: float) -> float:
    """What a row is worth at a position: -1 is a window's first row, 0 its end, beyond lies what follows it.

    >>> [round(sigmoid(at), 4) for at in (-1.0, 0.0, 1.0, 3.5)]
    [0.9866, 0.0, -0.9866, -1.0]
    """
    return -1.0 if position > _FAR else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def gains(one: Scored, profile: Profile) -> list[tuple[float, float]]:
    """(threshold, what the file's score gains) as the threshold comes down to each row's score."""
    found: list[tuple[float, float]] = []
    first = one.probation
    best = sigmoid(-1.0)
    after: tuple[int, int] | None = None
    row = 0
    for start, end in [*one.windows, (len(one.scores), len(one.scores))]:
        for at in range(max(row, first), start):
            worth = -1.0
            if after is not None:
                worth = sigmoid((at - after[1]) / max(after[1] - after[0], 1))
            found.append((one.scores[at], worth * profile.false))
        width = end - start + 1
        credit = -profile.miss
        inside = [(one.scores[at], -at) for at in range(max(start, first), min(end + 1, len(one.scores)))]
        for score, at in sorted(inside, reverse=True):
            worth = sigmoid(-(end + at + 1) / width) * profile.hit / best
            if worth > credit:
                found.append((score, worth - credit))
                credit = worth
        after, row = (start, end), end + 1
    return found


def misses(files: Iterable[Scored], profile: Profile) -> float:
    """What a detector that says nothing gets."""
    return -profile.miss * sum(len(one.windows) for one in files)


def best_threshold(files: Sequence[Scored], profile: Profile) -> tuple[float, float]:
    """(the threshold with the highest total over all files, that total); of equals, the highest threshold."""
    steps = sorted((step for one in files for step in gains(one, profile)), key=lambda step: -step[0])
    thresholds = [NOTHING, *(threshold for threshold, _ in steps)]
    totals = list(accumulate((gain for _, gain in steps), initial=misses(files, profile)))
    # All rows of one score are in or out together.
    whole = [at for at in range(len(steps) + 1) if at == len(steps) or thresholds[at] > thresholds[at + 1]]
    at = max(whole, key=lambda place: totals[place])
    return thresholds[at], totals[at]


def total(files: Iterable[Scored], profile: Profile, threshold: float) -> float:
    """The sum over files at a threshold."""
    held = list(files)
    steps = [gain for one in held for score, gain in gains(one, profile) if score >= threshold]
    return misses(held, profile) + math.fsum(steps)


def normalised(files: Sequence[Scored], profile: Profile, raw: float) -> float:
    """Between 0, saying nothing, and 100, perfection; NaN where there is no window to find."""
    null = misses(files, profile)
    perfect = profile.hit * sum(len(one.windows) for one in files)
    return 100.0 * (raw - null) / (perfect - null) if perfect > null else math.nan


def rows_of(times: Sequence[str], windows: Iterable[tuple[str, str]]) -> list[tuple[int, int]]:
    """Label windows as rows; a time that occurs twice is its first row. ValueError for one that does not occur.

    >>> rows_of(["2014-01-01 00:00:00", "2014-01-01 00:05:00"], [("2014-01-01 00:05:00.000000",) * 2])
    [(1, 1)]
    """
    plain = [time.removesuffix(".000000") for time in times]
    found = []
    for window in windows:
        ends = [end.removesuffix(".000000") for end in window]
        rows = [bisect_left(plain, end) if plain == sorted(plain) else plain.index(end) for end in ends]
        if any(row >= len(plain) or plain[row] != end for row, end in zip(rows, ends, strict=True)):
            raise ValueError(f"window {window[0]} to {window[1]} is not in the series")
        found.append((rows[0], rows[1]))
    return sorted(found)
