"""What the commands that look after a store share: which store, since when, and text from outside made harmless."""

import argparse
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.event import Micros
    from service.settings import Settings

FAILED = 1
BAD = 2
URL = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"

_AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def add_place(parser: argparse.ArgumentParser) -> None:
    """`--config` or `--url`, one of them."""
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--config", type=Path, metavar="FILE", help="the settings that serve reads")
    place.add_argument("--url", metavar="URL", help=URL)


def url_of(arguments: argparse.Namespace) -> str:
    """The URL that was given, or the one of the settings with its password. Raises CatalogError."""
    if arguments.url is not None:
        return str(arguments.url)
    return url_in(settings_of(arguments))


def url_in(settings: "Settings") -> str:
    """The URL of some settings with its password."""
    return settings.database.address


def settings_of(arguments: argparse.Namespace) -> "Settings":
    """The settings of `--config`. Raises CatalogError."""
    from service.settings import load_settings

    return load_settings(arguments.config)


def duration(text: str) -> "Micros":
    """`30d` in microseconds."""
    found = _AGO.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; write 30d or 12h")
    return int(found[1]) * _SECONDS[found[2]] * 1_000_000


def moment_of(text: str) -> "Micros":
    """A time with an offset, or so long ago: `2026-03-02T09:00:00Z`, `2h`."""
    if _AGO.fullmatch(text):
        return time.time_ns() // 1000 - duration(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 2026-03-02T09:00:00Z, or 2h for so long ago")
    from service.core.event import micros

    return micros(found)


@contextmanager
def said_plainly(command: str) -> Iterator[None]:
    """Errors that have an answer end the command with a line on stderr: bad settings 2, a store that will not do 1."""
    from service.adapters.catalog import CatalogError
    from service.core.counting.identity import WrongKeys
    from service.core.ports import SourceAway, StoreAway, StoreBusy, StoreRefused

    try:
        yield
    except CatalogError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise SystemExit(BAD) from None
    except (SourceAway, StoreAway, StoreBusy, StoreRefused, WrongKeys) as error:
        print(f"momentwatch {command}: {error}", file=sys.stderr)
        raise SystemExit(FAILED) from None


def harmless(text: str) -> str:
    """Text from outside for a terminal: what is not printable is written out, so that it commands nothing."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def harmless_bytes(data: bytes) -> str:
    """Bytes from outside for a terminal; what is no UTF-8 is written out too."""
    return harmless(data.decode("utf-8", "backslashreplace"))
