"""`momentwatch export` and `momentwatch forget`, on a store that a service left behind."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from typing import TYPE_CHECKING

import pytest

from service.adapters.store import open_store
from service.cli.main import main
from service.core.event import DAY, HOUR, Complaint, instant
from service.core.interruption import Change
from service.core.people import Contact
from tests.adapters.store.scene import MOMENTS, T0, Reader, judgement, opened, outcome

if TYPE_CHECKING:
    from pathlib import Path

IT = opened()
EVIL = "=HYPERLINK(1)"
KEY, NEWER = "k" * 32, "n" * 32


class Place:
    """A folder with settings and a SQLite store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "momentwatch.yaml"
        self.url = f"sqlite:///{folder}/momentwatch.db"
        self.write("")
        store = open_store(self.url, MOMENTS, clock=lambda: T0)
        Reader(store).take(
            outcome(T0, "broken", customer="ann", value=10),
            outcome(T0 + HOUR, "broken", customer="ann", value=5),
            outcome(T0 + HOUR, "broken", customer=EVIL, value=99.5),
            outcome(T0 - HOUR, "broken", customer="before"),
            Complaint("c", instant(T0 + 2 * HOUR), "ann", "paid"),
        )
        store.save_judgement("paid", 0, judgement(T0 + DAY, Change("opened", T0, IT)), None, [])
        store.add_contacts([Contact(IT.id, "ann", "contacted", T0 + DAY, "kim", "+49 30")])
        store.close()

    def write(self, customers: str) -> None:
        self.settings.write_text(f"kafka: {{bootstrap_servers: [localhost:9]}}\n{customers}")

    def key(self, *keys: str, more: str = "") -> None:
        for number, key in enumerate(keys):
            (self.folder / f"key{number}").write_text(key)
        files = ", ".join(f"{{file: key{number}}}" for number in range(len(keys)))
        self.write(f"customers:\n  pseudonym_keys: [{files}]\n  identify_roles: [care]\n{more}")

    def run(self, command: str, *words: str) -> int:
        try:
            return main([command, *words, "--config", str(self.settings)])
        except SystemExit as ended:
            return int(ended.code or 0)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_csv_has_each_customer_once_and_no_formula(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert place.run("export", IT.id) == 0

    text = capfdbinary.readouterr().out.decode()
    assert [(row["customer"], row["promises_broken"], row["value"]) for row in rows(text)] == [
        ("'" + EVIL, "1", "99.5"),
        ("ann", "2", "15.0"),
    ]
    ann = rows(text)[1]
    assert (ann["contact_state"], ann["contacted_by"], ann["note"]) == ("contacted", "kim", "'+49 30")
    assert (ann["complained_at"], ann["still_waiting"]) == ("2013-01-01T02:00:00Z", "no")
    assert "customer_id" not in ann


def test_a_file_is_new_and_for_the_eyes_of_whoever_made_it(place: Place, tmp_path: Path) -> None:
    there = tmp_path / "list.csv"
    assert place.run("export", IT.id, "--output", str(there)) == 0
    assert stat.S_IMODE(there.stat().st_mode) == 0o600
    assert len(rows(there.read_text(encoding="utf-8"))) == 2
    assert place.run("export", IT.id, "--output", str(there)) == 2


def test_json_is_an_object_a_line_as_it_was(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert place.run("export", IT.id[:8], "--format", "json", "--state", "to_contact") == 0

    [line] = capfdbinary.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["customer"], found["value"], found["contact_state"]) == (EVIL, 99.5, "to_contact")


def test_what_is_exported_can_be_marked(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    mark = ("--mark", "contacted", "--by", "lee", "--note", "sent")
    assert place.run("export", IT.id, "--state", "to_contact", *mark) == 0
    capfdbinary.readouterr()
    assert place.run("export", IT.id, "--format", "json", "--state", "contacted") == 0

    found = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [(each["customer"], each["contacted_by"], each["note"]) for each in found] == [
        (EVIL, "lee", "sent"),
        ("ann", "kim", "+49 30"),
    ]
    store = open_store(place.url)
    entries = [(entry.by, entry.what, entry.note) for entry in store.audit()]
    assert [each for each in entries if each[1] == "contact"] == [("lee", "contact", "1 contacted")]
    assert [each[2] for each in entries if each[1] == "exported"] == ["2 customers", "1 customers"]
    store.close()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["x" * 8], 1, "there is no interruption 'xxxxxxxx'"),
        ([IT.id, "--note", "x"], 2, "--note goes with --mark"),
        ([IT.id, "--role", "care"], 2, "go with --identify"),
        ([IT.id, "--identify", "--role", "care"], 2, "needs --config with customers.pseudonym_keys"),
    ],
)
def test_what_will_not_do_is_said(
    place: Place, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("export", *words) == code
    assert said in capsys.readouterr().err


def test_pseudonyms_are_joined_back_by_role_and_with_a_trace(
    place: Place, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (place.folder / "crm.csv").write_text("customer,segment\nann,ideal\nbob,other\n")
    place.key(KEY)
    ids = ("--ids", str(place.folder / "crm.csv"))
    assert place.run("export", IT.id, "--identify", "--role", "intern", *ids) == 2
    assert b"may not join pseudonyms back; customers.identify_roles lets: care" in capfdbinary.readouterr().err

    assert place.run("export", IT.id, "--identify", "--role", "care", "--by", "kim", *ids) == 0

    found = rows(capfdbinary.readouterr().out.decode())
    assert [row["customer_id"] for row in found] == ["", "ann"]
    assert all(row["customer"].startswith("mw1.") for row in found)
    store = open_store(place.url)
    assert [(entry.by, entry.role, entry.what, entry.subject) for entry in store.audit()] == [
        ("kim", "care", "identified", IT.id)
    ]
    assert [row.customer for row in store.hurt([], "")] == []
    store.close()


def test_a_new_key_behind_the_old_keeps_who_is_who(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    ids = place.folder / "crm.csv"
    ids.write_text("customer\nann\n")
    identify = ("--identify", "--role", "care", "--ids", str(ids))
    place.key(KEY)
    assert place.run("export", IT.id, *identify) == 0
    before = rows(capfdbinary.readouterr().out.decode())
    place.key(KEY, NEWER)
    assert place.run("export", IT.id, *identify) == 0
    after = rows(capfdbinary.readouterr().out.decode())

    assert [row["customer_id"] for row in after] == [row["customer_id"] for row in before] == ["", "ann"]
    assert not {row["customer"] for row in after} & {row["customer"] for row in before}
    for keys in ((NEWER,), (KEY,), (NEWER, KEY)):
        place.key(*keys)
        assert place.run("export", IT.id, *identify) == 1
        assert b"does not begin with these" in capfdbinary.readouterr().err
    place.write("")
    assert place.run("forget", "ann") == 1


@pytest.mark.parametrize("keys", [(), (KEY,), (KEY, NEWER)])
def test_forget_takes_the_id_out_under_whatever_name(
    place: Place, keys: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if keys:
        place.key(*keys)
    monkeypatch.setattr("sys.stdin", io.StringIO("ann\n"))
    assert place.run("forget", "-", "--by", "dpo") == 0
    said = capsys.readouterr().out
    assert "forgotten-" in said
    assert "2 broken promises" in said

    held = re.findall(rb"(?<![a-z])ann(?![a-z])", (place.folder / "momentwatch.db").read_bytes())
    assert held == []
    assert place.run("forget", "nobody") == 0
    assert "Nothing was held" in capsys.readouterr().out
    assert place.run("forget", "") == 2
