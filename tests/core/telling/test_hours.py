"""Recurring intervals: what lies within, across clock changes, and when the next begins."""

from datetime import UTC, datetime

import pytest

from service.core.event import instant, micros
from service.core.routes import TimeInterval
from service.core.telling.hours import next_within, within

LONDON = "Europe/London"


def at(*parts: int) -> int:
    return micros(datetime(*parts, tzinfo=UTC))  # type: ignore[misc, arg-type]  # year, month, day, hour


@pytest.mark.parametrize(
    ("interval", "when", "inside"),
    [
        (TimeInterval(), at(2024, 1, 1), True),
        (TimeInterval(times=((540, 1020),)), at(2024, 1, 1, 9), True),
        (TimeInterval(times=((540, 1020),)), at(2024, 1, 1, 17), False),
        (TimeInterval(times=((540, 1020),), zone=LONDON), at(2024, 7, 1, 8), True),
        (TimeInterval(times=((540, 1020),), zone=LONDON), at(2024, 1, 1, 8), False),
        (TimeInterval(weekdays=((5, 6),)), at(2024, 3, 2), True),
        (TimeInterval(weekdays=((5, 6),)), at(2024, 3, 4), False),
        (TimeInterval(days_of_month=((-3, -1),)), at(2024, 2, 27), True),
        (TimeInterval(days_of_month=((-3, -1),)), at(2024, 2, 26), False),
        (TimeInterval(months=((11, 12),), years=((2024, 2024),)), at(2024, 11, 29), True),
        (TimeInterval(months=((11, 12),), years=((2024, 2024),)), at(2025, 11, 29), False),
    ],
)
def test_everything_named_must_fit_by_the_clock_of_the_place(interval: TimeInterval, when: int, inside: bool) -> None:
    assert within([interval], when) is inside


def test_the_next_beginning_is_found_across_a_weekend_and_a_clock_change() -> None:
    office = TimeInterval(times=((540, 1020),), weekdays=((0, 4),), zone=LONDON)
    assert next_within([office], at(2024, 3, 29, 17, 1)) == at(2024, 4, 1, 8)
    inside = at(2024, 3, 4, 10)
    assert next_within([office], inside) == inside
    assert next_within([TimeInterval(years=((2020, 2020),))], inside) is None
    yearly = TimeInterval(months=((2, 2),), days_of_month=((29, 29),))
    assert instant(next_within([yearly], at(2023, 3, 1)) or 0).year == 2024
