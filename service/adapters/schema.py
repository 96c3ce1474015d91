"""The event contract once more, in pydantic: publishes the JSON Schema that producers check against.

The decoder does not use it; a test holds that both accept and refuse the same events. What only the catalogue
can say (is a moment declared, does a promise need `due`) and what only the clock can is not in it.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import WithJsonSchema

from service.core.event import ChangeWord, OutcomeWord

_NO_NUL = r"^[^\x00]*$"
_RFC3339 = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$"
_WRITTEN = re.compile(_RFC3339, re.ASCII)
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)


def _as_rfc3339(value: object) -> object:
    # Pydantic alone reads numbers and shorter forms too.
    if not isinstance(value, str) or not _WRITTEN.match(value):
        message = "expected an RFC 3339 time with an offset, as 2026-01-31T09:30:00Z"
        raise ValueError(message)
    return value


def _in_range(value: datetime) -> datetime:
    if not _FIRST <= value <= _LAST:
        message = "expected a time in the years 1900 to 9000"
        raise ValueError(message)
    return value


Name = Annotated[str, Field(min_length=1, max_length=512, pattern=_NO_NUL)]
Word = Annotated[str, Field(max_length=256, pattern=_NO_NUL)]
Text = Annotated[str, Field(max_length=16_384, pattern=_NO_NUL)]
Amount = Annotated[float, Field(ge=-1e12, le=1e12)]
Seconds = Annotated[float, Field(ge=0, le=315_576_000)]
Dimensions = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=256, pattern=_NO_NUL)], Word], Field(max_length=64)
]
When = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_as_rfc3339),
    AfterValidator(_in_range),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _RFC3339}),
]


class _Event(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    id: Name = Field(description="Unique within its source; the same id again within an hour is a duplicate")
    time: When = Field(description="When it happened")


class Outcome(_Event):
    """A promise was kept or broken, or the customer withdrew; settles the promise of its key, if any."""

    type: Literal["outcome"]
    moment: Name
    customer: Name
    outcome: OutcomeWord
    key: Name | None = None
    reason: Text | None = None
    duration_s: Seconds | None = None
    value: Amount | None = Field(default=None, description="Money in the one reporting currency")
    dimensions: Dimensions | None = None


class Promise(_Event):
    """What the customer was told: by when."""

    type: Literal["promise"]
    moment: Name
    customer: Name
    key: Name
    due: When | None = Field(default=None, description="Required where the moment declares no deadline")
    value: Amount | None = Field(default=None, description="Money in the one reporting currency")
    dimensions: Dimensions | None = None


class _Voice(_Event):
    customer: Name | None = None
    moment: Name | None = None
    journey: Name | None = None
    channel: Word | None = None
    score: Amount | None = None
    text: Text | None = None
    dimensions: Dimensions | None = None


class Complaint(_Voice):
    """A customer said that something went wrong."""

    type: Literal["complaint"]


class Feedback(_Voice):
    """A customer said something, not necessarily bad."""

    type: Literal["feedback"]


class CustomerChange(_Event):
    """A customer was gained or lost, or is worth more or less."""

    type: Literal["customer"]
    customer: Name
    change: ChangeWord
    value: Amount | None = Field(default=None, description="Money in the one reporting currency")


class Annotation(_Event):
    """Something that we did: a deployment, a campaign, a policy."""

    type: Literal["annotation"]
    title: Text
    url: Text | None = None
    moment: Name | None = None
    dimensions: Dimensions | None = None


Event = Annotated[Outcome | Promise | Complaint | Feedback | CustomerChange | Annotation, Field(discriminator="type")]
EVENT: TypeAdapter[Outcome | Promise | Complaint | Feedback | CustomerChange | Annotation] = TypeAdapter(Event)
"""Validates one event: `EVENT.validate_json(payload)`."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "momentwatch event",
        **EVENT.json_schema(),
    }
