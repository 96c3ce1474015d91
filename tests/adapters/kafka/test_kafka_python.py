from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from service.adapters.kafka import KafkaSource
from service.adapters.kafka.kafka_python.examine import examine
from service.core.ports import SourceAway
from tests.adapters.kafka.clients import producer, quick, reader, wall
from tests.adapters.source_contract import Reading

if TYPE_CHECKING:
    from tests.harness.kafka import KafkaBroker


def test_its_client_prints_no_requests_even_where_everything_is_logged(kafka_broker: KafkaBroker) -> None:
    client = logging.getLogger("kafka")
    before = client.level
    client.setLevel(logging.DEBUG)
    try:
        with reader(quick(kafka_broker), ["any"]):
            assert client.level == logging.WARNING
    finally:
        client.setLevel(before)


def test_the_package_for_checksums_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.adapters.kafka.kafka_python.options.find_spec", lambda _: None)

    with pytest.raises(ImportError, match="pip install crc32c"):
        KafkaSource(quick("localhost:1"), ["any"], wall)


def test_what_is_packed_by_a_codec_that_is_not_installed_waits_for_it(
    kafka_broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, settings = kafka_broker.create_topic(), quick(kafka_broker)
    with producer(kafka_broker, compression_type="gzip") as sending:
        sending.send(topic, b"packed" * 100)
    with reader(settings, [topic]) as source:
        reading = Reading(source)
        with monkeypatch.context() as patched:
            patched.setattr("kafka.codec.has_gzip", lambda: False)
            with pytest.raises(SourceAway, match=r"gzip .* not found: pip install 'momentwatch\[kafka-codecs\]'"):
                reading.until(lambda: bool(reading.payloads()))
            found = {what: (well, remedy) for well, what, _, remedy in examine(settings, [topic])}
            assert found[f"topic {topic}"] == (False, "pip install 'momentwatch[kafka-codecs]' beside the service")
        reading = Reading(source)
        reading.until(lambda: bool(reading.payloads()))
        assert reading.payloads() == [b"packed" * 100]
