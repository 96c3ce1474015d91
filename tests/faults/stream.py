"""Events from a seed, a stretch of event time a call: promises and their outcomes, trouble, disorder, doubles, dirt."""

import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros, rfc3339
from tests.faults.poison import POISON

REGIONS = ("north", "south", "east", "west")
CARRIERS = ("road", "rail")
LATENESS: Micros = MINUTE
CHUNK: Micros = 15 * MINUTE
BEGIN: Micros = time.time_ns() // 1000 // HOUR * HOUR - 20 * DAY
"""Time comes from the events; but what is older than sixty days by the wall clock is kept by the hour."""


def live_begin(chunks: int) -> Micros:
    """Where so many stretches begin that end an hour ago, with all that was promised in them."""
    return (time.time_ns() // 1000 - 2 * HOUR - chunks * CHUNK) // HOUR * HOUR


OWNER: dict[str, Any] = {"kind": "Owner", "name": "ops", "targets": ["hook"]}
RULE: dict[str, Any] = {
    "kind": "Rule",
    "name": "most-fail",
    "moments": ["checkout", "delivered"],
    "level": "high",
    "group_by": ["region"],
    "detect": {
        "any": [{"threshold": {"signal": "failure_rate", "op": ">", "value": 0.5, "window": "10m", "min_count": 5}}]
    },
}


def catalogue(topics: tuple[str, str], address: str, clock: str = "event") -> list[dict[str, Any]]:
    """The shop: promises made on one topic and settled on another, and outcomes that nobody promised."""
    orders, payments = topics
    lateness = f"{LATENESS // SECOND}s"
    return [
        OWNER,
        {"kind": "Target", "name": "hook", "url": {"file": address}},
        {"kind": "Source", "name": "orders", "topic": orders, "clock": clock, "lateness": lateness},
        {"kind": "Source", "name": "payments", "topic": payments, "clock": clock, "lateness": lateness},
        {
            "kind": "Moment",
            "name": "delivered",
            "owner": "ops",
            "dimensions": ["region", "carrier"],
            "value": {"loss_probability": 0.1},
            "cold_start": "1h",
        },
        {
            "kind": "Moment",
            "name": "checkout",
            "owner": "ops",
            "dimensions": ["region"],
            "sources": ["payments"],
            "cold_start": "1h",
        },
        RULE,
    ]


@dataclass(frozen=True)
class Item:
    """One record to be produced: which topic, which partition of it, and its bytes."""

    topic: str
    partition: int
    payload: bytes


@dataclass
class Stream:
    """An endless stream; two with the same seed are the same.

    `orders`, `payments`: the topics' names and how many partitions each has. `rate`: outcomes a minute. `dirt`: the
    share of records that cannot be taken. `hot`: the share of records that one partition gets beyond its own.
    `hot_key`: the share of promises that are all one customer's, under one key. `poison`: of records that somebody
    made up to do harm. `far`: of events of a far future.
    """

    seed: int
    orders: tuple[str, int]
    payments: tuple[str, int]
    rate: int = 6
    dirt: float = 0.02
    doubles: float = 0.03
    hot: float = 0.2
    hot_key: float = 0.0
    poison: float = 0.0
    far: float = 0.0
    disorder: Micros = 40 * SECOND
    chunk: Micros = CHUNK
    at: Micros = BEGIN
    _rng: random.Random = field(init=False)
    _count: int = 0
    _queued: list[tuple[Micros, str, int, dict[str, Any]]] = field(default_factory=list)
    """Events of the future that were decided on already: the outcomes of promises."""

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def next(self) -> list[Item]:
        """The next stretch, in the order in which it is to be produced; every partition has its end in it."""
        start, end = self.at, self.at + self.chunk
        for minute in range(start, end, MINUTE):
            for _ in range(self.rate):
                self._event(minute + self._rng.randrange(MINUTE))
        now = sorted((q for q in self._queued if q[0] < end), key=lambda q: (q[0], q[3]["id"]))
        self._queued = [q for q in self._queued if q[0] >= end]
        self.at = end
        return [*self._shaken(now), *self._marks(end)]

    def _event(self, at: Micros) -> None:
        rng = self._rng
        kind = rng.random()
        if kind < 0.45:
            self._promise(at)
        elif kind < 0.9:
            region = rng.choice(REGIONS)
            bad = self._bad(at, region)
            self._put(
                at,
                self.payments,
                type="outcome",
                moment="checkout",
                customer=f"c{rng.randrange(400)}",
                outcome=rng.choices(("kept", "broken", "cancelled"), (1 - bad, bad, 0.02))[0],
                duration_s=rng.randrange(1, 900) / 10,
                value=rng.randrange(100, 9_000) / 100,
                dimensions={"region": region} if rng.random() < 0.95 else {},
            )
        elif kind < 0.96:
            self._put(at, self.orders, type="complaint", customer=f"c{rng.randrange(400)}", text="where is it?")
        else:
            change = rng.choice(("joined", "left"))
            self._put(at, self.payments, type="customer", customer=f"c{rng.randrange(400)}", change=change)

    def _promise(self, at: Micros) -> None:
        rng = self._rng
        region, key, customer = rng.choice(REGIONS), f"k{self._count}", f"c{rng.randrange(400)}"
        if self.hot_key and rng.random() < self.hot_key:
            key, customer = "hot", "c0"
        due = at + rng.randrange(5, 40) * MINUTE
        dimensions = {"region": region, "carrier": rng.choice(CARRIERS)}
        told = {"moment": "delivered", "customer": customer, "key": key}
        self._put(
            at, self.orders, type="promise", due=rfc3339(due), value=rng.randrange(9_999), dimensions=dimensions, **told
        )
        fate = rng.random()
        if fate < self._bad(due, region):
            late = rng.random()
            if late < 0.3:
                self._put(due + rng.randrange(1, 30) * MINUTE, self.payments, type="outcome", outcome="kept", **told)
            elif late < 0.5:
                broken = rng.randrange(at, due)
                self._put(broken, self.payments, type="outcome", outcome="broken", reason="lost", **told)
            return
        word = "cancelled" if fate > 0.98 else "kept"
        self._put(rng.randrange(at, due), self.payments, type="outcome", outcome=word, duration_s=3.5, **told)

    def _bad(self, at: Micros, region: str) -> float:
        """How much fails: in one region at a time for half of every hour."""
        turn, into = divmod(at, HOUR)
        return 0.85 if into > 30 * MINUTE and REGIONS[turn % len(REGIONS)] == region else 0.04

    def _put(self, at: Micros, topic: tuple[str, int], **fields: Any) -> None:
        name, partitions = topic
        partition = 0 if self._rng.random() < self.hot else self._rng.randrange(partitions)
        event = {"id": f"e{self._count}", "time": rfc3339(at), **fields}
        self._count += 1
        self._queued.append((at, name, partition, event))

    def _shaken(self, made: list[tuple[Micros, str, int, dict[str, Any]]]) -> list[Item]:
        """Out of order, but within the lateness; some twice, some that are no events among them."""
        rng = self._rng
        found: list[tuple[float, Item]] = []
        for at, topic, partition, event in made:
            arrives = at + rng.randrange(self.disorder)
            item = Item(topic, partition, json.dumps(event).encode())
            found.append((arrives, item))
            if rng.random() < self.doubles:
                found.append((arrives + rng.randrange(5 * MINUTE), item))
            if rng.random() < self.dirt:
                found.append((arrives, Item(topic, partition, self._dirty(event))))
            if self.poison and rng.random() < self.poison:
                found.append((arrives, Item(topic, partition, rng.choice(sorted(POISON)))))
            if self.far and rng.random() < self.far:
                found.append((arrives, Item(topic, partition, self._far(event))))
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]

    def _dirty(self, event: dict[str, Any]) -> bytes:
        """What is no event, for a reason that `oracle.event_of` knows."""
        rng = self._rng
        sound = event | {"id": f"dirt-{self._count}"}
        self._count += 1
        return rng.choice(
            (
                b"\xff\x00 no text",
                b"no JSON",
                b"[1, 2]",
                json.dumps({"id": "x"}).encode(),
                json.dumps(sound | {"type": "nonsense"}).encode(),
                json.dumps(sound | {"type": "complaint", "moment": "unheard-of"}).encode(),
                json.dumps(sound | {"time": "yesterday"}).encode(),
            )
        )

    def _far(self, event: dict[str, Any]) -> bytes:
        """An event that happens years from now."""
        self._count += 1
        far = rfc3339(time.time_ns() // 1000 + self._rng.randrange(1, 20_000) * DAY)
        return json.dumps(event | {"id": f"far-{self._count}", "time": far}).encode()

    def _marks(self, end: Micros) -> list[Item]:
        """One event a partition at the very end, so that time moves on everywhere."""
        topics = (self.orders, self.payments)
        return [mark(name, partition, end) for name, partitions in topics for partition in range(partitions)]


def mark(topic: str, partition: int, at: Micros) -> Item:
    """An event that says no more than what time it is."""
    event = {"id": f"mark-{at}-{partition}", "time": rfc3339(at), "type": "feedback", "text": "mark"}
    return Item(topic, partition, json.dumps(event).encode())
