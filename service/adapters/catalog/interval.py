"""Recurring intervals as Alertmanager writes them: times, weekdays, days of the month, months, years, a place."""

import re
from collections.abc import Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from service.adapters.catalog.fields import Line, Name, Strict, wrong
from service.adapters.catalog.problem import Where, show
from service.core.routes import TimeInterval

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_LONGEST_MONTH = 31
_YEARS = (1970, 9999)


def _clock(value: str) -> str:
    if _CLOCK.fullmatch(value) is None:
        raise wrong(f'{show(value)} is not a time of day; write one such as "09:00", at most "24:00"')
    return value


def zone(value: str) -> str:
    """The name of a time zone. Raises where there is none such."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise wrong(f"{show(value)} is not a time zone; write one such as Europe/London") from None
    return value


Clock = Annotated[str, AfterValidator(_clock), WithJsonSchema({"type": "string", "pattern": _CLOCK.pattern})]
Zone = Annotated[str, AfterValidator(zone), WithJsonSchema({"type": "string"})]


def minutes(clock: str) -> int:
    """`09:30` as minutes of the day."""
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)


class TimesSpec(Strict):
    """From one time of the day until another, which is not in it any more."""

    start_time: Clock = Field(examples=["09:00"])
    end_time: Clock = Field(examples=["17:00"])

    @model_validator(mode="after")
    def _forwards(self) -> "TimesSpec":
        if minutes(self.start_time) >= minutes(self.end_time):
            raise wrong(
                f"{self.end_time} is not after {self.start_time}; write a night as two, until 24:00 and from 00:00",
                ("end_time",),
            )
        return self


class IntervalSpec(Strict):
    """Everything that is named must fit; what is not named is any."""

    times: list[TimesSpec] = Field(default_factory=list)
    weekdays: list[str] = Field(default_factory=list, examples=["[monday:friday]"])
    days_of_month: list[str | int] = Field(default_factory=list, examples=['["1:5", "-3:-1"]'])
    months: list[str | int] = Field(default_factory=list, examples=["[november:december]"])
    years: list[str | int] = Field(default_factory=list)
    location: Zone = "UTC"

    @model_validator(mode="after")
    def _ranges(self) -> "IntervalSpec":
        # Made here for the words of what is wrong, and again by `build`.
        _ranges("weekdays", self.weekdays, _DAYS, (0, 6))
        _ranges("days_of_month", self.days_of_month, (), (-_LONGEST_MONTH, _LONGEST_MONTH))
        _ranges("months", self.months, _MONTHS, (1, 12))
        _ranges("years", self.years, (), _YEARS)
        return self


class NamedIntervalsSpec(Strict):
    """Intervals under one name, any of which will do."""

    name: Name = Field(examples=["nights"])
    time_intervals: list[IntervalSpec] = Field(examples=["[{weekdays: [saturday:sunday]}]"])


Range = tuple[int, int]


def _ranges(field: str, given: Sequence[str | int], names: Sequence[str], limits: Range) -> tuple[Range, ...]:
    return tuple(_range(field, (field, i), str(text), names, limits) for i, text in enumerate(given))


def _range(field: str, at: Where, text: str, names: Sequence[str], limits: Range) -> Range:
    first, colon, last = text.strip().lower().partition(":")
    low = _number(first, names, limits)
    high = _number(last, names, limits) if colon else low
    if low is None or high is None or 0 in {low, high} & {0 if field == "days_of_month" else -99}:
        example = f"{names[0]}:{names[-1]}" if names else f"{max(limits[0], 1)}:{limits[1]}"
        raise wrong(f"{show(text)} is not a range of {field.replace('_', ' ')}; write one such as {example}", at)
    if low > high and (low < 0) == (high < 0):
        raise wrong(f"{show(text)} runs backwards; write two ranges", at)
    return low, high


def _number(text: str, names: Sequence[str], limits: Range) -> int | None:
    text = text.strip()
    if text in names:
        return names.index(text) + limits[0]
    if not re.fullmatch(r"-?[0-9]{1,4}", text, re.ASCII):
        return None
    number = int(text)
    if names is _DAYS or not limits[0] <= number <= limits[1]:
        return None
    return number


def weekdays(text: str) -> range:
    """The days of the week of one range such as `monday:friday`, 0 being Monday. Raises at what is none."""
    first, last = _range("weekdays", (), text, _DAYS, (0, 6))
    return range(first, last + 1)


def build(spec: IntervalSpec, place: Line | None = None) -> TimeInterval:
    """The core's interval; `place`: the time zone where the interval names none of its own."""
    location = spec.location if place is None or "location" in spec.model_fields_set else place
    return TimeInterval(
        times=tuple((minutes(times.start_time), minutes(times.end_time)) for times in spec.times),
        weekdays=_ranges("weekdays", spec.weekdays, _DAYS, (0, 6)),
        days_of_month=_ranges("days_of_month", spec.days_of_month, (), (-_LONGEST_MONTH, _LONGEST_MONTH)),
        months=_ranges("months", spec.months, _MONTHS, (1, 12)),
        years=_ranges("years", spec.years, (), _YEARS),
        zone=location,
    )
