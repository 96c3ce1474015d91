"""The books balance whatever happened, and a row too many or too few is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from service.adapters.store.sql.reconciling import accounts
from service.adapters.store.sql.store import SqlStore
from service.cli.main import main
from service.core.counting.changes import Changes, Gap
from service.core.event import HOUR, Partition
from service.core.keeping import Which
from tests.adapters.store.scene import HERE, T0, Reader, close, outcome, promise, records
from tests.adapters.store.test_graves import bury, exhumed, payload
from tests.adapters.store.test_restating import EVENTS, fed, replay

if TYPE_CHECKING:
    from pathlib import Path

    from service.core.ports import Store


@pytest.fixture
def store(lasting_store: Store) -> SqlStore:
    assert isinstance(lasting_store, SqlStore)
    return lasting_store


def wrong(store: SqlStore) -> list[tuple[str, str, int]]:
    return [(row.of, row.what, row.difference) for row in accounts(store._database) if row.difference]


def test_whatever_happened_nothing_differs(store: SqlStore) -> None:
    reader = fed(store, EVENTS)
    reader.take(promise(T0 + HOUR, "late", T0 + 2 * HOUR), outcome(T0, "broken", id="late"))
    bury(reader, payload(1), payload(2), payload(3), b"no JSON")
    exhumed(store).run(Which(numbers=(1,)))
    store.graves().purge(Which(), 1)
    store.forget("c3", by="me", at=T0)
    reader = Reader(store)
    reader.take(outcome(T0 + 40 * HOUR, "broken", id="next"))
    inside = [record for record in records(EVENTS) if T0 <= record.at < T0 + HOUR]
    replay(store, inside[:2], place=HERE)
    close(store, "paid", T0 + 41 * HOUR)

    lines = accounts(store._database)

    assert wrong(store) == []
    assert {row.of for row in lines} == {"events[0]", "paid", "delivered"}
    assert len(lines) == 7


def test_what_was_read_anew_after_a_log_was_cut_back_was_passed_twice(store: SqlStore) -> None:
    fed(store, EVENTS)
    claim = store.claim(HERE)
    read = claim.position or 0
    with store.ingest(claim, [], []) as transaction:
        transaction.save(Changes(gaps=[Gap(HERE, read, read - 2, T0, T0, T0)]), read - 2, claim.clock)
    assert wrong(store) == []
    store._database.write(lambda connection: connection.execute(text("DELETE FROM gaps")))
    assert [what for _, what, _ in wrong(store)] == ["read ≤ offsets passed"]


def test_places_that_a_topic_made_anew_no_longer_has_stay_in_the_books(store: SqlStore) -> None:
    old, new = [Partition("events", number, "id-1") for number in range(3)], Partition("events", 0, "id-2")
    for place in old:
        Reader(store, place).take(outcome(T0, id=f"{place.number}"), outcome(T0 + 1, "broken", id=f"{place.number}b"))
    store.retire(old, [new])
    Reader(store, new).take(outcome(T0 + HOUR))

    read = {row.of: row.left for row in accounts(store._database) if row.what.startswith("read =")}
    assert read == {**dict.fromkeys((f"events[{n}] (made anew since)" for n in range(3)), 2), "events[0]": 1}
    assert wrong(store) == []


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE counts SET n = n + 1 WHERE name = 'read'", "read = accepted"),
        ("DELETE FROM dead_letters", "dead letters = counted"),
        ("UPDATE partitions SET first = first + 5", "read ≤ offsets"),
        ("DELETE FROM breaks WHERE moment = 'paid'", "broken in the windows"),
        ("UPDATE tallies SET arrivals = arrivals + 1 WHERE moment = 'paid'", "events in the windows"),
    ],
)
def test_a_row_too_many_or_too_few_is_named(store: SqlStore, sql: str, named: str) -> None:
    reader = fed(store, EVENTS)
    bury(reader, payload(1))
    assert wrong(store) == []
    store._database.write(lambda connection: connection.execute(text(sql)))
    assert any(what.startswith(named) for _, what, _ in wrong(store))


def test_the_command_ends_with_1_where_something_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from service.adapters.store import open_sql_store
    from tests.adapters.store.scene import MOMENTS

    url = f"sqlite:///{tmp_path}/store.db"
    store = open_sql_store(url, MOMENTS)
    assert main(["reconcile", "--url", url]) == 0
    assert "nothing was read yet" in capsys.readouterr().out
    fed(store, EVENTS)
    assert main(["reconcile", "--url", url]) == 0
    assert "7 lines, no difference" in capsys.readouterr().out
    store._database.write(lambda connection: connection.execute(text("DELETE FROM breaks")))
    assert main(["reconcile", "--url", url]) == 1
    assert "DIFFERS paid" in capsys.readouterr().out
    assert main(["reconcile", "--url", url, "--format", "json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["difference"] for line in lines if line["difference"]] == [2, 2]
    store.close()
    assert main(["db", "vacuum", "--url", url]) == 0
    assert "MB →" in capsys.readouterr().out
    assert main(["db", "downgrade", "--to", "0001", "--url", url]) == 1
    assert "say --yes" in capsys.readouterr().err
    assert main(["db", "downgrade", "--to", "0001", "--yes", "--url", url]) == 0
    assert "→ 0001" in capsys.readouterr().out
    assert main(["db", "upgrade", "--url", url]) == 0


def test_vacuum_works_beside_whoever_works(store: SqlStore) -> None:
    fed(store, EVENTS)
    before, after = store._database.vacuum()
    assert before > 0
    assert after > 0
    assert wrong(store) == []
