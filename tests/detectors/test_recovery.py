"""When a break is over: a good day alone does not say so where days differ by themselves."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.breach import FALSE_RECOVERY, Breach
from detectors.complaints import Complaints
from detectors.due_soon import DueSoon
from detectors.failure_rate import FailureRate
from detectors.frame import Beside, Frame

HOUR = 3_600_000_000
DAY = 24 * HOUR
USUAL = 0.5
BROKEN = Breach(since=0.0, onset=0.0, lately=(15.0, 7.5), touched=0.0)
STEADY, RESTLESS = (0.0, 1.0), (0.16, 0.5)
"""Variance of the log odds, and the days that a deviation lasts."""


def days(shares: list[float], wander: tuple[float, float], each: int = 200) -> list[bool]:
    """Whether it is over after each day of so many promises, of which a share failed."""
    breach, found = replace(BROKEN, wander=wander), []
    for number, share in enumerate(shares):
        breach = breach.after(number + 1.0, USUAL, 0.0, (share * each, each), USUAL)
        found.append(breach.recovered(number + 1.0 + 1.0 / 24.0))
    return found


def test_one_good_day_ends_a_break_where_days_are_alike_and_not_where_they_differ() -> None:
    assert days([0.5], STEADY) == [True]
    assert days([0.5, 0.66, 0.66], RESTLESS) == [False, False, False]
    assert days([0.5] * 5, RESTLESS)[-1]


def test_a_day_in_many_windows_says_no_more_than_in_one() -> None:
    once = often = replace(BROKEN, wander=RESTLESS)
    once = once.after(1.0, USUAL, 0.0, (100.0, 200.0), USUAL)
    for number in range(1, 21):
        often = often.after(number / 20.0, USUAL, 0.0, (5.0, 10.0), USUAL)
    assert often.evidence == pytest.approx(once.evidence, rel=0.8)
    assert not often.recovered(2.0)


def test_a_break_that_goes_on_is_taken_for_over_as_seldom_as_promised() -> None:
    """S less the time is a martingale: within ten days one in three may be, at most."""
    random = np.random.default_rng(3)
    over = 0
    for _ in range(150):
        log_odds = np.log(2.0) - 0.08 + random.normal(0.0, 0.4, 10)
        shares = random.binomial(200, 1.0 / (1.0 + np.exp(-log_odds))) / 200.0
        over += any(days(shares.tolist(), RESTLESS))
    assert over / 150.0 <= 10.0 / FALSE_RECOVERY


@pytest.mark.parametrize(("by_day", "times"), [(0.02, 3.0), (0.2, 3.0), (0.05, 5.0)])
def test_a_break_that_goes_on_lasts_through_day_and_night_though_the_usual_changes(by_day: float, times: float) -> None:
    """Six breaks of six days each, where more than twice as many fail at night: one in five may be taken for over."""
    over = [first_over(seed, by_day, times, lasts=6.0) for seed in range(6)]
    assert sum(at < 6.0 for at in over) <= 2


@pytest.mark.parametrize("lasts", [0.5, 1.0, 1.5])
def test_a_break_that_ends_is_over_within_a_day_at_whatever_hour_it_ends(lasts: float) -> None:
    assert all(first_over(seed, 0.02, 4.0, lasts) < lasts + 1.0 for seed in range(4))


def test_a_break_that_looked_worst_when_it_was_found_is_not_over_within_hours() -> None:
    """An alarm is raised by what happens to be bad: its level is two thirds of what was seen."""
    assert sum(first_over(seed, 0.05, 3.0, lasts=1.0, seen=4.5) < 1.0 for seed in range(20)) <= 3


def first_over(seed: int, by_day: float, times: float, lasts: float, seen: float | None = None) -> float:
    """When a break of the odds by `times` that lasts so many days is over, in days, seen in windows of ten minutes."""
    random = np.random.default_rng(seed)
    breach = Breach(since=0.0, onset=0.0, lately=(12.0, 12.0 / (seen or times)))
    for number in range(1, round(144 * (lasts + 2.0))):
        now = number / 144.0
        usual = by_day / (1.0 - by_day) * (2.5 if now % 1.0 < 0.25 or now % 1.0 > 0.75 else 1.0)
        odds = usual * times if now <= lasts else usual
        trials = float(random.poisson(12.0))
        failed = float(random.binomial(int(trials), odds / (1.0 + odds)))
        rate = usual / (1.0 + usual)
        breach = breach.after(now, rate, 0.1, (failed, trials), rate)
        if breach.recovered(now):
            return now
    return lasts + 2.0


def test_it_is_likely_over_hours_before_that_is_sure_and_unlikely_while_it_goes_on() -> None:
    likely, sure, going = [], [], []
    for seed in range(12):
        odds, ended = odds_of_an_end(seed)
        going.append(max(odds[:48]))
        likely.append(next(hour for hour, one in enumerate(odds[48:]) if one >= 2.0))
        sure.append(ended - 48)
    assert np.median(going) < 1.0
    assert np.median(likely) < np.median(sure)
    assert max(sure) < 48


def odds_of_an_end(seed: int) -> tuple[list[float], int]:
    """The odds that it is over, each hour of a break that lasts for two days, and the hour at which that is sure."""
    random, breach, odds = np.random.default_rng(seed), BROKEN, []
    for hour in range(96):
        share = 0.75 if hour < 48 else USUAL
        hits = float(random.binomial(10, share))
        breach = breach.after((hour + 1) / 24.0, USUAL, 0.1, (hits, 10.0), USUAL)
        odds.append(breach.over)
        if hour >= 48 and breach.recovered((hour + 1) / 24.0):
            return odds, hour
    return odds, 96


@pytest.mark.parametrize("make", [FailureRate, Complaints])
def test_a_detector_says_how_likely_what_it_holds_is_over(make: type[FailureRate | Complaints]) -> None:
    detector, tried, over = make(90.0), np.array([60]), list[float]()
    for hour in range(24 * 20):
        much = 24 * 17 <= hour < 24 * 18
        heard = Beside(complaints={"": 3 if much else hour % 2})
        frame = Frame(
            hour * HOUR, (hour + 1) * HOUR, ("",), tried, tried * (0.12 if much else 0.05), tried, beside=heard
        )
        scores = detector.score(frame)
        detector.learn(frame)
        if scores is not None and scores.breach[0]:
            assert scores.over is not None
            over.append(float(scores.over[0]))
    assert max(over[:4]) < 1.0
    assert max(over) > 2.0


def test_it_goes_on_from_a_dump() -> None:
    breach = replace(BROKEN, wander=RESTLESS).after(1.0, USUAL, 0.0, (100.0, 200.0), USUAL)
    assert Breach.load(breach.dump()) == breach


def test_promises_that_slow_down_with_one_good_day_among_them_are_mostly_one_story() -> None:
    """Half are open at their mark, with days that differ; then two in three, but for the day after it was known."""
    assert sum(goes_on(seed) for seed in range(1, 13)) >= 6


def goes_on(seed: int) -> bool:
    """Whether it is still open after the good day."""
    random = np.random.default_rng(seed)
    detector, opened = DueSoon(90.0), 0
    for day in range(75):
        slow = 0.75 if day >= 60 and not opened else 0.0
        share = 1.0 / (1.0 + np.exp(-slow - random.normal(0.0, 0.3)))
        tried = np.array([200])
        beside = Beside(way=(({"": 200}, {"": int(random.binomial(200, share))}), ({}, {})))
        frame = Frame(day * DAY + DAY - HOUR, (day + 1) * DAY, ("",), 0 * tried, 0.0 * tried, tried, beside=beside)
        scores = detector.score(frame)
        detector.learn(frame)
        holds = scores is not None and bool(scores.breach.any())
        if opened:
            return holds
        opened = day if holds and day >= 60 else 0
    return False
