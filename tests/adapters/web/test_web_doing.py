"""Acting by form: what it changes, what is refused, and that nothing acts on GET."""

import pytest

from service.adapters.web.access.actor import READER
from service.adapters.web.access.gate import Gate
from service.adapters.web.access.signing import Signer
from service.core.event import HOUR
from service.core.handling import Action
from service.core.interruption import Change
from service.core.standing import Judgement
from tests.adapters.web.office import BROWSER, KEY, Office, login
from tests.adapters.web.world import NOW, interruption


def test_a_form_acts_and_the_page_shows_it_at_once() -> None:
    office = Office()
    assert office.act("acknowledge").status_code == 303
    page = office.client.get(f"/interruptions/{office.rows['arrives']}").text
    assert "acknowledged" in page
    assert "somebody here" in page
    assert office.done == [("acknowledge", "somebody here")]


def test_help_is_asked_of_somebody_by_a_time() -> None:
    office = Office()
    assert office.act("ask", value="depot", note="count the vans", within="2h").status_code == 303
    page = office.client.get(f"/interruptions/{office.rows['arrives']}").text
    assert "depot, asked for “count the vans” by 17:04:" in page
    assert "asked depot for help: count the vans" in page, "in the timeline, too"


def test_a_changed_level_and_an_end_are_news() -> None:
    office = Office()
    office.act("level", value="low", note="a test order")
    office.act("resolve")
    assert [(news.what, news.interruption.moment) for news in office.store.news(9)] == [
        ("level_changed", "arrives"),
        ("resolved", "arrives"),
    ]


def test_what_is_opened_again_is_news() -> None:
    office = Office()
    office.act("resolve")
    office.act("reopen")
    assert [news.what for news in office.store.news(9)] == ["resolved", "reopened"]


def test_nothing_acts_on_get() -> None:
    office = Office()
    token = office.gate.signer.link(office.rows["arrives"], "pager")
    for path in (f"/acknowledge/{token}", f"/interruptions/{office.rows['arrives']}/actions", "/silences", "/logout"):
        office.client.get(path, headers=BROWSER)
    assert office.done == []


@pytest.mark.parametrize(
    ("headers", "csrf"),
    [
        (BROWSER, ""),
        (BROWSER, "0" * 64),
        ({"sec-fetch-site": "cross-site"}, None),
        ({"sec-fetch-site": "same-site"}, None),
        ({"origin": "https://evil.example"}, None),
        ({"origin": "null"}, None),
    ],
)
def test_a_request_that_another_page_made_is_refused(headers: dict[str, str], csrf: str | None) -> None:
    office = Office()
    token = office.csrf() if csrf is None else csrf
    data = {"csrf": token, "verb": "acknowledge"}
    answer = office.client.post(f"/interruptions/{office.rows['arrives']}/actions", data=data, headers=headers)
    assert (answer.status_code, office.done) == (403, [])


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"verb": "explode"}, 422, "verb: &#39;explode&#39; is not one; write acknowledge"),
        ({"verb": "level", "value": "huge", "note": "x"}, 409, "is not a level"),
        ({"verb": "reopen"}, 409, "Nobody has resolved it"),
        ({"verb": "annotate", "note": "x" * 2001}, 422, "note: has 2001 characters; write 2000 at most"),
        ({"verb": "annotate", "note": "a\x00b"}, 422, "note: holds control characters"),
        ({"verb": "ask", "value": "depot", "note": "x", "within": "soon"}, 422, "within: "),
    ],
)
def test_what_cannot_be_done_says_why(fields: dict[str, str], status: int, said: str) -> None:
    office = Office()
    answer = office.act(**fields)
    assert answer.status_code == status
    assert said in answer.text
    assert office.done == []


def test_event_text_and_notes_are_escaped() -> None:
    office = Office()
    office.act("annotate", note="<script>alert(1)</script>")
    page = office.client.get(f"/interruptions/{office.rows['arrives']}").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>" not in page


def test_a_page_on_the_network_without_a_log_in_only_reads() -> None:
    office = Office(Gate(Signer((KEY,)), anybody=READER))
    page = office.client.get(f"/interruptions/{office.rows['arrives']}")
    assert page.status_code == 200
    assert "I have it" not in page.text
    data = {"csrf": office.gate.signer.csrf("open"), "verb": "acknowledge"}
    answer = office.client.post(f"/interruptions/{office.rows['arrives']}/actions", data=data, headers=BROWSER)
    assert (answer.status_code, office.done) == (403, [])


def test_a_silence_is_made_and_ended_by_form() -> None:
    office = Office()
    form = {
        "csrf": office.csrf("/silences"),
        "matchers": 'moment="arrives"\nlevel=~"low|medium"',
        "reason": "a rebuild",
    }
    assert office.client.post("/silences", data=form | {"lasts": "2h"}, headers=BROWSER).status_code == 303
    [silence] = office.store.silences(NOW)
    assert (silence.ends - silence.starts, silence.author, len(silence.matchers)) == (2 * HOUR, "somebody here", 2)
    assert "a rebuild" in office.client.get("/silences").text
    path = f"/silences/{silence.id}/end"
    assert office.client.post(path, data={"csrf": form["csrf"]}, headers=BROWSER).status_code == 303
    assert office.store.silences(NOW) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"matchers": ""}, "matchers: none is given"),
        ({"matchers": "level"}, "matchers: &#39;level&#39; is not a matcher"),
        ({"reason": " "}, "reason: is empty"),
        ({"lasts": "60w"}, "is not between a moment and a year"),
        ({"lasts": "-1h"}, "lasts: "),
    ],
)
def test_a_silence_that_is_not_sound_is_refused(changed: dict[str, str], said: str) -> None:
    office = Office()
    form = {"csrf": office.csrf("/silences"), "matchers": "moment=a", "reason": "x", "lasts": "1h"}
    answer = office.client.post("/silences", data=form | changed, headers=BROWSER)
    assert answer.status_code == 422
    assert said in answer.text
    assert office.store.silences(0) == []


def test_a_responder_of_one_owner_silences_nobody_elses_notices(asking: Office) -> None:
    login(asking)
    assert "Make one" not in asking.client.get("/silences").text


def test_an_owners_page_says_what_the_marks_of_four_weeks_suggest() -> None:
    office = Office()
    for number in range(3):
        row = interruption("arrives", (("region", (f"r{number}",)),), NOW - HOUR, NOW - HOUR, level="high")
        office.world.judge("arrives", Judgement(NOW, (Change("opened", NOW - HOUR, row),)))
        office.store.act(Action(row.id, NOW, "mark", "ann", "noise"))
    page = office.client.get("/owners/ops").text
    assert "Marked noise 3 times in four weeks" in page
    assert "try false_alarm_interval: 180d (now 90d)" in page
    assert "What people&#39;s marks suggest" not in office.client.get("/owners/rio").text
