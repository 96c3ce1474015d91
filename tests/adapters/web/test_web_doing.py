"""Acting over HTTP: who may, from where, how often; and that nothing acts on GET."""

import hashlib
import ipaddress
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.adapters.metrics.meter import new_registry
from service.adapters.web.access.actor import READER
from service.adapters.web.access.gate import Gate, Proxy
from service.adapters.web.access.roles import Roles
from service.adapters.web.access.signing import Signer
from service.adapters.web.access.throttle import Throttle
from service.adapters.web.access.users import Users, hashed
from service.adapters.web.app import make_app
from service.adapters.web.settings import WebSettings
from service.core.catalog import Catalog, Moment, Owner
from service.core.event import HOUR, MINUTE, Event, Outcome
from service.core.handling import Action
from service.core.interruption import Change
from service.core.people import place_of
from service.core.ports import Judgement
from tests.adapters.web.conftest import Health
from tests.adapters.web.world import NOW, World, interruption, stamp

CATALOG = Catalog(
    owners={"ops": Owner("ops"), "rio": Owner("rio")},
    moments={"arrives": Moment("arrives", "ops"), "leaves": Moment("leaves", "rio")},
)
KEY = b"k" * 32
PASSWORD = "correct horse"
BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}


class Office:
    """Two open interruptions, and an app in front of them."""

    def __init__(self, gate: Gate | None = None, host: str = "127.0.0.1") -> None:
        self.world = World(CATALOG)
        self.rows = {}
        for name in CATALOG.moments:
            row = interruption(name, (), NOW - HOUR, NOW, level="high")
            self.rows[name] = row.id
            self.world.judge(name, Judgement(NOW, (Change("opened", NOW, row),)))
        self.store = self.world.store
        self.gate = gate or Gate(Signer((KEY,)))
        settings = WebSettings(clock="event", keep=0.0)
        app = make_app(self.store, lambda: CATALOG, new_registry(), Health(), settings, now=lambda: NOW, gate=self.gate)
        self.client = TestClient(app, base_url="http://127.0.0.1", client=(host, 50_000), follow_redirects=False)

    def csrf(self, path: str = "") -> str:
        page = self.client.get(path or f"/interruptions/{self.rows['arrives']}", headers=BROWSER).text
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
        return found[1] if found else ""

    def act(self, verb: str, moment: str = "arrives", headers: Any = None, **fields: str) -> Any:
        data = {"csrf": self.csrf(), "verb": verb} | fields
        return self.client.post(f"/interruptions/{self.rows[moment]}/actions", data=data, headers=headers or BROWSER)

    @property
    def done(self) -> list[tuple[str, str]]:
        return [(one.verb, one.by) for one in self.store.actions(self.rows["arrives"])]


@cache
def hash_of_password() -> str:
    """Made once: it is slow on purpose."""
    return hashed(PASSWORD)


def users(tmp_path: Path) -> Users:
    path = tmp_path / "users.yaml"
    secret = hashlib.sha256(b"program").hexdigest()
    path.write_text(
        f"""
ann: {{password: "{hash_of_password()}", role: responder, owners: [ops]}}
vic: {{password: "{hash_of_password()}"}}
root: {{password: "{hash_of_password()}", role: admin}}
robot: {{token_sha256: "{secret}", role: responder}}
"""
    )
    return Users(path)


@pytest.fixture
def asking(tmp_path: Path) -> Office:
    return Office(Gate(Signer((KEY,)), users(tmp_path)))


def login(office: Office, name: str = "ann", password: str = PASSWORD) -> int:
    answer = office.client.post("/login", data={"name": name, "password": password}, headers=BROWSER)
    return int(answer.status_code)


# --- on a page that asks nobody ---


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


# --- the link in a notice ---


def test_a_link_shows_one_button_and_the_button_acknowledges() -> None:
    office = Office()
    token = office.gate.signer.link(office.rows["arrives"], "pager")
    page = office.client.get(f"/acknowledge/{token}")
    assert page.text.count("<button") == 1
    answer = office.client.post(f"/acknowledge/{token}", headers=BROWSER)
    assert "It is yours" in answer.text
    assert office.done == [("acknowledge", "whoever reads pager")]


def test_a_link_is_not_pressed_without_end() -> None:
    office = Office(Gate(Signer((KEY,)), writes=Throttle(2, 1)))
    token = office.gate.signer.link(office.rows["arrives"], "pager")
    pressed = [office.client.post(f"/acknowledge/{token}", headers=BROWSER).status_code for _ in range(3)]
    assert pressed == [200, 200, 429]


@pytest.mark.parametrize("broken", ["", "x", "changed"])
def test_a_link_that_is_not_ours_is_gone(broken: str) -> None:
    office = Office()
    token = Signer((b"o" * 32,)).link(office.rows["arrives"], "pager") if broken == "changed" else f"{broken}nonsense"
    assert office.client.get(f"/acknowledge/{token}").status_code == 410
    assert office.client.post(f"/acknowledge/{token}").status_code == 410
    assert office.done == []


def test_a_link_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office()
    token = office.gate.signer.link(office.rows["arrives"], "pager")
    monkeypatch.setattr("service.adapters.web.access.signing.LINK_S", -1)
    assert office.client.get(f"/acknowledge/{token}").status_code == 410


def test_keys_change_without_breaking_what_was_signed() -> None:
    old, new = Signer((KEY,)), Signer((KEY, b"n" * 32))
    assert new.link_of(old.link("i", "t")) is not None
    assert old.link_of(new.link("i", "t")) is None
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Signer((b"short",))


# --- log-in ---


def test_nobody_reads_before_saying_who_it_is(asking: Office) -> None:
    answer = asking.client.get("/interruptions", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?to=/interruptions")
    assert asking.client.get("/api/v1/interruptions").status_code == 401
    assert asking.client.get("/healthz").status_code == 200


def test_a_user_logs_in_acts_on_what_is_theirs_and_logs_out(asking: Office) -> None:
    assert login(asking) == 303
    assert asking.act("acknowledge").status_code == 303
    assert asking.done == [("acknowledge", "ann")]
    assert asking.act("acknowledge", "leaves").status_code == 403
    assert asking.client.post("/logout", data={"csrf": asking.csrf()}, headers=BROWSER).status_code == 303
    assert asking.client.get("/", headers=BROWSER).status_code == 303


def test_a_viewer_only_reads(asking: Office) -> None:
    login(asking, "vic")
    assert asking.client.get("/").status_code == 200
    assert asking.act("acknowledge").status_code == 403


def test_a_session_ends_when_the_user_is_removed(asking: Office, tmp_path: Path) -> None:
    login(asking)
    path = tmp_path / "users.yaml"
    path.write_text(path.read_text().replace("ann:", "anne:"))
    assert asking.client.get("/", headers=BROWSER).status_code == 303


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody", PASSWORD), ("robot", "program"), ("", "")])
def test_a_wrong_password_lets_nobody_in(name: str, password: str, asking: Office) -> None:
    assert login(asking, name, password) == 401
    assert "set-cookie" not in asking.client.get("/login").headers


def test_passwords_are_not_tried_without_end(asking: Office) -> None:
    assert [login(asking, "ann", "wrong") for _ in range(7)] == [401] * 5 + [429] * 2
    assert login(asking) == 429


def test_a_log_in_leads_nowhere_else(asking: Office) -> None:
    for to in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
        data = {"name": "root", "password": PASSWORD, "to": to}
        asking.gate.logins = Throttle(50, 50)
        assert asking.client.post("/login", data=data, headers=BROWSER).headers["location"] == "/"


def test_a_program_acts_with_its_token_and_needs_no_form(asking: Office) -> None:
    path = f"/api/v1/interruptions/{asking.rows['arrives']}/actions"
    for token, status in (("program", 200), ("else", 401)):
        headers = {"authorization": f"Bearer {token}"}
        assert asking.client.post(path, json={"verb": "acknowledge"}, headers=headers).status_code == status
    assert asking.done == [("acknowledge", "robot")]


def test_a_bad_users_file_names_the_user_and_never_the_password(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    path.write_text("ann: {password: hunter2, role: responder}\n")
    with pytest.raises(Exception, match=r"ann\.password") as error:
        Users(path).check()
    assert "hunter2" not in str(error.value)


def test_a_proxy_is_believed_only_from_its_address() -> None:
    proxy = Proxy((ipaddress.ip_network("10.0.0.0/8"),), roles=Roles(responders=frozenset({"ops"})))
    gate = Gate(Signer((KEY,)), proxy=proxy)
    headers = {"x-forwarded-user": "ann", "x-forwarded-groups": "staff, ops", **BROWSER}
    assert Office(gate, "10.1.2.3").client.get("/", headers=headers).status_code == 200
    assert Office(gate, "192.168.1.1").client.get("/", headers=headers).status_code == 401
    inside = Office(gate, "10.1.2.3")
    assert inside.client.get("/", headers=BROWSER).status_code == 401
    inside.client.headers.update(headers)
    assert inside.act("acknowledge").status_code == 303
    assert inside.done == [("acknowledge", "ann")]


def test_changes_come_only_so_often() -> None:
    office = Office(Gate(Signer((KEY,)), writes=Throttle(2, 1)))
    assert [office.act("annotate", note="x").status_code for _ in range(4)] == [303, 303, 429, 429]


def test_a_throttle_fills_up_again_and_forgets_the_oldest() -> None:
    now = [0.0]
    throttle = Throttle(2, 60, clock=lambda: now[0])
    assert [throttle.takes("a") for _ in range(3)] == [True, True, False]
    now[0] = 1.0
    assert [throttle.takes("a"), throttle.takes("a")] == [True, False]


# --- silences and the API ---


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


def test_programs_read_interruptions_their_audit_and_why_people_were_told() -> None:
    office = Office()
    office.act("acknowledge")
    api = "/api/v1/interruptions"
    rows = office.client.get(api).json()
    assert {row["moment"] for row in rows} == {"arrives", "leaves"}
    one = office.client.get(f"{api}/{office.rows['arrives']}").json()
    assert one["handling"]["acknowledged_by"] == "somebody here"
    assert [row["verb"] for row in office.client.get(f"{api}/{one['id']}/actions").json()] == ["acknowledge"]
    assert office.client.get(f"{api}/{one['id']}/decisions").json() == []
    assert office.client.get(api, params={"moment": "leaves", "open_only": True}).json()[0]["moment"] == "leaves"
    assert office.client.get(f"{api}/nothing").status_code == 404
    assert office.client.get(api, params={"limit": 501}).status_code == 422


def test_programs_read_the_recovery_list_by_role_and_each_look_is_in_the_audit(asking: Office) -> None:
    identity = asking.rows["arrives"]
    path = f"/api/v1/interruptions/{identity}"
    assert asking.client.get(f"{path}/customers").status_code == 401
    headers = {"authorization": "Bearer program"}
    csv = asking.client.get(f"{path}/customers", params={"format": "csv"}, headers=headers)
    assert csv.status_code == 200
    assert csv.text.splitlines()[0].lstrip("\ufeff").startswith("customer,promises_broken,value")
    assert asking.client.get("/api/v1/interruptions/nothing/customers", headers=headers).status_code == 404
    wrong = asking.client.post(f"{path}/contacts", json={"customers": ["eve"], "state": "contacted"}, headers=headers)
    assert (wrong.status_code, "1 of 1 were not hit" in wrong.json()["detail"]) == (422, True)
    [entry] = asking.store.audit()
    assert (entry.by, entry.what, entry.subject) == ("robot", "exported", identity)


def test_everything_that_programs_can_do_is_described() -> None:
    described = Office().client.get("/openapi.json").json()["paths"]
    assert {path for path in described if path.startswith("/api/")} == {
        "/api/v1/interruptions",
        "/api/v1/interruptions/{identity}",
        "/api/v1/interruptions/{identity}/actions",
        "/api/v1/interruptions/{identity}/contacts",
        "/api/v1/interruptions/{identity}/customers",
        "/api/v1/interruptions/{identity}/decisions",
        "/api/v1/decisions",
        "/api/v1/silences",
        "/api/v1/silences/{identity}/end",
    }


# --- what marks suggest ---


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


# --- the recovery list ---


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
