"""The kinds of values in a file (names, durations, shares, addresses), each with its own words when wrong."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from service.adapters.catalog import duration
from service.adapters.catalog.problem import Where, show

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
_DIMENSION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", re.ASCII)
_URL = re.compile(r"https?://[^\s/?#@]+([/?#]\S*)?", re.IGNORECASE)
_LONGEST_NAME = 63
_LONGEST_LINE = 200
_LONGEST_TEXT = 2_000
_LONGEST_PATH = 1_000


class Strict(BaseModel):
    """A mapping of a file: unknown keys are errors, and nothing is converted."""

    # Built when the first of its kind is read: most files have few of the kinds that there are.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=(), defer_build=True)

    refused: ClassVar[Mapping[str, str]] = {}
    """Keys that people will write and that must not be taken, each with what to say."""


def wrong(message: str, at: Where = ()) -> PydanticCustomError:
    """The error of a validator; `at` points to a value inside the one that is validated."""
    return PydanticCustomError("wrong", "{message}", {"message": message, "at": at})


def not_yet(remedy: str) -> str:
    """What to say of a key whose meaning is settled but not built."""
    return f"not available in this version; {remedy}"


def is_name(value: str) -> bool:
    """Fit to be the name of an object."""
    return _NAME.fullmatch(value) is not None


def _name(value: str) -> str:
    if is_name(value):
        return value
    meant = re.sub(r"[^a-z0-9]+", "-", value.lower(), flags=re.ASCII)[:_LONGEST_NAME].strip("-")
    remedy = f"write {meant}" if meant else "write one such as delivery-ops"
    raise wrong(f"{show(value)} is not a name (a-z, 0-9 and - inside, at most {_LONGEST_NAME}); {remedy}")


def _word(value: str) -> str:
    if _WORD.fullmatch(value):
        return value
    meant = re.sub(r"[^A-Za-z0-9_]+", "_", value, flags=re.ASCII).strip("_")[:_LONGEST_NAME]
    remedy = f"write {meant}" if _WORD.fullmatch(meant) else "write one such as team"
    raise wrong(f"{show(value)} is not a key (letters, digits and _, at most {_LONGEST_NAME}); {remedy}")


def _dimension(value: str) -> str:
    if _DIMENSION.fullmatch(value) and not value.startswith("__"):
        return value
    raise wrong(
        f"{show(value)} is not the name of a dimension (letters, digits, _ and -, at most {_LONGEST_NAME}, "
        "no digit or __ in front); write one such as region"
    )


def _line(value: str) -> str:
    value = _text(value)
    if len(value.splitlines()) > 1:
        raise wrong(f"{show(value)} has more than one line; write it on one")
    if len(value) > _LONGEST_LINE:
        raise wrong(f"is {len(value)} characters long; shorten it to {_LONGEST_LINE}")
    return value


def _text(value: str) -> str:
    value = value.strip()
    if not value:
        raise wrong("is empty; write it or remove the key")
    if len(value) > _LONGEST_TEXT:
        raise wrong(f"is {len(value)} characters long; shorten it to {_LONGEST_TEXT}")
    return value


def _url(value: str) -> str:
    if _URL.fullmatch(value) and len(value) <= _LONGEST_TEXT and _splits(value):
        return value
    raise wrong(f"{show(value)} is not an address; write one that starts with https://")


def _splits(value: str) -> bool:
    try:
        return bool(urlsplit(value).hostname)
    except ValueError:
        return False


def _variable(value: object) -> str:
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    # The value may be the secret itself: it is not repeated.
    raise wrong("is not the name of an environment variable; write one such as OPS_CHAT_URL")


def _secret_file(value: object) -> str:
    # The value may be the secret itself: it is not repeated.
    if isinstance(value, str) and "://" in value:
        raise wrong("is an address, not a path; put the address into a file and name the file")
    if not isinstance(value, str) or len(value.splitlines()) != 1 or len(value) > _LONGEST_PATH:
        raise wrong("is not a path; write one such as /run/secrets/ops-chat-url")
    return value


def _duration(value: object) -> int:
    if isinstance(value, bool | float) or not isinstance(value, str | int):
        raise wrong(f"{show(value)} is not a duration; write it as 30s, 5m, 2h, 5d or 4w")
    if isinstance(value, int):
        if value < 0:
            raise wrong(f"{value} is negative; write a duration of 0s or more")
        raise wrong(f"{value} is not a duration, it has no unit; write {value}s, {value}m, {value}h or {value}d")
    try:
        return duration.parse(value)
    except ValueError as error:
        raise wrong(str(error)) from None


def _positive(span: int) -> int:
    if span > 0:
        return span
    raise wrong("0s is no time at all; write a duration such as 5m")


def _share(value: float) -> float:
    if 0 < value < 1:
        return value
    percent = f"; write {value / 100:g}" if 1 < value < 100 else "; write one such as 0.95"  # noqa: PLR2004 (percent)
    raise wrong(f"{value:g} is not between 0 and 1{percent}")


def _probability(value: float) -> float:
    if 0 <= value <= 1:
        return value
    percent = f"; write {value / 100:g}" if 1 < value <= 100 else "; write one such as 0.08"  # noqa: PLR2004 (percent)
    raise wrong(f"{value:g} is not a probability from 0 to 1{percent}")


def _not_negative(value: float) -> float:
    if value >= 0:
        return value
    raise wrong(f"{value:g} is negative; write 0 or more")


def _distinct(values: list[str]) -> list[str]:
    for position, value in enumerate(values):
        if value in values[:position]:
            raise wrong(f"{show(value)} is listed twice; keep one", (position,))
    return values


def _schema(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema)


_DURATION_SCHEMA = _schema(type="string", pattern=duration.PATTERN, examples=["30s", "5m", "2h", "5d", "4w"])

Name = Annotated[str, AfterValidator(_name), _schema(type="string", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Word = Annotated[str, AfterValidator(_word), _schema(type="string", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Dimension = Annotated[
    str, AfterValidator(_dimension), _schema(type="string", pattern=r"^(?!__)[A-Za-z_][A-Za-z0-9_-]{0,62}$")
]
Line = Annotated[str, AfterValidator(_line), _schema(type="string", maxLength=_LONGEST_LINE)]
Text = Annotated[str, AfterValidator(_text), _schema(type="string", maxLength=_LONGEST_TEXT)]
Url = Annotated[str, AfterValidator(_url), _schema(type="string", pattern=r"^https?://")]


def _when(value: object) -> datetime:
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
        if found is not None and found.tzinfo is not None:
            return found
    raise wrong(f"{show(value)} is no time with an offset; write 2026-11-27T00:00:00+01:00")


Variable = Annotated[str, BeforeValidator(_variable), _schema(type="string", pattern=_WORD.pattern)]
"""The name of an environment variable that holds a secret."""
SecretFile = Annotated[str, BeforeValidator(_secret_file), _schema(type="string")]
"""The path of a file that holds a secret."""
When = Annotated[datetime, BeforeValidator(_when), _schema(type="string", format="date-time")]
"""A time with an offset."""
Duration = Annotated[int, BeforeValidator(_duration), _DURATION_SCHEMA]
Span = Annotated[int, BeforeValidator(_duration), AfterValidator(_positive), _DURATION_SCHEMA]
"""A duration that is not nothing."""
Share = Annotated[float, AfterValidator(_share), _schema(type="number", exclusiveMinimum=0, exclusiveMaximum=1)]
Probability = Annotated[float, AfterValidator(_probability), _schema(type="number", minimum=0, maximum=1)]
NotNegative = Annotated[float, AfterValidator(_not_negative), _schema(type="number", minimum=0)]


def listed(*, least: int = 0) -> Any:
    """Metadata of a list without repetition and with at least so many items."""

    def check(values: list[str]) -> list[str]:
        if len(values) < least:
            raise wrong("is empty; list at least one")
        return _distinct(values)

    return AfterValidator(check)


Labels = Annotated[dict[Word, Line], Field(default_factory=dict)]
Annotations = Annotated[dict[Word, Text], Field(default_factory=dict)]
