"""A change after two days and some three failures: what little is known is believed as far as it goes."""

import numpy as np

from detectors.failure_rate import FailureRate
from detectors.frame import WHOLE
from tests.detectors.frames import DAY, HOUR, MINUTE, START, alarms, drive, frame

SINCE = 2 * DAY + 8 * HOUR
QUARTER = 15 * MINUTE
RATE = 0.002


def found(seed: int, ratio: float, days: int) -> list[float]:
    """Hours after the change at which a breach begins; 30 events an hour."""
    rng = np.random.default_rng(seed)
    frames = []
    for at in range(0, days * DAY, QUARTER):
        trials = int(rng.poisson(7.5))
        broken = int(rng.binomial(trials, RATE * (ratio if at >= SINCE else 1.0)))
        frames.append(frame(START + at, QUARTER, {WHOLE: (trials, float(broken))}))
    return [(end - START - SINCE) / HOUR for end, _ in alarms(drive(FailureRate(90.0), frames))]


def test_five_times_as_much_is_found_in_days() -> None:
    """Who knows that the rate stands still but for one change needs a day and a half.

    150 hours, and some never, took who weighed nothing before it was warm.
    """
    late = [min(found(seed, 5.0, 16), default=np.inf) for seed in range(20)]
    assert np.median(late) < 100.0
    assert max(late) < np.inf


def test_steady_rates_of_which_little_is_known_are_no_news() -> None:
    """Two are promised in their 180 days after the third."""
    assert sum(len(found(seed, 1.0, 12)) for seed in range(20)) <= 4
