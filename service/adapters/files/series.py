"""A numeric series in a CSV file, row by row: `timestamp,value`, plain or gzip."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from service.adapters.decode import TOO_LARGE
from service.adapters.files.lines import EventFile, EventFileError

HEADER = "timestamp,value"
_COLUMNS = 2
_FIELD = re.compile(r'"(?:[^"]|"")*"|[^",]*')
_SHOWN = 60
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_EPOCH = re.compile(r"[0-9]{1,11}(?:\.[0-9]+)?")


class SeriesFileError(Exception):
    """A file that is no series; says which, where, why and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its two columns as they were written, the time in seconds since 1970, and the number.

    `time` is None where the timestamp is none that is understood (RFC 3339, with or without an offset, or seconds since
    1970; without an offset it is taken for UTC); `number` is None where the value is no finite number.
    """

    timestamp: str
    value: str
    time: float | None
    number: float | None


def series(name: str) -> Iterator[Row]:
    """The rows of a file, as they are read. Raises SeriesFileError.

    A blank line is no row. What has a comma or a quote in it stands between quotes, on one line.
    """
    file = _open(name)
    try:
        header = False
        for number, text in _lines(name, file):
            columns = _columns(name, number, text)
            if not header:
                header = _header(name, number, text, columns)
            else:
                yield Row(columns[0], columns[1], _time(_plain(columns[0])), _number(_plain(columns[1])))
        if not header:
            raise SeriesFileError(f"{name} is empty: its first line must be {HEADER}")
    finally:
        file.close()


def _open(name: str) -> EventFile:
    try:
        return EventFile(name)
    except EventFileError as error:
        raise SeriesFileError(str(error)) from error


def _lines(name: str, file: EventFile) -> Iterator[tuple[int, str]]:
    try:
        for block in file.blocks():
            for number, line in zip(block.numbers, block.texts, strict=True):
                if not line.strip():
                    continue
                try:
                    yield number, line.decode().removesuffix("\r")
                except UnicodeDecodeError as error:
                    raise SeriesFileError(
                        f"{name}:{number}: byte {error.start + 1} is no UTF-8: save the file as text in UTF-8"
                    ) from None
            for long in block.long:
                raise SeriesFileError(
                    f"{name}:{long.number}: a line of more than {TOO_LARGE} bytes: give one row a line"
                )
    except EventFileError as error:
        raise SeriesFileError(str(error)) from error


def _columns(name: str, number: int, text: str) -> list[str]:
    columns, at = [], 0
    while True:
        found = _FIELD.match(text, at)
        end = found.end() if found else at
        columns.append(text[at:end])
        if end == len(text):
            break
        if text[end] != ",":
            raise SeriesFileError(
                f"{name}:{number}: {_shown(text)} has a quote that is not closed: write a quote inside of quotes twice"
            )
        at = end + 1
    if len(columns) != _COLUMNS:
        raise SeriesFileError(
            f"{name}:{number}: {_shown(text)} has {len(columns)} column{'s'[: len(columns) != 1]}: "
            f"give two, {HEADER.replace(',', ' and ')}"
        )
    return columns


def _header(name: str, number: int, text: str, columns: list[str]) -> bool:
    if [_plain(column).lower() for column in columns] != HEADER.split(","):
        raise SeriesFileError(f"{name}:{number}: the header is {_shown(text)}: write {HEADER}")
    return True


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _plain(column: str) -> str:
    if column.startswith('"'):
        column = column[1:-1].replace('""', '"')
    return column.strip()


def _time(text: str) -> float | None:
    try:
        if _EPOCH.fullmatch(text):
            return float(text)
        at = datetime.fromisoformat(text)
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp()
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
