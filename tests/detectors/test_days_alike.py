"""Days that are bad together are one bad thing: how long they are is learned, and breaks are found all the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.deliveries import BEGINS, Market
from detectors import matrix, wander
from detectors.failure_rate import FailureRate
from detectors.frame import Beside, Frame
from detectors.lasting import Lasting
from detectors.overdue import Overdue

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = 3_600_000_000
FIRST = int(BEGINS) * 1_000_000
INTERVAL = 259.0  # days: its share of a moment's ninety


def deliveries(market: Market, seed: int, *, promised: bool = True) -> Iterator[Frame]:
    """Promises by the hour of their due, broken where they were delivered later.

    `promised`: some come to a mark on their way, in a window of its own in which nothing is due.
    """
    if promised:
        none, marks = np.zeros(1, dtype=np.int64), Beside(way=(({"": 10}, {"": 1}), ({}, {})))
        yield Frame(FIRST, FIRST + HOUR, ("",), none, np.zeros(1), none, beside=marks)
    orders = market.orders(np.random.default_rng(seed))
    hours: dict[int, tuple[Counter[str], Counter[str]]] = {}
    due = np.floor(orders.due * 24.0 + 1e-6).astype(np.int64)
    late = orders.done > orders.due
    for hour, broken, region in zip(due.tolist(), late.tolist(), orders.region.tolist(), strict=True):
        tried, failed = hours.setdefault(hour, (Counter(), Counter()))
        rows = ("", f"region=r{region}") if region >= 0 else ("",)
        tried.update(rows)
        failed.update(rows if broken else ())
    for hour in sorted(hour for hour in hours if hour < market.days * 24):
        tried, failed = hours[hour]
        names = tuple(sorted(tried))
        trials, hits = np.array([tried[name] for name in names]), np.array([float(failed[name]) for name in names])
        yield Frame(FIRST + hour * HOUR, FIRST + (hour + 1) * HOUR, names, trials, hits, trials)


def opened(detector: FailureRate, market: Market, seed: int) -> list[float]:
    """Days on which something came to be in breach while nothing was, after four weeks."""
    found, before = [], False
    for frame in deliveries(market, seed):
        scores = detector.score(frame)
        detector.learn(frame)
        now = scores is not None and bool(scores.breach.any())
        if now and not before and frame.end > FIRST + 28 * 24 * HOUR:
            found.append((frame.end - FIRST) / HOUR / 24.0)
        before = now
    return found


def test_orders_of_one_bad_day_that_fall_due_on_five_are_no_change_of_the_rate() -> None:
    # Without what the stream shows of its days: 9 openings in the three histories.
    market = Market(100.0, wander=0.25)
    assert sum(len(opened(FailureRate(INTERVAL), market, seed)) for seed in range(3)) <= 4


def test_a_carrier_that_stops_is_found_by_lateness_within_four_days_though_days_wander_together() -> None:
    market = Market(100.0, days=110, fault="stop", wander=0.25)
    assert any(100.0 < day < 104.0 for day in opened(FailureRate(INTERVAL), market, 1003))


@pytest.mark.parametrize(
    ("market", "least", "most"),
    [
        (Market(100.0, days=90, wander=0.25), 2.0, 4.0),
        (Market(100.0, days=90), 1.0, 1.5),
    ],
)
def test_what_is_learned_is_how_long_the_days_of_the_stream_stay_alike(
    market: Market, least: float, most: float
) -> None:
    detector = FailureRate(INTERVAL)
    for frame in deliveries(market, 1):
        detector.learn(frame)
    assert least <= detector.lasting <= most
    again = FailureRate.load(detector.dump())
    assert again.lasting == detector.lasting
    assert again.dump() == detector.dump()


def drawn(deviations: list[float], trials: float = 600.0, least: float = 1.0) -> Lasting:
    """After days of so many log odds beyond a tenth, at full information or less."""
    lasting = Lasting(least)
    lasting.begin()
    for day, deviation in enumerate(deviations):
        odds = np.exp(deviation) / 9.0
        lasting.take(day + 1.0, (trials, trials * odds / (1.0 + odds)), 0.1, 0.2**2)
    return lasting


def test_days_of_their_own_last_no_longer_than_is_thought_by_itself() -> None:
    rng = np.random.default_rng(1)
    assert drawn([*rng.normal(0.0, 0.2, 300)]).value < 1.2
    assert drawn([*np.repeat(rng.normal(0.0, 0.2, 60), 5)]).value > 2.0


def test_a_day_without_anything_parts_those_beside_it() -> None:
    # Ten good ones, ten bad ones, but only every other day has any.
    lasting = Lasting()
    lasting.begin()
    for day, deviation in enumerate(([0.3] * 10 + [-0.3] * 10) * 5):
        odds = np.exp(deviation) / 9.0
        lasting.take(2.0 * day + 1.0, (600.0, 600.0 * odds / (1.0 + odds)), 0.1, 0.04)
    assert lasting.value == 1.0


def test_the_windows_of_a_day_are_one_day() -> None:
    lasting = Lasting()
    lasting.begin()
    for hour in range(24 * 100):
        odds = np.exp(0.3 if hour // 240 % 2 else -0.3) / 9.0
        lasting.take((hour + 1.0) / 24.0, (25.0, 25.0 * odds / (1.0 + odds)), 0.1, 0.04)
    assert lasting.value > 2.0


def test_few_trials_say_nothing_and_one_storm_no_more_than_a_bad_day() -> None:
    assert drawn([0.3] * 3 + [-0.3] * 3, trials=1.0, least=2.0).value == pytest.approx(2.0, abs=0.01)
    calm = [0.05, -0.05] * 40
    assert drawn([*calm, 4.0, 4.0, *calm]).value < 2.0


def test_outcomes_that_were_promised_for_no_day_stretch_nothing() -> None:
    detector = FailureRate(INTERVAL)
    for frame in deliveries(Market(100.0, days=60, wander=0.25), 1, promised=False):
        detector.learn(frame)
    assert detector.lasting == 1.0


def test_promises_that_are_overdue_are_promises() -> None:
    detector = Overdue(INTERVAL)
    for frame in deliveries(Market(100.0, days=70, wander=0.25), 1, promised=False):
        still_open = dict(zip(frame.segments, frame.hits.astype(int).tolist(), strict=True))
        detector.learn(replace(frame, beside=Beside(overdue=still_open)))
    assert detector._inner.lasting > 1.5
    assert Overdue.load(detector.dump()).dump() == detector.dump()


def left(lasting: float) -> tuple[np.ndarray, np.ndarray]:
    """What is left of each hypothesis's deviation after half a day, and how far a base may be off by it."""
    terms = np.ones((matrix.TERMS, 1))
    terms[matrix.NOW], terms[matrix.PACE] = 10.5, 1.0 / lasting
    passed = np.full((3, 1), 0.5)
    memory, _ = matrix._fades(passed, np.array([10.0]), (np.zeros(1, np.bool_), np.zeros(1)), terms)
    return memory[:, 0], wander.habit(28.0, lasting)


def test_what_lasts_longer_is_stretched_and_what_says_so_already_is_not() -> None:
    (once, known), (twice, stretched) = left(1.0), left(2.0)
    moving = np.isfinite(wander.TIMES) & ~wander.DAILY
    short = moving & ~wander.SLOW
    assert wander.TIMES[wander.SLOW].min() > 1.0
    assert twice[short] == pytest.approx(np.sqrt(once[short]))
    assert twice[wander.SLOW] == pytest.approx(once[wander.SLOW])
    assert (stretched[short] > known[short]).all()
    assert stretched[wander.SLOW] == pytest.approx(known[wander.SLOW])
