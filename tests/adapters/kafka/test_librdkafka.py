from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from service.adapters.catalog import CatalogError
from service.adapters.kafka import KafkaSource, kafka_settings
from service.adapters.kafka.librdkafka.options import client_options
from service.adapters.store import MemoryStore, open_store
from service.core.event import Assigned, Batch
from service.core.ports import SourceAway
from service.settings import load_settings
from tests.adapters.kafka.clients import put, quick, reader, wall
from tests.adapters.kafka.running import CATALOG, counted, outcomes, recounted, running, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.kafka import KafkaBroker


def test_one_client_goes_on_where_the_other_was(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    topic = kafka_broker.create_topic()
    put(kafka_broker, topic, outcomes(0, 100))
    with closing(open_store(f"sqlite:///{tmp_path}/momentwatch.db", CATALOG.moments)) as store:
        for turn, library in enumerate(["kafka-python", "librdkafka", "kafka-python"], 1):
            with running(quick(kafka_broker, client=library), [topic], store):
                until(lambda turn=turn: store.counts().read == turn * 100)  # type: ignore[misc]  # bound at once
            put(kafka_broker, topic, outcomes(turn * 100, turn * 100 + 100))

        assert len(store.clocks()) == 1
        assert store.counts().duplicate == 0
        assert sum(attempts for attempts, _ in counted(store).values()) == 300


def test_replicas_of_both_kinds_share_a_group(kafka_broker: KafkaBroker) -> None:
    store = MemoryStore(CATALOG.moments)
    topic = kafka_broker.create_topic(partitions=4)
    settings = quick(kafka_broker)
    mixed = quick(kafka_broker, client="librdkafka", group_id=settings.group_id)

    with running(settings, [topic], store) as first, running(mixed, [topic], store) as second:
        until(lambda: len(first.source._places) == len(second.source._places) == 2)
        for number in range(4):
            put(kafka_broker, topic, outcomes(number * 500, number * 500 + 500), number)
        until(lambda: store.counts().read >= 2_000)

    assert counted(store) == recounted(kafka_broker, topic)
    assert store.counts().duplicate == 0


def test_nothing_from_before_a_seek_comes_after_it(kafka_broker: KafkaBroker) -> None:
    topic = kafka_broker.create_topic(partitions=2)
    for number in range(2):
        put(kafka_broker, topic, [b"%d" % i for i in range(3_000)], number)
    draw = random.Random(7)
    sought = 0

    with reader(quick(kafka_broker, client="librdkafka", poll_records=100), [topic]) as source:
        expected: dict[int, int] = {}
        for arrival in source.batches():
            if isinstance(arrival, Assigned):
                source.seek(dict.fromkeys(arrival.partitions, 0))
                expected = {partition.number: 0 for partition in arrival.partitions}
            if not isinstance(arrival, Batch) or not arrival.offsets:
                continue
            number = arrival.partition.number
            assert arrival.offsets[0] == expected[number]
            expected[number] = arrival.next_offset
            if draw.random() < 0.3 and sought < 25:
                sought += 1
                expected[number] = draw.randrange(arrival.next_offset)
                source.seek({arrival.partition: expected[number]})
            if set(expected.values()) == {3_000}:
                break

    assert sought == 25


def test_brokers_that_are_away_are_named_and_nothing_is_written_past_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    settings = quick("127.0.0.1:9", client="librdkafka", connect_timeout=1.0)

    with reader(settings, ["any"]) as source, pytest.raises(SourceAway, match="Connection refused"):
        next(source.batches())

    assert capfd.readouterr().err == ""


def test_a_package_that_is_missing_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.settings.kafka.find_spec", lambda _: None)
    monkeypatch.setattr("service.adapters.kafka.librdkafka.options.find_spec", lambda _: None)
    (tmp_path / "rules").mkdir()
    file = tmp_path / "momentwatch.yaml"
    file.write_text("kafka: {bootstrap_servers: ['a:1'], client: librdkafka}\n")

    with pytest.raises(CatalogError, match=r"yaml:1: kafka.client: .*pip install 'momentwatch\[librdkafka\]'"):
        load_settings(file)
    with pytest.raises(ImportError, match=r"pip install 'momentwatch\[librdkafka\]'"):
        KafkaSource(quick("a:1", client="librdkafka"), ["any"], wall)


def test_the_settings_file_names_the_client(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    file = tmp_path / "momentwatch.yaml"
    file.write_text("kafka: {bootstrap_servers: ['a:1'], client: librdkafka}\n")
    section = load_settings(file).kafka
    assert section is not None

    settings = kafka_settings(section)

    assert settings.client == "librdkafka"
    assert client_options(settings)["bootstrap.servers"] == "a:1"
