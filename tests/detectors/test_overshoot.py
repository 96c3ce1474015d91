"""A statistic that leaps needs less evidence: it lands as far beyond a lower threshold."""

import copy

import numpy as np
import pytest

from detectors import rates
from detectors.failure_rate import FailureRate
from detectors.frame import WHOLE
from detectors.overshoot import LEAST, MOST, landing, needed
from tests.detectors.frames import DAY, HOUR, START, frame

_DAYS = 28


def steady(seed: int) -> FailureRate:
    """A detector that has seen 30 an hour of which one in a hundred fails."""
    detector, rng = FailureRate(90.0), np.random.default_rng(seed)
    for number in range(_DAYS * 24):
        tried = int(rng.poisson(30.0))
        detector.learn(frame(START + number * HOUR, HOUR, {WHOLE: (tried, float(rng.binomial(tried, 0.01)))}))
    return detector


def found_after(known: FailureRate, seed: int) -> int:
    """How many come until it is known that every fifth fails."""
    detector, rng, window = copy.deepcopy(known), np.random.default_rng(seed), HOUR // 30
    for number in range(300):
        start = START + _DAYS * DAY + number * window
        one = frame(start, window, {WHOLE: (1, float(rng.random() < 0.2))})
        scores = detector.score(one)
        assert scores is not None
        if scores.breach[0]:
            # What fires has all the evidence that it takes.
            assert scores.evidence[0] >= 1.0
            return number
        detector.learn(one)
    return 300


def test_who_leaps_is_found_sooner_and_never_later(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [steady(seed) for seed in range(6)]
    found = [found_after(one, seed) for one in known for seed in range(12)]
    monkeypatch.setattr(rates, "LEAST", 1.0)
    monkeypatch.setattr(rates, "needed", lambda *_: 1.0)
    alike = [found_after(one, seed) for one in known for seed in range(12)]
    assert all(sooner <= later for sooner, later in zip(found, alike, strict=True))
    assert sum(found) < sum(alike)


@pytest.mark.parametrize("jump", [2.0, 5.0])
def test_where_a_statistic_lands_is_where_the_null_takes_it(jump: float) -> None:
    """A thousand Shiryaev-Roberts statistics of a stream that fails now and then, each until its false alarm."""
    rng, usual, threshold, count = np.random.default_rng(3), 0.02, 500.0, 1_000
    statistic, landed = np.zeros(count), np.zeros(count)
    calm = (1.0 - jump * usual) / (1.0 - usual)
    while not landed.all():
        statistic += 1.0
        statistic *= np.where(rng.random(count) < usual, jump, calm)
        np.copyto(landed, statistic, where=(landed == 0.0) & (statistic >= threshold))
    assert landed.mean() / threshold == pytest.approx(landing(jump), rel=0.06)


def test_no_leap_is_worth_more_than_the_largest() -> None:
    assert needed(1.0, 1e6) == needed(1.0, MOST) == LEAST
    assert needed(0.0, 5.0) == needed(2.0, 1.0) == needed(2.0, 2.0) == 1.0
