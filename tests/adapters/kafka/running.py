"""The ingest loop at work in threads of a test, and the oracle that recounts the log without it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, TopicPartition

from service.adapters.decode import Decoder
from service.adapters.kafka import KafkaSettings, KafkaSource
from service.core.catalog import Catalog, Moment, Owner
from service.core.event import MINUTE, SECOND, Micros, micros, rfc3339
from service.loops.ingest import Ingest, Pace
from tests.adapters.kafka.clients import wall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from service.core.ports import Store
    from tests.harness.kafka import KafkaBroker

CATALOG = Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops", dimensions=("region",))})
START: Micros = wall() - 6 * 3600 * SECOND
PATIENCE_S = 40.0
QUICK = Pace(gather=0.05, look=0.2, longest_wait=0.5, stale_wait=0.1, report=0.2)


def outcome(number: int) -> bytes:
    """An event of its own id, 100 a minute of event time."""
    event = {
        "id": f"e{number}",
        "time": rfc3339(START + number * MINUTE // 100),
        "type": "outcome",
        "moment": "m",
        "customer": f"c{number % 97}",
        "outcome": "broken" if number % 5 == 0 else "kept",
        "dimensions": {"region": f"r{number % 3}"},
    }
    return json.dumps(event).encode()


def outcomes(first: int, after: int) -> list[bytes]:
    """Events by number."""
    return [outcome(number) for number in range(first, after)]


class Running:
    """A loop in a thread of its own, and what it ended with."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], store: Store, **options: Any) -> None:
        self.source = KafkaSource(settings, topics, wall, **options)
        self.loop = Ingest(
            self.source,
            store,
            lambda _: Decoder(CATALOG),
            CATALOG,
            wall,
            live=lambda _: True,
            pace=QUICK,
        )
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.loop.run(self.stop)
        except BaseException as error:  # noqa: BLE001  # looked at by the test
            self.failure = error

    def start(self) -> Running:
        self._thread.start()
        return self

    def end(self) -> None:
        """Stop in order."""
        self.stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@contextmanager
def running(settings: KafkaSettings, topics: Sequence[str], store: Store, **options: Any) -> Iterator[Running]:
    """A loop that runs until the end of the block, and must not have failed."""
    started = Running(settings, topics, store, **options).start()
    try:
        yield started
    finally:
        started.end()
    if started.failure is not None:
        raise started.failure


def until(seen: Callable[[], bool], what: str = "") -> None:
    """Wait for something; fail when it does not come."""
    deadline = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < deadline, f"did not come: {what}"
        time.sleep(0.02)


def counted(store: Store) -> dict[tuple[Micros, str | None], tuple[int, int]]:
    """Attempts and broken, by minute and region, as the store has them."""
    start, end = START - 3600 * SECOND, START + 24 * 3600 * SECOND
    found = {}
    for at, _ in store.totals("m", start - start % MINUTE, end, MINUTE):
        for region, sums in store.by_value("m", "region", at, at + MINUTE):
            found[at, region] = (sums.attempts, sums.broken)
    return found


def recounted(broker: KafkaBroker, topic: str) -> dict[tuple[Micros, str | None], tuple[int, int]]:
    """The same, from the log itself: every distinct id once, read by nothing of ours."""
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    try:
        spots = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(spots)
        ends = consumer.end_offsets(spots)
        seen: set[tuple[int, str]] = set()
        attempts: Counter[tuple[Micros, str | None]] = Counter()
        broken: Counter[tuple[Micros, str | None]] = Counter()
        while any(consumer.position(spot) < end for spot, end in ends.items()):
            for spot, records in consumer.poll(timeout_ms=500).items():
                for record in records:
                    event = json.loads(record.value)
                    if (spot.partition, event["id"]) in seen:
                        continue
                    seen.add((spot.partition, event["id"]))
                    at = micros(_time(event["time"]))
                    cell = (at - at % MINUTE, event["dimensions"]["region"])
                    attempts[cell] += 1
                    broken[cell] += event["outcome"] == "broken"
    finally:
        consumer.close()
    return {cell: (attempts[cell], broken[cell]) for cell in attempts}


def _time(text: str) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(text)
