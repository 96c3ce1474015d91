"""Promises on their way: what a marketplace's days do by themselves is no stall, and a stall is one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.deliveries import BEGINS, Market
from detectors.due_soon import DueSoon
from detectors.frame import Beside, Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = 3_600_000_000
FIRST = int(BEGINS) * 1_000_000
STEP = 6  # hours at which promises of days come to their marks
INTERVAL = 990.0  # days: its share of a moment's ninety


def frames(market: Market, seed: int) -> Iterator[Frame]:
    """What comes to the marks by the whole hour."""
    orders = market.orders(np.random.default_rng(seed))
    counts: list[dict[int, tuple[Counter[str], Counter[str]]]] = [{}, {}]
    for mark, share in enumerate((0.5, 0.75)):
        at = orders.made + share * (orders.due - orders.made)
        slots = np.floor(at * 24.0 / STEP).astype(np.int64) * STEP
        late = orders.done > at
        for slot, still, region in zip(slots.tolist(), late.tolist(), orders.region.tolist(), strict=True):
            reached, left = counts[mark].setdefault(slot, (Counter(), Counter()))
            rows = ("", f"region=r{region}") if region >= 0 else ("",)
            reached.update(rows)
            if still:
                left.update(rows)
    one, none = np.ones(1, dtype=np.int64), np.zeros(1)
    for hour in range(0, market.days * 24, STEP):
        start = FIRST + hour * HOUR
        first, second = (of.get(hour, (Counter(), Counter())) for of in counts)
        yield Frame(start, start + HOUR, ("",), one, none, one, beside=Beside(way=(first, second)))


def opened(market: Market, seed: int) -> list[float]:
    """Days on which something came to be in breach while nothing was."""
    detector, found, before = DueSoon(INTERVAL), [], False
    for frame in frames(market, seed):
        scores = detector.score(frame)
        detector.learn(frame)
        now = scores is not None and bool(scores.breach.any())
        if now and not before:
            found.append((frame.end - FIRST) / HOUR / 24.0)
        before = now
    return found


def test_days_that_are_slow_as_a_whole_are_no_stall_week_after_week() -> None:
    # All orders of a day are slower or faster by a quarter: three openings where they were taken for a stall.
    assert len(opened(Market(100.0, days=66, wander=0.25), 12)) <= 1


def test_the_first_weekends_without_deliveries_are_no_stall() -> None:
    assert opened(Market(100.0, days=16, workdays=True), 0) == []


def stalled(frame: Frame) -> Frame:
    """Nothing of one region is over at the first mark, nothing of another at the second."""
    for (reached, left), row in zip(frame.beside.way, ("region=r0", "region=r1"), strict=True):
        if isinstance(left, Counter):
            left[row] = int(reached.get(row, 0))
    return frame


def test_what_is_in_breach_at_either_mark_is_told_whole() -> None:
    """Each mark has its own rows in breach."""
    detector, told = DueSoon(90.0), set[str]()
    for number, frame in enumerate(frames(Market(100.0, days=64), 3)):
        seen = stalled(frame) if number * STEP >= 50 * 24 else frame
        scores = detector.score(seen)
        detector.learn(seen)
        if scores is not None and scores.breach.any():
            assert scores.over is not None
            assert len(scores.over) == len(scores.segments)
            told.update(name for name, broken in zip(scores.segments, scores.breach, strict=True) if broken)
    assert {"region=r0", "region=r1"} <= told


def test_a_carrier_that_stops_is_known_within_three_days_though_days_wander() -> None:
    market = Market(100.0, days=64, fault="stop", since=60, wander=0.25)
    assert any(60.0 < day < 63.0 for day in opened(market, 3))
