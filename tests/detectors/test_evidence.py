"""The likelihood ratios of one window, against the same sums written out number by number."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from detectors.evidence import LEVELS, Followed, likelihoods

NODES = ((-2.85697001, 0.01125741), (-1.35562618, 0.22207592), (0.0, 0.53333333), (1.35562618, 0.22207592),
         (2.85697001, 0.01125741))  # fmt: skip
"""Gauss and Hermite's, of a standard normal."""


def likelihood(rate: float, hits: float, trials: float, odds: float) -> float:
    """Logarithm, with all digits even where the rate or the deviation is next to nothing."""
    return hits * odds - trials * math.log1p(rate * math.expm1(odds))


@pytest.mark.parametrize(
    ("rate", "hits", "trials"),
    [(1e-9, 0.0, 1e6), (1e-9, 1.0, 1e6), (1e-7, 0.0, 3.0), (0.002, 4.0, 900.0), (0.02, 0.0, 0.0), (0.5, 7.0, 10.0),
     (0.89, 5.0, 5.0), (0.01, 206.0, 2e4)],
)  # fmt: skip
@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1e-10), (1e-8, 1e-6), (-0.3, 0.04), (0.7, 1.2)])
def test_levels_and_hypotheses_are_weighed_by_their_likelihood(
    rate: float, hits: float, trials: float, mean: float, variance: float
) -> None:
    one = np.ones(1)
    ratios, _, _, gain = likelihoods(
        (rate * one, 0.9 * one),
        (hits * one, trials * one),
        np.array([[0.0], [mean]], dtype=np.float32),
        np.array([[1e-10], [variance]], dtype=np.float32),
        np.array([[0.25], [0.75]], dtype=np.float32),
        Followed(one, 0.2 * one, 0.5 * one),
    )
    logs = [
        [likelihood(rate, hits, trials, middle + math.sqrt(wide) * node) + math.log(weight) for node, weight in NODES]
        for middle, wide in ((0.0, 1e-10), (mean, variance))
    ]
    each = [math.log(sum(math.exp(log - max(line)) for log in line)) + max(line) for line in logs]
    null = math.log(0.25 * math.exp(each[0] - max(each)) + 0.75 * math.exp(each[1] - max(each))) + max(each)
    most = min(10.0 * rate, 0.9)
    outage = max(math.log(most / (1.0 - most) * (1.0 - rate) / rate), math.log(10.0))
    expected = [likelihood(rate, hits, trials, level) - null for level in [*LEVELS.tolist(), outage]]
    hopeless = -75.0
    assert np.log(ratios[:-1, 0]).clip(hopeless).tolist() == pytest.approx(
        [max(log, hopeless) for log in expected], abs=1e-5, rel=1e-5
    )
    assert gain[:, 0].tolist() == pytest.approx([log - null for log in each], abs=1e-5, rel=1e-5)


def predicted(known: tuple[float, float], came: tuple[float, float]) -> float:
    """Logarithm of what failures and successes come of a rate that is known by others (beta-binomial)."""
    alpha, beta, hits, rest = *known, *came
    before = math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)
    return math.lgamma(alpha + hits) + math.lgamma(beta + rest) - math.lgamma(alpha + hits + beta + rest) - before


@pytest.mark.parametrize("failures", [1.0, 3.0, 10.0, 100.0])
@pytest.mark.parametrize("rate", [0.002, 0.2, 0.5])
@pytest.mark.parametrize("ratio", [0.3, 1.0, 5.0])
def test_a_base_is_in_doubt_as_its_failures_say(failures: float, rate: float, ratio: float) -> None:
    """Under the first hypothesis all windows until the next look are of one rate, of which so many failures told.

    Five times the rate that three failures tell has a density of 0.0008 of the highest, where a normal law has 0.02.
    """
    one, broken = np.ones(1), min(ratio * rate, 0.9)
    known = failures, failures / rate - failures
    trials = 0.5 / rate
    hits = trials * broken
    alike = hits * math.log(rate / (1.0 - rate)) + trials * math.log1p(-rate)
    mean, variance = np.zeros((1, 1), np.float32), np.full((1, 1), sum(1.0 / each for each in known), np.float32)
    weight, told = np.ones((1, 1), np.float32), 0.0
    for number in range(1, 25):
        ratios, mean, variance, _ = likelihoods(
            (rate * one, 0.0 * one), (hits * one, trials * one), mean, variance, weight, Followed(one, one, 0.0 * one)
        )
        told += likelihood(rate, hits, trials, LEVELS[2]) - math.log(ratios[2, 0]) + alike
        came = number * hits, number * (trials - hits)
        far = 1.3 if rate < 0.01 else 2.6
        assert told == pytest.approx(predicted(known, came), abs=far if ratio > 1.0 else 0.3)


def left(stands: float, size: float, seed: int) -> float:
    """The variance of a deviation after sixty windows, over that of the posterior on a grid."""
    one, trials, rate = np.ones(1), 15.0, 0.02
    odds = np.linspace(-4.0, 4.0, 1001) * size
    logs = -0.5 * (odds / size) ** 2
    mean, variance = np.zeros((2, 1), np.float32), np.array([[1e-6], [size * size]], np.float32)
    weight = np.array([[0.0], [1.0]], np.float32)
    for hits in np.random.default_rng(seed).binomial(15, rate * math.exp(stands), 60).tolist():
        mean[0], variance[0] = 0.0, 1e-6
        _, mean, variance, _ = likelihoods(
            (rate * one, 0.0 * one), (hits * one, trials * one), mean, variance, weight, Followed(one, one, 0.0 * one)
        )
        logs += hits * odds - trials * np.log1p(rate * np.expm1(odds))
    posterior = np.exp(logs - logs.max())
    posterior /= posterior.sum()
    return float(variance[1, 0] / (posterior @ (odds - posterior @ odds) ** 2))


@pytest.mark.parametrize(("stands", "size"), [(0.1, 0.2), (0.6, 0.3), (0.2, 0.6), (1.2, 0.6), (-1.0, 0.8)])
def test_what_stands_high_tells_more_of_itself(stands: float, size: float) -> None:
    """By the curvature at the predicted rate, thrice the rate that is predicted is known by a variance 2.8 times it."""
    assert np.mean([left(stands, size, seed) for seed in range(20)]) == pytest.approx(1.0, abs=0.16)


def window(rows: int, seed: int) -> list[list[float]]:
    """What likelihoods make of a random window."""
    rng = np.random.default_rng(seed)
    trials = rng.integers(1, 100, rows).astype(np.float64)
    found = likelihoods(
        (rng.uniform(0.001, 0.5, rows), np.full(rows, 0.9)),
        (np.floor(trials * rng.random(rows)), trials),
        rng.normal(0.0, 0.5, (3, rows)).astype(np.float32),
        rng.uniform(0.01, 1.0, (3, rows)).astype(np.float32),
        np.full((3, rows), 1.0 / 3.0, dtype=np.float32),
        Followed(np.ones(rows), np.full(rows, 0.2), np.full(rows, 0.5)),
    )
    return [lines.ravel().tolist() for lines in found]


def test_windows_share_nothing_whatever_came_before_and_whoever_works_beside() -> None:
    sizes = [(40, 1), (3, 2), (700, 3), (40, 4)]
    expected = [window(*one) for one in sizes]
    assert [window(*one) for one in reversed(sizes)] == expected[::-1]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda one: window(*one), sizes * 20)) == expected * 20
