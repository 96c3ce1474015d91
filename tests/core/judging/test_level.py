"""How bad, against the moment's own past."""

import pytest

from service.core.catalog import LEVELS, Level
from service.core.counting.tally import Cell, Window
from service.core.event import DAY, HOUR, MINUTE
from service.core.judging.gathered import gather
from service.core.judging.level import Day, Harm, Past, higher, level_of, past_of
from tests.core.making import at, window

USUAL = Past(broken=100.0, value=10.0)
"""A hundred breaks a day, of ten cents each."""


@pytest.mark.parametrize(
    ("excess", "level"),
    [(0, "low"), (40, "low"), (60, "medium"), (190, "medium"), (210, "high"), (520, "high"), (540, "critical")],
)
def test_a_level_is_the_harm_in_ordinary_bad_days(excess: int, level: Level) -> None:
    # So long after its begin that the pace adds nothing worth speaking of.
    assert level_of(Harm(50 + excess, 50.0, 0, 1000 * DAY), USUAL) == level


def test_what_the_present_pace_will_do_in_four_hours_counts_as_done() -> None:
    # Fifty beyond the usual in an hour: two hundred and fifty in five.
    assert level_of(Harm(60, 10.0, 0, HOUR), USUAL) == "high"
    assert level_of(Harm(60, 10.0, 0, 40 * HOUR), USUAL) == "medium"


def test_the_first_minutes_are_no_pace() -> None:
    assert level_of(Harm(2, 0.0, 0, MINUTE), USUAL) == level_of(Harm(2, 0.0, 0, HOUR // 4), USUAL) == "low"


def test_no_more_than_usual_is_low() -> None:
    assert level_of(Harm(5, 80.0, 0, HOUR), USUAL) == "low"


def test_dearer_breaks_than_usual_weigh_more() -> None:
    plain = Harm(100, 0.0, 100 * 10, 1000 * DAY)
    dear = Harm(100, 0.0, 100 * 30, 1000 * DAY)
    assert (level_of(plain, USUAL), level_of(dear, USUAL)) == ("medium", "high")


def test_where_breaks_carry_no_money_numbers_alone_count() -> None:
    assert level_of(Harm(100, 0.0, 0, 1000 * DAY), USUAL) == "medium"
    assert level_of(Harm(100, 0.0, 5000, 1000 * DAY), Past(100.0, 0.0)) == "medium"


def test_a_moment_that_hardly_ever_breaks_wakes_nobody_for_two() -> None:
    assert level_of(Harm(2, 0.0, 0, 1000 * DAY), Past()) == "medium"
    assert level_of(Harm(13, 0.0, 0, 1000 * DAY), Past()) == "critical"


def test_the_usual_day_is_the_median_so_that_one_bad_day_does_not_move_it() -> None:
    days = [Day(100, broken, 10 * broken) for broken in (4, 5, 6, 900, 5)]
    assert past_of(days) == Past(5, 10.0)
    assert past_of([]) == Past(0.0, 0.0)
    assert past_of([Day(), Day()]) == Past(0.0, 0.0)


def test_a_day_takes_in_what_was_judged() -> None:
    day = Day()
    day.take(gather([window(0, {("north",): (4, 1), (None,): (2, 1)}), window(1, {(None,): (1, 0)})]))
    day.take(gather([Window(at(2), at(3), {(None,): Cell(arrivals=9, broken_value=70)})]))
    assert day == Day(events=7 + 9, broken=2, value=70)


def test_the_higher_of_two_levels() -> None:
    assert [higher(one, "medium") for one in LEVELS] == ["medium", "medium", "high", "critical"]
