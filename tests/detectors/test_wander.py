"""What a stream is believed to do when nothing is wrong: which hypothesis of its wander the data choose."""

import math

import numpy as np
import pytest

from detectors import matrix, wander
from detectors.failure_rate import FailureRate
from detectors.frame import WHOLE, Floats
from tests.detectors.frames import HOUR, START, frame


def learned(rates: Floats, seed: int = 1) -> FailureRate:
    """A detector after so many hours of 200."""
    detector, rng = FailureRate(1e6), np.random.default_rng(seed)
    for number, rate in enumerate(rates.tolist()):
        tried = int(rng.poisson(200.0))
        detector.learn(frame(START + number * HOUR, HOUR, {WHOLE: (tried, float(rng.binomial(tried, rate)))}))
    return detector


def believed(detector: FailureRate) -> tuple[float, float, float]:
    """(spread of the wander, its mean days, weight of days of their own) as the detector believes."""
    held = detector._table.group("learned")[:, :1].copy()
    weights = wander.weigh(held, np.zeros_like(held), wander.PRIOR[:, None])[:, 0]
    days = np.where(np.isfinite(wander.TIMES), wander.TIMES, 0.0)
    return math.sqrt(float(wander.SQUARES @ weights)), float(days @ weights), float(weights[wander.DAILY].sum())


def odds(deviations: Floats) -> Floats:
    each: Floats = 0.05 / 0.95 * np.exp(deviations)
    return each / (1.0 + each)


def by_day(rng: np.random.Generator, spread: float) -> Floats:
    return np.repeat(rng.normal(0.0, spread, 50), 24)


def slowly(rng: np.random.Generator, spread: float, days: float) -> Floats:
    fade = math.exp(-1.0 / 24.0 / days)
    found = [0.0]
    for noise in rng.normal(0.0, spread * math.sqrt(1.0 - fade * fade), 50 * 24 - 1):
        found.append(fade * found[-1] + noise)
    return np.array(found)


@pytest.mark.parametrize("spread", [0.2, 0.47])
def test_days_of_their_own_are_believed_to_be_so_however_they_differ(spread: float) -> None:
    found, _, daily = believed(learned(odds(by_day(np.random.default_rng(7), spread))))
    assert found == pytest.approx(spread, rel=0.25)
    assert daily > 0.95


@pytest.mark.parametrize(("spread", "days"), [(0.55, 0.8), (0.8, 0.8), (0.4, 4.0)])
def test_a_slow_wander_is_believed_to_be_as_wide_and_as_slow_as_it_is(spread: float, days: float) -> None:
    found, lasting, daily = believed(learned(odds(slowly(np.random.default_rng(7), spread, days))))
    assert found == pytest.approx(spread, rel=0.25)
    assert lasting == pytest.approx(days, rel=0.55)
    assert daily < 0.05


def test_a_steady_stream_is_believed_to_stand_still() -> None:
    found, lasting, _ = believed(learned(odds(np.zeros(50 * 24))))
    assert found < 0.1
    assert lasting < 0.3


def test_the_hours_of_the_day_are_not_believed_to_be_a_wander() -> None:
    rates = odds(0.7 * np.sin(2.0 * np.pi * np.arange(14 * 24) / 24.0))
    found = [believed(learned(rates, seed))[0] for seed in range(1, 5)]
    assert np.mean(found) < 0.06


def test_a_base_is_wrong_until_it_takes_in_its_data_and_an_hour_for_its_while() -> None:
    terms = np.ones((matrix.TERMS, 4))
    terms[matrix.NOW], terms[matrix.STILL] = 10.5, -0.5
    base, free = np.array([True, True, False, False]), np.array([0.0, 1.0, 0.0, 1.0])
    memory, _ = matrix._fades(np.full((3, 4), 0.5), np.full(4, 10.0), (base, free), terms)
    assert memory[0] == pytest.approx([1.0, 0.0, math.exp(-1.0), math.exp(-1.0)])


def test_a_wander_is_weighed_by_all_that_came_whether_it_is_acquitted_or_not() -> None:
    rng = np.random.default_rng(5)
    told, prior = rng.normal(0.0, 2.0, (2, wander.COUNT, 3)), wander.PRIOR[:, None]
    expected = prior * np.exp(told.sum(axis=0))
    found = wander.weigh(told[0], told[1], prior)
    assert found == pytest.approx(expected / expected.sum(axis=0), rel=1e-5)


def test_what_was_learned_of_a_wander_outlasts_a_break() -> None:
    rates = odds(slowly(np.random.default_rng(7), 0.55, 0.8)[: 30 * 24])
    detector, rng = FailureRate(90.0), np.random.default_rng(1)
    broke: list[bool] = []
    known: list[float] = []
    for number, rate in enumerate([*rates.tolist(), *[0.6] * 6, *rates[-72:].tolist()]):
        tried = int(rng.poisson(200.0))
        detector.learn(frame(START + number * HOUR, HOUR, {WHOLE: (tried, float(rng.binomial(tried, rate)))}))
        broke.append(detector.in_breach)
        known.append(float(detector._table.group("learned")[0, 0]))
    over = len(broke) - broke[::-1].index(True)
    assert not broke[len(rates) - 1]
    assert known[len(rates) - 1] < -10.0
    assert known[over + 1] < -9.0
