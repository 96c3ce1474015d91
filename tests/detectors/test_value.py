"""The detector of values: what it finds, how often it errs, and how it ends."""

import json
import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from detectors.frame import JSON, Beside, Frame, Scores
from detectors.value import Value
from tests.detectors.frames import DAY, HOUR, START, alarms, drive

Factor = Callable[[float], float]


def frames(seed: int, days: int, factor: Factor = lambda _: 1.0, per_hour: float = 60.0) -> list[Frame]:
    """Hours of log-normal values, fewer at night and dearer at weekends, times a factor of the day."""
    rng = np.random.default_rng(seed)
    found = []
    for hour in range(days * 24):
        tried = int(rng.poisson(per_hour * (1.0 + 0.6 * math.sin(math.pi * hour / 12.0))))
        mean = math.log(5000.0) + (0.15 if hour // 24 % 7 >= 5 else 0.0)
        value = int(rng.lognormal(mean, 0.6, tried).sum() * factor(hour / 24.0))
        found.append(one(hour, tried, value))
    return found


def one(hour: int, tried: int, value: int) -> Frame:
    count = np.array([tried])
    values = {"": value} if value else {}
    return Frame(START + hour * HOUR, START + (hour + 1) * HOUR, ("",), count, 0.0 * count, count,
                 beside=Beside(values=values))  # fmt: skip


def from_day(day: float, factor: float, until: float = math.inf) -> Factor:
    return lambda at: factor if day <= at < until else 1.0


def first_alarm(seen: list[tuple[Frame, Scores | None]]) -> float:
    found = alarms(seen)
    return (found[0][0] - START) / DAY if found else math.inf


@pytest.mark.parametrize("factor", [3.0, 0.3])
def test_a_change_of_what_events_are_worth_is_found_within_hours(factor: float) -> None:
    seen = drive(Value(90.0), frames(1, 42, from_day(40.0, factor)))
    assert 40.0 < first_alarm(seen) < 40.5
    _, scores = seen[-1]
    assert scores is not None
    assert scores.seen is not None
    assert scores.lower[0] < scores.expected[0] < scores.upper[0]
    assert scores.expected[0] == pytest.approx(5000.0 * math.exp(0.18 + 0.15 * 2 / 7), rel=0.1)
    assert (scores.seen[0] > scores.upper[0]) == (factor > 1.0)


def test_false_alarms_come_no_more_often_than_promised() -> None:
    """One in ten days on average; days are few, so that twice as many may be chance."""
    count = sum(len(alarms(drive(Value(10.0), frames(seed, 74)))) for seed in (2, 3))
    assert count <= 2 * 2 * 60 / 10


def test_a_breach_ends_when_values_are_ordinary_again() -> None:
    seen = drive(Value(90.0), frames(4, 45, from_day(40.0, 4.0, 41.0)))
    held = [(frame.end - START) / DAY for frame, scores in seen if scores is not None and scores.breach[0]]
    assert held[0] < 40.5
    assert 41.0 < held[-1] < 41.5


def test_a_new_level_is_accepted_in_the_end() -> None:
    detector = Value(90.0, accept_after=2.0)
    drive(detector, frames(5, 30, from_day(28.0, 4.0)))
    drive(detector, frames(5, 60, from_day(28.0, 4.0))[30 * 24 :])
    seen, needed = detector.progress()
    assert seen >= needed
    scores = detector.score(one(60 * 24, 60, 60 * 24000))
    assert scores is not None
    assert not scores.breach[0]


def test_a_stop_in_the_middle_of_a_breach_changes_nothing() -> None:
    every = frames(6, 30, from_day(28.0, 4.0, 29.0))
    whole = [said(scores) for _, scores in drive(Value(60.0), every)]
    stop = 28 * 24 + 12
    detector = Value(60.0)
    drive(detector, every[:stop])
    state: Mapping[str, JSON] = json.loads(json.dumps(detector.dump(), allow_nan=False))
    assert any(text and "True" in text for text in whole[stop:])
    assert [said(scores) for _, scores in drive(Value.load(state), every[stop:])] == whole[stop:]


def said(scores: Scores | None) -> str | None:
    return None if scores is None else repr((scores.evidence, scores.breach, scores.onset, scores.seen))


def test_thin_traffic_is_read_ten_events_at_a_time() -> None:
    detector = Value(90.0, cold_start=2.0)
    drive(detector, [one(hour, 2, 9000) for hour in range(24 * 30)])
    scores = detector.score(one(24 * 30, 2, 9000))
    assert scores is not None
    assert scores.expected[0] == 4500.0
    assert detector.dump()["series"] != Value(90.0).dump()["series"]


def test_events_without_values_are_nothing_to_read() -> None:
    detector = Value(90.0)
    drive(detector, [one(hour, 60, 0) for hour in range(24 * 30)])
    assert detector.score(one(24 * 30, 60, 0)) is None


@pytest.mark.parametrize("setting", ["false_alarm_interval", "cold_start", "accept_after"])
def test_a_setting_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=f"value: {setting} is nan; give a number of days above 0"):
        Value(**{"false_alarm_interval": 90.0, setting: math.nan})
