"""Real flights through a real broker: what is found is what `backtest` finds in the file, one for one.

Four months of them, and the year with `make flights`.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from confluent_kafka import Producer

from service.adapters import flights
from service.adapters.catalog import load
from service.adapters.clock import wall_clock
from service.adapters.kafka.settings import KafkaSettings
from service.adapters.kafka.source import KafkaSource
from service.adapters.store import open_store
from service.app.service import Options, Service
from service.core.counting.changes import Counts
from service.core.event import Micros, micros
from service.core.outbox import Delivery
from service.core.reporting.report import Span, lines
from service.core.telling.route import Message
from tests.e2e.running import ROOT, lines_of, momentwatch, until, write_events
from tests.harness.kafka import KafkaBroker

PARTITIONS = 3
SHORT, WHOLE = "2013-05-01", "2014"
"""Until when."""
PATIENCE_S = 1500.0
"""On a machine that does much else."""

pytestmark = [pytest.mark.timeout(PATIENCE_S), pytest.mark.early]


class Flight(msgspec.Struct, frozen=True):
    """What decides on which partition an event goes."""

    time: str
    dimensions: dict[str, str]


@dataclass(frozen=True)
class Found:
    """What the file and the broker gave."""

    by_file: list[dict[str, Any]]
    by_kafka: list[dict[str, Any]]
    events: int
    counts: Counts


class Nobody:
    """A notifier for a catalogue without targets."""

    def keeps_incidents(self, target: str) -> bool:
        return False

    def send(self, target: str, message: Message) -> Delivery:
        raise AssertionError(f"{target} was sent {message}")


_flight = msgspec.json.Decoder(Flight).decode


def departures(end: str) -> list[tuple[Flight, bytes]]:
    """The flights up to the last minute before `end` in which as many left as there are partitions, or more."""
    flown = ((_flight(event), event) for event in flights.events())
    found = [(flight, event) for flight, event in flown if flight.time < end]
    minutes = Counter(flight.time for flight, _ in found)
    last = max(time for time, count in minutes.items() if count >= PARTITIONS)
    return list(takewhile(lambda each: each[0].time <= last, found))


def spread(events: list[tuple[Flight, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Each event with its partition: by carrier, so that partitions differ; those of the last minute on every one.

    Thereby the last that each partition shows is the same time as the file's last.
    """
    last = events[-1][0].time
    for number, (flight, event) in enumerate(events):
        by = number if flight.time == last else zlib.crc32(flight.dimensions["carrier"].encode())
        yield by % PARTITIONS, event


def catalogue(folder: Path, topic: str) -> Path:
    """The demo's own, on another topic."""
    folder.mkdir()
    documents = list(yaml.safe_load_all((ROOT / "rules" / "flights.yaml").read_text()))
    for document in documents:
        if document["kind"] == "Source":
            document["spec"]["topic"] = topic
    (folder / "flights.yaml").write_text(yaml.safe_dump_all(documents))
    return folder


@pytest.fixture(scope="module")
def end(request: pytest.FixtureRequest) -> str:
    return WHOLE if request.config.getoption("--whole-year") else SHORT


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, kafka_broker: KafkaBroker, end: str) -> Found:
    folder = tmp_path_factory.mktemp("flights")
    events = departures(end)
    topic = kafka_broker.create_topic(partitions=PARTITIONS)
    rules = catalogue(folder / "rules", topic)
    file = write_events(folder / "flights.jsonl", [event for _, event in events])
    # Side by side: both take their time, and there is more than one core.
    with ThreadPoolExecutor(1) as beside:
        backtest = beside.submit(momentwatch, "backtest", "--rules", rules, "--events", file, timeout_s=PATIENCE_S)
        put(kafka_broker, topic, spread(events))
        span = Span(time_at(events[0][0]), time_at(events[-1][0]) + 1)
        by_kafka, counts = through_the_broker(kafka_broker, rules, topic, folder, (len(events), span))
        done = backtest.result()
    assert done.returncode == 0, done.stderr
    return Found(lines_of(done.stdout), by_kafka, len(events), counts)


def put(broker: KafkaBroker, topic: str, events: Iterable[tuple[int, bytes]]) -> None:
    """Events on their partitions; a third of a million, for which the client in C is there."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "queue.buffering.max.messages": 1_000_000})
    for partition, event in events:
        producer.produce(topic, event, partition=partition)
    assert producer.flush(PATIENCE_S) == 0


def through_the_broker(
    broker: KafkaBroker, rules: Path, topic: str, folder: Path, events: tuple[int, Span]
) -> tuple[list[dict[str, Any]], Counts]:
    """What the service that `serve` runs finds, stopped and started again somewhere in the middle."""
    count, span = events
    catalog = load(rules).catalog
    settings = KafkaSettings(bootstrap_servers=(broker.bootstrap_servers,), group_id=topic, poll_records=2000)

    @contextmanager
    def serving() -> Iterator[Service]:
        store = open_store(f"sqlite:///{folder / 'flights.db'}", catalog.moments)
        source = KafkaSource(settings, [topic], wall_clock)
        service = Service(catalog, store, source, Nobody(), Options(port=0, live=False, watch_pause=0.1))
        service.start()
        with closing(service):
            yield service

    def wait(service: Service, seen: Callable[[], bool], what: str) -> None:
        until(lambda: service.wait(0) or seen(), what, patience_s=PATIENCE_S)
        assert not service.wait(0), f"the service ended by itself before {what}"

    with serving() as service:
        wait(service, lambda: service.store.counts().read >= count // 2, "half of the flights")
    with serving() as service:
        wait(service, lambda: service.store.counts().read >= count, "all flights")
        wait(service, lambda: not service.watch.has_more(), "the last judgement")
        return msgspec.to_builtins(lines(service.store, dict(catalog.moments), span)), service.store.counts()


def time_at(flight: Flight) -> Micros:
    return micros(datetime.fromisoformat(flight.time))


def test_the_broker_brings_the_very_interruptions_that_the_file_has(found: Found, end: str) -> None:
    many, months = (20, {"02", "04", "07", "12"}) if end == WHOLE else (8, {"02", "04"})
    assert len(found.by_file) > many
    assert {line["detected_at"][5:7] for line in found.by_file} >= months
    assert found.by_kafka == found.by_file


def test_every_flight_is_counted_once_and_none_is_late(found: Found) -> None:
    assert found.counts.accepted.total() == found.counts.read == found.events
    assert found.counts.late.total() == 0
    assert found.counts.duplicate == 0


def test_the_outage_of_16_april_is_named_by_its_two_airlines(found: Found) -> None:
    carriers = {
        carrier
        for line in found.by_kafka
        if line["detected_at"].startswith("2013-04-16")
        for carrier in line["dimensions"].get("carrier", [])
    }
    assert {"AA", "MQ"} <= carriers


def test_the_blizzard_of_8_and_9_february_is_found_without_a_rule_before_it_is_over(found: Found) -> None:
    # New York's two days, in UTC.
    first, last = "2013-02-08T05:00:00Z", "2013-02-10T05:00:00Z"
    assert any(
        first <= line["onset_at"] <= line["detected_at"] < last and line["detected_at"] < (line["resolved_at"] or "9")
        for line in found.by_kafka
        if line["rule"] is None and not line["dimensions"]
    )
