"""What settings hold beyond the catalogue's values: paths, secrets, servers and times."""

import ipaddress
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, ConfigDict, ValidationInfo, model_validator

from service.adapters.catalog.explain import suggest
from service.adapters.catalog.fields import Strict, wrong
from service.adapters.catalog.problem import name_of, show

_LOG = logging.getLogger(__name__)

_LARGEST_SECRET = 64 << 10
_HIGHEST_PORT = 65_535
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")


class Secret:
    """A text that no log, traceback or page shows; one from a file is read anew whenever it is asked for."""

    __slots__ = ("_file", "_value")

    def __init__(self, value: str, file: Path | None = None) -> None:
        """Keep it."""
        self._value = value
        self._file = file

    def reveal(self) -> str:
        """The text itself, for the one call that needs it: as the file has it now, so that it may be changed.

        Where the file cannot be read, or is empty for the moment that it takes to write it, what it held last.
        """
        if self._file is not None:
            try:
                self._value = _read_secret(self._file)
            except ValueError as error:
                _LOG.warning("%s; what it held before is used", error)
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not written anywhere")


def _base(info: ValidationInfo) -> Path:
    """Paths are relative to the file that names them; made in code, to the working directory."""
    return Path(info.context["folder"]) if info.context else Path()


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return _base(info) / value
    if not isinstance(value, str) or not value.strip() or len(value.splitlines()) != 1:
        raise wrong(f"{show(value)} is not a path; write one, relative to this file or absolute")
    return _base(info) / value


def _readable(path: Path) -> Path:
    if path.is_file() and os.access(path, os.R_OK):
        return path
    raise wrong(f"{name_of(path)} is not a file that can be read; check the path and its rights")


def _secret_of_file(value: object, info: ValidationInfo) -> object:
    if isinstance(value, Secret):
        return value
    path = _path(value, info)
    return Secret(_read_secret(path), path)


def _read_secret(path: Path) -> str:
    """The one text of a file. Raises ValueError, in words for the operator."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_SECRET + 1)
        text = data.decode().rstrip("\r\n")
    except OSError as error:
        raise wrong(f"{name_of(path)} cannot be read: {error.strerror}; check the path and its rights") from None
    except UnicodeDecodeError:
        raise wrong(f"{name_of(path)} holds no UTF-8 text; write the secret alone into it") from None
    if not text or len(data) > _LARGEST_SECRET:
        raise wrong(f"{name_of(path)} is empty or far too large; write the secret alone into it")
    return text


def _secret_of_variable(value: object, info: ValidationInfo) -> object:
    if isinstance(value, Secret):
        return value
    environ: Mapping[str, str] = info.context["environ"] if info.context else os.environ
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        # The value may be the secret itself: it is not repeated.
        raise wrong("is not the name of an environment variable; write one such as KAFKA_PASSWORD")
    if not environ.get(value):
        raise wrong(f"the environment variable {value} is not set; set it, or use a file")
    return Secret(environ[value])


def _server(value: str) -> str:
    match = _SERVER.fullmatch(value)
    if match and 0 < int(match[2]) <= _HIGHEST_PORT:
        return value
    raise wrong(f"{show(value)} is not a server; write HOST:PORT such as localhost:9092")


def _host(value: str) -> str:
    if _HOST.fullmatch(value):
        return value
    raise wrong(f"{show(value)} is not a host; write a name or an address without scheme and port")


def _place(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return _host(value)
    return value


def _scheme(value: str) -> str:
    # Loads the sender, which nobody should wait for who does not narrow it.
    from service.adapters.sender.address import SCHEMES

    if value in SCHEMES:
        return value
    known = ", ".join(sorted(SCHEMES))
    remedy = suggest(value.removesuffix("://"), SCHEMES, f"the schemes are {known}")
    raise wrong(f"{show(value)} is not a scheme that notices are sent with; {remedy}")


def _clock(value: str) -> str:
    if _CLOCK.fullmatch(value):
        return value
    raise wrong(f"{show(value)} is not a time of day; write one such as 07:00")


def _zone(value: str) -> str:
    zones = available_timezones()
    if value in zones:
        return value
    raise wrong(f"{show(value)} is not a time zone; {suggest(value, zones, 'write one such as Europe/London')}")


def _code(value: str) -> str:
    if re.fullmatch(r"[A-Z]{3}", value, re.ASCII):
        return value
    remedy = value.upper() if re.fullmatch(r"[A-Za-z]{3}", value, re.ASCII) else "one such as EUR"
    raise wrong(f"{show(value)} is not a currency's code; write {remedy}")


def loopback(host: str) -> bool:
    """Nobody else can reach this host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _database(value: str, info: ValidationInfo) -> str:
    if not value.startswith(_DATABASES):
        # The value may hold a password: it is not repeated.
        raise wrong("is not a database; write sqlite:///FILE or postgresql://USER@HOST/NAME")
    if value.startswith("sqlite:///"):
        file = value.removeprefix("sqlite:///")
        if not file or file.startswith(":"):
            raise wrong("names no file, and what is kept in memory is lost; write sqlite:///momentwatch.db")
        return f"sqlite:///{_base(info) / file}"
    try:
        password = urlsplit(value).password
    except ValueError:
        raise wrong("is not an address; write postgresql://USER@HOST/NAME") from None
    if password is not None:
        raise wrong("holds a password; take it out and write password_file or password_env")
    return value


LocalPath = Annotated[Path, BeforeValidator(_path)]
ReadableFile = Annotated[Path, BeforeValidator(_path), AfterValidator(_readable)]
SecretOfFile = Annotated[Secret, BeforeValidator(_secret_of_file)]
SecretOfVariable = Annotated[Secret, BeforeValidator(_secret_of_variable)]
Server = Annotated[str, AfterValidator(_server)]
Host = Annotated[str, AfterValidator(_host)]
Place = Annotated[str, AfterValidator(_place)]
"""A host's name, an address or a network."""
Scheme = Annotated[str, AfterValidator(_scheme)]
Clock = Annotated[str, AfterValidator(_clock)]
Zone = Annotated[str, AfterValidator(_zone)]
CurrencyCode = Annotated[str, AfterValidator(_code)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]


NOT_INLINE = "a secret does not belong in this file; write password_file: PATH or password_env: NAME"


class Section(Strict):
    """A part of the file; frozen, and it may hold secrets."""

    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True)


class Password(Section):
    """A section with one password from a file or from the environment."""

    password_file: SecretOfFile | None = None
    password_env: SecretOfVariable | None = None

    refused: ClassVar[Mapping[str, str]] = {"password": NOT_INLINE}

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password_file is not None and self.password_env is not None:
            raise wrong("is given twice; keep password_file or password_env", ("password_env",))
        return self

    @property
    def password(self) -> Secret | None:
        """The password, wherever it came from."""
        return self.password_file or self.password_env
