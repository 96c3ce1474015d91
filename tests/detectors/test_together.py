"""Working a frame out for several detectors at once changes what it costs, and nothing of what they say."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from detectors import matrix
from detectors.contrast import Contrast
from detectors.duration import Duration
from detectors.failure_rate import FailureRate
from detectors.frame import Beside, Detector, Frame, Scores
from detectors.overdue import Overdue
from detectors.together import joining, prepare
from tests.detectors.frames import DAY, HOUR, START, stream

RATES = {"carrier=AA": 0.05, "carrier=MQ": 0.08, "origin=JFK": 0.05, "origin=LGA": 0.03}


def detectors() -> list[Detector]:
    """Of unlike tables, and one that begins later than the others."""
    return [
        FailureRate(60.0, cold_start=4.0),
        Contrast(60.0, cold_start=4.0),
        Overdue(60.0, cold_start=4.0),
        Duration(60.0, cold_start=4.0),
    ]


def troubled() -> list[Frame]:
    """Windows with a break of one segment, a special day, a new segment, and durations from the second day on."""
    worse = {**RATES, "carrier=AA": 0.9, "carrier=ZZ": 0.2}
    frames = [
        *stream(1, 5.0, RATES, length=HOUR // 2),
        *stream(2, 0.5, worse, length=HOUR // 2, start=START + 5 * DAY),
        *stream(3, 1.5, RATES, length=HOUR // 2, start=START + 11 * DAY // 2),
    ]
    draw = np.random.default_rng(4)
    made = []
    for number, one in enumerate(frames):
        tried = dict(zip(one.segments, one.trials.tolist(), strict=True))
        long = number >= 48
        beside = Beside(
            durations={name: {500: n, 520: int(draw.integers(0, 3))} for name, n in tried.items() if long and n},
            overdue={name: int(draw.binomial(n, 0.1)) for name, n in tried.items() if number % 5 == 0 and n},
        )
        made.append(replace(one, beside=beside, usual=not 200 <= number < 210))
    return made


def drive(watching: Sequence[Detector], frames: Iterable[Frame], *, together: bool) -> list[Scores | None]:
    found = []
    joint = joining(watching)
    for one in frames:
        if together:
            prepare(joint, one)
        for detector in watching:
            found.append(detector.score(one))
            detector.learn(one)
    return found


def test_together_they_say_what_each_says_alone() -> None:
    """Up to rounding: which row lies where in a block of numbers is not always the same."""
    frames = troubled()
    alone = drive(detectors(), frames, together=False)
    joint = drive(detectors(), frames, together=True)
    assert sum(scores is not None and bool(scores.breach.any()) for scores in alone) > 5
    for one, other in zip(alone, joint, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert one.segments == other.segments
            assert one.breach.tolist() == other.breach.tolist()
            assert one.onset.tolist() == other.onset.tolist()
            assert other.evidence == pytest.approx(one.evidence, rel=1e-6, abs=1e-9)
            assert other.expected == pytest.approx(one.expected, rel=1e-9)
            assert other.lower == pytest.approx(one.lower, rel=1e-9)


def test_preparing_a_frame_changes_nothing_until_it_is_learned() -> None:
    frames = troubled()[:150]
    asked, plain = detectors(), detectors()
    for one in frames:
        # A frame of the same time that is never learned: who only asks leaves no trace.
        prepare(joining(asked), replace(one, hits=one.hits / 2.0 + 0.1))
        for detector, other in zip(asked, plain, strict=True):
            detector.learn(one)
            other.learn(one)
    for detector, other in zip(asked, plain, strict=True):
        assert json.dumps(detector.dump()) == json.dumps(other.dump())


def test_a_wide_window_goes_through_in_blocks_and_comes_out_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit a block is cut; no row knows where."""
    draw = np.random.default_rng(5)
    names = ("", *sorted(f"place={number}" for number in range(1200)))
    cut, whole = FailureRate(60.0, cold_start=1.0), FailureRate(60.0, cold_start=1.0)
    for hour in range(40):
        trials = draw.poisson(20.0, len(names))
        hits = draw.binomial(trials, 0.05).astype(np.float64)
        start = START + hour * HOUR
        for detector, block in ((cut, 512), (whole, 4096)):
            monkeypatch.setattr(matrix, "_BLOCK", block)
            detector.learn(Frame(start, start + HOUR, names, trials, hits, trials))
    assert cut._table.data == pytest.approx(whole._table.data, rel=1e-6, abs=1e-9)


def test_years_of_data_lose_no_base() -> None:
    """Sums are kept in units that grow, and are begun anew before they overflow: what was learned stays."""
    detector = FailureRate(60.0)
    trials = np.array([10_000, 5_000])
    for day in (*range(0, 60, 5), *range(60, 900, 30)):
        start = START + day * DAY
        detector.learn(Frame(start, start + DAY, ("", "carrier=AA"), trials, trials * 0.05, trials))
    scores = detector.score(
        Frame(START + 900 * DAY, START + 901 * DAY, ("", "carrier=AA"), trials, trials * 0.05, trials)
    )
    assert scores is not None
    assert scores.expected == pytest.approx([0.05, 0.05], rel=0.05)
    assert np.isfinite(detector._table.group("base")).all()
    assert detector._table.group("base").max() < 1e9
