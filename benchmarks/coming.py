"""Events that come to a topic as they happen, at a rate, from a process of their own: their cost is nobody else's."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

Make = Callable[[int, datetime], Mapping[str, Any]]
"""The event of a number and a time; that time is its own unless it says otherwise."""


@contextmanager
def coming(
    bootstrap: str, topic: str, rate: float, make: Make, partitions: int = 0, *, ahead: int = 0
) -> Iterator[None]:
    """`rate` events a second while this is entered, each with the time at which it is sent unless `make` gives one.

    `partitions`: they go to so many in turn; 0: where the client puts them. `ahead`: so many come at once, before.
    """
    child = os.fork()
    if child == 0:
        try:
            _send(bootstrap, topic, rate, make, partitions, ahead)
        finally:
            os._exit(0)
    try:
        yield
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def _send(bootstrap: str, topic: str, rate: float, make: Make, partitions: int, ahead: int) -> None:
    from confluent_kafka import Producer  # the quicker of the two, so that it gets its rate out

    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 10})
    began, number = time.monotonic(), 0
    while True:
        if number >= ahead + (time.monotonic() - began) * rate:
            time.sleep(0.005)
            continue
        now = datetime.now(UTC)
        where = {"partition": number % partitions} if partitions else {}
        payload = json.dumps({"time": now.isoformat(), **make(number, now)}).encode()
        while True:
            try:
                producer.produce(topic, payload, **where)
            except BufferError:
                # More at once than the client holds: it waits for the broker.
                producer.poll(0.1)
            else:
                break
        producer.poll(0)
        number += 1
