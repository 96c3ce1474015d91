"""Reading a SQLite store beside the process that owns it."""

from pathlib import Path

import pytest

from service.adapters.store import open_reader, open_store
from service.core.counting.changes import Changes
from service.core.counting.watermark import PartitionClock
from service.core.event import Partition
from service.core.ports import StoreAway, StoreRefused
from tests.adapters.store.scene import MOMENTS, T0

HERE = Partition("t", 0)


def test_a_reader_sees_what_its_owner_writes_while_both_have_the_file_open(sqlite_url: str) -> None:
    store = open_store(sqlite_url, MOMENTS)
    with open_reader(sqlite_url) as reader:
        assert reader.counts().read == 0
        with store.ingest(store.claim(HERE), ["paid"], []) as transaction:
            changes = Changes()
            changes.counts.read = changes.counts.duplicate = 3
            transaction.save(changes, 3, PartitionClock(HERE, T0))
        assert reader.counts().read == 3
    store.close()


def test_a_reader_leaves_the_lock_to_the_owner_and_the_file_as_it_is(sqlite_url: str, tmp_path: Path) -> None:
    open_store(sqlite_url, MOMENTS).close()
    before = (tmp_path / "store.db").read_bytes()
    with open_reader(sqlite_url) as reader:
        reader.interruptions()
        open_store(sqlite_url, MOMENTS).close()
    assert (tmp_path / "store.db").read_bytes() == before


def test_a_reader_can_write_nothing(sqlite_url: str) -> None:
    open_store(sqlite_url, MOMENTS).close()
    with open_reader(sqlite_url) as reader:
        database = reader._database  # type: ignore[attr-defined]  # the port has no way to write
        with pytest.raises(StoreRefused, match="reading only"):
            database.write(lambda connection: connection)
        with pytest.raises(StoreAway, match="SQLITE_READONLY"), database.read() as connection:
            connection.exec_driver_sql("DELETE FROM outbox")


def test_a_file_that_is_not_there_is_not_made(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="no such file"), open_reader(sqlite_url):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_our_tables_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    with pytest.raises(StoreRefused, match="the schema is at nothing"), open_reader(sqlite_url):
        pass


def test_a_path_with_odd_characters_is_only_a_path(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/what's 100%25 new & old#1.db"
    open_store(url, MOMENTS).close()
    with open_reader(url) as reader:
        assert reader.interruptions() == []


@pytest.mark.parametrize("url", ["nonsense", "mysql://h/d", "memory:"])
def test_what_cannot_be_read_beside_anything_is_refused(url: str) -> None:
    with pytest.raises(StoreRefused), open_reader(url):
        pass
