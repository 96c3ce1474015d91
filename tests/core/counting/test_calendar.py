"""Deadlines in working days and service hours: by example, and as laws over calendars, clocks and starts."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.catalog import Deadline, Moment, WorkingCalendar
from service.core.counting.calendar import falls_due
from service.core.counting.ledger import due_of
from service.core.event import DAY, HOUR, MINUTE, SECOND, instant, micros
from tests.core.making import promise

WEEK = WorkingCalendar(holidays=((date(2026, 12, 25), date(2026, 12, 25)), (date(2026, 12, 28), date(2027, 1, 1))))
OFFICE = WorkingCalendar(hours=((9 * 60, 12 * 60), (13 * 60, 17 * 60)))
EVERY_DAY = WorkingCalendar(weekdays=tuple(range(7)))
LONDON = "Europe/London"
LAST = "23:59:59.999999"


def due(made: str, after: int, calendar: WorkingCalendar, zone: str = LONDON) -> str:
    """The due time of a promise, both in the clock of the zone."""
    at = micros(datetime.fromisoformat(made).replace(tzinfo=ZoneInfo(zone)))
    found = instant(falls_due(at, Deadline(after, calendar, zone))).astimezone(ZoneInfo(zone))
    return found.replace(tzinfo=None).isoformat(" ")


@pytest.mark.parametrize(
    ("made", "days", "expected"),
    [
        ("2026-11-02 10:00", 5, "2026-11-09 10:00:00"),
        ("2026-11-06 10:00", 1, "2026-11-09 10:00:00"),
        ("2026-11-07 15:00", 1, f"2026-11-09 {LAST}"),
        ("2026-11-08 09:00", 1, f"2026-11-09 {LAST}"),
        ("2026-12-24 10:00", 1, "2027-01-04 10:00:00"),
        ("2026-12-30 10:00", 2, f"2027-01-05 {LAST}"),
        # The clocks went forward in between, and back.
        ("2026-03-27 10:00", 1, "2026-03-30 10:00:00"),
        ("2026-10-23 10:00", 5, "2026-10-30 10:00:00"),
    ],
)
def test_working_days_are_counted_from_the_day_after_to_the_same_time_of_day(
    made: str, days: int, expected: str
) -> None:
    assert due(made, days * DAY, WEEK) == expected


@pytest.mark.parametrize(
    ("made", "after", "expected"),
    [
        ("2026-11-02 10:00", 5 * DAY, "2026-11-09 17:00:00"),
        ("2026-11-06 18:00", DAY, "2026-11-09 17:00:00"),
        ("2026-11-07 12:00", DAY, "2026-11-09 17:00:00"),
        ("2026-11-06 10:00", 2 * HOUR, "2026-11-06 12:00:00"),
        ("2026-11-06 11:00", 2 * HOUR, "2026-11-06 14:00:00"),
        ("2026-11-06 16:30", 6 * HOUR, "2026-11-09 15:30:00"),
        ("2026-11-06 16:30", DAY + 2 * HOUR, "2026-11-10 10:30:00"),
        ("2026-11-07 12:00", HOUR, "2026-11-09 10:00:00"),
    ],
)
def test_service_hours_end_the_day_and_are_the_hours_that_count(made: str, after: int, expected: str) -> None:
    assert due(made, after, OFFICE) == expected


def test_without_service_hours_all_hours_of_working_days_count() -> None:
    assert due("2026-11-06 20:00", 4 * HOUR, WEEK) == f"2026-11-06 {LAST}"
    assert due("2026-11-06 20:00", 5 * HOUR, WEEK) == "2026-11-09 01:00:00"


def test_hours_are_true_hours_where_a_clock_is_moved() -> None:
    assert due("2026-03-29 00:30", 2 * HOUR, EVERY_DAY) == "2026-03-29 03:30:00"
    assert due("2026-10-25 00:30", 2 * HOUR, EVERY_DAY) == "2026-10-25 01:30:00"


def test_a_time_that_the_clock_skips_is_the_moment_of_the_skip() -> None:
    assert due("2026-03-28 01:30", DAY, EVERY_DAY) == "2026-03-29 02:00:00"
    assert due("2017-10-14 00:30", DAY, EVERY_DAY, "America/Sao_Paulo") == "2017-10-15 01:00:00"


def test_the_ledger_counts_by_the_moments_calendar_and_an_events_own_due_stands() -> None:
    moment = Moment("arrives", "ops", deadline=Deadline(5 * DAY, WEEK, LONDON))
    made = micros(datetime(2026, 12, 24, 10, tzinfo=UTC))
    assert instant(due_of(promise(0, None), made, moment)) == datetime(2027, 1, 8, 10, tzinfo=UTC)
    assert due_of(promise(0, 10), made, moment) < made


# --- laws ---

ZONES = st.sampled_from([LONDON, "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
DAYS = st.dates(date(2016, 1, 1), date(2018, 12, 31))
STARTS = st.one_of(
    st.integers(micros(datetime(2016, 1, 1, tzinfo=UTC)), micros(datetime(2019, 1, 1, tzinfo=UTC))),
    # Around the changes of clocks: London's, Sao Paulo's, Lord Howe's.
    st.builds(
        lambda day, offset: micros(datetime.fromisoformat(f"{day}T00:00Z")) + offset,
        st.sampled_from(["2017-03-26", "2017-10-29", "2017-10-15", "2017-02-19", "2017-04-02", "2017-10-01"]),
        st.integers(-3 * DAY, 3 * DAY),
    ),
)


@st.composite
def calendars(draw: st.DrawFn) -> WorkingCalendar:
    off = sorted({draw(DAYS) for _ in range(draw(st.integers(0, 6)))})
    holidays: list[tuple[date, date]] = []
    for first in off:
        if not holidays or first > holidays[-1][1] + timedelta(days=1):
            holidays.append((first, first + timedelta(days=draw(st.integers(0, 20)))))
    weekdays = draw(st.sets(st.integers(0, 6), min_size=1))
    minutes = sorted(draw(st.sets(st.integers(0, 1440), min_size=4, max_size=4)))
    hours = draw(
        st.sampled_from([(), ((minutes[0], minutes[3]),), ((minutes[0], minutes[1]), (minutes[2], minutes[3]))])
    )
    return WorkingCalendar(tuple(sorted(weekdays)), tuple(holidays), hours)


AFTER = st.one_of(
    st.integers(1, 8).map(DAY.__mul__), st.integers(1, 12 * 60).map(MINUTE.__mul__), st.just(2 * DAY + 3 * HOUR)
)


@given(STARTS, AFTER, calendars(), ZONES)
def test_nothing_falls_due_on_a_day_off_or_before_it_was_promised(
    made: int, after: int, calendar: WorkingCalendar, zone: str
) -> None:
    found = falls_due(made, Deadline(after, calendar, zone))
    local = instant(found).astimezone(ZoneInfo(zone))
    assert calendar.works(local.date())
    assert found > made
    if calendar.hours:
        minute = local.hour * 60 + local.minute + (local.second + local.microsecond / 1e6) / 60
        skipped = local.utcoffset() != (local - timedelta(hours=2)).astimezone(UTC).astimezone(local.tzinfo).utcoffset()
        assert skipped or any(opens <= minute <= closes for opens, closes in calendar.hours)


@given(STARTS, st.one_of(st.integers(0, 3 * HOUR), st.integers(0, 20 * DAY)), AFTER, calendars(), ZONES)
def test_what_is_promised_later_is_never_due_earlier(
    made: int, later: int, after: int, calendar: WorkingCalendar, zone: str
) -> None:
    deadline = Deadline(after, calendar, zone)
    assert falls_due(made, deadline) <= falls_due(made + later, deadline)


@given(STARTS, st.integers(1, 60))
def test_a_calendar_without_days_off_is_plain_days(made: int, days: int) -> None:
    plain = Deadline(days * DAY)
    assert falls_due(made, Deadline(days * DAY, EVERY_DAY, "UTC")) == falls_due(made, plain)


@given(STARTS, st.integers(1, 8), calendars(), ZONES)
def test_so_many_working_days_lie_between(made: int, days: int, calendar: WorkingCalendar, zone: str) -> None:
    """Counted here day by day, in another way."""
    place = ZoneInfo(zone)
    first = instant(made).astimezone(place).date()
    last = instant(falls_due(made, Deadline(days * DAY, calendar, zone))).astimezone(place).date()
    between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    off = {start + timedelta(days=n) for start, end in calendar.holidays for n in range((end - start).days + 1)}
    assert sum(day.weekday() in calendar.weekdays and day not in off for day in between) == days


@given(st.integers(1, 120), st.integers(0, SECOND))
def test_the_second_showing_of_an_hour_is_due_no_earlier_than_the_first(minutes: int, fraction: int) -> None:
    change = micros(datetime(2026, 10, 25, 1, tzinfo=UTC))
    deadline = Deadline(DAY, EVERY_DAY, LONDON)
    assert falls_due(change - 1, deadline) <= falls_due(change + minutes * MINUTE - fraction, deadline)


def test_hours_that_last_until_midnight_end_with_the_last_moment_of_their_day() -> None:
    night = WorkingCalendar(hours=((0, 6 * 60), (22 * 60, 24 * 60)))
    assert due("2026-11-02 10:00", DAY, night) == f"2026-11-03 {LAST}"
    # A night's service is two hours of one working day and six of the next; Friday's goes on on Monday.
    assert due("2026-11-02 21:00", 8 * HOUR, night) == "2026-11-03 06:00:00"
    assert due("2026-11-06 23:00", 8 * HOUR, night) == "2026-11-09 23:00:00"


@pytest.mark.parametrize(
    ("zone", "made", "expected"),
    [
        # Forward and back, by an hour and by half of one, on either side of the equator, and at midnight.
        ("Europe/Berlin", "2026-03-27 17:30", "2026-03-30 11:30:00"),
        ("America/New_York", "2026-03-06 17:30", "2026-03-09 11:30:00"),
        ("America/New_York", "2026-10-30 17:30", "2026-11-02 11:30:00"),
        ("Australia/Lord_Howe", "2026-04-03 17:30", "2026-04-06 11:30:00"),
        ("Australia/Lord_Howe", "2026-10-02 17:30", "2026-10-05 11:30:00"),
        ("America/Santiago", "2026-09-04 17:30", "2026-09-07 11:30:00"),
        ("Africa/Cairo", "2026-04-23 17:30", "2026-04-24 11:30:00"),
    ],
)
def test_service_goes_on_in_the_clock_of_the_place_whatever_was_done_to_it(zone: str, made: str, expected: str) -> None:
    assert due(made, 3 * HOUR, WorkingCalendar(hours=((9 * 60, 18 * 60),)), zone) == expected


@pytest.mark.parametrize(
    ("zone", "made", "expected"),
    [
        # A night of seven hours with a clock that goes forward, and of nine with one that goes back.
        ("Europe/Berlin", "2026-03-29 00:00", "2026-03-29 07:00:00"),
        ("Europe/Berlin", "2026-10-25 00:00", "2026-10-25 05:00:00"),
        ("Australia/Lord_Howe", "2026-10-04 00:00", "2026-10-04 06:30:00"),
        ("America/Santiago", "2026-09-06 01:00", "2026-09-06 07:00:00"),
    ],
)
def test_an_hour_of_service_that_a_clock_skips_is_none_and_one_that_it_shows_twice_is_two(
    zone: str, made: str, expected: str
) -> None:
    assert due(made, 6 * HOUR, EVERY_DAY, zone) == expected
