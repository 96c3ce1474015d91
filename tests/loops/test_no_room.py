"""A disk that is full is waited for: no record is to blame, none is buried, none counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.adapters.decode import Decoder
from service.adapters.store import open_sql_store
from service.core.counting.intake import Intake
from service.core.event import Batch
from service.core.meter import NoMeter
from service.core.ports import StoreAway
from service.loops.writer import Desk, PartitionWriter
from tests.loops.ingesting import CATALOG, PLACE, START, outcome

if TYPE_CHECKING:
    from pathlib import Path

    from service.adapters.store.sql.store import SqlStore

MANY = 2000
PAGES = 1 << 30


def may_grow_to(store: SqlStore, pages: int) -> None:
    """SQLite's own limit; it never shrinks a file, so that one page is no more than there is."""
    store._database.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}"))


def test_a_disk_that_is_full_is_waited_for_and_no_record_is_blamed(tmp_path: Path) -> None:
    store = open_sql_store(f"sqlite:///{tmp_path}/store.db", CATALOG.moments)
    desk = Desk(store, Intake(CATALOG), lambda: START, NoMeter())
    writer = PartitionWriter(PLACE, Decoder(CATALOG), desk, live=False)
    lines = [outcome(number, outcome="broken", customer=f"customer-{number}") for number in range(MANY)]
    writer.put(Batch(PLACE, list(range(MANY)), lines, MANY))

    may_grow_to(store, 1)
    for _ in range(2):
        with pytest.raises(StoreAway, match=r"has no room left: free some of its disk; .* \(SQLITE_FULL\)"):
            writer.flush()
    assert store.counts().read == 0
    may_grow_to(store, PAGES)
    writer.flush()

    counts = store.counts()
    assert (counts.read, counts.accepted["m"], counts.dead.total()) == (MANY, MANY, 0)
    store.close()
