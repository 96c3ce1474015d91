"""What a stream is believed to do when nothing is wrong: which hypothesis of its wander the data choose."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from detectors import wander
from detectors.failure_rate import FailureRate
from detectors.frame import WHOLE, Floats
from tests.detectors.frames import HOUR, START, frame


def believed(rates: Floats, seed: int = 1) -> tuple[float, float, float]:
    """(spread of the wander, weight of days of their own, weight of standing still) after so many hours of 200."""
    detector, rng = FailureRate(1e6), np.random.default_rng(seed)
    for number, rate in enumerate(rates.tolist()):
        tried = int(rng.poisson(200.0))
        detector.learn(frame(START + number * HOUR, HOUR, {WHOLE: (tried, float(rng.binomial(tried, rate)))}))
    learned = detector._table.group("learned")[:, :1].copy()
    weights = wander.weigh(learned, np.zeros_like(learned), wander.PRIOR[:, None])[:, 0]
    return math.sqrt(float(wander.SQUARES @ weights)), float(weights[wander.DAILY].sum()), float(weights[0])


def odds(deviations: Floats) -> Floats:
    each: Floats = 0.05 / 0.95 * np.exp(deviations)
    return each / (1.0 + each)


def by_day(rng: np.random.Generator) -> Floats:
    return np.repeat(rng.normal(0.0, 0.2, 50), 24)


def slowly(rng: np.random.Generator) -> Floats:
    fade = math.exp(-1.0 / 24.0 / 0.8)
    found = [0.0]
    for noise in rng.normal(0.0, 0.55 * math.sqrt(1.0 - fade * fade), 50 * 24 - 1):
        found.append(fade * found[-1] + noise)
    return np.array(found)


@pytest.mark.parametrize(
    ("made", "spread", "daily"),
    [(by_day, 0.2, True), (slowly, 0.55, False)],
    ids=["days of their own", "a slow wander"],
)
def test_the_wander_that_is_believed_is_the_streams_own(
    made: Callable[[np.random.Generator], Floats], spread: float, daily: bool
) -> None:
    found, by_days, still = believed(odds(made(np.random.default_rng(7))))
    assert still < 0.01
    assert found == pytest.approx(spread, rel=0.25)
    assert (by_days > 0.5) == daily


def test_a_steady_stream_is_believed_to_stand_still() -> None:
    found, _, still = believed(odds(np.zeros(50 * 24)))
    assert still > 0.5
    assert found < 0.1
