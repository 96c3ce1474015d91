"""After hours of outage: the backlog is read as fast as it comes, in few large transactions, and nothing waits."""

from __future__ import annotations

import threading
from typing import Never

import pytest

from service.adapters.decode import Decoder
from service.adapters.memory_source import MemoryLog, MemorySource
from service.core.event import HOUR, SECOND, Assigned, Batch
from service.core.ports import SourceAway
from service.loops.ingest import Ingest, Pace
from tests.loops.ingesting import CATALOG, OTHER, PLACE, START, FaultyStore, ingest, outcome

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
    # What comes first of all is written at once, so that a start is seen to have come about.
    assert store.saves == 2 * EACH // 1_000 + 1
    assert loop.begun.is_set()


def started() -> Ingest:
    """A loop whose time stands still, with a partition of which it knows only where it begins."""
    loop = ingest(MemorySource({PLACE: MemoryLog()}, lambda: START), FaultyStore(), monotonic=lambda: 0.0, pace=Pace())
    loop.handle(Assigned((PLACE,)))
    loop.handle(Batch(PLACE, [], [], 0))
    return loop


def test_the_first_records_are_written_at_once_and_those_after_them_gathered() -> None:
    loop = started()
    store = loop._store
    assert isinstance(store, FaultyStore)
    assert not loop.begun.is_set()

    loop.handle(Batch(PLACE, [0], [outcome(0)], 1))
    assert loop.begun.is_set()
    assert store.counts().read == 1

    loop.handle(Batch(PLACE, [1], [outcome(1)], 2))
    assert store.counts().read == 1


def test_an_empty_topic_is_a_beginning_too_and_so_is_a_broker_that_is_away() -> None:
    empty = started()
    empty.handle(Batch(PLACE, [], [], 0, looked_at=START))
    assert empty.begun.is_set()

    class Away(MemorySource):
        def batches(self) -> Never:
            raise SourceAway("no broker can be reached")

    away = ingest(Away({}, lambda: START), FaultyStore())
    stop = threading.Event()
    running = threading.Thread(target=away.run, args=(stop,), daemon=True)
    running.start()
    assert away.begun.wait(30.0)
    stop.set()
    running.join()
