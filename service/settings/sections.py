"""The smaller parts of the settings: database, money, sending and the weekly digest."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from service.adapters.catalog.fields import Name, Span, Text, listed, wrong
from service.core.event import SECOND
from service.settings.fields import (
    Clock,
    CurrencyCode,
    DatabaseUrl,
    Password,
    Place,
    Scheme,
    Section,
    Zone,
)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Database(Password):
    """Where everything is kept."""

    url: DatabaseUrl = Field("sqlite:///momentwatch.db", validate_default=True)

    @model_validator(mode="after")
    def _no_password_for_a_file(self) -> Self:
        if self.password is not None and self.url.startswith("sqlite:"):
            key = "password_file" if self.password_file else "password_env"
            raise wrong("SQLite has no password; remove it", (key,))
        return self

    @property
    def address(self) -> str:
        """The URL with its password."""
        if self.password is None:
            return self.url
        from sqlalchemy import make_url

        return make_url(self.url).set(password=self.password.reveal()).render_as_string(hide_password=False)


class Currency(Section):
    """The one reporting currency of every `value`."""

    code: CurrencyCode = "EUR"
    minor_digits: Annotated[int, Field(ge=0, le=4)] = 2


class Send(Section):
    """How long a notice may take, and what it may reach.

    Public addresses can be reached; `allow_hosts` adds some that are not. `allow_schemes` narrows these.
    """

    timeout: Span = 20 * SECOND
    allow_hosts: Annotated[list[Place], listed()] = Field(default_factory=list)
    allow_schemes: Annotated[list[Scheme], listed()] = Field(default_factory=list)


class Digest(Section):
    """The weekly page: when and to whom."""

    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    time: Clock = "07:00"
    timezone: Zone = "UTC"
    to: Annotated[list[Name], listed(least=1)] = Field(examples=["[cco-mail]"])
    mission: Text = ""

    refused: ClassVar[Mapping[str, str]] = {
        "from": "comes with the target's address; write it there, as ?from= of a mailtos:// address"
    }

    @property
    def iso_weekday(self) -> int:
        """1 for Monday to 7 for Sunday."""
        return WEEKDAYS.index(self.weekday) + 1

    @property
    def hour_minute(self) -> tuple[int, int]:
        """The local time of day."""
        hour, minute = self.time.split(":")
        return int(hour), int(minute)

    @property
    def zone(self) -> ZoneInfo:
        """The zone that weekday and time are in."""
        return ZoneInfo(self.timezone)
