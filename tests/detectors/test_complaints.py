"""Complaints that come several at a time keep the promise, and a rise of them is found."""

import numpy as np
import pytest

from detectors.complaints import Complaints
from detectors.frame import WHOLE, Beside, Floats, Frame, Ints
from tests.detectors.frames import HOUR, START, alarms, drive


def hourly(per_hour: float, days: int) -> Floats:
    """What is expected of each hour: three times as much at its height as at its lowest."""
    means: Floats = per_hour * (1.0 + 0.5 * np.sin(2.0 * np.pi * np.arange(24 * days) / 24.0))
    return means


def by(size: int, means: Floats, seed: int) -> Ints:
    return size * np.random.default_rng(seed).poisson(means / size)


def in_all_sizes(means: Floats, seed: int) -> Ints:
    """Three at a time in the mean."""
    rng = np.random.default_rng(seed)
    return np.array([int(rng.geometric(1.0 / 3.0, number).sum()) for number in rng.poisson(means / 3.0)])


def openings(counts: Ints) -> list[int]:
    """The hours in which a breach begins; one in 90 days is promised."""
    many, frames = np.array([40]), []
    for start, count in zip(range(START, START + len(counts) * HOUR, HOUR), counts.tolist(), strict=True):
        heard = Beside(complaints={WHOLE: count} if count else {})
        frames.append(Frame(start, start + HOUR, (WHOLE,), many, 0.0 * many, many, beside=heard))
    return [(end - START) // HOUR - 1 for end, _ in alarms(drive(Complaints(90.0), frames))]


@pytest.mark.parametrize("size", [1, 3, 10])
@pytest.mark.parametrize("per_hour", [0.5, 2.0, 10.0])
def test_complaints_that_come_together_keep_the_promise(per_hour: float, size: int) -> None:
    assert sum(len(openings(by(size, hourly(per_hour, 90), seed))) for seed in (1, 2)) <= 4


def test_complaints_that_come_together_in_all_sizes_keep_the_promise() -> None:
    assert sum(len(openings(in_all_sizes(hourly(2.0, 90), seed))) for seed in (1, 2)) <= 4


@pytest.mark.parametrize(("per_hour", "spread"), [(2.0, 0.5), (10.0, 0.3)])
def test_days_that_differ_among_themselves_keep_the_promise(per_hour: float, spread: float) -> None:
    """Each has a level of its own until midnight; who expects it to fade within hours has ten at 2/h."""
    found = 0
    for seed in range(8):
        levels = np.exp(np.random.default_rng(seed).normal(0.0, spread, 90)).repeat(24)
        found += len(openings(by(1, hourly(per_hour, 90) * levels, seed)))
    assert found <= 6


@pytest.mark.parametrize("size", [1, 3])
def test_three_times_as_many_batches_are_found_within_a_day(size: int) -> None:
    since = 28 * 24
    late = []
    for seed in range(8):
        means = hourly(2.0, 31)
        means[since:] *= 3.0
        late.append(next(hour - since for hour in openings(by(size, means, seed)) if hour >= since))
    assert np.median(late) < 24


@pytest.mark.parametrize("count", [8, 12, 30, 100])
def test_many_complaints_at_once_where_they_came_one_by_one_open_at_once(count: int) -> None:
    counts = by(1, hourly(0.5, 29), 3)
    counts[28 * 24] = count
    assert openings(counts)[-1] == 28 * 24
