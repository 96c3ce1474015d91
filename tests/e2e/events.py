"""The shop that the tests watch: one owner, one moment, a rule that opens at once, and its events."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaProducer

from service.core.event import MINUTE, SECOND, Micros, rfc3339

OWNER: dict[str, Any] = {"kind": "Owner", "name": "ops"}
MOMENT: dict[str, Any] = {
    "kind": "Moment",
    "name": "delivered",
    "owner": "ops",
    "promise": "It is with you by the day we told you.",
    "dimensions": ["region"],
}
RULE: dict[str, Any] = {
    "kind": "Rule",
    "name": "most-fail",
    "moment": "delivered",
    "level": "high",
    "detect": {
        "any": [{"threshold": {"signal": "failure_rate", "op": ">", "value": 0.5, "window": "10m", "min_count": 5}}]
    },
}


def source(topic: str, clock: str = "live", **more: Any) -> dict[str, Any]:
    """The document of a source."""
    return {"kind": "Source", "name": "shop", "topic": topic, "clock": clock, **more}


def outcome(name: str, at: Micros, *, broken: bool = False, **more: Any) -> bytes:
    """One event of a customer of its own."""
    event = {
        "id": name,
        "time": rfc3339(at),
        "type": "outcome",
        "moment": "delivered",
        "customer": f"customer-{name}",
        "outcome": "broken" if broken else "kept",
        "dimensions": {"region": "north"},
    }
    return json.dumps(event | more).encode()


def stretch(name: str, start: Micros, end: Micros, *, broken: bool = False, each: Micros = 10 * SECOND) -> list[bytes]:
    """An event every ten seconds of a stretch of time."""
    return [outcome(f"{name}-{at // SECOND}", at, broken=broken) for at in range(start, end, each)]


def trouble(start: Micros) -> list[bytes]:
    """An hour with twenty minutes of trouble in it, from the twentieth on."""
    return [
        *stretch("calm", start, start + 20 * MINUTE),
        *stretch("trouble", start + 20 * MINUTE, start + 40 * MINUTE, broken=True),
        *stretch("after", start + 40 * MINUTE, start + 60 * MINUTE),
    ]


@contextmanager
def producing(address: str) -> Iterator[Any]:
    """A producer whose records are all on the broker at the end."""
    producer = KafkaProducer(bootstrap_servers=address, linger_ms=20, max_request_size=2_000_000)
    try:
        yield producer
        producer.flush()
    finally:
        producer.close(timeout=10)


def produce(address: str, topic: str, payloads: list[bytes], **options: Any) -> None:
    """Put records on a topic."""
    with producing(address) as producer:
        for payload in payloads:
            producer.send(topic, payload, **options)
