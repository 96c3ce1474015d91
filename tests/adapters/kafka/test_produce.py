from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from kafka.errors import KafkaError

from service.adapters.kafka import produce
from service.adapters.kafka.produce import customer_of
from tests.adapters.kafka.clients import quick, reader
from tests.adapters.kafka.running import outcomes
from tests.adapters.source_contract import Reading

if TYPE_CHECKING:
    from tests.harness.kafka import KafkaBroker


def test_lines_are_put_once_each_on_a_topic_that_is_made_for_them(kafka_broker: KafkaBroker) -> None:
    topic = f"made-{uuid.uuid4().hex[:8]}"
    lines = outcomes(0, 500)

    put = produce(iter(lines), topic, quick(kafka_broker), key=customer_of, partitions=3)
    more = produce(lines[:1], topic, quick(kafka_broker), key=customer_of, partitions=9)

    with reader(quick(kafka_broker), [topic]) as source:
        reading = Reading(source)
        reading.until(lambda: sum(len(batch.offsets) for batch in reading.batches) == 501)
    assert (put, more) == (500, 1)
    assert len(reading.known) == 3
    by_partition = [reading.payloads(number) for number in range(3)]
    assert sorted(line for part in by_partition for line in part) == sorted([*lines, lines[0]])
    customers = [{customer_of(line) for line in part} for part in by_partition]
    assert not customers[0] & customers[1]
    assert all(customers)


def test_a_line_that_cannot_be_put_is_an_error(kafka_broker: KafkaBroker) -> None:
    with pytest.raises(KafkaError):
        produce([b"x" * 3_000_000], kafka_broker.create_topic(), quick(kafka_broker))


@pytest.mark.parametrize("line", [b"{", b"[]", b"{}", b'{"customer": 1}'])
def test_what_names_no_customer_has_no_key(line: bytes) -> None:
    assert customer_of(line) is None
