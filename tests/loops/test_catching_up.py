"""After hours of outage: the backlog is read as fast as it comes, in few large transactions, and nothing waits."""

from __future__ import annotations

import threading

import pytest

from service.adapters.decode import Decoder
from service.adapters.memory_source import MemoryLog, MemorySource
from service.core.event import HOUR, SECOND
from service.loops.ingest import Ingest, Pace
from tests.loops.ingesting import CATALOG, OTHER, PLACE, START, FaultyStore, outcome

EACH = 3_000


@pytest.mark.parametrize("poll", [250, 500])
def test_a_backlog_takes_full_transactions_and_no_time(poll: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(*_: object) -> bool:
        raise AssertionError("waited with a backlog at hand")

    logs = {partition: MemoryLog(ended=True) for partition in (PLACE, OTHER)}
    for number, log in enumerate(logs.values()):
        log.append(outcome(number * EACH + i) for i in range(EACH))
    store = FaultyStore()
    now = START + 2 * EACH * SECOND + 6 * HOUR
    loop = Ingest(
        MemorySource(logs, lambda: now, poll),
        store,
        lambda _: Decoder(CATALOG),
        CATALOG,
        lambda: now,
        live=lambda _: True,
        pace=Pace(records=1_000),
        # Time that stands still: whatever is written is written because enough of it came.
        monotonic=lambda: 0.0,
    )
    stop = threading.Event()
    monkeypatch.setattr(stop, "wait", waits)
    loop.run(stop)

    assert store.counts().read == 2 * EACH
    assert not store.counts().late
    assert store.saves == 2 * EACH // 1_000
