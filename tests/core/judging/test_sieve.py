"""What a rule demands of a detector's breach before it counts."""

import json

import numpy as np

from detectors.frame import Frame
from service.core.catalog import Asked
from service.core.judging.casebook import Breach
from service.core.judging.sieve import Sieve

ASKED = Asked("failure_rate", min_ratio=3.0, min_count=20)


def frame(trials: int) -> Frame:
    count = np.array([trials])
    return Frame(0, 60_000_000, ("",), count, 0.0 * count, count)


def breach(seen: float, expected: float = 0.1) -> Breach:
    return Breach("rule:r:failure_rate:0", "failure_rate", "", 0, 1.0, expected, seen)


def counted(sieve: Sieve, trials: int, *found: Breach) -> bool:
    return bool(sieve.sift("rule:r:failure_rate:0", ASKED, found, frame(trials)))


def test_a_breach_counts_once_it_is_large_enough_and_then_until_it_ends() -> None:
    sieve = Sieve()
    assert not counted(sieve, 10, breach(0.5))
    assert counted(sieve, 10, breach(0.5))
    assert counted(sieve, 10, breach(0.0))
    assert not counted(sieve, 10)
    assert not counted(sieve, 10, breach(0.5))


def test_what_is_hardly_more_than_expected_does_not_count() -> None:
    sieve = Sieve()
    assert not any(counted(sieve, 50, breach(0.25)) for _ in range(20))


def test_a_sieve_goes_on_from_a_dump() -> None:
    sieve, before = Sieve(), False
    for trials in (10, 10, 5):
        before = counted(sieve, trials, breach(0.5))
        sieve = Sieve.load(json.loads(json.dumps(sieve.dump(), allow_nan=False)))
    assert before
    assert counted(sieve, 1, breach(0.0))
