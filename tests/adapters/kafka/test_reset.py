"""Whoever sets the group to another offset moves what lag tools show, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from service.adapters.store import MemoryStore
from tests.adapters.kafka.clients import put, quick
from tests.adapters.kafka.running import CATALOG, counted, outcomes, recounted, running, until

if TYPE_CHECKING:
    from tests.harness.kafka import KafkaBroker

pytestmark = pytest.mark.usefixtures("library")


@pytest.mark.parametrize("offset", [0, 10_000], ids=["back", "ahead"])
def test_a_group_that_is_set_to_another_offset_changes_nothing(kafka_broker: KafkaBroker, offset: int) -> None:
    topic, store = kafka_broker.create_topic(), MemoryStore(CATALOG.moments)
    settings = quick(kafka_broker)
    put(kafka_broker, topic, outcomes(0, 300))
    with running(settings, [topic], store):
        until(lambda: store.counts().read == 300)

    operator = KafkaConsumer(bootstrap_servers=kafka_broker.bootstrap_servers, group_id=settings.group_id)
    operator.assign([TopicPartition(topic, 0)])
    operator.commit({TopicPartition(topic, 0): OffsetAndMetadata(offset, "", -1)})
    operator.close(autocommit=False)
    put(kafka_broker, topic, outcomes(300, 400))
    with running(settings, [topic], store):
        until(lambda: store.counts().read == 400)

    assert (store.counts().read, store.counts().duplicate) == (400, 0)
    assert counted(store) == recounted(kafka_broker, topic)
