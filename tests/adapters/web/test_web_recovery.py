"""The recovery list of an interruption: who is marked, by whom, and what is refused."""

from typing import Any

import pytest

from service.core.event import MINUTE, Event, Outcome
from service.core.people import place_of
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
