"""How a stream wanders about its base: a mixture of hypotheses whose weights each row learns.

Under a hypothesis the log odds deviate from the base as an Ornstein-Uhlenbeck process, or each day (UTC) by an amount
of its own that holds all day. The mixture of their predictive probabilities is that of a Bayesian who knows neither the
size nor the time of the wander; many calm days leave those that stand still, and no price is paid for the doubt any
more. Sizes lie so close that one of them is near the stream's own: a null half as wide breaks its promise, one twice as
wide finds nothing. Days that differ much are believed late, for a change looks like one of them until midnight. A
segment's prior is the mean posterior of all of its detector's segments, learned slowly. Arrays have a line a hypothesis
and a column a row of a frame.
"""

import math

import numpy as np

from detectors.frame import Flags, Floats, Singles

EACH_DAY = 0.5
"""The mean correlation time, in days, of what is drawn anew each midnight; it marks such a hypothesis."""
HYPOTHESES = (
    # Of the log odds about the base: standard deviation, correlation time in days, prior weight.
    (0.0, math.inf, 0.36),
    (0.1, EACH_DAY, 0.12),
    (0.2, EACH_DAY, 0.08),
    (0.45, EACH_DAY, 0.015),
    (0.1, 0.6, 0.08),
    (0.2, 0.15, 0.07),
    (0.2, 0.8, 0.07),
    (0.3, 0.8, 0.06),
    (0.4, 0.4, 0.08),
    (0.57, 0.8, 0.06),
    (0.8, 0.4, 0.04),
    (0.8, 0.8, 0.03),
    (0.4, 4.0, 0.015),  # a base of four weeks follows it too late
    (0.8, 0.01, 0.01),  # who failed tries again: few streams are so, and those that are show it within days
)
"""What a stream may do; a base that stands still is wrong by the same all the time."""
DAILY: Flags = np.array([one[1] == EACH_DAY for one in HYPOTHESES])
"""Lines whose deviation is drawn anew at midnight."""
DEVIATIONS = np.array([one[0] for one in HYPOTHESES])
TIMES = np.array([one[1] for one in HYPOTHESES])
SLOW: Flags = np.isfinite(TIMES) & (TIMES > 1.0)
"""Lines that last for days by themselves: where a wander lasts longer than the others say, these say so already."""
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
_POOLING = 2e-3
CLUMPS = COUNT - 1
"""The line of who tries again."""
FADING: Singles = np.where(np.isfinite(TIMES), -1.0 / TIMES, 0.0)[:, None].astype(np.float32)
"""What the logarithm of a deviation's memory loses a day."""

COLUMNS = {
    "mean": COUNT,  # of the present deviation, filtered, under each hypothesis
    "variance": COUNT,
    "learned": COUNT,  # log likelihood of each hypothesis, the best at 0
    "pending": COUNT,  # the same since the sequential test last acquitted the row
    "free": 1,  # 1 where the base has taken in all data so far
}
FRESH = {"filtered": -1e6, "free": 1.0}


def weigh(learned: Floats, pending: Floats, prior: Floats) -> Singles:
    """The weight of each hypothesis: all that came counts, acquitted or not.

    Only so is the mixture a Bayesian's, whose every window is predicted by all before it, and wide wanders that a
    prior holds for rare cost no more false alarms than that. Where what is not acquitted yet counts for a third, what
    moves by itself breaks twice as often as is promised, for a twentieth of the time to find a change of a rate that
    stands still.
    """
    logs: Floats = learned + pending
    logs -= np.maximum.reduce(logs, axis=0)
    weights = logs.astype(np.float32)
    np.exp(weights, out=weights)
    weights *= prior
    weights /= np.add.reduce(weights, axis=0)
    return weights


def known(learned: Floats, prior: Floats, lasting: float) -> tuple[float, float]:
    """Variance of a row's wander and the days that it lasts, from what is learned of it and not from what is pending.

    `lasting`: how many times as long as the hypotheses say.
    """
    weights = weigh(learned[:, None], np.zeros((COUNT, 1)), prior[:, None])[:, 0]
    variance, gained = float(SQUARES @ weights), float(RESTLESS @ weights)
    return variance, 2.0 * lasting * variance / gained


def habit(days: float, lasting: float = 1.0) -> Floats:
    """Variance of a deviation under each hypothesis, where the base was learned from so many days: it wanders too.

    `lasting`: how many times as long as it says.
    """
    found: Floats = SQUARES * (1.0 + np.where(SLOW, 1.0, lasting) * _DAYS / min(days + 1.0, _MEMORY))
    return found


def learn(learned: Floats, pending: Floats, acquitted: Floats, broken: Flags | None, news: Flags | None) -> None:
    """Move what is acquitted (1, else 0) into what is learned; of what broke (`news`: just now) only a little."""
    if broken is not None:
        if news is not None:
            fresh = pending[:, news]
            learned[:, news] += np.maximum(fresh - fresh.max(axis=0), -_BREAK)
        pending[:, broken] = 0.0
    learned += pending * acquitted
    pending *= 1.0 - acquitted
    learned -= np.maximum.reduce(learned, axis=0)
    np.maximum(learned, _FLOOR, out=learned)


def pooled(pool: Floats, weights: Singles) -> Floats:
    """The segments' prior after a window in which those of `weights` were seen."""
    others = weights.shape[1]
    if not others:
        return pool
    share = _POOLING * others / (others + 10)
    mixed: Floats = (1.0 - share) * pool + (share / others) * np.add.reduce(weights, axis=1)
    return mixed
