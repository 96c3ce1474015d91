"""How a stream wanders about its base: a mixture of hypotheses whose weights each row learns."""

import numpy as np

from detectors.frame import Flags, Floats
from detectors.table import Table

DEVIATIONS = np.array([0.0, 0.1, 0.2, 0.2, 0.4, 0.6, 0.9])
"""Standard deviation of the log odds about the base, by hypothesis."""
TIMES = np.array([np.inf, 0.5, 0.15, 0.75, 0.4, 0.4, 0.4])
"""Correlation time in days, by hypothesis; a base that stands still is wrong by the same all the time."""
COUNT = len(DEVIATIONS)
SQUARES: Floats = DEVIATIONS**2
PRIOR: Floats = np.array([0.36, 0.2, 0.08, 0.12, 0.09, 0.08, 0.07])
RARE = 90.0
"""Mean memory of the weights in days: what a stream does once in this while is its habit."""
_DAYS = 2.0 * np.where(np.isfinite(TIMES), TIMES, 0.0)
_MEMORY = 28.0  # days that a base is made of
_FLOOR = -12.0  # no hypothesis is ever further behind the best than this, in logs
_BREAK = 4.0  # a break counts as no more than this, in logs, as a sign of a wander
_PENDING = 0.3
"""What is not acquitted yet counts this much: a change would else be taken for a wander that was never seen before."""
_POOLING = 2e-3

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
    """Columns of a `Table` that hold each row's filters and the weights of its hypotheses.

    Under a hypothesis the log odds deviate from the base as an Ornstein-Uhlenbeck process. The mixture of
    their predictive probabilities is that of a Bayesian who knows neither the size nor the time of the wander;
    many calm days leave those that stand still, and no price is paid for the doubt any more. A segment's
    prior is the mean posterior of all segments, learned slowly.
    """

    __slots__ = ("_span", "_table", "pool", "still")

    def __init__(self, table: Table, still: float) -> None:
        """`still`: correlation time, in days, of what is not known of the prediction itself."""
        self._table = table
        self._span = table.span
        self.pool: Floats = PRIOR.copy()
        self.still = still

    def weights(self, rows: Floats) -> Floats:
        """The weight of each hypothesis, shape (rows, hypotheses)."""
        logs = rows[:, self._span["learned"]] + _PENDING * rows[:, self._span["pending"]]
        logs -= logs.max(axis=1)[:, None]
        weights: Floats = np.exp(logs, out=logs)
        weights[0] *= PRIOR
        weights[1:] *= self.pool
        weights /= weights.sum(axis=1)[:, None]
        return weights

    def predict(self, rows: Floats, now: float, doubt: Floats, days: float) -> tuple[Floats, Floats]:
        """Mean and variance of each row's deviation under each hypothesis, before this window.

        `doubt`: variance of the prediction's own error; `days`: how many the base was learned from: it wanders too.
        """
        passed = now - rows[:, self._table.at["filtered"]]
        memory = np.exp(passed[:, None] / -TIMES)
        memory[:, 0] = (
            np.exp(passed / -self.still) if np.isfinite(self.still) else 1.0 - rows[:, self._table.at["free"]]
        )
        spread = doubt[:, None] + SQUARES * (1.0 + _DAYS / min(days + 1.0, _MEMORY))
        mean: Floats = memory * rows[:, self._span["mean"]]
        memory *= memory
        variance: Floats = spread + memory * (rows[:, self._span["variance"]] - spread)
        return mean, variance

    def take(self, rows: Floats, now: float, mean: Floats, variance: Floats, gain: Floats) -> None:
        """What the window made of `rows` in place; `gain`: log predictive probability of each hypothesis."""
        at = self._table.at
        passed = np.minimum(now - rows[:, at["filtered"]], RARE)
        rows[:, self._span["learned"]] *= np.exp(passed / -RARE)[:, None]
        rows[:, self._span["mean"]] = mean
        rows[:, self._span["variance"]] = variance
        rows[:, at["filtered"]] = now
        rows[:, self._span["pending"]] += gain

    def learn(self, rows: Floats, weights: Floats, acquitted: Flags, broken: Flags | None, news: Flags | None) -> None:
        """Move what is acquitted of `rows` into what is learned; of what broke (`news`: just now) only a little."""
        learned, pending = rows[:, self._span["learned"]], rows[:, self._span["pending"]]
        if broken is not None:
            if news is not None:
                best = pending[news].max(axis=1)[:, None]
                learned[news] += np.maximum(pending[news] - best, -_BREAK)
            pending[broken] = 0.0
        free = acquitted.astype(np.float64)
        learned += pending * free[:, None]
        learned -= learned.max(axis=1)[:, None]
        np.maximum(learned, _FLOOR, out=learned)
        pending *= (1.0 - free)[:, None]
        rows[:, self._table.at["free"]] = free
        if len(rows) > 1:
            share = _POOLING * (len(rows) - 1) / (len(rows) + 9)
            self.pool = self.pool + share * (weights[1:].mean(axis=0) - self.pool)

    def forget(self, rows: Floats) -> None:
        """Forget the present deviation of some rows (a view)."""
        rows[:, self._span["mean"]] = 0.0
        rows[:, self._span["variance"]] = 0.0
        rows[:, self._table.at["filtered"]] = FRESH["filtered"]
        rows[:, self._table.at["free"]] = FRESH["free"]
        rows[:, self._span["pending"]] = 0.0
