"""What the tests of this folder need again and again: sources with short patience, and producers."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from kafka import KafkaProducer

from service.adapters.kafka import KafkaSettings, KafkaSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.adapters.kafka.settings import Library
    from service.core.event import Micros
    from tests.harness.kafka import KafkaBroker


LIBRARY: ContextVar[Library] = ContextVar("library", default="kafka-python")
"""The client library that sources are made with."""


def wall() -> Micros:
    """The wall clock."""
    return time.time_ns() // 1000


def quick(broker: KafkaBroker | str, **changed: Any) -> KafkaSettings:
    """Settings that notice everything soon, in a group of their own."""
    address = broker if isinstance(broker, str) else broker.bootstrap_servers
    options: dict[str, Any] = {
        "bootstrap_servers": (address,),
        "client": LIBRARY.get(),
        "group_id": f"group-{uuid.uuid4().hex[:12]}",
        "session_timeout": 6.0,
        "metadata_age": 0.5,
        "connect_timeout": 1.0,
        "away_after": 2.0,
        "stuck_after": 10.0,
    }
    return KafkaSettings(**options | changed)


@contextmanager
def reader(settings: KafkaSettings, topics: Sequence[str], **options: Any) -> Iterator[KafkaSource]:
    """A source that is closed at the end."""
    source = KafkaSource(settings, topics, wall, **options)
    try:
        yield source
    finally:
        source.close()


@contextmanager
def producer(broker: KafkaBroker, **options: Any) -> Iterator[Any]:
    """A producer that has put everything when it ends."""
    made = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, max_request_size=2_000_000, **options)
    try:
        yield made
        made.flush()
    finally:
        made.close(timeout=5)


def put(broker: KafkaBroker, topic: str, payloads: Sequence[bytes], partition: int = 0, **options: Any) -> None:
    """Put records on a partition."""
    with producer(broker) as sending:
        for payload in payloads:
            sending.send(topic, payload, partition=partition, **options)
