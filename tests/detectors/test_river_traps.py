"""What river's detectors are known to do wrong, one by one: none of it comes through."""

import json
from functools import partial

import numpy as np
import pytest

from detectors.adapted import Adapted
from detectors.frame import WHOLE, Frame
from detectors.replayed import ALLOWED
from tests.detectors.frames import HOUR, START, alarms, drive, frame

SMALL = {"half_space_trees": {"n_trees": 5, "height": 4}}
KEEN = {"half_space_trees", "gaussian_scorer"}
"""Their scores saturate, so that a step is as rare as their rarest noise: it is for the others to find."""


def made(name: str) -> Adapted:
    return Adapted(30.0, 7.0, 3.0, detector=name, parameters=SMALL.get(name, {}), step=3600.0)


def hours(first: int, count: int, mean: float, seed: int | None = 1) -> list[Frame]:
    """Hourly counts; without a seed all the same."""
    draw = (lambda: mean) if seed is None else partial(np.random.default_rng(seed + first).poisson, mean)
    return [
        frame(START + number * HOUR, HOUR, {WHOLE: (0, 0.0)}, arrivals=int(draw()))
        for number in range(first, first + count)
    ]


@pytest.mark.parametrize("name", ALLOWED)
def test_a_constant_stream_is_nothing_unusual(name: str) -> None:
    """GaussianScorer says 1.0 of every row of it."""
    for always in (0.0, 100.0):
        seen = drive(made(name), hours(0, 12 * 24, always, seed=None))
        assert alarms(seen) == []
        assert max(scores.evidence[0] for _, scores in seen if scores is not None) < 1.0


@pytest.mark.parametrize("name", ALLOWED)
def test_not_warm_is_not_normal(name: str) -> None:
    """River's detectors score 0 until they know anything: that is no verdict."""
    seen = drive(made(name), hours(0, 9 * 24, 100.0))
    assert [scores is None for _, scores in seen[: 7 * 24 - 1]] == [True] * (7 * 24 - 1)
    assert seen[-1][1] is not None


@pytest.mark.parametrize("name", sorted({*ALLOWED} - KEEN))
def test_what_is_broken_is_not_learned_and_what_stays_is_accepted(name: str) -> None:
    """A filter that protects its detector never accepts a shift; one that does not teaches it the break."""
    detector = made(name)
    drive(detector, hours(0, 14 * 24, 400.0))
    broken = drive(detector, hours(14 * 24, 2 * 24, 1600.0))
    assert len(alarms(broken)) == 1
    last = broken[-1][1]
    assert last is not None
    assert last.expected[0] == pytest.approx(400.0, rel=0.3)
    later = drive(detector, hours(16 * 24, 10 * 24, 1600.0))
    last = later[-1][1]
    assert last is not None
    assert (bool(last.breach[0]), last.expected[0]) == (False, pytest.approx(1600.0, rel=0.2))


@pytest.mark.parametrize("name", ALLOWED)
def test_evidence_is_comparable_whatever_the_scores_are(name: str) -> None:
    """Scores of 35, of 16 and of at most 1 are all told as a share of what opens a breach."""
    seen = [scores for _, scores in drive(made(name), hours(0, 14 * 24, 100.0)) if scores is not None]
    assert [scores.evidence[0] >= 1.0 for scores in seen] == [scores.breach[0] for scores in seen]
    assert sum(bool(scores.breach[0]) for scores in seen) <= 24


def test_a_state_is_small_and_plain() -> None:
    """Half-space trees pickle to 166 KiB a stream; their last inputs are enough to grow them again."""
    detector = made("half_space_trees")
    drive(detector, hours(0, 45 * 24, 100.0))
    assert len(json.dumps(detector.dump())) < 45 * 1024


@pytest.mark.parametrize("name", ["local_outlier_factor", "predictive_anomaly_detection", "threshold_filter", "river"])
def test_what_cannot_be_guarded_is_not_allowed(name: str) -> None:
    """Ratios of 1e10 on values that repeat, scores that saturate, a filter that never learns."""
    with pytest.raises(ValueError, match="is not allowed; take one of adwin"):
        Adapted(30.0, detector=name)
