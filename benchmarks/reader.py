"""One reader of a topic in a process of its own, timed: a bare client, the service, or the loop one writes first."""

import argparse
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.peers.stopwatch import Stopwatch
from benchmarks.stream import CATALOG
from service.adapters.decode import Decoder
from service.adapters.kafka import KafkaSettings, KafkaSource
from service.adapters.store import open_store
from service.app.garbage import starting
from service.core.counting.changes import Counts
from service.core.counting.tally import Tally
from service.core.event import Assigned, Batch, Partition
from service.core.meter import NoMeter
from service.core.ports import Store
from service.loops.ingest import Ingest

IDLE = 3.0
"""Seconds without a record, at the end of its partitions, after which a replica that shares a topic is done."""


def poll_kafka_python(bootstrap: str, topic: str, watch: Stopwatch) -> None:
    """The ceiling of the default client: records polled, nothing done with them."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=uuid.uuid4().hex,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=5_000,
        fetch_max_bytes=32 << 20,
        max_partition_fetch_bytes=2 << 20,
    )
    done = False
    while not done:
        for records in consumer.poll(timeout_ms=500).values():
            done = watch.saw(len(records)) or done
    watch.stop()
    consumer.close()


def poll_librdkafka(bootstrap: str, topic: str, watch: Stopwatch) -> None:
    """The ceiling of the other client."""
    from confluent_kafka import Consumer

    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 10,
            "queued.max.messages.kbytes": 32 * 1024,
        }
    )
    consumer.subscribe([topic])
    done = False
    while not done:
        messages = consumer.consume(5_000, 0.1)
        payloads = [message.value() for message in messages]
        done = bool(payloads) and watch.saw(len(payloads))
    watch.stop()
    consumer.close()


def river_a_record(bootstrap: str, topic: str, watch: Stopwatch) -> None:
    """What one writes first: each record parsed, validated, and scored by river."""
    import json

    from kafka import KafkaConsumer
    from pydantic import BaseModel
    from river import anomaly

    class Event(BaseModel):
        id: str
        time: str
        type: str
        moment: str
        customer: str
        outcome: str
        value: float | None = None
        dimensions: dict[str, str] = {}

    models: dict[str, Any] = {}
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=uuid.uuid4().hex, auto_offset_reset="earliest"
    )
    for record in consumer:
        event = Event.model_validate(json.loads(record.value))
        model = models.get(event.dimensions["region"])
        if model is None:
            model = models[event.dimensions["region"]] = anomaly.HalfSpaceTrees(seed=1)
        features = {"broken": float(event.outcome == "broken"), "value": event.value or 0.0}
        model.score_one(features)
        model.learn_one(features)
        if watch.saw():
            break
    watch.stop()
    consumer.close()


class _Parts:
    """CPU seconds of the ingest thread by what it did; what is in none of these is the poll's."""

    def __init__(self) -> None:
        self.spent = {"decode": 0.0, "sift": 0.0, "tally": 0.0, "commit": 0.0}
        self._since = time.thread_time()

    def begin(self) -> None:
        self._since = time.thread_time()

    def end(self, part: str) -> None:
        now = time.thread_time()
        self.spent[part] += now - self._since
        self._since = now


class _Decoding:
    """A decoder whose time is taken."""

    def __init__(self, parts: _Parts) -> None:
        self._decoder, self._parts = Decoder(CATALOG), parts

    def decode(self, batch: Batch, now: int | None = None, *, columns: bool = False) -> Any:
        self._parts.begin()
        decoded = self._decoder.decode(batch, now, columns=columns)
        self._parts.end("decode")
        return decoded


class _Storing:
    """A store whose transactions' time is taken."""

    def __init__(self, store: Store, parts: _Parts) -> None:
        self._store, self._parts = store, parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def ingest(self, *arguments: Any) -> Iterator[Any]:
        self._parts.end("sift")
        with self._store.ingest(*arguments) as transaction:
            yield _Saving(transaction, self._parts)


class _Saving:
    def __init__(self, transaction: Any, parts: _Parts) -> None:
        self.view, self._transaction, self._parts = transaction.view, transaction, parts

    def save(self, *arguments: Any) -> Any:
        self._parts.end("tally")
        claim = self._transaction.save(*arguments)
        self._parts.end("commit")
        return claim


class _Counting(NoMeter):
    """Ends the reading when everything was committed."""

    def __init__(self, watch: Stopwatch, done: Callable[[], None]) -> None:
        self.committed, self._watch, self._done, self._over = 0, watch, done, False

    def ingested(self, partition: Partition, counts: Counts, tally: Tally, seconds: float) -> None:
        del partition, tally, seconds
        self.committed += counts.read
        self._watch.mark()
        if self.committed >= self._watch.events and not self._over:
            self._over = True
            self._done()


class _Watched:
    """A source that starts the clock with its first record.

    `shared`: nothing is read until another replica has come, and reading ends once nothing more comes.
    """

    def __init__(self, source: KafkaSource, watch: Stopwatch, *, shared: bool) -> None:
        self._source, self._watch, self._shared = source, watch, shared

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def batches(self) -> Iterator[Any]:
        last: float | None = None
        behind: dict[Partition, int | None] = {}
        for arrival in self._source.batches():
            if isinstance(arrival, Batch):
                behind[arrival.partition] = arrival.behind
                if arrival.offsets:
                    self._watch.saw(len(arrival.offsets))
                    last = time.monotonic()
            if isinstance(arrival, Assigned):
                behind = dict.fromkeys(arrival.partitions)
            alone = isinstance(arrival, Assigned) and arrival.partitions == arrival.known
            if not (self._shared and alone and last is None):
                yield arrival
            over = last is not None and time.monotonic() - last > IDLE
            if self._shared and over and not any(left != 0 for left in behind.values()):
                return


def service(bootstrap: str, topic: str, watch: Stopwatch, told: argparse.Namespace) -> None:
    """From Kafka to committed tallies, ids freed of duplicates, as `serve` does it."""
    stop = threading.Event()
    parts = _Parts()

    def clock() -> int:
        return time.time_ns() // 1000

    def over() -> None:
        stop.set()
        watch.stop(parts=parts.spent, committed=meter.committed)

    meter = _Counting(watch, over)
    group = told.group or uuid.uuid4().hex
    settings = KafkaSettings(bootstrap_servers=(bootstrap,), client=told.client, group_id=group)
    with starting():
        store = open_store(told.database, CATALOG.moments)
        source: Any = _Watched(KafkaSource(settings, [topic], clock), watch, shared=told.shared)
        storing: Any = _Storing(store, parts)
        ingest = Ingest(source, storing, lambda _: _Decoding(parts), CATALOG, clock, meter)
    ingest.run(stop)
    if not stop.is_set():
        over()
    store.close()


def main() -> None:
    """Read, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=["kafka-python", "librdkafka", "river", "service"])
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--events", required=True, type=int)
    parser.add_argument("--client", default="kafka-python")
    parser.add_argument("--database", default="memory:")
    parser.add_argument("--group", help="the consumer group, a new one where it is not given")
    parser.add_argument("--shared", action="store_true", help="wait for another replica, end when nothing more comes")
    told = parser.parse_args()
    watch = Stopwatch(told.events)
    if told.reader == "service":
        service(told.bootstrap, told.topic, watch, told)
    else:
        bare = {"kafka-python": poll_kafka_python, "librdkafka": poll_librdkafka, "river": river_a_record}
        bare[told.reader](told.bootstrap, told.topic, watch)


if __name__ == "__main__":
    main()
