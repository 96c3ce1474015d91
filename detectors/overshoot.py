"""By how much a statistic goes beyond its threshold when it gets there, and so how high that has to be."""

import math

MOST = 10.0
"""A larger jump counts as this one: beyond, a chance burst of three would alarm at once."""
USUAL = 1.48
"""Where a mixture of changes lands on steady streams: for these the thresholds are set, 0.676 for a single test."""
_STEP = 1e-3


def landing(jump: float) -> float:
    """Where a Shiryaev-Roberts statistic lands in the mean, over the threshold that it passes.

    It leaps by a factor of `jump` now and then and sinks slowly between: under the null its ladder heights are uniform
    in logs up to the leap's (Asmussen 2003, on ladder heights of compound Poisson sums); under the change they weigh
    e^height, overshoot is what is left of one met at random, and the null meets a place the less the further it is.

    >>> [round(landing(jump), 2) for jump in (1.0, 2.0, 5.0, 10.0, 50.0)]
    [1.0, 1.26, 1.69, 2.09, 2.09]
    """
    jump = min(jump, MOST)
    leap = math.log(jump) if jump > 1.0 + _STEP else 0.0
    return (jump * leap - jump + 1.0) / (jump - 1.0 - leap) if leap else 1.0


def needed(before: float, after: float) -> float:
    """What share of its threshold a statistic needs that the window took from `before` to `after`.

    Wherever a Shiryaev-Roberts statistic stops, its mean there is that of the time to a false alarm (Pollak 1987). What
    rises by leaps lands far beyond a threshold, and one as much lower keeps the promise as well. What rises by less
    than is usual needs no more than all: whatever wanders rises so, and its real breaks would be found too late.

    >>> needed(10.0, 20.0), round(needed(10.0, 80.0), 2)
    (1.0, 0.76)
    """
    return min(USUAL / landing(after / before), 1.0) if before > 0.0 else 1.0


LEAST = USUAL / landing(MOST)
"""The least that is ever needed."""
