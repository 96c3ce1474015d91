"""When people work and what is known beforehand: calendars, and the deadlines that count by them."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from service.adapters.catalog import duration
from service.adapters.catalog.fields import Line, Name, Span, Strict, When, listed, wrong
from service.adapters.catalog.interval import TimesSpec, Zone, minutes, weekdays
from service.adapters.catalog.problem import show
from service.core.catalog import WorkingCalendar
from service.core.event import DAY

_LONGEST = 366
"""Working days of a deadline, and days of one holiday."""
_YEARS = (1970, 2999)
_DATES = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?::([0-9]{4}-[0-9]{2}-[0-9]{2}))?", re.ASCII)
Holiday = tuple[date, date]


class DeadlineSpec(Strict):
    """When a promise falls due where its event does not say."""

    after: Span = Field(examples=["5d"])
    calendar: Name | None = Field(None, description="the Calendar whose working days and service hours are counted")
    time_zone: Zone = Field("UTC", alias="timeZone", description="whose days they are")

    refused: ClassVar[Mapping[str, str]] = {"time_zone": "unknown key; write timeZone"}

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.calendar is None and "time_zone" in self.model_fields_set:
            raise wrong(
                "says nothing without a calendar, where a day has 24 hours; name a calendar or remove it", ("timeZone",)
            )
        if self.calendar is not None and self.after > _LONGEST * DAY:
            raise wrong(
                f"{duration.spell(self.after)} is more than {_LONGEST} working days; write {_LONGEST}d or less",
                ("after",),
            )
        return self


def _event_or_after(value: object) -> object:
    if value == "event":
        return None
    if isinstance(value, dict):
        return value
    raise wrong(f"{show(value)} is not a deadline; write event (the promise event carries `due`) or {{after: 5d}}")


Deadline = Annotated[
    DeadlineSpec | None,
    BeforeValidator(_event_or_after),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "event"},
                {
                    "type": "object",
                    "properties": {
                        "after": {"type": "string", "pattern": duration.PATTERN},
                        "calendar": {"type": "string"},
                        "timeZone": {"type": "string"},
                    },
                    "required": ["after"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class KnownEventSpec(Strict):
    """A sale, a holiday: a stretch of time in which what is usual may be off."""

    title: Line = Field(examples=["Black Friday"])
    start: When = Field(alias="from", examples=['"2026-11-27T00:00:00+01:00"'])
    until: When = Field(examples=['"2026-11-30T00:00:00+01:00"'])
    factor: Annotated[float, Field(gt=1, le=5)] = Field(
        2.0, description="within what the usual is right, either way, 19 times in 20"
    )

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.until <= self.start:
            raise wrong("is not after from; write a later time", ("until",))
        return self


def _holiday(value: str) -> Holiday:
    """The first and the last day of `2026-12-25` or `2026-12-24:2027-01-01`."""
    match = _DATES.fullmatch(value)
    try:
        days = [date.fromisoformat(text) for text in match.groups() if text] if match else []
    except ValueError:
        days = []
    if not days or not all(_YEARS[0] <= day.year <= _YEARS[1] for day in days):
        raise wrong(f"{show(value)} is no day; write one such as 2026-12-25, or days such as 2026-12-24:2027-01-01")
    first, last = days[0], days[-1]
    if last < first:
        raise wrong(f"{show(value)} runs backwards; write the earlier day first")
    if (last - first).days >= _LONGEST:
        raise wrong(f"{show(value)} is more than {_LONGEST} days; write a holiday for each year")
    return first, last


def _off(value: str) -> str:
    _holiday(value)
    return value


def _on(value: str) -> str:
    weekdays(value)
    return value


def _worked(values: list[str]) -> list[str]:
    if values:
        return values
    raise wrong("is empty, so that nothing would ever fall due; write [monday:friday] or remove the key")


class CalendarSpec(Strict):
    """Known events, which widen what counts as usual and silence nothing; and the days that deadlines count."""

    moments: Annotated[list[Name], listed()] = Field(
        default_factory=list, description="those that the events concern; none: all of them"
    )
    events: list[KnownEventSpec] = Field(default_factory=list, examples=["[{title: Sale, from: …, until: …}]"])
    working_days: Annotated[list[Annotated[str, AfterValidator(_on)]], AfterValidator(_worked)] = Field(
        default_factory=lambda: ["monday:friday"], examples=["[monday:friday]"]
    )
    holidays: list[Annotated[str, AfterValidator(_off)]] = Field(
        default_factory=list, max_length=1_000, examples=["[2026-12-25, 2026-12-28:2027-01-01]"]
    )
    service_hours: list[TimesSpec] = Field(default_factory=list, description="on each working day; none: all day")

    refused: ClassVar[Mapping[str, str]] = {
        "timeZone": "unknown key; write it into the deadline: {after: 5d, calendar: NAME, timeZone: Europe/London}",
    }

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"events", "working_days", "holidays", "service_hours"}:
            raise wrong("says nothing; write events, or working_days, holidays and service_hours")
        return self


def build(spec: CalendarSpec) -> WorkingCalendar:
    """What deadlines count by; what overlaps or touches is made one."""
    holidays = sorted(map(_holiday, spec.holidays))
    off: list[Holiday] = []
    for first, last in holidays:
        if off and first <= off[-1][1] + timedelta(days=1):
            off[-1] = off[-1][0], max(off[-1][1], last)
        else:
            off.append((first, last))
    hours: list[tuple[int, int]] = []
    for opens, closes in sorted((minutes(one.start_time), minutes(one.end_time)) for one in spec.service_hours):
        if hours and opens <= hours[-1][1]:
            hours[-1] = hours[-1][0], max(hours[-1][1], closes)
        else:
            hours.append((opens, closes))
    worked = {day for text in spec.working_days for day in weekdays(text)}
    return WorkingCalendar(tuple(sorted(worked)), tuple(off), tuple(hours))
