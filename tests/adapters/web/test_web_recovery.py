"""The recovery list of an interruption: who is marked, by whom, and what is refused."""

import csv
import io
import json
from typing import Any

import pytest

from service.core.event import DAY, HOUR, MINUTE, Complaint, Event, Outcome, Promise
from service.core.people import AuditEntry, place_of
from tests.adapters.web.office import BROWSER, Office, login
from tests.adapters.web.world import NOW, stamp


def hit(office: Office) -> str:
    """The interruption's page of customers, after three were let down."""
    events: list[Event] = [Outcome(f"b{n}", stamp(NOW - MINUTE), "arrives", f"c{n}", "broken") for n in range(3)]
    office.world.take(events)
    return f"/interruptions/{office.rows['arrives']}/people"


def states(office: Office) -> dict[str, int]:
    it = office.store.interruption(office.rows["arrives"])
    assert it is not None
    return {str(word): n for word, n in office.store.contact_counts([place_of(it, NOW)], it.id).items()}


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"customer": ["c1", "stranger"], "state": "contacted"}, 422, "1 of 2 were not hit by it"),
        ({"customer": [], "state": "contacted"}, 422, "nobody is chosen"),
        ({"customer": ["c1"], "state": "bribed"}, 422, "write to_contact, contacted, made_good"),
        ({"customer": ["c1"], "state": "contacted", "note": "x" * 2001}, 422, "note: has 2001 characters"),
        ({"customer": ["c1"], "state": "contacted", "csrf": "forged"}, 403, "page"),
    ],
)
def test_nobody_is_marked_by_a_form_that_is_wrong(fields: dict[str, Any], status: int, said: str) -> None:
    office = Office()
    path = hit(office)
    answer = office.client.post(path, data={"csrf": office.csrf()} | fields, headers=BROWSER)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert states(office) == {"to_contact": 3, "contacted": 0, "made_good": 0}


def test_who_is_chosen_is_marked_and_the_list_is_shown_where_it_was() -> None:
    office = Office()
    path = hit(office)
    data = {"csrf": office.csrf(), "customer": ["c0", "c2"], "state": "made_good", "tab": "to_contact", "page": "1"}
    answer = office.client.post(path, data=data, headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?page=1&state=to_contact")
    assert states(office) == {"to_contact": 1, "contacted": 0, "made_good": 2}
    assert "c0" not in office.client.get(answer.headers["location"]).text


def test_a_viewer_sees_no_buttons_and_marks_nobody(asking: Office) -> None:
    path = hit(asking)
    login(asking, "vic")
    page = asking.client.get(path).text
    assert "c1" in page
    assert "checkbox" not in page
    data = {"csrf": asking.csrf("/silences"), "customer": ["c1"], "state": "contacted"}
    assert asking.client.post(path, data=data, headers=BROWSER).status_code == 403
    assert states(asking)["to_contact"] == 3


# --- for programs ---

PROGRAM = {"authorization": "Bearer program"}


def read(office: Office, **asked: str) -> list[dict[str, Any]]:
    answer = office.client.get(
        f"/api/v1/interruptions/{office.rows['arrives']}/customers", params=asked, headers=PROGRAM
    )
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


def test_the_list_is_for_those_who_may_act_on_the_interruption(asking: Office) -> None:
    hit(asking)
    paths = {name: f"/api/v1/interruptions/{identity}" for name, identity in asking.rows.items()}
    marking = {"customers": ["c1"], "state": "contacted"}
    seen = {}
    for who in ("vic", "ann", "root"):
        login(asking, who)
        token = asking.csrf("/silences")
        for name, path in paths.items():
            got = asking.client.get(f"{path}/customers").status_code
            put = asking.client.post(f"{path}/contacts", json=marking, headers={"x-csrf-token": token}).status_code
            seen[who, name] = got, put
    # Ann answers for one of the two owners; of the other's moment nobody was hit, who is then no customer to mark.
    assert seen == {
        ("vic", "arrives"): (403, 403),
        ("vic", "leaves"): (403, 403),
        ("ann", "arrives"): (200, 200),
        ("ann", "leaves"): (403, 403),
        ("root", "arrives"): (200, 200),
        ("root", "leaves"): (200, 422),
    }


def test_a_contact_has_its_state_its_author_its_time_and_its_note(asking: Office) -> None:
    hit(asking)
    path = f"/api/v1/interruptions/{asking.rows['arrives']}/contacts"
    for customers, state, note in ((["c0", "c2"], "contacted", "rang"), (["c2"], "made_good", "flowers")):
        wanted = {"customers": customers, "state": state, "note": note}
        answer = asking.client.post(path, json=wanted, headers=PROGRAM)
        assert (answer.status_code, answer.json()) == (200, {"marked": len(customers)})

    names = ("contact_state", "contacted_by", "note", "contacted_at")
    found = {row["customer"]: tuple(row[name] for name in names) for row in read(asking)}
    assert found == {
        "c0": ("contacted", "robot", "rang", "2017-12-15T15:04:00Z"),
        "c1": ("to_contact", None, None, None),
        "c2": ("made_good", "robot", "flowers", "2017-12-15T15:04:00Z"),
    }
    assert [row["customer"] for row in read(asking, state="contacted")] == ["c0"]
    assert [row["customer"] for row in read(asking, limit="1", offset="1")] == ["c1"]
    trace = [entry for entry in asking.store.audit() if entry.what == "contact"]
    identity = asking.rows["arrives"]
    assert trace == [
        AuditEntry(NOW, "robot", "responder", "contact", identity, "1 made_good"),
        AuditEntry(NOW, "robot", "responder", "contact", identity, "2 contacted"),
    ]
    assert next(entry.note for entry in asking.store.audit() if entry.what == "exported") == "1 customers"


def test_who_still_waits_and_who_complained_is_told_first_those_who_wait() -> None:
    office = Office()
    events: list[Event] = [
        Outcome("b", stamp(NOW - MINUTE), "arrives", "told", "broken", value=900.0),
        Promise("p", stamp(NOW - DAY), "arrives", "waits", "k", stamp(NOW - HOUR + MINUTE), 5.0),
        Complaint("x", stamp(NOW - 1), "told", "arrives"),
    ]
    office.world.take(events)
    office.world.close("arrives", NOW)
    rows = read(office)
    assert [(row["customer"], row["still_waiting"], row["complained_at"]) for row in rows] == [
        ("waits", True, None),
        ("told", False, "2017-12-15T15:03:59Z"),
    ]


def test_a_formula_in_what_an_event_or_a_person_wrote_is_text_in_the_answer() -> None:
    office = Office()
    office.world.take([Outcome("b", stamp(NOW - MINUTE), "arrives", "=1+1", "broken")])
    path = f"/api/v1/interruptions/{office.rows['arrives']}"
    wanted = {"customers": ["=1+1"], "state": "contacted", "note": "@SUM(A1)"}
    token = {"x-csrf-token": office.csrf()}
    assert office.client.post(f"{path}/contacts", json=wanted, headers=token).json() == {"marked": 1}
    answer = office.client.get(f"{path}/customers", params={"format": "csv"})
    [row] = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert (row["customer"], row["note"]) == ("'=1+1", "'@SUM(A1)")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert read(office)[0]["customer"] == "=1+1"
