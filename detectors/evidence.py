"""One window's evidence for a raised failure rate against a null that wanders: the likelihood ratios."""

import numpy as np

from detectors.frame import Floats

RATIOS = np.array([1.5, 2.0, 3.0, 5.0, 10.0])
"""What a change multiplies the odds of a failure by; beyond 10 a chance burst of three would alarm at once."""
LEVELS: Floats = np.log(RATIOS)
_NODES, _WEIGHTS = (
    np.array([-2.85697001, -1.35562618, 0.0, 1.35562618, 2.85697001]),
    np.array([0.01125741, 0.22207592, 0.53333333, 0.22207592, 0.01125741]),
)
_INNER = len(_NODES)
_SUM = np.ones(_INNER)
_GROWTH = np.expm1(LEVELS)
_CEILING = 1e60
_FAR = 30.0
_NOTHING = -575.0


def likelihoods(
    rate: Floats, window: tuple[Floats, Floats], mean: Floats, variance: Floats, weights: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Likelihood ratio of every level against the null, and what the null's hypotheses make of the window.

    `rate`: the predicted failure rate of each row. `window`: failures and trials of each row; that many failed,
    binomially given the deviation. `mean`, `variance`, shape (rows, hypotheses): of the row's present deviation from
    the rate in log odds, as filtered so far (normal) under each hypothesis; `weights`: of the hypotheses.
    Returns (ratios of shape (rows, levels), mean, variance, log predictive probability over the mixture's): each
    predictive probability is a five-point Gauss-Hermite quadrature over the deviation, a proper distribution whatever
    the truth, so the expected ratio under the null is 1; filters keep the first two moments (assumed density).

    >>> one = np.array([1.0])
    >>> ratios, *_ = likelihoods(0.01 * one, (3 * one, 10 * one), 0 * one[:, None], 1e-6 * one[:, None], one[:, None])
    >>> bool(ratios[0, -1] > 400)
    True
    """
    hits, trials = window
    rows, nulls = mean.shape
    inner = np.sqrt(variance)[:, :, None] * _NODES
    inner += mean[:, :, None]
    np.minimum(inner, _FAR, out=inner)
    flat = inner.reshape(rows, nulls * _INNER)
    likelihood = np.empty((rows, nulls * _INNER + len(LEVELS)))
    np.expm1(flat, out=likelihood[:, : nulls * _INNER])
    likelihood[:, nulls * _INNER :] = _GROWTH
    likelihood *= rate[:, None]
    np.log1p(likelihood, out=likelihood)
    likelihood *= -trials[:, None]
    likelihood[:, : nulls * _INNER] += hits[:, None] * flat
    likelihood[:, nulls * _INNER :] += hits[:, None] * LEVELS
    likelihood -= likelihood.max(axis=1)[:, None]
    np.maximum(likelihood, _NOTHING, out=likelihood)  # exp is slow where it underflows
    np.exp(likelihood, out=likelihood)
    weighed = likelihood[:, : nulls * _INNER].reshape(rows, nulls, _INNER) * _WEIGHTS
    each = np.maximum(weighed @ _SUM, 1e-250)
    null = np.einsum("ij,ij->i", each, weights)
    ratios: Floats = likelihood[:, nulls * _INNER :] / null[:, None]
    np.minimum(np.maximum(ratios, 1.0 / _CEILING, out=ratios), _CEILING, out=ratios)
    weighed /= each[:, :, None]
    after: Floats = np.einsum("ijk,ijk->ij", weighed, inner)
    inner -= after[:, :, None]
    inner *= inner
    spread = np.einsum("ijk,ijk->ij", weighed, inner)
    # Where one window outweighs the nodes' distance the quadrature collapses; curvature still knows the width.
    information = trials * rate * (1.0 - rate)
    least = variance / (1.0 + variance * information[:, None])
    gain: Floats = np.log(each / null[:, None])
    return ratios, after, np.maximum(spread, least), gain
