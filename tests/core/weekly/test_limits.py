"""Control limits: what a calm week stays within, and what a bad one does not."""

import numpy as np
import pytest

from service.core.standing import Totals
from service.core.weekly.limits import LEAST, limits, usual, verdict

CALM = [Totals(1000, broken) for broken in (52, 48, 55, 45, 50, 51, 47, 53)]


def test_the_usual_is_the_median_of_the_last_eight_weeks_that_saw_anything() -> None:
    assert usual([Totals(10, 10), *CALM]) == 0.0505
    assert usual([Totals(), Totals(10, 1)]) == 0.1
    assert usual([Totals()]) is None


def test_a_week_as_all_the_others_is_inside() -> None:
    assert verdict(Totals(1000, 60), limits(CALM, 1000)) == "inside"


def test_a_week_with_twice_the_breaks_is_outside_and_one_with_none_is_better() -> None:
    assert verdict(Totals(1000, 100), limits(CALM, 1000)) == "worse"
    assert verdict(Totals(1000, 5), limits(CALM, 1000)) == "better"


def test_few_attempts_make_wide_limits() -> None:
    narrow, wide = limits(CALM, 10_000), limits(CALM, 100)
    assert narrow is not None
    assert wide is not None
    assert wide.upper - wide.usual > 3 * (narrow.upper - narrow.usual)
    assert verdict(Totals(100, 9), wide) == "inside"
    assert verdict(Totals(10_000, 900), narrow) == "worse"


def test_one_break_among_very_few_attempts_is_no_exception() -> None:
    assert verdict(Totals(1, 1), limits(CALM, 1)) == "inside"


def test_a_storm_among_the_weeks_before_does_not_hide_the_next_one() -> None:
    before = [*CALM[:4], Totals(1000, 500), *CALM[4:]]
    assert verdict(Totals(1000, 120), limits(before, 1000)) == "worse"


def test_weeks_that_vary_more_than_chance_widen_the_limits() -> None:
    restless = [Totals(10_000, broken) for broken in (500, 900, 400, 1000, 600, 1100, 450, 950)]
    assert verdict(Totals(10_000, 1200), limits(restless, 10_000)) == "inside"


def test_weeks_without_a_break_promise_no_certainty() -> None:
    never = [Totals(1000, 0)] * 8
    assert verdict(Totals(1000, 2), limits(never, 1000)) == "inside"
    assert verdict(Totals(1000, 30), limits(never, 1000)) == "worse"
    always = [Totals(1000, 1000)] * 8
    assert verdict(Totals(1000, 900), limits(always, 1000)) == "better"


@pytest.mark.parametrize("before", [[], CALM[: LEAST - 1], [*CALM[: LEAST - 1], Totals(), Totals()]])
def test_too_few_weeks_give_no_limits(before: list[Totals]) -> None:
    assert limits(before, 1000) is None
    assert verdict(Totals(1000, 1000), limits(before, 1000)) == "unknown"


def test_about_one_calm_week_a_year_lies_outside() -> None:
    rng = np.random.default_rng(3)
    outside = 0
    for _ in range(2000):
        shares = np.clip(rng.normal(0.1, 0.02, 14), 0, 1)
        weeks = [Totals(5000, int(broken)) for broken in rng.binomial(5000, shares)]
        outside += verdict(weeks[-1], limits(weeks[:-1], 5000)) in {"worse", "better"}
    assert outside / 2000 < 1.5 / 52
