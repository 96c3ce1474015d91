"""What comes together is told from what comes more often."""

import json
import math
from collections.abc import Callable

import numpy as np
import pytest

from detectors.batches import MANY, Batches

Draw = Callable[[np.random.Generator, float], int]


def fixed(size: int) -> Draw:
    return lambda rng, mean: size * int(rng.poisson(mean / size))


def geometric(rng: np.random.Generator, mean: float) -> int:
    """Of three in the mean, so that the one who comes is in one of five."""
    number = int(rng.poisson(mean / 3.0))
    return int(rng.geometric(1.0 / 3.0, number).sum())


def learned(draw: Draw, mean: float, days: int) -> Batches:
    rng, batches = np.random.default_rng(1), Batches()
    for _ in range(days):
        for hour in range(24):
            due = mean * (1.0 + 0.8 * math.sin(2.0 * math.pi * hour / 24.0))
            batches = batches.after(draw(rng, due), due, 1.0 / 24.0)
        batches = batches.settled()
    return batches


@pytest.mark.parametrize(
    ("draw", "size"), [(fixed(1), 1.0), (fixed(2), 2.0), (fixed(3), 3.0), (fixed(10), 10.0), (geometric, 5.0)]
)
def test_a_week_of_a_few_an_hour_tells_how_many_come_together(draw: Draw, size: float) -> None:
    assert learned(draw, 2.0, 7).size() == pytest.approx(size, rel=0.25)


def test_three_days_of_one_every_other_hour_tell_that_it_comes_by_threes() -> None:
    assert learned(fixed(3), 0.5, 3).law[2] > 0.5


@pytest.mark.parametrize("shape", [0.7, 5.0, 1e6])
@pytest.mark.parametrize("mean", [0.5, 4.0])
def test_the_likelihoods_of_all_counts_are_a_law_of_the_mean_that_is_asked(shape: float, mean: float) -> None:
    batches = learned(geometric, 2.0, 7)
    chances = np.array([math.exp(batches.logs(count, np.array([mean]), shape)[0]) for count in range(MANY + 1)])
    assert chances.sum() == pytest.approx(1.0, abs=0.01)
    assert chances @ np.arange(MANY + 1) == pytest.approx(mean, rel=0.1)


@pytest.mark.parametrize("draw", [fixed(1), fixed(3), geometric])
def test_ratios_average_to_one_where_nothing_changed(draw: Draw) -> None:
    """What a promise rests on. By threes, those of a negative binomial law average to 1.1 an hour."""
    batches, rng = learned(draw, 2.0, 28), np.random.default_rng(2)
    means = np.array([2.0, 3.0, 6.0])
    logs = np.array([batches.logs(draw(rng, 2.0), means, 1e6) for _ in range(20_000)])
    ratios = np.exp(logs[:, 1:] - logs[:, :1]).mean(axis=0)
    assert (ratios < 1.05).all()


def test_many_more_than_ever_is_no_batch() -> None:
    batches = learned(fixed(1), 0.5, 14)
    for count in (10, 30, MANY, MANY + 1, 1000):
        usual, thirty = batches.logs(count, np.array([0.5, 15.0]), 20.0)
        assert thirty - usual > 10.0


def test_what_comes_back_from_a_dump_is_the_same() -> None:
    batches = learned(geometric, 2.0, 3)
    back = Batches.load(json.loads(json.dumps(batches.dump())))
    assert back.dump() == batches.dump()
    assert back.after(3, 1.0, 0.1).settled().dump() == batches.after(3, 1.0, 0.1).settled().dump()


def test_a_count_where_nothing_was_expected_and_one_beyond_all_teach_nothing() -> None:
    batches = Batches()
    assert batches.after(3, 0.0, 1.0) is batches
    assert batches.after(MANY + 1, 1.0, 1.0) is batches
    assert batches.settled() is batches
