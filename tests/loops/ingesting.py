"""A store that meets faults, a source that a test feeds, and the ingest loop between them."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from service.adapters.decode import Decoder
from service.adapters.memory_source import LineSource, MemoryLog, MemorySource
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Moment, Owner, Source
from service.core.event import SECOND, Assigned, Batch, Idle, Lost, Micros, Partition, rfc3339
from service.core.meter import NoMeter
from service.core.ports import StoreAway, StoreBusy, StoreRefused
from service.loops.ingest import Ingest, Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from service.core.counting.changes import Changes, Counts, PromiseKey
    from service.core.counting.tally import Tally
    from service.core.counting.watermark import PartitionClock
    from service.core.ports import Claim, IngestTransaction, Store

CATALOG = Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops", dimensions=("region",))})
PLACE = Partition("events", 0, "id")
OTHER = Partition("events", 1, "id")
START: Micros = 1_700_000_000 * SECOND
AT_ONCE = Pace(gather=0, look=0, look_share=0, report=0, shortest_wait=0, longest_wait=0, stale_wait=0)


def outcome(number: int, **changed: object) -> bytes:
    event = {
        "id": f"e{number}",
        "time": rfc3339(START + number * SECOND),
        "type": "outcome",
        "moment": "m",
        "customer": f"c{number % 7}",
        "outcome": "broken" if number % 3 == 0 else "kept",
        "value": 1.5,
        "dimensions": {"region": "north" if number % 2 else "south"},
    }
    return json.dumps(event | changed).encode()


class FaultyStore(MemoryStore):
    """A store that meets the faults it is told of, one a call of save; None is a success."""

    def __init__(self, faults: Sequence[str | None] = (), poison: bytes = b"") -> None:
        super().__init__(CATALOG.moments)
        self.faults = list(faults)
        self.poison = poison
        self.saves = 0
        self.claims = 0

    def claim(self, partition: Partition) -> Claim:
        self.claims += 1
        if self.faults and self.faults[0] == "claim":
            self.faults.pop(0)
            raise StoreAway("told to be away")
        return super().claim(partition)

    @contextmanager
    def ingest(  # type: ignore[override]  # a transaction around the real one
        self, claim: Claim, moments: Sequence[str], keys: Sequence[PromiseKey]
    ) -> Iterator[IngestTransaction]:
        with super().ingest(claim, moments, keys) as transaction:
            yield Faulty(self, transaction)


@dataclass
class Faulty:
    store: FaultyStore
    inner: Any
    view: Any = field(init=False)

    def __post_init__(self) -> None:
        self.view = self.inner.view

    def save(self, changes: Changes, position: int, clock: PartitionClock) -> Claim:
        store = self.store
        store.saves += 1
        fault = store.faults.pop(0) if store.faults else None
        if fault == "away":
            raise StoreAway("told to be away")
        if fault == "busy":
            raise StoreBusy("told to give way")
        if fault == "stale":
            MemoryStore.claim(store, clock.partition)
        if fault == "bug":
            raise KeyError("a bug")
        if store.poison and any(store.poison.decode() in row.customer for row in changes.breaks.values() if row):
            raise StoreRefused("a character that the store\ndoes not keep")
        claim: Claim = self.inner.save(changes, position, clock)
        if fault == "lost answer":
            raise StoreAway("the answer was lost")
        return claim


class Counting(NoMeter):
    def __init__(self) -> None:
        self.batches: list[Counts] = []
        self.stale = 0
        self.failures = 0
        self.lag: dict[Partition, int | None] = {}

    def ingested(self, partition: Partition, counts: Counts, tally: Tally, seconds: float) -> None:
        self.batches.append(counts)

    def refused(self, partition: Partition) -> None:
        self.stale += 1

    def behind(self, partition: Partition, records: int | None) -> None:
        self.lag[partition] = records

    def failed(self, loop: str) -> None:
        self.failures += 1


def ingest(source: Any, store: Store, *, now: Callable[[], Micros] = lambda: START, **options: Any) -> Ingest:
    options.setdefault("pace", AT_ONCE)
    return Ingest(source, store, lambda _: Decoder(CATALOG), CATALOG, now, **options)


def run_lines(lines: Sequence[bytes], store: MemoryStore, batch: int = 100, **options: Any) -> Ingest:
    loop = ingest(LineSource(PLACE, lines, batch), store, **options)
    loop.run(threading.Event())
    return loop


def totals(store: MemoryStore) -> Any:
    return store.totals("m", START - 3600 * SECOND, START + 36_000 * SECOND, 39_600 * SECOND)


def sums(store: MemoryStore) -> tuple[int, int]:
    rows = [total for _, total in totals(store)]
    return sum(row.attempts for row in rows), sum(row.broken for row in rows)


LINES = [outcome(number) for number in range(300)]


class Live:
    """A source in memory that a test feeds between two steps of the loop."""

    def __init__(self, *places: Partition, **options: Any) -> None:
        self.now = START
        self.time = 0.0
        self.logs = {place: MemoryLog() for place in places}
        self.source = MemorySource(self.logs, lambda: self.now)
        self.store = FaultyStore()
        self.meter = Counting()
        pace = options.pop("pace", AT_ONCE)
        self.loop = ingest(
            self.source,
            self.store,
            now=lambda: self.now,
            meter=self.meter,
            live=lambda _: True,
            monotonic=lambda: self.time,
            pace=pace,
            **options,
        )
        self.arrivals = self.source.batches()

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and take what the source gives until it has nothing more for now."""
        self.time += seconds
        self.now += round(seconds * SECOND)
        for arrival in self.arrivals:
            self.loop.handle(arrival)
            if isinstance(arrival, Idle):
                return

    def clock(self, place: Partition = PLACE) -> PartitionClock:
        return next(clock for clock in self.store.clocks() if clock.partition == place)


def replace_id(partition: Partition) -> Partition:
    """The partition in its place when its topic was made anew."""
    return Partition(partition.topic, partition.number, "id-2")


ANEW = replace_id(PLACE)
FAR = START + 3600 * SECOND


def losing(*, live: bool = True, behind: int | None = None) -> tuple[Ingest, MemoryStore]:
    """A loop that has read three records, and learns that the next 22 are gone, or how many lie ahead."""
    catalog = replace(CATALOG, sources={"events": Source("events", PLACE.topic)})
    store = MemoryStore(CATALOG.moments)
    loop = Ingest(
        MemorySource({PLACE: MemoryLog()}, lambda: START),
        store,
        lambda _: Decoder(CATALOG),
        catalog,
        lambda: START + 30 * SECOND,
        live=lambda _: live,
        pace=Pace(gather=3600, look=0),
    )
    loop.handle(Assigned((PLACE,)))
    loop.handle(Batch(PLACE, [0, 1, 2], LINES[:3], 3, behind=behind))
    if behind is None:
        loop.handle(Lost(PLACE, 3, 25))
    loop.flush()
    return loop, store
