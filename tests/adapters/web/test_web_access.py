"""Who is let in: signed links, log-in, a proxy in front, and how often anything may be tried."""

import ipaddress
from pathlib import Path

import pytest

from service.adapters.web.access.gate import Gate, Proxy
from service.adapters.web.access.roles import Roles
from service.adapters.web.access.signing import Signer
from service.adapters.web.access.throttle import Throttle
from service.adapters.web.access.users import Users
from tests.adapters.web.office import BROWSER, KEY, PASSWORD, Office, login


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
