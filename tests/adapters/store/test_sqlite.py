"""SQLite: one process, one writer, nothing lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, text

from service.adapters.store import examined, open_store
from service.adapters.store.sql.sqlite import SqliteDatabase
from service.adapters.store.sql.store import SqlStore
from service.core.counting.changes import Changes
from service.core.event import HOUR
from service.core.ports import StoreAway, StoreRefused
from tests.adapters.store.scene import FOREVER, HERE, MOMENTS, T0, Reader, close, every_break, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url, MOMENTS)
    assert isinstance(store, SqlStore)
    yield store
    store.close()


def test_a_second_process_is_refused_with_file_and_remedy(sqlite_store: SqlStore, sqlite_url: str) -> None:
    program = f"from service.adapters.store import open_store; open_store({sqlite_url!r})"

    second = subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-c", program], capture_output=True, check=False, text=True, timeout=60
    )

    assert second.returncode == 1
    said = second.stderr.splitlines()[-1]
    path = sqlite_url.removeprefix("sqlite:///")
    assert "StoreRefused" in said
    assert f"{path} is in use by another process (pid " in said
    assert f"lock {path}.lock" in said
    assert "stop the other one, or use PostgreSQL" in said


def test_a_second_opening_in_one_process_is_refused_until_the_first_is_closed(sqlite_url: str) -> None:
    first = open_store(sqlite_url)
    with pytest.raises(StoreRefused):
        open_store(sqlite_url)
    first.close()
    open_store(sqlite_url).close()


def test_what_is_put_together_is_one_commit_and_a_part_that_is_not_saved_is_none_of_it(sqlite_store: SqlStore) -> None:
    commits: list[object] = []
    event.listen(sqlite_store._database.engine, "commit", commits.append)
    with sqlite_store.together():
        close(sqlite_store, "paid", T0)
        with sqlite_store.closing("delivered") as part:
            # Written, and then not committed.
            part._store.recorder.make_moments(part._transaction.connection, ["none such"])
        close(sqlite_store, "delivered", T0 + HOUR)
        assert commits == []

    assert len(commits) == 1
    assert [sqlite_store.status(name).closed_through for name in ("paid", "delivered")] == [T0, T0 + HOUR]
    with sqlite_store._database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM moments WHERE moment = 'none such'")).scalar() == 0


def test_one_failure_takes_back_all_that_is_put_together(sqlite_store: SqlStore) -> None:
    def fail() -> None:
        with sqlite_store.together():
            close(sqlite_store, "paid", T0)
            raise StoreAway("now")

    with pytest.raises(StoreAway):
        fail()
    assert sqlite_store.status("paid").closed_through is None
    close(sqlite_store, "paid", T0)
    assert sqlite_store.status("paid").closed_through == T0


def test_others_write_before_or_after_what_is_put_together(sqlite_store: SqlStore) -> None:
    other = threading.Thread(target=close, args=(sqlite_store, "delivered", T0))
    with sqlite_store.together():
        close(sqlite_store, "paid", T0)
        other.start()
        other.join(0.1)
        assert (other.is_alive(), sqlite_store.status("delivered").closed_through) == (True, None)
    other.join(10)
    assert sqlite_store.status("delivered").closed_through == T0


def test_reads_that_are_one_begin_once_and_nothing_is_written_among_them(sqlite_store: SqlStore) -> None:
    begun: list[object] = []
    event.listen(sqlite_store._database.readers, "begin", begun.append)
    with sqlite_store.reading():
        assert (sqlite_store.clocks(), sqlite_store.gaps(), sqlite_store.positions()) == ([], [], {})
        with pytest.raises(RuntimeError, match="among reads"):
            close(sqlite_store, "paid", T0)
    assert len(begun) == 1

    close(sqlite_store, "paid", T0)
    assert sqlite_store.status("paid").closed_through == T0
    assert len(begun) == 2


def test_what_was_stored_is_there_after_a_restart(sqlite_url: str) -> None:
    store = open_store(sqlite_url, MOMENTS)
    Reader(store).take(outcome(T0, "broken", value=3, dimensions={"region": "a"}))
    close(store, "paid", T0 + HOUR)
    before = (every_break(store), list(store.windows("paid", None, FOREVER)), store.counts(), store.clocks())
    store.close()

    store = open_store(sqlite_url, MOMENTS)
    assert (every_break(store), list(store.windows("paid", None, FOREVER)), store.counts(), store.clocks()) == before
    assert store.claim(HERE).position == 1
    store.close()


@pytest.mark.parametrize(("version", "mode"), [((3, 51, 2), "truncate"), ((3, 51, 3), "wal")])
def test_a_write_ahead_log_is_used_only_where_it_is_sound(
    version: tuple[int, int, int], mode: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    store = open_store(sqlite_url)
    assert isinstance(store, SqlStore)
    with store._database.engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == mode
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    store.close()


def test_readers_cannot_write(sqlite_store: SqlStore) -> None:
    with (
        pytest.raises(Exception, match="readonly"),
        sqlite_store._database.readers.connect() as connection,
    ):
        connection.execute(text("DELETE FROM counts"))


def test_a_transaction_inside_another_is_a_mistake_and_not_a_hang(sqlite_store: SqlStore) -> None:
    with (
        pytest.raises(RuntimeError, match="inside another"),
        sqlite_store.ingest(sqlite_store.claim(HERE), [], []),
    ):
        sqlite_store.retire([HERE])
    assert sqlite_store.claim(HERE).position is None


def test_a_transaction_holds_the_file_from_its_beginning(sqlite_store: SqlStore, sqlite_url: str) -> None:
    # What was read for a batch must still hold when the batch is written, whoever else opens the file.
    claim = sqlite_store.claim(HERE)
    stranger = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)
    with sqlite_store.ingest(claim, ["paid"], []), pytest.raises(sqlite3.OperationalError, match="locked"):
        stranger.execute("BEGIN IMMEDIATE")
    stranger.close()


def test_pages_are_read_while_a_batch_is_being_written(sqlite_store: SqlStore) -> None:
    reader = Reader(sqlite_store)
    reader.take(outcome(T0, "broken"))
    seen: list[int] = []

    def page() -> None:
        seen.append(len(every_break(sqlite_store)))

    with sqlite_store.ingest(reader.claim, ["paid"], []) as transaction:
        thread = threading.Thread(target=page)
        thread.start()
        thread.join(10)
        transaction.save(Changes(), 2, reader.claim.clock)

    assert seen == [1]


def test_a_full_disk_is_the_store_being_away_and_nothing_is_written(sqlite_store: SqlStore) -> None:
    reader = Reader(sqlite_store)
    reader.take(outcome(T0, "broken"))
    pages = sqlite_store._database.write(lambda c: c.scalar(text("PRAGMA page_count")))
    sqlite_store._database.write(lambda c: c.execute(text(f"PRAGMA max_page_count={pages}")))

    with pytest.raises(StoreAway):
        reader.take(*(outcome(T0 + i, "broken", customer="x" * 500) for i in range(500)))

    sqlite_store._database.write(lambda c: c.execute(text("PRAGMA max_page_count=1000000")))
    assert len(every_break(sqlite_store)) == 1
    reader.take(outcome(T0 + 1, "broken"))
    assert len(every_break(sqlite_store)) == 2


def test_what_cannot_be_stored_is_refused_without_repeating_it(sqlite_store: SqlStore) -> None:
    reader = Reader(sqlite_store)
    for secret in (outcome(T0, "broken", customer="s3cret\ud800"), outcome(T0, "broken", value=1e17)):
        with pytest.raises(StoreRefused) as refused:
            reader.take(secret)
        assert "s3cret" not in str(refused.value)
        assert refused.value.__suppress_context__

    reader.take(outcome(T0, "broken"))
    assert len(every_break(sqlite_store)) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "SQLite needs a file"),
        ("sqlite:///:memory:", "SQLite needs a file"),
        ("mysql://root:s3cret@host/x", "no store of that kind"),
        ("what is this s3cret", "cannot be read"),
        ("sqlite:////proc/no/where.db", "give a folder that can be written"),
    ],
)
def test_a_url_that_will_not_do_is_refused(url: str, words: str) -> None:
    with pytest.raises(StoreRefused, match=words) as refused:
        open_store(url)
    assert "s3cret" not in str(refused.value)


@contextmanager
def somebody_else() -> Iterator[None]:
    """Asked as an ordinary user, whom a file's mode binds; root may do anything."""
    mine = os.getuid()
    if mine == 0:
        os.setresuid(NOBODY, 0, 0)
    try:
        yield
    finally:
        os.setresuid(mine, -1, -1)


@pytest.mark.parametrize(
    ("file", "folder", "may"), [(0o666, 0o777, True), (0o444, 0o777, False), (0o666, 0o555, False)]
)
def test_who_may_not_write_the_file_or_its_folder_sees_that_without_trying(
    file: int, folder: int, *, may: bool
) -> None:
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite:///{place}/store.db"
        open_store(url).close()
        Path(place, "store.db").chmod(file)
        Path(place).chmod(folder)
        with somebody_else():
            seen = examined(url).writable
        Path(place).chmod(0o777)
    assert seen is may


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("name,value\n" * 1000)
    with pytest.raises(StoreRefused, match="is no SQLite file, or is damaged: name another, or restore"):
        open_store(f"sqlite:///{tmp_path}/x.db")


def test_statements_of_a_batch_do_not_grow_with_it(sqlite_store: SqlStore) -> None:
    database = sqlite_store._database
    assert isinstance(database, SqliteDatabase)
    reader = Reader(sqlite_store)
    seen: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))

    reader.take(*(outcome(T0 + i, "broken", customer=f"c{i}", id=f"{i}") for i in range(500)))

    assert len(seen) < 20
