"""The smaller parts of the settings: database, page, money, sending and the weekly digest."""

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
    Host,
    Password,
    Place,
    Scheme,
    Section,
    Zone,
    loopback,
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


class Web(Section):
    """Where the page and /metrics listen."""

    host: Host = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    insecure_bind: bool = False

    refused: ClassVar[Mapping[str, str]] = {"metrics": "are served here at /metrics; remove it"}

    @model_validator(mode="after")
    def _stays_inside(self) -> Self:
        if not loopback(self.host) and not self.insecure_bind:
            message = f"{self.host} can be reached by others, and the page asks nobody for a password"
            remedy = "keep 127.0.0.1 behind a proxy with a login, or write insecure_bind: true"
            raise wrong(f"{message}; {remedy}", ("host",))
        return self


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
