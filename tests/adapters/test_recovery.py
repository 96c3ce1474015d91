"""The recovery list as a file: every column, and no formula in any."""

import csv
import io
import json

import pytest

from service.adapters.recovery import cell, row, write
from service.core.event import DAY, HOUR
from service.core.people import Contact, Hurt

AT = 1_800_000_000_000_000 // DAY * DAY
ANN = Hurt(
    customer="ann",
    broken=3,
    value=12_345,
    first_at=AT,
    last_at=AT + DAY,
    waiting=True,
    complained_at=AT + 2 * DAY,
    contact=Contact("i", "ann", "contacted", AT + 3 * DAY, "kim", "called"),
    yearly=900_000,
    segment="ideal",
)
COLUMNS = {
    "customer": "ann",
    "promises_broken": 3,
    "value": 123.45,
    "yearly_value": 9000.0,
    "segment": "ideal",
    "first_broken_at": "2027-01-15T00:00:00Z",
    "last_broken_at": "2027-01-16T00:00:00Z",
    "still_waiting": True,
    "settled_late": False,
    "outcome_unknown": False,
    "complained_at": "2027-01-17T00:00:00Z",
    "contact_state": "contacted",
    "contacted_at": "2027-01-18T00:00:00Z",
    "contacted_by": "kim",
    "note": "called",
}


def written(of: Hurt, form: str, **more: object) -> str:
    out = io.StringIO()
    identified = bool(more)
    write([row(of, 2, more or None)], out, "csv" if form == "csv" else "json", identified=identified)  # type: ignore[arg-type]  # texts by name
    return out.getvalue()


def test_each_column_is_what_it_says() -> None:
    assert json.loads(written(ANN, "json")) == COLUMNS
    [line] = csv.DictReader(io.StringIO(written(ANN, "csv").lstrip("\N{ZERO WIDTH NO-BREAK SPACE}")))
    said = {True: "yes", False: "no"}
    assert line == {
        name: said.get(value, str(value)) if value in {True, False} else str(value) for name, value in COLUMNS.items()
    }


def test_of_whom_nothing_more_is_known_the_cells_are_empty_and_there_is_somebody_to_contact() -> None:
    found = json.loads(written(Hurt("bob", 1, 0, AT, AT), "json"))
    empty = {"yearly_value", "segment", "complained_at", "contacted_at", "contacted_by", "note"}
    assert {name for name, value in found.items() if value is None} == empty
    assert found["contact_state"] == "to_contact"


@pytest.mark.parametrize(("field", "column"), [("settled_late", "settled_late"), ("unknown", "outcome_unknown")])
def test_who_waits_no_more_is_told_apart(field: str, column: str) -> None:
    found = json.loads(written(Hurt("bob", 1, 0, AT, AT + HOUR, **{field: True}), "json"))  # type: ignore[arg-type]  # a flag by name
    flags = {"still_waiting", "settled_late", "outcome_unknown"}
    assert {name for name in flags if found[name]} == {column}


def test_an_id_is_there_where_it_was_joined_back_only() -> None:
    assert "customer_id" not in json.loads(written(ANN, "json"))
    assert json.loads(written(ANN, "json", ann="A-17"))["customer_id"] == "A-17"


@pytest.mark.parametrize(
    "text", ["=1+1", "+49", "-2", "@x", "\t=1", "\r=1", "\n=1", "|x", "%x", "  =1", "\N{FULLWIDTH EQUALS SIGN}1"]
)
def test_what_a_spreadsheet_would_take_for_a_formula_is_text(text: str) -> None:
    assert cell(text) == "'" + text
    assert cell("plain " + text) == "plain " + text
    # A number of ours stays one.
    assert cell(-2.5) == "-2.5"
