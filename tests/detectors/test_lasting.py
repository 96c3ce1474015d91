"""A break that goes on is one breach: it opens once, where it is, and ends once it is over."""

from collections.abc import Iterator

import pytest

from detectors.failure_rate import FailureRate
from detectors.frame import WHOLE, Frame, Scores
from tests.detectors.frames import HOUR, MINUTE, START, drive, stream

DAYS = 20
SEGMENTS = [f"region=r{i}" for i in range(10)]


def lasting(seed: int, ratio: float, per_hour: float, length: int, where: set[str]) -> Iterator[Frame]:
    """Twenty days of 2 %, six in which some segments fail more often, six of 2 % again."""
    calm = dict.fromkeys(SEGMENTS, 0.02)
    worse = {name: 0.02 * (ratio if name in where else 1.0) for name in SEGMENTS}
    begin = START
    for number, (days, rates) in enumerate(((DAYS, calm), (6, worse), (6, calm))):
        yield from stream(seed * 10 + number, days, rates, per_hour=per_hour, length=length, start=begin)
        begin += days * 24 * HOUR


def openings(seen: list[tuple[Frame, Scores | None]], of: str) -> list[tuple[float, float]]:
    """(begin, end) of a segment's breaches in days since the break began."""
    found: list[tuple[float, float]] = []
    since: float | None = None
    for frame, scores in seen:
        day = (frame.end - START) / (24 * HOUR) - DAYS
        holds = scores is not None and of in scores.segments and bool(scores.breach[scores.segments.index(of)])
        if holds and since is None:
            since = day
        elif not holds and since is not None:
            found.append((since, day))
            since = None
    return found


@pytest.mark.parametrize(("per_hour", "length"), [(600.0, MINUTE * 5), (60.0, HOUR)])
def test_a_threefold_rate_everywhere_for_six_days_is_one_breach_of_the_whole(per_hour: float, length: int) -> None:
    seen = drive(FailureRate(180.0), lasting(3, 3.0, per_hour, length, set(SEGMENTS)))
    found = [span for span in openings(seen, WHOLE) if span[1] > 0]
    assert len(found) == 1
    assert 0 < found[0][0] < 1.5
    assert 5.9 < found[0][1] < 8.5
    later = {name for name in SEGMENTS if any(found[0][0] < begin < 6 for begin, _ in openings(seen, name))}
    assert not later


@pytest.mark.parametrize(("per_hour", "length"), [(600.0, MINUTE * 5)])
def test_one_region_ten_times_worse_for_six_days_is_one_breach_of_that_region(per_hour: float, length: int) -> None:
    seen = drive(FailureRate(180.0), lasting(4, 10.0, per_hour, length, {"region=r7"}))
    found = [span for span in openings(seen, "region=r7") if span[1] > 0]
    assert len(found) == 1
    assert 0 < found[0][0] < 0.5
    assert 5.9 < found[0][1] < 8.5
