"""`momentwatch digest`: a page on stdout, a mail sent once, or a reason why not."""

import argparse
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.adapters.catalog import load
from service.adapters.digest.notice import notice_key
from service.adapters.store import open_store
from service.app.digest import digesting
from service.cli import digest
from service.core.catalog import Catalog, Moment, Owner
from service.core.counting.changes import Changes, keys_of
from service.core.counting.intake import Intake
from service.core.counting.reach import Reach
from service.core.counting.watermark import PartitionClock
from service.core.event import HOUR, Outcome, Partition, Record
from service.core.telling.route import Message, Notice
from service.core.weekly.week import Week
from service.settings import load_settings
from tests.adapters.sender.receivers import smtp_server
from tests.adapters.web.world import stamp

RULES = """
apiVersion: momentwatch/v1
kind: Target
metadata: {{name: cco-mail}}
spec: {{url: {{file: {folder}/mail.url}}}}
---
apiVersion: momentwatch/v1
kind: Owner
metadata: {{name: ops}}
spec: {{targets: [cco-mail]}}
---
apiVersion: momentwatch/v1
kind: Moment
metadata: {{name: departs-on-time, title: Departs on time}}
spec: {{owner: ops, unit: flights}}
---
apiVersion: momentwatch/v1
kind: Source
metadata: {{name: flights}}
spec: {{topic: flights, clock: {clock}}}
"""
CONFIG = """
kafka: {{bootstrap_servers: ['localhost:9092']}}
database: {{url: 'sqlite:///{folder}/store.db'}}
rules: {folder}/rules
send: {{timeout: 5s, allow_hosts: [127.0.0.1]}}
"""
DIGEST = "digest: {to: [cco-mail], timezone: America/New_York, mission: We get you there.}\n"
MOMENTS = {"departs-on-time": Moment("departs-on-time", "ops", unit="flights")}


def configured(folder: Path, url: str = "json://127.0.0.1:1/", more: str = DIGEST, clock: str = "event") -> Path:
    (folder / "rules").mkdir()
    (folder / "mail.url").write_text(url, encoding="utf-8")
    (folder / "rules" / "all.yaml").write_text(RULES.format(folder=folder, clock=clock), encoding="utf-8")
    config = folder / "momentwatch.yaml"
    config.write_text(CONFIG.format(folder=folder) + more, encoding="utf-8")
    return config


def filled(folder: Path) -> str:
    """Two weeks of flights, every tenth late."""
    url = f"sqlite:///{folder}/store.db"
    store = open_store(url, MOMENTS)
    here = Partition("flights", 0)
    start = Week(2013, 15).start(ZONE)
    records = []
    for number in range(280):
        at = start + number * 3_600_000_000
        word = "broken" if number % 10 == 0 else "kept"
        event = Outcome(
            id=f"{number}",
            time=stamp(at),
            moment="departs-on-time",
            customer=f"AA{number}",
            outcome=word,  # type: ignore[arg-type]  # one of the words
        )
        records.append(Record(number, at, event))
    with store.ingest(store.claim(here), ["departs-on-time"], sorted(keys_of(records))) as transaction:
        changes = Changes()
        changes.counts.read = len(records)
        catalog = Catalog(owners={"ops": Owner("ops")}, moments=MOMENTS)
        Intake(catalog).take(here, records, transaction.view, changes)
        transaction.save(changes, len(records), PartitionClock(here, records[-1].at))
    store.close()
    return url


ZONE = ZoneInfo("America/New_York")


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    digest.add(parser.add_subparsers(dest="command"))
    parsed = parser.parse_args(["digest", *arguments])
    code: int = parsed.run(parsed)
    return code


def test_a_week_is_printed_from_a_store_and_its_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(tmp_path)
    rules = str(tmp_path / "rules")
    assert command("--week", "2013-W15", "--database", filled(tmp_path), "--rules", rules) == 0
    out = capsys.readouterr().out
    assert "Week 2013-W15: promise broken on 17 of 164 flights" in out
    assert "12 Decisions asked" in out


def test_the_settings_say_in_whose_time_a_week_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path)
    filled(tmp_path)
    assert command("--week", "2013-W15", "--config", str(config), "--format", "json") == 0
    page = json.loads(capsys.readouterr().out)
    assert (page["met"][0]["attempts"], page["met"][0]["broken"], page["mission"]) == (168, 17, "We get you there.")


def test_without_a_week_it_is_the_last_full_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path)
    filled(tmp_path)
    assert command("--config", str(config), "--format", "html") == 0
    html = capsys.readouterr().out
    assert html.startswith("<!doctype html>")
    assert "Week 2013-W15" in html


def test_a_week_of_which_nothing_is_known_has_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path)
    filled(tmp_path)
    assert command("--week", "1999-W01", "--config", str(config)) == 0
    assert "Week 1999-W01: nothing was seen" in capsys.readouterr().out


def test_it_prints_beside_a_running_service_and_leaves_the_sending_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    service = open_store(filled(tmp_path), MOMENTS)
    assert command("--week", "2013-W15", "--config", str(config)) == 0
    assert "17 of 168 flights" in capsys.readouterr().out
    assert command("--week", "2013-W15", "--config", str(config), "--send") == 2
    assert "A service that runs sends the page itself" in capsys.readouterr().err
    service.close()


def test_it_is_sent_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with smtp_server() as mailbox:
        url = f"mailto://127.0.0.1:{mailbox.port}/?from=watch@shop.example&to=cco@shop.example"
        config = configured(tmp_path, url)
        filled(tmp_path)
        assert command("--week", "2013-W15", "--config", str(config), "--send") == 0
        assert capsys.readouterr().out == "cco-mail: sent: taken for 1\n"
        assert command("--week", "2013-W15", "--config", str(config), "--send") == 0
        assert capsys.readouterr().out == "cco-mail: 2013-W15 was sent before, and is sent once\n"
        [mail] = mailbox.mails
    assert mail["Subject"] == "Week 2013-W15: promise broken on 17 of 168 flights"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "12. Decisions asked: Not known yet" in text
    assert "<h1" in html
    assert "We get you there." in html


def test_other_notices_are_left_to_the_service(tmp_path: Path) -> None:
    with smtp_server() as mailbox:
        url = f"mailto://127.0.0.1:{mailbox.port}/?from=watch@shop.example&to=cco@shop.example"
        config = configured(tmp_path, url)
        store = open_store(filled(tmp_path), MOMENTS)
        store.enqueue([Notice("k", "cco-mail", "opened", Message("k", "k", "HIGH", ("x",), "high"))], 1)
        store.close()
        assert command("--week", "2013-W15", "--config", str(config), "--send") == 0
        assert [mail["Subject"][:4] for mail in mailbox.mails] == ["Week"]
    store = open_store(f"sqlite:///{tmp_path}/store.db", MOMENTS)
    assert {row.notice.key: (row.state, row.attempts) for row in store.outbox()}["k"] == ("waiting", 0)
    store.close()


def test_what_could_not_be_sent_fails_and_stays_in_the_outbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    filled(tmp_path)
    assert command("--week", "2013-W15", "--config", str(config), "--send") == 1
    assert capsys.readouterr().out == "cco-mail: failed: no connection\n"
    assert command("--week", "2013-W15", "--config", str(config), "--send") == 1
    assert "is in the outbox already (waiting)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("week", "said"),
    [("2013-W54", "2013 has no week 54"), ("last", "such as 2013-W15"), ("2013-W16", "2013-W16 is not over yet")],
)
def test_a_week_that_cannot_be_sent_ends_with_2_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], week: str, said: str
) -> None:
    config = configured(tmp_path)
    filled(tmp_path)
    assert command("--week", week, "--config", str(config), "--send") == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--config FILE, or --database URL and --rules DIR"),
        (("--database", "sqlite:///x.db"), "--database URL and --rules DIR"),
        (("--database", "sqlite:///x.db", "--rules", "r", "--config", "c"), "leave --database and --rules away"),
        (("--database", "sqlite:///x.db", "--rules", "r", "--send"), "--send needs --config"),
    ],
)
def test_what_cannot_be_meant_ends_with_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--week", "2013-W15", *arguments) == 2
    assert said in capsys.readouterr().err


def test_settings_without_a_digest_cannot_send(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path, more="")
    filled(tmp_path)
    assert command("--week", "2013-W15", "--config", str(config)) == 0
    assert command("--week", "2013-W15", "--config", str(config), "--send") == 2
    assert "digest: {to: [cco-mail]}" in capsys.readouterr().err


def test_a_bad_catalogue_and_a_store_that_is_not_there_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    assert command("--week", "2013-W15", "--config", str(config)) == 2
    assert "no such file" in capsys.readouterr().err
    (tmp_path / "rules" / "all.yaml").write_text("kind: Nothing\n", encoding="utf-8")
    assert command("--week", "2013-W15", "--config", str(config)) == 2
    assert "all.yaml" in capsys.readouterr().err


def test_the_schedule_puts_the_same_page_into_the_outbox_that_the_command_would_send(tmp_path: Path) -> None:
    settings = load_settings(configured(tmp_path))
    store = open_store(filled(tmp_path), MOMENTS)
    monday = Week(2013, 16).start(ZONE) + 7 * HOUR
    with store.closing("departs-on-time") as closing:
        closing.save(Changes(), Reach(monday))
    weekly = digesting(store, load(settings.rules).catalog, settings, lambda: monday)
    assert weekly is not None
    assert weekly.tick() == 1
    [row] = store.outbox()
    assert row.notice.key == notice_key("2013-W15", "cco-mail")
    assert "We get you there." in row.notice.message.html
    store.close()
