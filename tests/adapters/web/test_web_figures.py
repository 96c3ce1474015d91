"""What is usual, and how much was not seen."""

from typing import get_args

import pytest

from service.adapters.web.chart import nice_top
from service.adapters.web.figures import Grid, blind_time, series, usual, weekly
from service.adapters.web.settings import WebSettings
from service.adapters.web.words import REASONS, Words, percent, span
from service.core.counting.changes import BlindSpan
from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros
from service.core.standing import Totals
from service.core.telling.desk import Held, Reason
from tests.adapters.web.world import NOW


def sums(broken: int, attempts: int = 100) -> Totals:
    return Totals(attempts, broken)


def test_fewer_than_seven_steps_say_nothing_about_what_is_usual() -> None:
    assert usual([sums(1)] * 6) is None
    assert usual([sums(1)] * 7) is not None


def test_the_usual_weighs_a_step_by_its_attempts() -> None:
    found = usual([sums(5)] * 20 + [sums(1, 1)])
    assert found is not None
    assert (found.low, found.high) == (0.05, 0.05), "one attempt that broke is no reason to expect 100 %"


def test_one_bad_week_of_four_leaves_the_usual_where_it_was() -> None:
    days = {day * DAY: sums(50 if day < 7 else 4) for day in range(28)}
    assert weekly(days, 28 * DAY) == pytest.approx(0.04)


def test_the_usual_of_rare_breaks_is_not_zero() -> None:
    days = {day * DAY: sums(1 if day % 3 == 0 else 0, 10) for day in range(28)}
    share = weekly(days, 28 * DAY)
    assert share is not None
    assert 0.02 < share < 0.05


def test_a_single_week_is_no_habit() -> None:
    assert weekly({day * DAY: sums(4) for day in range(7)}, 7 * DAY) is None


def test_a_bad_day_does_not_become_usual_for_the_days_after_it() -> None:
    days: dict[Micros, Totals] = {day * DAY: sums(4 + day % 3) for day in range(28)}
    days |= {day * DAY: sums(20) for day in range(28, 32)}
    points = series(days, Grid([day * DAY for day in range(20, 32)], DAY), (), 32 * DAY)
    assert [point.is_high for point in points[-4:]] == [True] * 4


def test_a_new_level_becomes_usual_in_the_end() -> None:
    days: dict[Micros, Totals] = {day * DAY: sums(4 if day < 28 else 20) for day in range(80)}
    points = series(days, Grid([day * DAY for day in range(28, 80)], DAY), (), 80 * DAY)
    assert points[0].is_high
    assert not points[-1].is_high


def test_blind_time_counts_only_what_lies_inside_and_an_open_span_until_now() -> None:
    spans = [BlindSpan("m", 0, 2 * HOUR, ""), BlindSpan("m", 5 * HOUR, None, "")]
    assert blind_time(spans, HOUR, 10 * HOUR, 7 * HOUR) == 3 * HOUR


@pytest.mark.parametrize(("value", "top"), [(0, 0.04), (0.09, 0.1), (0.21, 0.24), (0.5, 0.6), (0.97, 1.0)])
def test_an_axis_ends_at_a_number_whose_quarters_are_round(value: float, top: float) -> None:
    assert nice_top(value, 1.0) == pytest.approx(top)


@pytest.mark.parametrize(
    ("share", "said"), [(0, "0 %"), (0.0004, "0.04 %"), (0.023, "2.3 %"), (0.08, "8 %"), (0.142, "14 %")]
)
def test_a_share_is_said_in_two_figures(share: float, said: str) -> None:
    assert percent(share) == said


@pytest.mark.parametrize(
    ("lasted", "said"),
    [
        (40 * SECOND, "40 s"),
        (22 * MINUTE, "22 min"),
        (200 * MINUTE, "3 h 20 min"),
        (30 * HOUR, "30 h"),
        (4 * DAY, "4 days"),
    ],
)
def test_a_span_is_said_as_people_say_it(lasted: Micros, said: str) -> None:
    assert span(lasted) == said


def test_times_are_in_the_readers_zone_and_say_the_day_unless_it_is_today() -> None:
    words = Words(WebSettings(time_zone="America/New_York"))
    assert words.time(NOW, NOW) == "10:04"
    assert words.time(NOW - 3 * DAY, NOW) == "Tue 12 Dec 10:04"
    assert words.time(NOW - 400 * DAY, NOW) == "Thu 10 Nov 2016 10:04"
    assert words.moment(NOW) == "Fri 15 Dec 2017 10:04 EST"


def test_ticks_stay_at_midnight_when_the_clocks_change() -> None:
    words = Words(WebSettings(time_zone="Europe/Berlin"))
    march = 1_521_936_000 * SECOND  # 25 March 2018, 00:00 UTC: the clocks go forward that night
    labels = [label for _, label in words.ticks(march - 3 * DAY, march + 3 * DAY, 9)]
    assert labels == ["23 Mar", "24 Mar", "25 Mar", "26 Mar", "27 Mar", "28 Mar"]


def test_every_reason_has_words() -> None:
    assert REASONS.keys() == {*get_args(Reason), *get_args(Held)}
