"""Puts lines on a topic, each once: for the demonstration, and for whoever wants to try the service out."""

import json
from collections.abc import Callable, Iterable

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, TopicAlreadyExistsError

from service.adapters.kafka.kafka_python.options import client_options
from service.adapters.kafka.settings import KafkaSettings

Key = Callable[[bytes], bytes | None]
"""From a line to the key that chooses its partition: lines of one key stay in order."""

WAIT = 30.0
"""Seconds that the brokers may take for a line."""


def produce(  # all but the first three are named
    lines: Iterable[bytes],
    topic: str,
    settings: KafkaSettings,
    *,
    key: Key | None = None,
    partitions: int = 1,
    replication: int = -1,
) -> int:
    """Put lines on a topic, made with so many partitions where it is missing; how many were put.

    Idempotent, acknowledged by all replicas: none is doubled, and one that cannot be put raises KafkaError.
    `replication`: how many brokers keep a new topic; -1 is what the cluster does by itself.
    """
    ensure_topic(topic, settings, partitions=partitions, replication=replication)
    producer = KafkaProducer(
        **client_options(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=20,
        batch_size=128 * 1024,
        delivery_timeout_ms=round(WAIT * 1000) * 4,
        request_timeout_ms=round(WAIT * 1000),
    )
    failures: list[BaseException] = []
    put = 0
    try:
        for line in lines:
            if failures:
                break
            producer.send(topic, line, key=key(line) if key else None).add_errback(failures.append)
            put += 1
        producer.flush()
    finally:
        producer.close()
    if failures:
        raise KafkaError(f"{topic}: a line could not be put: {failures[0]}") from failures[0]
    return put


def ensure_topic(topic: str, settings: KafkaSettings, *, partitions: int = 1, replication: int = -1) -> None:
    """Make a topic where it is missing; one that is there stays as it is. Raises KafkaError."""
    admin = KafkaAdminClient(**client_options(settings))
    try:
        admin.create_topics(
            {topic: {"num_partitions": partitions, "replication_factor": replication}}, wait_for_metadata=True
        )
    except TopicAlreadyExistsError:
        pass
    finally:
        admin.close()


def customer_of(line: bytes) -> bytes | None:
    """The customer of an event, as a key: what one customer meets stays in order."""
    try:
        customer = json.loads(line).get("customer")
    except (ValueError, AttributeError):
        return None
    return customer.encode() if isinstance(customer, str) else None
