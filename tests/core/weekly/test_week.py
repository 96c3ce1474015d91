"""ISO weeks by the clock of a place."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.event import DAY, HOUR, Micros, micros, rfc3339
from service.core.weekly.week import Schedule, Week

NEW_YORK = ZoneInfo("America/New_York")
LONDON = ZoneInfo("Europe/London")
UTC_ZONE = ZoneInfo("UTC")

ZONES = st.sampled_from([NEW_YORK, LONDON, UTC_ZONE, ZoneInfo("Pacific/Apia"), ZoneInfo("America/Sao_Paulo")])
TIMES = st.integers(0, micros(datetime(2100, 1, 1, tzinfo=UTC)))


def at(*parts: int, zone: ZoneInfo = UTC_ZONE) -> Micros:
    return micros(datetime(*parts, tzinfo=zone))  # type: ignore[misc, arg-type]  # year, month, day and so on


def test_the_first_of_january_may_lie_in_the_week_53_of_the_year_before() -> None:
    assert str(Week.of(at(2027, 1, 1), UTC_ZONE)) == "2026-W53"
    assert Week.parse("2026-W53").after(1) == Week(2027, 1)


def test_a_week_begins_on_its_monday_at_midnight_of_the_place() -> None:
    assert rfc3339(Week(2013, 15).start(NEW_YORK)) == "2013-04-08T04:00:00Z"
    assert rfc3339(Week(2013, 15).start(UTC_ZONE)) == "2013-04-08T00:00:00Z"


@pytest.mark.parametrize(("name", "hours"), [("2013-W10", 167), ("2013-W15", 168), ("2013-W44", 169)])
def test_a_week_in_which_the_clocks_change_is_an_hour_shorter_or_longer(name: str, hours: int) -> None:
    week = Week.parse(name)
    assert week.end(NEW_YORK) - week.start(NEW_YORK) == hours * HOUR


@given(TIMES, ZONES)
def test_every_time_lies_in_exactly_the_week_that_it_is_said_to(when: Micros, zone: ZoneInfo) -> None:
    week = Week.of(when, zone)
    assert week.start(zone) <= when < week.end(zone)
    assert Week.parse(str(week)) == week
    assert week.after(1).after(-1) == week
    assert week.end(zone) == week.after(1).start(zone)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2013-15", "such as 2013-W15"),
        ("2013W15", "such as 2013-W15"),
        ("2013-W15x", "such as 2013-W15"),
        ("٢٠١٣-W15", "such as 2013-W15"),
        ("", "such as 2013-W15"),
        ("2013-W53", "its weeks are 2013-W01 to 2013-W52"),
        ("2026-W54", "its weeks are 2026-W01 to 2026-W53"),
        ("2013-W00", "has no week 0"),
        ("0000-W01", "outside the years"),
        ("9999-W52", "outside the years"),
    ],
)
def test_what_is_no_week_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Week.parse(text)


def test_a_schedule_knows_its_last_and_its_next_time_and_the_week_that_is_over() -> None:
    schedule = Schedule(1, time(7), LONDON)
    monday = at(2013, 4, 22, 7, zone=LONDON)
    assert schedule.last(monday) == monday
    assert schedule.last(monday - 1) == monday - 7 * DAY
    assert schedule.next(monday) == monday + 7 * DAY
    assert schedule.page(monday) == Week(2013, 16)


def test_a_page_of_a_friday_is_about_the_week_before_for_its_own_is_not_over() -> None:
    friday = Schedule(5, time(17), LONDON).last(at(2013, 4, 21))
    assert rfc3339(friday) == "2013-04-19T16:00:00Z"
    assert Schedule(5, time(17), LONDON).page(friday) == Week(2013, 15)


@given(TIMES, ZONES, st.integers(1, 7), st.times())
def test_no_time_passes_between_the_last_and_the_next(when: Micros, zone: ZoneInfo, day: int, clock: time) -> None:
    schedule = Schedule(day, clock.replace(second=0, microsecond=0), zone)
    assert schedule.last(when) <= when < schedule.next(when)
    assert schedule.last(schedule.next(when)) == schedule.next(when)
