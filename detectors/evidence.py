"""One window's evidence for a raised failure rate against a null that wanders: the likelihood ratios."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from detectors.frame import Floats, Singles
from detectors.scratch import Scratch

RATIOS = np.array([1.5, 2.0, 2.7, 3.7, 5.0, 7.0, 10.0])
"""What a change multiplies the odds of a failure by; beyond 10 a chance burst of three would alarm at once.

What lies between two of these is found as soon: a third apart costs a sixth of a failure each."""
LEVELS: Floats = np.log(RATIOS)
TESTS = len(LEVELS) + 2
"""Statistics a row: one for each level, one for an outage, and one for a change whose size is followed."""
OUTAGE = len(LEVELS)
"""The line of the outage. Where failures are common, all that breaks is beyond ten times their odds, and a null that
wanders would explain every other of them while a change that is followed is still on its way."""
_MOST = 10.0
"""It is no more than so many times as often as ever: beyond, a chance burst of three would alarm at once."""
_NODES, _WEIGHTS = (
    np.array([-2.85697001, -1.35562618, 0.0, 1.35562618, 2.85697001]),
    np.array([0.01125741, 0.22207592, 0.53333333, 0.22207592, 0.01125741]),
)
_INNER = len(_NODES)
_FAR = 30.0
_NOTHING = -80.0  # single precision ends there; so no ratio is beyond e^80 either way
_ALL = 1.0 - 2.0**-24  # the largest share that single precision tells from 1
_LEAST = float(LEVELS[0])
_BETWEEN = 0.02  # variance of a change about the nearest of the levels
_AT_NODES = _NODES[:, None]
_SINGLE_NODES = _AT_NODES.astype(np.float32)
_AT_LEVELS = LEVELS[:, None]
_SCRATCH = Scratch()
Some = TypeVar("Some", Floats, Singles)
_MOMENTS = np.array([_WEIGHTS * _NODES**power for power in range(3)], dtype=np.float32)
"""Turns likelihoods at the nodes into their integral and its first two moments."""
_FRESH: Floats = np.array([LEVELS**0, LEVELS, LEVELS**2 + _BETWEEN]) / len(LEVELS)
"""The same for changes that begin at any of the levels."""


class Followed:
    """Changes of unknown size that go on changing: what each row's statistic believes of its own, in log odds.

    The statistic is a sum over all times at which a change may have begun. Those before this window (`share` of
    it) are believed to stand at `mean` with `variance`, those that begin in it are at any of the levels; what the
    window makes of both is one normal again. A change stays one: below the least level it is at the least. The
    prediction rests on the past alone, so that its ratio to the null's is as good an increment as a fixed level's.
    Without it, whatever grows beyond the last level would fit a null that wanders better than any change.
    Source: Lorden and Pollak 2005 (adaptive Shiryaev-Roberts); collapsing after Blom and Bar-Shalom 1988.
    """

    __slots__ = ("mean", "nodes", "share", "variance")

    def __init__(self, mean: Floats, variance: Floats, share: Floats) -> None:
        self.mean, self.variance, self.share = mean, variance, share
        nodes: Floats = np.sqrt(variance) * _AT_NODES
        nodes += mean
        self.nodes: Floats = np.maximum(nodes, _LEAST, out=nodes)
        """Where the likelihood is needed."""

    def take(self, fresh: Floats, old: Floats, rate: Floats, trials: Floats) -> Floats:
        """The predictive probability of the window, given its likelihood at the levels and at the nodes."""
        powers = np.empty((3, *old.shape))
        powers[0] = old
        np.multiply(old, self.nodes, out=powers[1])
        np.multiply(powers[1], self.nodes, out=powers[2])
        sums: Floats = np.matmul(_WEIGHTS, powers)
        sums *= self.share
        begun = sums[0].copy()
        new: Floats = _FRESH @ fresh
        new *= 1.0 - self.share
        sums += new
        total: Floats = np.maximum(sums[0], 1e-250)
        mean, square = sums[1:] / total
        begun *= _narrowed(self.variance, np.minimum(mean, _FAR), rate, trials)
        begun /= total
        square -= mean * mean
        self.mean = mean
        self.variance = np.maximum(square, begun, out=square)
        return total


def likelihoods(
    rates: tuple[Floats, Floats],
    window: tuple[Floats, Floats],
    mean: Singles,
    variance: Singles,
    weights: Singles,
    followed: Followed,
) -> tuple[Floats, Singles, Singles, Singles]:
    """Likelihood ratio of every test against the null, and what the null's hypotheses make of the window.

    `rates`: the predicted failure rate of each row, and its rate in an outage, 0 where none is looked for.
    `window`: failures and trials of each row; that many failed, binomially given the deviation. `mean`, `variance`,
    shape (hypotheses, rows): of the row's present deviation from the rate in log odds, as filtered so far (normal, but
    under the first as skewed as what some failures leave open) under each hypothesis; `weights`: of the hypotheses.
    `followed`: changes that are under way; takes in what the window makes of them.
    Returns (ratios of shape (tests, rows), mean, variance, log predictive probability over the mixture's): each
    predictive probability is a five-point Gauss-Hermite quadrature over the deviation, a proper distribution whatever
    the truth, so the expected ratio under the null is 1; filters keep the first two moments (assumed density).

    >>> one = np.array([1.0])
    >>> line = np.ones((1, 1), dtype=np.float32)
    >>> window, still = (3 * one, 10 * one), (0 * line, 1e-6 * line, line)
    >>> ratios, *_ = likelihoods((0.01 * one, 0.9 * one), window, *still, Followed(one, 0.1 * one, 0 * one))
    >>> bool(ratios[-3, 0] > 400)
    True
    """
    (rate, outage), (hits, trials) = rates, window
    nulls, rows = mean.shape
    inner = nulls * _INNER
    # Log odds on which the window is weighed: every node of every hypothesis, then every level.
    levels = inner + len(LEVELS)
    fixed = levels + 1
    lines = fixed + _INNER
    room = _SCRATCH.lend(4 * lines * rows)
    odds, *spare = room[: 4 * lines * rows].reshape(4, lines, rows)
    width = np.sqrt(variance)
    nodes = odds[:inner].reshape(nulls, _INNER, rows)
    np.multiply(width[:, None], _SINGLE_NODES, out=nodes)
    # The first hypothesis is that of a base which is known badly: of that failures told, and not a normal law.
    skew = (np.maximum(1.0 - 2.0 * rate, 0.0) / np.maximum(variance[0], 1.0)).astype(np.float32)
    nodes[0] = _skewed(nodes[0], variance[0], skew)
    nodes += mean[:, None]
    odds[inner:levels] = _AT_LEVELS
    odds[levels] = _outed(rate, outage)
    odds[fixed:] = followed.nodes
    if np.maximum.reduce(odds, axis=None) > _FAR:
        np.minimum(odds, _FAR, out=odds)
    likelihood = _weighed(odds, rate, hits, trials, spare)
    # One small product a hypothesis: a library's product of matrices would take threads for a wide one.
    moments = np.matmul(_MOMENTS, likelihood[:inner].reshape(nulls, _INNER, rows))
    each, moved, spread = moments[:, 0], moments[:, 1], moments[:, 2]
    null = np.add.reduce(each * weights, axis=0)
    changed = likelihood[inner:].astype(np.float64)
    _SCRATCH.back(room)
    ratios = np.empty((TESTS, rows))
    ratios[:-1] = changed[: TESTS - 1]
    ratios[-1] = followed.take(changed[: len(LEVELS)], changed[TESTS - 1 :], rate, trials)
    ratios /= null
    moved /= each
    spread /= each
    spread -= moved * moved
    spread *= variance
    moved *= width
    first = moved[0].copy()
    moved[0] = _skewed(first, variance[0], skew)
    moved += mean
    np.minimum(moved, _FAR, out=moved)
    # Where one window outweighs the nodes' distance the quadrature collapses; curvature still knows the width.
    np.maximum(spread, _narrowed(variance, moved, rate, trials), out=spread)
    each /= null
    slope = 1.0 - skew * first * (1.0 - skew * first / 3.0) / 3.0
    spread[0] *= slope * slope
    moved[0] += skew * spread[0] / 3.0
    return ratios, moved, spread, np.log(each, out=each)


def _narrowed(variance: Some, mean: Some, rate: Floats, trials: Floats) -> Some:
    """What a window leaves of a variance of log odds by the curvature of its likelihood (Laplace), `mean` after it.

    A rate that stands high tells more of itself: by the curvature at the predicted rate a filter would take what is
    far from it for known half as well as it is, and wide wanders for less likely than they are.
    """
    odds: Some = np.exp(mean)
    odds *= (rate / (1.0 - rate)).astype(odds.dtype)
    apart: Some = 1.0 + odds
    odds /= apart
    odds /= apart
    odds *= trials.astype(odds.dtype)
    odds *= variance
    odds += 1.0
    return np.divide(variance, odds, out=odds)


def _skewed(apart: Singles, variance: Singles, skew: Singles) -> Singles:
    """Where the log odds are which a normal law of that variance puts so far `apart` from the predicted ones.

    A rate that n failures tell is gamma, and its cube root nearly normal (Wilson and Hilferty 1931), so that the log
    is at 3 log(1 - s^2 / 9 + s z / 3) with s^2 = 1 / n: here to third order, and with the less of its skewness the more
    common failures are. Five times the rate that three failures tell is 27 times less likely than a normal law says;
    who believes that takes thrice as long to find a change so large. Of less than one failure there is no such law.
    """
    tilted = skew * apart
    return apart * (1.0 - tilted * (1.0 / 6.0 - tilted / 27.0)) - skew * variance / 3.0


def _weighed(odds: Singles, rate: Floats, hits: Floats, trials: Floats, spare: Sequence[Singles]) -> Singles:
    """Likelihood of the window at every log odds, the highest of each row 1; takes `odds` and `spare` for its work.

    That is (1 - rate + rate e^odds)^-trials e^(odds hits). Single precision is enough for what is held against a
    difference in logs (1e-5 of a ratio at 10,000 trials), if the small parts keep their own digits: hence what 1 + x
    loses is put back, log(1 + x) = log(w) + (x - (w - 1)) / w with w as it was rounded. numpy has expm1 and
    log1p for it, which take six times as long as exp and log where it has no vectors of them.
    """
    added, whole, lost = spare
    np.exp(odds, out=added)
    added -= 1.0
    added *= np.minimum(rate, _ALL).astype(np.float32)
    np.add(added, 1.0, out=whole)
    np.subtract(whole, 1.0, out=lost)
    added -= lost
    added /= whole
    np.log(whole, out=whole)
    whole += added
    whole *= trials.astype(np.float32)
    odds *= hits.astype(np.float32)
    odds -= whole
    odds -= np.maximum.reduce(odds, axis=0)
    if np.minimum.reduce(odds, axis=None) < _NOTHING:
        np.maximum(odds, _NOTHING, out=odds)
    np.exp(odds, out=odds)
    return odds


def _outed(rate: Floats, outage: Floats) -> Floats:
    """What an outage adds to the log odds: as many as it breaks, or as many as may be believed at once.

    >>> rates = np.array([0.001, 0.1, 0.8])
    >>> odds = rates / (1.0 - rates) * np.exp(_outed(rates, np.full(3, 0.9)))
    >>> (odds / (1.0 + odds)).round(3).tolist()
    [0.01, 0.9, 0.976]
    """
    broken: Floats = np.minimum(_MOST * rate, outage)
    np.maximum(broken, rate, out=broken)
    added: Floats = np.log(broken / (1.0 - broken) * (1.0 - rate) / rate)
    most: Floats = np.maximum(added, LEVELS[-1], out=added)
    return most
