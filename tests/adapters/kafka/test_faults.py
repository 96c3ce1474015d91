from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from service.adapters.store import open_store
from tests.adapters.kafka.clients import put, quick
from tests.adapters.kafka.running import CATALOG, counted, outcomes, recounted, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.core.event import Micros
    from service.core.ports import Store
    from tests.harness.kafka import KafkaBroker

pytestmark = pytest.mark.usefixtures("library")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{tmp_path}/momentwatch.db", CATALOG.moments)) as opened:
        yield opened


def looked_at(store: Store) -> Micros:
    return max((clock.looked_at or 0 for clock in store.clocks()), default=0)


def test_it_starts_while_the_broker_is_away_and_reads_all_once_it_comes(broker: KafkaBroker, store: Store) -> None:
    topic = broker.create_topic(partitions=2)
    put(broker, topic, outcomes(0, 500), 0)
    put(broker, topic, outcomes(500, 900), 1)
    broker.stop()

    with running(quick(broker), [topic], store) as started:
        until(lambda: broker.bootstrap_servers in (started.loop.away or ""))
        broker.start()
        until(lambda: store.counts().read >= 900)
        until(lambda: started.loop.away is None)

    assert counted(store) == recounted(broker, topic)


def test_a_killed_broker_loses_nothing_doubles_nothing_and_stops_the_clock(broker: KafkaBroker, store: Store) -> None:
    topic = broker.create_topic(partitions=3)
    for number in range(3):
        put(broker, topic, outcomes(number * 4_000, number * 4_000 + 4_000), number)

    with running(quick(broker, poll_records=200), [topic], store) as started:
        until(lambda: store.counts().read >= 1_000)
        broker.kill()
        killed_at = time.time_ns() // 1000
        until(lambda: started.loop.away is not None)
        seen = looked_at(store)
        time.sleep(1.5)

        assert looked_at(store) == seen
        assert seen <= killed_at

        broker.start()
        put(broker, topic, outcomes(12_000, 13_000), 1)
        until(lambda: store.counts().read >= 13_000)
        until(lambda: looked_at(store) > killed_at)

    assert counted(store) == recounted(broker, topic)
    assert store.counts().read == 13_000
    assert store.counts().duplicate == 0


def test_a_frozen_broker_is_no_silence(broker: KafkaBroker, store: Store) -> None:
    topic = broker.create_topic()
    put(broker, topic, outcomes(0, 10))

    with running(quick(broker), [topic], store) as started:
        until(lambda: looked_at(store) > 0 and store.counts().read == 10)
        broker.pause()
        try:
            frozen_at = time.time_ns() // 1000
            until(lambda: started.loop.away is not None)
            time.sleep(1.0)
            assert looked_at(store) <= frozen_at
        finally:
            broker.resume()
        until(lambda: looked_at(store) > frozen_at + 1_000_000)

    assert store.counts().read == 10


def test_an_idle_partition_is_looked_at_every_second(broker: KafkaBroker, store: Store) -> None:
    topic = broker.create_topic()

    with running(quick(broker), [topic], store):
        until(lambda: looked_at(store) > 0)
        ages = []
        for _ in range(30):
            time.sleep(0.1)
            ages.append(time.time_ns() // 1000 - looked_at(store))

    # The look itself every half a second, its way through a poll and the store beside it.
    assert max(ages) < 3_000_000
    assert sorted(ages)[len(ages) // 2] < 1_000_000
