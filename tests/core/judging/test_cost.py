"""What judging costs follows the series, not the events: counted in calls, which no busy machine changes."""

import sys
from collections.abc import Iterator
from types import FrameType

import numpy as np

from service.core.catalog import Moment
from service.core.counting.tally import Cell, Window
from service.core.event import DAY, MINUTE
from service.core.judging.judge import Judge
from service.core.judging.watchers import watchers

START = 20_454 * DAY
MINUTES = 3


def windows(segments: int, each: int, first: int, count: int) -> Iterator[Window]:
    """One-minute windows in which every segment has about so many events; in a tenth of them one breaks."""
    rng = np.random.default_rng(1)
    for number in range(first, first + count):
        trials = rng.poisson(each, segments).tolist()
        cells: dict[tuple[str | None, ...], Cell] = {
            (f"s{place:04}",): Cell(attempts=tried, arrivals=tried, broken=int(place % 10 == 0))
            for place, tried in enumerate(trials)
            if tried
        }
        yield Window(START + number * MINUTE, START + (number + 1) * MINUTE, cells)


def calls(segments: int, each: int) -> int:
    """Calls of Python's functions and of C's that judging some busy windows takes, each a frame of its own."""
    moment = Moment("m", "ops", dimensions=("segment",))
    judge = Judge(moment, (), watchers(moment, ()))
    judge.advance(list(windows(segments, each, 0, 1)), START + DAY)
    busy = list(windows(segments, each, 24 * 60, 2 * MINUTES))
    judge._pace.step = MINUTE
    middle = START + DAY + MINUTES * MINUTE
    judge.advance(busy[:MINUTES], middle)
    made = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        del frame, argument
        nonlocal made
        made += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        judge.advance(busy[MINUTES:], middle + MINUTES * MINUTE)
    finally:
        sys.setprofile(before)
    return made


def test_a_hundred_times_the_events_cost_the_same() -> None:
    few, many = calls(100, 5), calls(100, 500)
    assert few > MINUTES
    assert many < 1.05 * few


def test_twice_the_series_cost_no_more_than_twice_as_much() -> None:
    some, twice, four_times = calls(250, 5), calls(500, 5), calls(1000, 5)
    assert twice < 2.1 * some
    assert four_times - twice < 2.2 * max(twice - some, some / 10)
