"""By how much a statistic goes beyond its threshold when it gets there, and so how high that has to be."""

import math

MOST = 10.0
"""A larger jump counts as this one: beyond, a chance burst of three would alarm at once."""
USUAL = 1.92
"""What thresholds are set for: the mean of steady streams, whose failures are told from few possible changes."""
_STEP = 1e-6


def landing(jump: float) -> float:
    """Where a statistic that rises by factors of `jump` lands in the mean, over the threshold that it passes.

    Under the null it is ever beyond x by a chance of 1/x; so of all places from the threshold to `jump` times as much
    the near ones are the likely ones, by 1/x^2.

    >>> [round(landing(jump), 2) for jump in (1.0, 2.0, 5.0, 10.0, 50.0)]
    [1.0, 1.39, 2.01, 2.56, 2.56]
    """
    jump = min(jump, MOST)
    return jump * math.log(jump) / (jump - 1.0) if jump > 1.0 + _STEP else 1.0


def needed(before: float, after: float) -> float:
    """What share of its threshold a statistic needs that the window took from `before` to `after`.

    Wherever a Shiryaev-Roberts statistic stops, its mean there is that of the time to a false alarm (Pollak 1987). What
    rises by leaps lands far beyond a threshold, and one as much lower keeps the promise as well. What rises by less
    than is usual needs no more than all: whatever wanders rises so, and its real breaks would be found too late.

    >>> needed(10.0, 20.0), round(needed(10.0, 80.0), 2)
    (1.0, 0.81)
    """
    return min(USUAL / landing(after / before), 1.0) if before > 0.0 else 1.0


LEAST = USUAL / landing(MOST)
"""The least that is ever needed."""
