"""PostgreSQL: away, frozen, killed in mid-commit, and shared by replicas."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url, select, text

from service.adapters.store import open_sql_store, open_store
from service.adapters.store.sql.database import Transaction
from service.adapters.store.sql.store import SqlStore
from service.adapters.store.sql.tables import outbox
from service.core.catalog import Catalog
from service.core.counting.changes import Changes
from service.core.counting.intake import Intake
from service.core.event import DAY, HOUR, Partition
from service.core.ports import StaleClaim, StoreAway, StoreBusy, StoreRefused
from tests.adapters.store.scene import (
    FOREVER,
    HERE,
    MOMENTS,
    T0,
    Reader,
    close,
    every_break,
    judgement,
    notice,
    outcome,
    promise,
    records,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from tests.harness.postgres import PostgresServer


@pytest.fixture
def replicas(postgres_url: str) -> Iterator[tuple[SqlStore, SqlStore]]:
    """Two processes' stores on one database."""
    first, second = (open_store(postgres_url, MOMENTS) for _ in range(2))
    assert isinstance(first, SqlStore)
    assert isinstance(second, SqlStore)
    yield first, second
    first.close()
    second.close()


def test_a_server_that_is_not_there_is_away_and_its_password_stays_secret() -> None:
    with pytest.raises(StoreAway) as away:
        open_store("postgresql://someone:s3cret@127.0.0.1:9/name")
    assert "someone:***@127.0.0.1:9/name cannot be reached now (Connection refused)" in str(away.value)
    assert "s3cret" not in str(away.value)


def test_a_password_is_asked_for_by_each_new_connection(postgres_servers: Callable[[], PostgresServer]) -> None:
    server = postgres_servers()
    url = make_url(server.create_database())
    folder = server._folder
    assert folder is not None
    with server._connect() as connection:
        connection.execute("CREATE ROLE watch LOGIN SUPERUSER PASSWORD 'first'")
    rules = folder / "data" / "pg_hba.conf"
    rules.write_text("host all watch 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    server.restart()
    said = ["first"]
    store = open_sql_store(url.set(username="watch").render_as_string(), MOMENTS, password=lambda: said[-1])
    with server._connect() as connection:
        connection.execute("ALTER ROLE watch PASSWORD 'second'")
    server.restart()

    with pytest.raises(StoreAway, match=r'cannot be reached now \(password authentication failed for user "watch"\)'):
        store.clocks()
    said.append("second")
    assert store.clocks() == []
    store.close()


def test_replicas_that_open_an_empty_database_at_once_make_one_schema(postgres_url: str) -> None:
    failures: list[Exception] = []

    def start() -> None:
        try:
            open_store(postgres_url).close()
        except Exception as error:  # noqa: BLE001  # whatever it is, the test shall show it
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []


def test_a_replica_that_lost_its_partition_is_refused(replicas: tuple[SqlStore, SqlStore]) -> None:
    zombie, heir = Reader(replicas[0]), Reader(replicas[1])
    heir.take(outcome(T0, "broken"))
    with pytest.raises(StaleClaim):
        zombie.take(outcome(T0, "broken"))
    assert len(every_break(replicas[0])) == 1


def test_one_replica_judges(replicas: tuple[SqlStore, SqlStore]) -> None:
    replicas[0].save_judgement("paid", 0, judgement(T0), None, [])
    with pytest.raises(StaleClaim):
        replicas[1].save_judgement("paid", 0, judgement(T0), None, [])


def test_a_promise_that_two_replicas_begin_at_once_is_begun_once(replicas: tuple[SqlStore, SqlStore]) -> None:
    first, second = replicas
    one, other = Reader(first, Partition("a", 0, "a")), Reader(second, Partition("b", 0, "b"))
    kept = outcome(T0 + HOUR, moment="delivered", key="k")
    changes = Changes()

    # The other looks, finds no promise, and is slow to write.
    with second.ingest(other.claim, ["delivered"], [("delivered", "k")]) as slow:
        Intake(Catalog(moments=MOMENTS)).take(other.partition, records([kept]), slow.view, changes)
        one.take(promise(T0, "k", T0 + DAY))
        with pytest.raises(StoreBusy):
            slow.save(changes, 1, other.claim.clock)
    other.take(kept)

    close(first, "delivered", T0 + 2 * DAY)
    assert every_break(first, "delivered") == []
    assert first.due("delivered", T0, FOREVER) == (0, 1)


def lose_the_answer(monkeypatch: pytest.MonkeyPatch, *, arrived: bool) -> None:
    """The next commit's answer is lost: the connection ends just after, or just before, the server does it."""
    commit = Transaction.commit

    def lost(self: Transaction) -> None:
        monkeypatch.setattr(Transaction, "commit", commit)
        connection = self.connection
        if arrived:
            connection.exec_driver_sql("COMMIT")
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with connection.engine.connect() as another:
            another.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        commit(self)

    monkeypatch.setattr(Transaction, "commit", lost)


def test_a_batch_whose_answer_was_lost_is_found_to_be_there(
    replicas: tuple[SqlStore, SqlStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replicas[0]
    reader = Reader(store)
    lose_the_answer(monkeypatch, arrived=True)

    reader.take(outcome(T0, "broken"))
    reader.take(outcome(T0 + 1, "broken"))

    assert [row.at for row in every_break(store)] == [T0, T0 + 1]
    assert store.claim(HERE).position == 2


def test_a_batch_that_was_lost_with_its_commit_can_be_written_again(
    replicas: tuple[SqlStore, SqlStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replicas[0]
    reader = Reader(store)
    lose_the_answer(monkeypatch, arrived=False)

    with pytest.raises(StoreBusy):
        reader.take(outcome(T0, "broken"))
    assert every_break(store) == []

    reader.take(outcome(T0, "broken"))
    assert [row.at for row in every_break(store)] == [T0]


def test_a_killed_server_is_away_and_is_found_again(postgres_servers: Callable[[], PostgresServer]) -> None:
    server = postgres_servers()
    store = open_store(server.create_database(), MOMENTS)
    reader = Reader(store)
    reader.take(outcome(T0, "broken"))
    server.kill()

    with pytest.raises(StoreAway):
        reader.take(outcome(T0 + 1, "broken"))
    with pytest.raises(StoreAway):
        store.clocks()

    server.start()
    again = Reader(store)
    assert again.position == 1
    again.take(outcome(T0 + 1, "broken"))
    assert len(every_break(store)) == 2
    store.close()


def test_a_lock_that_somebody_keeps_is_waited_for_only_so_long(
    replicas: tuple[SqlStore, SqlStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.adapters.store.sql.database._ATTEMPTS", 2)
    store, other = replicas
    reader = Reader(store)

    def impatient(connection: Connection) -> Any:
        connection.execute(text("SET LOCAL lock_timeout = 100"))
        return connection.execute(text("UPDATE moments SET closed_through = 5"))

    with store.ingest(reader.claim, ["paid"], []):
        started = time.monotonic()
        with pytest.raises(StoreBusy):
            other._database.write(impatient)
        assert time.monotonic() - started < 5


def test_limits_are_set_on_every_connection(replicas: tuple[SqlStore, SqlStore]) -> None:
    with replicas[0]._database.read() as connection:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert connection.scalar(text(f"SHOW {name}")) not in {"0", None}
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert connection.scalar(text("SHOW transaction_isolation")) == "repeatable read"
        assert connection.scalar(text("SHOW transaction_read_only")) == "on"


def test_what_cannot_be_stored_is_refused_without_repeating_it(replicas: tuple[SqlStore, SqlStore]) -> None:
    store = replicas[0]
    reader = Reader(store)
    for secret in (
        outcome(T0, "broken", customer="s3cret\x00"),
        outcome(T0, "broken", customer="s3cret\ud800"),
        outcome(T0, "broken", value=1e17),
    ):
        with pytest.raises(StoreRefused) as refused:
            reader.take(secret)
        assert "s3cret" not in str(refused.value)
        assert refused.value.__suppress_context__

    reader.take(outcome(T0, "broken"))
    assert len(every_break(store)) == 1


def test_batches_that_cross_do_not_deadlock(replicas: tuple[SqlStore, SqlStore]) -> None:
    readers = [Reader(store, Partition("x", number, "x")) for number, store in enumerate(replicas)]
    busy = 0

    def read(reader: Reader, step: int) -> None:
        nonlocal busy
        for _ in range(6):
            order = range(1500)[::step]
            try:
                reader.take(*(outcome(T0 + i, dimensions={"region": f"r{i}"}, id=f"{i}") for i in order))
            except StoreBusy:
                busy += 1

    threads = [threading.Thread(target=read, args=[r, s]) for r, s in zip(readers, (1, -1), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert busy == 0
    assert sum(totals.attempts for _, totals in replicas[0].totals("paid", T0, FOREVER, DAY)) == 2 * 6 * 1500


def test_a_sender_passes_over_the_row_that_another_is_taking(replicas: tuple[SqlStore, SqlStore]) -> None:
    first, second = replicas
    first.enqueue([notice("a"), notice("b")], T0)
    with first._database.transaction() as transaction:
        [row] = transaction.connection.execute(select(outbox).where(outbox.c.key == "a").with_for_update())
        # It does not wait: after twenty seconds it would have been told to give way.
        assert [leased.notice.key for leased in second.lease(T0, T0 + HOUR, 10)] == ["b"]
    assert [leased.row for leased in second.lease(T0, T0 + HOUR, 10)] == [row.id]
