from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from service.adapters.kafka import KafkaSource
from tests.adapters.kafka.clients import quick, reader, wall

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
