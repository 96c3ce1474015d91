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


def likelihoods(
    rate: Floats, mean: Floats, variance: Floats, hits: Floats, trials: Floats
) -> tuple[Floats, Floats, Floats]:
    """Likelihood ratio of every level against the null, and the null's next mean and variance.

    `rate`: the predicted failure rate of each row. `mean`, `variance`: of the row's present deviation from it
    in log odds, as filtered so far (normal). `hits` of `trials` failed, binomially given the deviation.
    Returns (ratios of shape (rows, levels), mean, variance): the null's predictive probability is a
    five-point Gauss-Hermite quadrature over the deviation, a proper distribution whatever the truth, so the
    expected ratio under the null is 1; the filter keeps the first two moments (assumed-density filtering).

    >>> one = np.array([1.0])
    >>> ratios, mean, variance = likelihoods(0.01 * one, 0 * one, 1e-6 * one, 3 * one, 10 * one)
    >>> bool(ratios[0, -1] > 400)
    True
    """
    inner = mean[:, None] + np.sqrt(variance)[:, None] * _NODES
    np.minimum(inner, _FAR, out=inner)
    growth = np.empty((len(rate), _INNER + len(LEVELS)))
    np.expm1(inner, out=growth[:, :_INNER])
    growth[:, _INNER:] = _GROWTH
    growth *= rate[:, None]
    likelihood = np.log1p(growth, out=growth)
    likelihood *= -trials[:, None]
    likelihood[:, :_INNER] += hits[:, None] * inner
    likelihood[:, _INNER:] += hits[:, None] * LEVELS
    likelihood -= likelihood.max(axis=1)[:, None]
    np.exp(likelihood, out=likelihood)
    weighed = likelihood[:, :_INNER] * _WEIGHTS
    null = np.maximum(weighed @ _SUM, 1e-250)
    ratios: Floats = np.minimum(np.maximum(likelihood[:, _INNER:] / null[:, None], 1.0 / _CEILING), _CEILING)
    weighed /= null[:, None]
    after: Floats = (weighed * inner) @ _SUM
    inner -= after[:, None]
    inner *= inner
    spread = (weighed * inner) @ _SUM
    # Where one window outweighs the nodes' distance the quadrature collapses; curvature still knows the width.
    least = variance / (1.0 + variance * trials * rate * (1.0 - rate))
    return ratios, after, np.maximum(spread, least)
