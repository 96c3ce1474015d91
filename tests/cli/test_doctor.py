"""`momentwatch doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from service.adapters.store import open_store
from service.cli.main import main
from service.core.counting.changes import Changes, Counts, Gap
from service.core.event import Partition
from service.core.telling.route import Message, Notice
from tests.e2e.events import MOMENT, OWNER, source
from tests.e2e.running import kafka_at, write_catalogue
from tests.harness.process import free_port

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.harness.kafka import KafkaBroker

SECRET = "a-secret-token"


def configured(folder: Path, kafka: dict[str, object], *topics: str, **more: object) -> str:
    (folder / "target.url").write_text(f"jsons://example.org/{SECRET}")
    target = {"kind": "Target", "name": "desk", "url": {"file": str(folder / "target.url")}}
    sources = [source(topic) | {"name": f"s{number}"} for number, topic in enumerate(topics)]
    rules = write_catalogue(
        folder / "rules",
        OWNER | {"targets": ["desk"]},
        target,
        MOMENT | {"runbook_url": "https://example.org"},
        *sources,
    )
    config = folder / "momentwatch.yaml"
    url = f"sqlite:///{folder}/store.db"
    web = {"port": free_port()}
    config.write_text(json.dumps({"rules": str(rules), "database": {"url": url}, "kafka": kafka, "web": web} | more))
    return str(config)


def test_all_is_well(tmp_path: Path, kafka_broker: KafkaBroker, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path, kafka_at(kafka_broker.bootstrap_servers), kafka_broker.create_topic(partitions=3))
    open_store(f"sqlite:///{tmp_path}/store.db").close()

    assert main(["doctor", "--config", config]) == 0

    out = capsys.readouterr().out
    words = [line.split()[0] for line in out.splitlines() if line and not line.startswith((" ", "nothing"))]
    assert set(words) == {"ok"}, out
    for seen in ("3 partitions", "can be a member", "schema 1.", "target desk", "1 moment,", "clock", "page"):
        assert seen in out
    assert SECRET not in out
    assert "nothing to mend" in out


def test_each_trouble_has_its_remedy_and_hides_no_other(
    tmp_path: Path, kafka_broker: KafkaBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path, kafka_at(kafka_broker.bootstrap_servers), "no-such-topic")
    (tmp_path / "target.url").write_text("gopher://x")

    assert main(["doctor", "--config", config]) == 1

    out = capsys.readouterr().out
    assert "fail  topic no-such-topic: does not exist, or may not be seen\n      → create it" in out
    assert "warn  database" in out
    assert "→ momentwatch db upgrade makes it" in out
    assert "fail  target desk" in out
    assert "2 things to mend" in out


def test_brokers_out_of_reach_and_a_damaged_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path, kafka_at(f"127.0.0.1:{free_port()}"), "topic")
    open_store(f"sqlite:///{tmp_path}/store.db").close()
    file = tmp_path / "store.db"
    data = bytearray(file.read_bytes())
    data[8192:40960] = b"\xff" * 32768
    file.write_bytes(data)

    assert main(["doctor", "--config", config]) == 1

    out = capsys.readouterr().out
    assert "fail  brokers 127.0.0.1" in out
    assert "→ check kafka.bootstrap_servers" in out
    assert "fail  database" in out


def test_a_bad_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", str(tmp_path / "none.yaml")]) == 1
    assert "fail  settings" in capsys.readouterr().out
    config = configured(tmp_path, kafka_at(f"127.0.0.1:{free_port()}"))
    (tmp_path / "rules" / "catalogue.yaml").write_text("kind: Nonsense\n")
    assert main(["doctor", "--config", config]) == 1
    assert "fail  catalogue" in capsys.readouterr().out


def test_the_clock_is_compared_with_the_servers_and_who_may_not_write_is_told(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from service.adapters.store import examined
    from service.app import doctor

    open_store(postgres_url).close()
    seen = examined(postgres_url)
    assert seen.clock is not None
    behind = seen._replace(clock=seen.clock - 60, writable=False)
    monkeypatch.setattr(doctor, "examined", lambda _: behind)
    config = configured(tmp_path, kafka_at(f"127.0.0.1:{free_port()}"))
    assert main(["doctor", "--config", config]) == 1
    out = capsys.readouterr().out
    assert "s from the database's\n      → let both follow NTP" in out
    assert "warn  database: may not be written by whoever runs this\n      → run the doctor as the" in out


def test_what_the_books_say_is_on_the_page(
    tmp_path: Path, kafka_broker: KafkaBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path, kafka_at(kafka_broker.bootstrap_servers), kafka_broker.create_topic())
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    claim = store.claim(Partition("shop", 2, "id"))
    changes = Changes(gaps=[Gap(claim.partition, 10, 32, 1_700_000_000_000_000, None, 0)], counts=Counts(read=3))
    with store.ingest(claim, (), ()) as transaction:
        transaction.save(changes, 35, claim.clock)
    message = Message("k", "k", "title", ("line",), "high")
    store.enqueue([Notice("k", "desk", "opened", message)], 1_700_000_000_000_000)
    store.close()

    assert main(["doctor", "--config", config]) == 1

    out = capsys.readouterr().out
    assert "fail  books: 3 read, 0 dead letters, 0 duplicates: +3 unaccounted for" in out
    assert "warn  gaps: 22 records gone before they were read, last noticed 2023-11-14T22:13:20Z on shop[2]" in out
    assert "fail  notices: 1 not sent for minutes, to desk" in out
