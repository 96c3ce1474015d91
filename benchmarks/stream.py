"""Outcome events of a busy service, made from a seed, and put on a topic of a real broker."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from service.core.catalog import Catalog, Moment, Owner

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DIMENSIONS = ("region", "channel", "carrier", "plan")
CATALOG = Catalog(owners={"ops": Owner("ops")}, moments={"checkout": Moment("checkout", "ops", dimensions=DIMENSIONS)})
PARTITIONS = 4
_REGIONS = [f"r{i}" for i in range(20)]


def outcomes(count: int, rate: float = 1_000.0, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Regions and outcomes with four dimensions, about 270 bytes each, `rate` a second of event time, 2 % broken."""
    draw = random.Random(seed)
    at = BEGIN
    for _ in range(count):
        at += timedelta(seconds=draw.expovariate(rate))
        region = draw.choice(_REGIONS)
        event = {
            "id": f"{draw.getrandbits(128):032x}",
            "time": at.isoformat().replace("+00:00", "Z"),
            "type": "outcome",
            "moment": "checkout",
            "customer": f"customer-{draw.randrange(max(1, count // 3)):06}",
            "outcome": "broken" if draw.random() < 0.02 else "kept",  # noqa: PLR2004  # the share that is told above
            "value": round(draw.uniform(5, 80), 2),
            "dimensions": {
                "region": region,
                "channel": draw.choice(["web", "app", "shop"]),
                "carrier": draw.choice(["a", "b", "c", "d"]),
                "plan": draw.choice(["free", "paid"]),
            },
        }
        yield region, json.dumps(event).encode()


def fill(bootstrap: str, topic: str, events: Iterator[tuple[str, bytes]]) -> None:
    """Put events on a topic, keyed by region."""
    from confluent_kafka import Producer  # the quicker of the two, so that filling takes no time

    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000})
    for number, (key, payload) in enumerate(events):
        producer.produce(topic, payload, key)
        if number % 50_000 == 0:
            producer.poll(0)
    producer.flush()
