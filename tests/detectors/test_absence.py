"""A segment that stops while the rest goes on: missed soon, and nobody missed who is only seldom, slow or gone."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from detectors.absence import Absence
from detectors.absent_state import AbsentState
from detectors.frame import WHOLE, Frame
from tests.detectors.frames import DAY, HOUR, START, alarms, drive, frame

INTERVAL = 1620.0
"""Days, as the share of a moment's 90 comes to."""
Rates = Callable[[float], Mapping[str, float]]
"""Arrivals an hour of each segment at a time, in days."""
REGIONS = tuple(f"region={number}" for number in range(5))
WHEN = 30.0


def frames(rates: Rates, days: float, seed: int = 1, first: float = 0.0) -> list[Frame]:
    rng = np.random.default_rng([seed, 3])
    made = []
    for number in range(round(first * 24), round((first + days) * 24)):
        counts = {name: int(rng.poisson(rate)) for name, rate in rates(number / 24).items()}
        rows = {name: (count, 0.0) for name, count in counts.items() if count}
        made.append(frame(START + number * HOUR, HOUR, {**rows, WHOLE: (sum(counts.values()), 0.0)}))
    return made


def even(day: float) -> dict[str, float]:
    return dict.fromkeys(REGIONS, 12.0 if 0.25 < day % 1 < 0.9 else 3.0)


def then(change: Callable[[dict[str, float]], None]) -> Rates:
    def rates(day: float) -> dict[str, float]:
        now = even(day)
        if day >= WHEN + 0.4:
            change(now)
        return now

    return rates


def stop(now: dict[str, float]) -> None:
    now["region=2"] = 0.0


def a_tenth(now: dict[str, float]) -> None:
    now["region=2"] *= 0.1


def sale(now: dict[str, float]) -> None:
    now["region=2"] *= 4.0


def all_slow(now: dict[str, float]) -> None:
    for name in now:
        now[name] *= 0.3


def found(rates: Rates, days: float, seed: int = 1) -> list[tuple[float, tuple[str, ...]]]:
    """(days since the change, segments) of each breach."""
    seen = drive(Absence(INTERVAL), frames(rates, days, seed))
    return [((end - START) / DAY - WHEN - 0.4, names) for end, names in alarms(seen)]


@pytest.mark.parametrize(("change", "hours"), [(stop, 4.0), (a_tenth, 9.0)])
def test_a_region_that_stops_is_missed_within_hours_and_named(
    change: Callable[[dict[str, float]], None], hours: float
) -> None:
    ((when, names),) = found(then(change), WHEN + 2.0)
    assert names == ("region=2",)
    assert 0.0 < when * 24 <= hours


@pytest.mark.parametrize("change", [sale, all_slow])
def test_nobody_is_missed_for_a_sale_elsewhere_or_when_all_is_slow(change: Callable[[dict[str, float]], None]) -> None:
    assert found(then(change), WHEN + 3.0) == []


def test_who_comes_seldom_in_clumps_or_on_days_of_their_own_is_not_missed() -> None:
    rng = np.random.default_rng(4)
    clumps, moods = rng.random((480, 3)) < 0.25, np.exp(rng.normal(0.0, 0.6, (120, 3)))
    hours = [rng.choice(24, 2, replace=False) for _ in range(3)]

    def rates(day: float) -> dict[str, float]:
        named = {f"a={place}": 8.0 * clumps[int(day * 4), place] for place in range(3)}
        named |= {f"b={place}": 10.0 * moods[int(day), place] for place in range(3)}
        return named | {f"c={place}": 2.0 * (int(day * 24 % 24) in hours[place]) for place in range(3)} | {"d=1": 30.0}

    assert found(rates, 60.0) == []


def test_a_catalogue_whose_values_are_replaced_is_told_of_once() -> None:
    """A value lives for 60 days, and each week another takes the place of one."""

    def rates(day: float) -> dict[str, float]:
        return {f"item={number}": 12.0 for number in range(30) if number * 7.5 - 60.0 <= day < number * 7.5}

    assert len(found(rates, 100.0)) == 1


def of_region(detector: Absence) -> float:
    """What is known of the region's arrivals in all hours."""
    state: Any = detector.dump()["state"]
    return float(sum(state["seen"][state["names"].index("region=2")]))


def test_what_comes_back_is_over_and_its_absence_is_not_learned() -> None:
    def rates(day: float) -> Mapping[str, float]:
        return then(stop)(day) if day < WHEN + 10.4 or day >= WHEN + 11.4 else even(day)

    detector = Absence(INTERVAL)
    drive(detector, frames(rates, WHEN + 1.0))
    assert detector.missing() > 0
    before = of_region(detector)
    rest = drive(detector, frames(rates, 11.0, first=WHEN + 1.0))
    assert of_region(detector) == pytest.approx(before, rel=0.1)
    over = [one.end for one, scores in rest if scores is not None and not scores.breach.any()]
    assert 0.0 < (min(over) - START) / DAY - WHEN - 10.4 < 0.2
    *_, (again, names) = alarms(rest)
    assert names == ("region=2",)
    assert 0.0 < (again - START) / DAY - WHEN - 11.4 < 0.2


def test_who_comes_in_a_crowd_after_a_lull_is_not_missed() -> None:
    """The filter stands low then, and a quarter of the usual is nearer to a crowd than what it expects."""
    state = AbsentState()
    for one in frames(even, 20.0):
        state.take(one, 5.0, (14.0, 90.0, 8.0))
    due = np.full(len(REGIONS), 10.0)
    state.group("filter")[:] = [[2.0], [60.0]]
    assert (state.gains(1.0 / 24.0, due, 4.0 * due, 0.0) <= 0.0).all()
    assert (state.gains(1.0 / 24.0, due, 0.0 * due, 0.0)[0] > 0.0).all()


def test_what_is_told_of_it_is_what_was_expected_and_seen_since_it_began() -> None:
    *_, (_, scores) = drive(Absence(INTERVAL), frames(then(stop), WHEN + 1.4))
    assert scores is not None
    row = scores.segments.index("region=2")
    assert scores.seen is not None
    assert scores.seen[row] == 0.0
    assert 100 < scores.expected[row] < 200
    assert abs((scores.onset[row] - START) / DAY - WHEN - 0.4) < 0.1


def test_segments_whose_arrivals_come_by_threes_keep_the_promise() -> None:
    """One alarm in 30 days is promised, and 52 days count."""
    rng = np.random.default_rng((0, 3))
    counts = 3 * rng.poisson(40.0 / 3.0 * np.array([0.4, 0.3, 0.2, 0.1]), (60 * 24, 4))
    made = []
    for number, row in enumerate(counts.tolist()):
        rows = {f"region={place}": (count, 0.0) for place, count in enumerate(row) if count}
        made.append(frame(START + number * HOUR, HOUR, {**rows, WHOLE: (sum(row), 0.0)}))
    assert len(alarms(drive(Absence(30.0), made))) <= 2
