"""How a stream wanders about its base: a mixture of hypotheses whose weights each row learns."""

import math

import numpy as np

from detectors.frame import Flags, Floats
from detectors.table import Table

HYPOTHESES = (
    # Of the log odds about the base: standard deviation, correlation time in days, prior weight.
    (0.0, math.inf, 0.36),
    (0.1, 0.5, 0.2),
    (0.2, 0.15, 0.08),
    (0.2, 0.75, 0.12),
    (0.4, 0.4, 0.12),
    (0.8, 0.4, 0.12),
    (0.8, 0.01, 0.01),  # who failed tries again: few streams are so, and those that are show it within days
)
"""What a stream may do; a base that stands still is wrong by the same all the time."""
DEVIATIONS = np.array([one[0] for one in HYPOTHESES])
TIMES = np.array([one[1] for one in HYPOTHESES])
COUNT = len(HYPOTHESES)
SQUARES: Floats = DEVIATIONS**2
PRIOR: Floats = np.array([one[2] for one in HYPOTHESES]) / sum(one[2] for one in HYPOTHESES)
RESTLESS: Floats = 2.0 * SQUARES / TIMES
"""Variance that the log odds gain a day while they are free."""
RARE = 90.0
"""Mean memory of the weights in days: what a stream does once in this while is its habit."""
_DAYS = 2.0 * np.where(np.isfinite(TIMES), TIMES, 0.0)
_MEMORY = 28.0  # days that a base is made of
_FLOOR = -12.0  # no hypothesis is ever further behind the best than this, in logs
_BREAK = -_FLOOR / 2.0  # a break counts as no more than this as a sign of a wander: two within the memory are a habit
_PENDING = 0.3
"""What is not acquitted yet counts this much: a change would else be taken for a wander that was never seen before."""
_POOLING = 2e-3
_CLUMPS = COUNT - 1
_FADING: Floats = np.where(np.isfinite(TIMES), -1.0 / TIMES, 0.0)[:, None]

COLUMNS = {
    "mean": COUNT,  # of the present deviation, filtered, under each hypothesis
    "variance": COUNT,
    "filtered": 1,  # the day of both
    "learned": COUNT,  # log likelihood of each hypothesis, the best at 0
    "pending": COUNT,  # the same since the sequential test last acquitted the row
    "free": 1,  # 1 where the base has taken in all data so far
}
FRESH = {"filtered": -1e6, "free": 1.0}


class Wander:
    """Lines of a `Table` that hold each segment's filters and the weights of its hypotheses.

    Under a hypothesis the log odds deviate from the base as an Ornstein-Uhlenbeck process. The mixture of
    their predictive probabilities is that of a Bayesian who knows neither the size nor the time of the wander;
    many calm days leave those that stand still, and no price is paid for the doubt any more. A segment's
    prior is the mean posterior of all segments, learned slowly. All methods take rows as `Table.gather` gives them.
    """

    __slots__ = ("_filtered", "_free", "_learned", "_mean", "_pending", "_variance", "pool", "still")

    def __init__(self, table: Table, still: float) -> None:
        """`still`: correlation time, in days, of what is not known of the prediction itself."""
        span = table.span
        self._learned, self._pending = span["learned"], span["pending"]
        self._mean, self._variance = span["mean"], span["variance"]
        self._filtered, self._free = table.at["filtered"], table.at["free"]
        self.pool: Floats = PRIOR.copy()
        self.still = still

    def weights(self, rows: Floats) -> Floats:
        """The weight of each hypothesis, shape (hypotheses, rows)."""
        weights: Floats = _PENDING * rows[self._pending]
        weights += rows[self._learned]
        weights -= weights.max(axis=0)
        np.exp(weights, out=weights)
        weights[:, 0] *= PRIOR
        weights[:, 1:] *= self.pool[:, None]
        weights /= weights.sum(axis=0)
        return weights

    def predict(
        self, rows: Floats, now: float, doubt: Floats, days: float, special: float = 0.0
    ) -> tuple[Floats, Floats]:
        """Mean and variance of each row's deviation under each hypothesis, before this window.

        `doubt`: variance of the prediction's own error; `days`: how many the base was learned from: it wanders too.
        `special`: variance that a known event adds to `doubt`. Clumps have no part in it: what comes and goes at
        once could else explain a break of any size while a sale lasts.
        """
        passed = now - rows[self._filtered]
        memory = _FADING * passed
        if math.isfinite(self.still):
            memory[0] = passed / -self.still
        np.exp(memory, out=memory)
        if not math.isfinite(self.still):
            np.subtract(1.0, rows[self._free], out=memory[0])
        spread = doubt + (SQUARES * (1.0 + _DAYS / min(days + 1.0, _MEMORY)))[:, None]
        spread[:_CLUMPS] += special
        mean: Floats = memory * rows[self._mean]
        memory *= memory
        variance: Floats = rows[self._variance] - spread
        variance *= memory
        variance += spread
        return mean, variance

    def take(self, rows: Floats, now: float, mean: Floats, variance: Floats, gain: Floats) -> None:
        """What the window made of `rows` in place; `gain`: log predictive probability of each hypothesis."""
        passed = now - rows[self._filtered]
        np.minimum(passed, RARE, out=passed)
        passed /= -RARE
        rows[self._learned] *= np.exp(passed, out=passed)
        rows[self._mean] = mean
        rows[self._variance] = variance
        rows[self._filtered] = now
        rows[self._pending] += gain

    def learn(
        self, rows: Floats, weights: Floats, acquitted: Floats | None, broken: Flags | None, news: Flags | None
    ) -> None:
        """Move what is acquitted of `rows` into what is learned; of what broke (`news`: just now) only a little.

        `acquitted`: 1 for a row that is, 0 for one that is not; None: all are.
        """
        learned, pending = rows[self._learned], rows[self._pending]
        if broken is not None:
            if news is not None:
                fresh = pending[:, news]
                learned[:, news] += np.maximum(fresh - fresh.max(axis=0), -_BREAK)
            pending[:, broken] = 0.0
        if acquitted is None:
            learned += pending
            pending[:] = 0.0
            rows[self._free] = 1.0
        else:
            learned += pending * acquitted
            pending *= 1.0 - acquitted
            rows[self._free] = acquitted
        learned -= learned.max(axis=0)
        np.maximum(learned, _FLOOR, out=learned)
        others = rows.shape[1] - 1
        if others:
            share = _POOLING * others / (others + 10)
            self.pool = (1.0 - share) * self.pool + (share / others) * weights[:, 1:].sum(axis=1)

    def forget(self, rows: Floats) -> None:
        """Forget the present deviation of some rows (a view)."""
        rows[self._mean] = 0.0
        rows[self._variance] = 0.0
        rows[self._filtered] = FRESH["filtered"]
        rows[self._free] = FRESH["free"]
        rows[self._pending] = 0.0
