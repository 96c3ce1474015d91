from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from service.adapters.kafka import KafkaSource
from tests.adapters.kafka.clients import producer, put, quick, wall
from tests.adapters.source_contract import SourceContract, SourceUnderTest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.harness.kafka import KafkaBroker


class KafkaUnderTest(SourceUnderTest):
    def __init__(self, broker: KafkaBroker) -> None:
        self.broker = broker
        self.topic = ""

    def open(self, partitions: int = 1) -> KafkaSource:
        self.topic = self.broker.create_topic(partitions=partitions)
        return KafkaSource(quick(self.broker), [self.topic], wall)

    def append(self, number: int, payloads: Sequence[bytes], headers: Mapping[str, bytes] | None = None) -> None:
        put(self.broker, self.topic, payloads, number, headers=list((headers or {}).items()))

    def append_control(self, number: int) -> None:
        with producer(self.broker, transactional_id=f"tx-{uuid.uuid4().hex}") as sending:
            sending.init_transactions()
            sending.begin_transaction()
            sending.send(self.topic, b"never to be seen", partition=number)
            sending.flush()
            sending.abort_transaction()

    def now(self) -> int:
        return wall()


@pytest.mark.usefixtures("library")
class TestKafkaSource(SourceContract):
    @pytest.fixture
    def under_test(self, kafka_broker: KafkaBroker) -> KafkaUnderTest:
        return KafkaUnderTest(kafka_broker)
