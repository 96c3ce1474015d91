"""The benchmark's scorer against the definition, by hand."""

import math
from collections.abc import Sequence

import pytest

from benchmarks.nab_scorer import (
    NOTHING,
    PROFILES,
    Profile,
    Scored,
    best_threshold,
    normalised,
    rows_of,
    sigmoid,
    total,
)

STANDARD, LOW_FALSE, LOW_MISS = PROFILES
WINDOWS = ((40, 49), (70, 79))


def one(alarms: Sequence[int] = (), windows: Sequence[tuple[int, int]] = WINDOWS, rows: int = 100) -> Scored:
    return Scored("x/a.csv", [1.0 if at in alarms else 0.0 for at in range(rows)], windows)


def final(files: Sequence[Scored], profile: Profile) -> float:
    return normalised(files, profile, best_threshold(files, profile)[1])


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_the_first_row_of_every_window_and_nothing_else_is_perfect(profile: Profile) -> None:
    assert final([one((40, 70)), one((20,), [(20, 29)], 50), one((), ())], profile) == pytest.approx(100.0)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_saying_the_same_always_is_nothing(profile: Profile, level: float) -> None:
    """Alarms on every row cost more than they find; the best threshold is then the one that nothing reaches."""
    flat = [Scored("x/a.csv", [level] * 2000, [(1000, 1009)])]
    assert best_threshold(flat, profile) == (NOTHING, -profile.miss)
    assert final(flat, profile) == 0.0


def test_probation_counts_for_nothing() -> None:
    assert one().probation == 15
    assert Scored("", [0.0] * 5001, ()).probation == 750
    assert total([one(range(15))], STANDARD, 0.5) == -2.0
    assert total([one(range(16))], STANDARD, 0.5) == pytest.approx(-2.11)


def test_a_window_is_credited_once_for_its_earliest_row() -> None:
    late = sigmoid(-6 / 10) / sigmoid(-1.0)
    assert total([one((44,))], STANDARD, 0.5) == pytest.approx(late - 1.0)
    assert total([one((44, 45, 49))], STANDARD, 0.5) == pytest.approx(late - 1.0)
    assert late == pytest.approx((2 / (1 + math.exp(-3)) - 1) / (2 / (1 + math.exp(-5)) - 1))


def test_the_last_row_of_a_window_still_earns_something() -> None:
    worth = total([one((49,))], STANDARD, 0.5) + 1.0
    assert worth == pytest.approx((2 / (1 + math.exp(-0.5)) - 1) / sigmoid(-1.0))
    assert 0.2 < worth < 0.3


def test_a_false_alarm_costs_less_the_sooner_after_a_window_it_comes() -> None:
    costs = [total([one((at,))], STANDARD, 0.5) + 2.0 for at in (50, 58, 69, 80)]
    assert costs[0] == pytest.approx(0.11 * (2 / (1 + math.exp(5 / 9)) - 1))
    assert costs[1] == pytest.approx(0.11 * (2 / (1 + math.exp(5)) - 1))
    assert costs == [*sorted(costs[:3], reverse=True), costs[0]]
    assert total([one((20,))], STANDARD, 0.5) == pytest.approx(-2.11)
    assert total([one((90,), [(20, 22)])], STANDARD, 0.5) == pytest.approx(-1.11)


def test_profiles_weigh_false_alarms_and_misses() -> None:
    alarm_and_a_miss = [one((20, 40))]
    assert [round(total(alarm_and_a_miss, profile, 0.5), 2) for profile in PROFILES] == [-0.11, -0.22, -1.11]
    assert final(alarm_and_a_miss, STANDARD) == pytest.approx(100 * (2 - 0.11) / 4)
    assert final(alarm_and_a_miss, LOW_FALSE) == pytest.approx(100 * (2 - 0.22) / 4)
    assert final(alarm_and_a_miss, LOW_MISS) == pytest.approx(100 * (3 - 0.11) / 6)


def test_one_threshold_holds_for_all_files() -> None:
    """At 0.9 the first file is perfect, at 0.3 the second; together the better sum is taken."""
    first = Scored(
        "x/a.csv", [0.9 if at == 40 else 0.5 if at in (20, 21, 60) else 0.0 for at in range(100)], [(40, 49)]
    )
    second = Scored("x/b.csv", [0.3 if at == 40 else 0.0 for at in range(100)], [(40, 49)])
    threshold, raw = best_threshold([first], STANDARD)
    assert threshold == 0.9
    assert raw == pytest.approx(1.0)
    threshold, raw = best_threshold([first, second], STANDARD)
    assert threshold == 0.3
    assert raw == pytest.approx(2.0 - 0.22 + 0.11 * sigmoid(11 / 9))
    assert raw == pytest.approx(total([first, second], STANDARD, 0.3))


def test_rows_of_one_score_are_in_or_out_together() -> None:
    tied = Scored("x/a.csv", [0.9 if at in (20, 40) else 0.0 for at in range(100)], [(40, 49)])
    threshold, raw = best_threshold([tied], STANDARD)
    assert threshold == 0.9
    assert raw == pytest.approx(1.0 - 0.11)


def test_the_best_threshold_is_the_best_of_all() -> None:
    scores = [((at * 7919) % 101) / 101 for at in range(300)]
    files = [Scored("x/a.csv", scores, [(100, 119), (200, 219)]), Scored("x/b.csv", scores[::-1], [(60, 79)])]
    for profile in PROFILES:
        every = {score: total(files, profile, score) for score in {*scores, NOTHING}}
        threshold, raw = best_threshold(files, profile)
        assert raw == pytest.approx(max(every.values()))
        assert every[threshold] == pytest.approx(raw)


def test_windows_are_found_by_time() -> None:
    times = ["2014-01-01 00:00:00", "2014-01-01 00:05:00", "2014-01-01 00:05:00", "2014-01-01 00:00:00"]
    assert rows_of(times, [("2014-01-01 00:00:00.000000", "2014-01-01 00:05:00.000000")]) == [(0, 1)]
    with pytest.raises(ValueError, match="is not in the series"):
        rows_of(times[:2], [("2014-01-01 00:00:00.000000", "2014-01-01 00:07:00.000000")])
