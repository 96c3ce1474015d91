"""The operators' table of customers: a CSV file that says what each is worth a year, and of which segment they are."""

import csv
from collections.abc import Iterator
from pathlib import Path

from service.core.people import Client

COLUMNS = ("customer", "segment", "yearly_value")
_LONGEST = 512
_LARGEST = 1e12


class CustomersFileError(ValueError):
    """The file cannot be used; the message names file, line, value and remedy."""


def clients(path: Path, minor_digits: int) -> Iterator[Client]:
    """A row a customer. Raises CustomersFileError."""
    for line, row in _rows(path):
        customer = (row.get("customer") or "").strip()
        if not customer or len(customer) > _LONGEST or "\0" in customer:
            raise _wrong(path, line, "customer", customer, f"write the id, at most {_LONGEST} characters")
        yield Client(
            customer=customer,
            segment=(row.get("segment") or "").strip()[:_LONGEST] or None,
            yearly=_money(path, line, (row.get("yearly_value") or "").strip(), minor_digits),
        )


def ids(path: Path) -> Iterator[str]:
    """The ids of a file that has them in its column `customer`. Raises CustomersFileError."""
    for _, row in _rows(path):
        if customer := (row.get("customer") or "").strip():
            yield customer


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if "customer" not in (reader.fieldnames or []):
                raise CustomersFileError(
                    f"{path.name}:1: there is no column customer; begin with the line {','.join(COLUMNS)}"
                )
            for row in reader:
                line = reader.line_num
                yield line, row
    except OSError as error:
        raise CustomersFileError(f"{path.name}: {error.strerror}; check the path and its rights") from None
    except UnicodeDecodeError:
        raise CustomersFileError(f"{path.name}: is not UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise CustomersFileError(f"{path.name}:{line}: {error}; save it as CSV anew") from None


def _money(path: Path, line: int, text: str, minor_digits: int) -> int | None:
    if not text:
        return None
    try:
        value: float = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) <= _LARGEST:
        raise _wrong(path, line, "yearly_value", text, "write a number such as 1200.50, without separators or currency")
    scale: int = 10**minor_digits
    return round(value * scale)


def _wrong(path: Path, line: int, column: str, value: str, remedy: str) -> CustomersFileError:
    shown = value if len(value) <= 40 else value[:37] + "..."  # noqa: PLR2004  # fits a line
    return CustomersFileError(f"{path.name}:{line}: {column}: {shown!r} will not do; {remedy}")
