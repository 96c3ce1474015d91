"""`momentwatch db`: what was in SQLite is in PostgreSQL, and goes on from there."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from sqlalchemy import text

from service.adapters.store import migrate, open_database, open_store
from service.adapters.store.copy import copy
from service.cli import db
from service.core.counting.changes import BlindSpan, Changes
from service.core.counting.duplicates import IdHorizon, id_hash
from service.core.event import DAY, HOUR, Complaint, DeadLetter, Partition, instant
from service.core.handling import Action
from service.core.interruption import Change
from service.core.people import Client, Contact, Place
from service.core.ports import StoreRefused
from service.core.standing import Snapshot
from service.core.telling.desk import Decision
from service.core.telling.silence import Silence
from tests.adapters.store.scene import (
    FOREVER,
    HERE,
    MOMENTS,
    T0,
    Reader,
    close,
    every_break,
    judgement,
    news,
    notice,
    opened,
    outcome,
    promise,
)

if TYPE_CHECKING:
    from pathlib import Path

    from service.core.ports import Store


def fill(store: Store) -> None:
    """Something in every table."""
    reader, horizon = Reader(store), IdHorizon()
    horizon.add(id_hash("a"), T0)
    changes = Changes(hashes=horizon.drain(), dead=[DeadLetter(HERE, 9, "not_json", "text", b"\x00\xff")])
    reader.take(
        *(outcome(T0 + i, "broken", id=f"{i}", customer=f"c{i}", value=i, duration_s=i) for i in range(50)),
        promise(T0, "k", T0 + DAY, dimensions={"region": "São Paulo"}),
        Complaint("c", instant(T0), "ann", "paid", text="nein"),
        changes=changes,
    )
    for moment in MOMENTS:
        close(store, moment, T0 + HOUR)
    snapshot = Snapshot(T0 + HOUR, "v1", {"n": [1.5]})
    done = judgement(T0 + HOUR, Change("opened", T0, opened()), learning=(1.0, 2.0))
    store.save_judgement("paid", 0, done, snapshot, [news("n")])
    store.enqueue([notice("n")], T0 + HOUR)
    store.save_desk(store.desk(), ["n"], [], [Decision(T0, "i", "default", "ops", "sent", "opened")], T0)
    store.act(Action("i", T0, "acknowledge", "ann"), [news("m")])
    store.put_silence(Silence("s", (), T0, T0 + HOUR, "ann", "known", T0))
    store.save_blind([BlindSpan("paid", T0, None, "away")])
    store.add_contacts([Contact(opened().id, "c1", "contacted", T0, "kim", "called")])
    store.list_clients([Client("c1", "ideal", 7)])
    store.forget("c2", by="dpo", at=T0)


def everything(store: Store) -> dict[str, Any]:
    """All that can be asked."""
    return {
        "breaks": every_break(store),
        "windows": list(store.windows("paid", None, FOREVER)),
        "due": store.due("delivered", T0, FOREVER),
        "counts": store.counts(),
        "complaints": store.complaints(None, T0, FOREVER),
        "dead": store.dead_letters(),
        "judged": store.judged("paid"),
        "status": store.status("paid"),
        "interruptions": store.interruptions(),
        "timeline": store.timeline(opened().id),
        "outbox": store.outbox(),
        "blind": store.blind("paid", 0, FOREVER),
        "news": store.news(9),
        "desk": store.desk(),
        "silences": store.silences(0),
        "handlings": store.handlings(["i"]),
        "actions": store.actions(None),
        "decisions": store.decisions(None),
        "clocks": store.clocks(),
        "claim": msgspec.structs.replace(store.claim(HERE), epoch=0),
        "hurt": store.hurt([Place("paid", (), T0, FOREVER)], opened().id),
        "audit": store.audit(),
    }


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    db.add(parser.add_subparsers())
    arguments = parser.parse_args(["db", *words])
    return db.run(arguments)


def test_a_copy_is_equal_and_goes_on(sqlite_url: str, postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(sqlite_url, MOMENTS)
    fill(store)
    before = everything(store)
    store.close()

    assert command("copy", "--from", sqlite_url, "--to", postgres_url) == 0
    assert "rows: sqlite:///" in capsys.readouterr().out

    store = open_store(postgres_url, MOMENTS)
    assert everything(store) == before
    # New rows are numbered after those that came along.
    fresh = Reader(store, Partition("other", 0, "o"))
    fresh.take(outcome(T0 + DAY, "broken"), Complaint("d", instant(T0)))
    assert store.enqueue([notice("new")], T0) == 1
    assert len(every_break(store)) == 51
    close(store, "delivered", T0 + 2 * DAY)
    assert [row.ref for row in every_break(store, "delivered")] == ["=k"]
    store.close()


def test_a_target_with_rows_is_refused_and_left_alone(
    sqlite_url: str, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(sqlite_url, MOMENTS)
    fill(store)
    store.close()
    store = open_store(postgres_url, MOMENTS)
    store.enqueue([notice("mine")], T0)
    store.close()

    assert command("copy", "--from", sqlite_url, "--to", postgres_url) == 1

    assert "is not empty: table moments has rows" in capsys.readouterr().err
    store = open_store(postgres_url, MOMENTS)
    assert [row.notice.key for row in store.outbox()] == ["mine"]
    assert store.clocks() == []
    store.close()


def test_what_does_not_arrive_whole_is_not_copied(sqlite_url: str, postgres_url: str) -> None:
    store = open_store(sqlite_url, MOMENTS)
    fill(store)
    store.close()
    with open_database(postgres_url) as target, open_database(sqlite_url) as source:
        migrate.upgrade(target)
        target.write(
            lambda c: c.execute(
                text(
                    "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
                    "'BEGIN NEW.value = 1; RETURN NEW; END';"
                    "CREATE TRIGGER spoil BEFORE INSERT ON breaks FOR EACH ROW EXECUTE FUNCTION spoil()"
                )
            )
        )
        with pytest.raises(StoreRefused, match="table breaks did not arrive whole"):
            copy(source, target)
        with target.read() as connection:
            assert connection.scalar(text("SELECT count(*) FROM partitions")) == 0


def test_upgrade_and_check_say_where_the_schema_is(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    open_database(sqlite_url).close()
    assert command("check", "--url", sqlite_url) == 1
    assert "the schema is at nothing" in capsys.readouterr().err
    assert command("upgrade", "--url", sqlite_url) == 0
    assert f"nothing → {migrate.head()}" in capsys.readouterr().out
    assert command("check", "--url", sqlite_url) == 0


def test_a_server_that_is_away_is_said_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check", "--url", "postgresql://ann:s3cret@127.0.0.1:9/x") == 1
    said = capsys.readouterr().err
    assert "ann:***@127.0.0.1:9/x" in said
    assert "s3cret" not in said


def test_the_database_may_be_named_by_the_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "momentwatch.yaml"
    settings.write_text(
        f"kafka: {{bootstrap_servers: ['localhost:9092']}}\ndatabase: {{url: 'sqlite:///{tmp_path}/x.db'}}\n"
    )
    assert command("upgrade", "--config", str(settings)) == 0
    assert (tmp_path / "x.db").exists()

    settings.write_text("kafka: 7\n")
    assert command("check", "--config", str(settings)) == 2
    assert f"{settings}:1" in capsys.readouterr().err
