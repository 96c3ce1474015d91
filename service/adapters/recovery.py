"""A recovery list as a file for those who call customers: CSV without formulas for a spreadsheet, or JSON lines."""

import csv
from collections.abc import Iterable, Mapping
from typing import Literal, TextIO

import msgspec

from service.core.event import Micros, rfc3339
from service.core.people import Hurt

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}")
_FORMULAS = (*_FORMULA, "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")


class Row(msgspec.Struct, frozen=True, gc=False):
    """One customer as it is exported; money in the reporting currency, times in UTC."""

    customer: str
    customer_id: str | None
    promises_broken: int
    value: float
    yearly_value: float | None
    segment: str | None
    first_broken_at: str
    last_broken_at: str
    still_waiting: bool
    settled_late: bool
    outcome_unknown: bool
    complained_at: str | None
    contact_state: str
    contacted_at: str | None
    contacted_by: str | None
    note: str | None


def row(of: Hurt, minor_digits: int, identities: Mapping[str, str] | None = None) -> Row:
    """A customer of the list; `identities`: ids by pseudonym, where they may be joined back."""
    unit, contact = 10**minor_digits, of.contact
    return Row(
        customer=of.customer,
        customer_id=None if identities is None else identities.get(of.customer),
        promises_broken=of.broken,
        value=of.value / unit,
        yearly_value=None if of.yearly is None else of.yearly / unit,
        segment=of.segment,
        first_broken_at=rfc3339(of.first_at),
        last_broken_at=rfc3339(of.last_at),
        still_waiting=of.waiting,
        settled_late=of.settled_late,
        outcome_unknown=of.unknown,
        complained_at=_time(of.complained_at),
        contact_state=of.state,
        contacted_at=_time(contact.at) if contact else None,
        contacted_by=contact.by if contact else None,
        note=contact.note if contact else None,
    )


def write(rows: Iterable[Row], to: TextIO, form: Literal["csv", "json"], *, identified: bool) -> int:
    """Write the rows; how many. The column `customer_id` is there where ids were joined back only."""
    names = [name for name in Row.__struct_fields__ if identified or name != "customer_id"]
    count = 0
    if form == "json":
        for each in rows:
            count += 1
            found = {name: getattr(each, name) for name in names}
            to.write(msgspec.json.encode(found).decode() + "\n")
        return count
    # With a byte order mark, by which spreadsheets know UTF-8.
    to.write("\N{ZERO WIDTH NO-BREAK SPACE}")
    writer = csv.writer(to, lineterminator="\r\n")
    writer.writerow(names)
    for each in rows:
        count += 1
        writer.writerow([cell(getattr(each, name)) for name in names])
    return count


def cell(value: object) -> str:
    """A cell's text: one that a spreadsheet would take for a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return str(value)
    text = value.replace("\0", "")
    return "'" + text if text.lstrip(" ").startswith(_FORMULAS) else text


def _time(at: Micros | None) -> str | None:
    return None if at is None else rfc3339(at)
