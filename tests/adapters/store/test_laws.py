"""Batch sizes, crashes and repetitions change nothing: every store ends as memory does, as at one go."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.adapters.store.memory import MemoryStore
from service.core.counting.changes import keys_of
from service.core.counting.closing import PART
from service.core.event import MINUTE, SECOND, Partition
from service.core.ports import StoreBusy
from tests.adapters.store.scene import (
    FOREVER,
    MOMENTS,
    T0,
    Reader,
    close,
    close_a_part,
    every_break,
    outcome,
    promise,
    records,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.core.event import Event
    from service.core.ports import Store
    from tests.adapters.store.conftest import Shelf

PARTITIONS = (Partition("events", 0, "id-1"), Partition("events", 1, "id-1"))
EXAMPLES = {"memory": 150, "sqlite": 25, "postgres": 12}
END = T0 + 60 * MINUTE

times = st.integers(0, 40).map(lambda half: T0 + half * 30 * SECOND)
dimensions = st.sampled_from([None, {"region": "a"}, {"region": "b", "channel": "web"}, {"channel": ""}])
customers = st.sampled_from(["ann", "bob", "eve"])
keys = st.sampled_from(["k1", "k2", "k3", "ключ"])
words = st.sampled_from(["kept", "broken", "cancelled"])
values = st.none() | st.integers(-3, 1000).map(float)
durations = st.none() | st.integers(0, 9).map(float)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Something that happens to a payment or a parcel."""
    common = {
        "id": f"{draw(st.integers(0, 10**9))}",
        "customer": draw(customers),
        "dimensions": draw(dimensions),
        "value": draw(values),
    }
    at = draw(times)
    kind = draw(st.sampled_from(["payment", "promise", "delivery"]))
    if kind == "payment":
        return outcome(at, draw(words), duration_s=draw(durations), **common)
    if kind == "promise":
        return promise(at, draw(keys), draw(times), **common)
    return outcome(at, draw(words), moment="delivered", key=draw(keys), duration_s=draw(durations), **common)


batches = st.tuples(
    st.just("batch"),
    st.sampled_from(PARTITIONS),
    st.integers(1, 5),
    st.sampled_from(["", "", "before", "after"]),
)
closings = st.tuples(st.just("close"), st.sampled_from(sorted(MOMENTS)), st.integers(0, 25), st.just(""))
parts = st.tuples(st.just("part"), st.sampled_from(sorted(MOMENTS)), st.integers(0, 25), st.integers(1, 2))
stories = st.lists(batches | closings | parts, max_size=12)


def live(store: Store, logs: dict[Partition, list[Event]], story: Sequence[Any], *, crashes: bool) -> None:
    """Read the logs as the story tells it, then what is left, then close everything.

    With crashes closings are done in parts, too, and some are left in the middle.
    """
    readers = {partition: Reader(store, partition) for partition in logs}
    steps = [*story, *(("batch", partition, len(log) or 1, "") for partition, log in logs.items())]
    for what, where, n, crash in steps:
        if what == "close":
            close(store, where, T0 + n * MINUTE, part=1 if crashes else PART)
            continue
        if what == "part":
            if crashes:
                close_a_part(store, where, T0 + n * MINUTE, crash)
            continue
        reader = readers[where]
        batch = logs[where][reader.position : reader.position + n]
        if crashes and crash == "before":
            with store.ingest(reader.claim, list(MOMENTS), sorted(keys_of(records(batch)))):
                pass
            readers[where] = reader = Reader(store, where)
        reader.take(*batch)
        if crashes and crash == "after":
            # The next one knows nothing but what the store says, and repeats nothing.
            readers[where] = Reader(store, where)
    for moment in MOMENTS:
        close(store, moment, END)


def amended(store: Store) -> dict[str, Any]:
    """What reports see."""
    found: dict[str, Any] = {"counts": (store.counts().read, dict(store.counts().accepted))}
    asked = [("delivered", key) for key in ("k1", "k2", "k3", "ключ")]
    with store.ingest(store.claim(Partition("nobody", 0)), list(MOMENTS), asked) as transaction:
        found["ledger"] = dict(transaction.view.promises)
    for moment in MOMENTS:
        found[moment] = {
            "totals": store.totals(moment, T0, END, MINUTE),
            "regions": store.by_value(moment, "region", T0, END),
            "impact": store.impact(moment, (), T0, END),
            "due": store.due(moment, T0, END),
            "breaks": [msgspec.structs.replace(row, late=False) for row in every_break(store, moment)],
        }
    return found


def judged(store: Store) -> dict[str, Any]:
    """What detectors saw, and what came too late for them."""
    return {
        "windows": {moment: list(store.windows(moment, None, FOREVER)) for moment in MOMENTS},
        "late": [(row.ref, row.late) for moment in MOMENTS for row in every_break(store, moment)],
        "counts": dict(store.counts().late),
    }


def once(log: Sequence[Event], partition: Partition) -> list[Event]:
    """Events of one partition with ids of their own, as two events of one id are duplicates."""
    return [msgspec.structs.replace(one, id=f"{partition.number}-{i}") for i, one in enumerate(log)]


def test_crashes_and_batch_sizes_change_nothing(shelf: Shelf) -> None:
    @settings(
        max_examples=EXAMPLES[shelf.kind],
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(events(), max_size=12), st.lists(events(), max_size=12), stories)
    def law(first: list[Event], second: list[Event], story: list[Any]) -> None:
        logs = {p: once(log, p) for p, log in zip(PARTITIONS, (first, second), strict=True)}
        store, smooth, at_once = shelf(), MemoryStore(MOMENTS), MemoryStore(MOMENTS)

        live(store, logs, story, crashes=True)
        live(smooth, logs, story, crashes=False)
        live(at_once, logs, [], crashes=False)

        assert judged(store) == judged(smooth)
        assert amended(store) == amended(smooth)
        assert amended(store) == amended(at_once)

    law()


def patiently(do: Callable[[], object]) -> None:
    """Do it once more for as long as the store has to give way."""
    while True:
        try:
            do()
        except StoreBusy:
            continue
        return


def test_readers_at_once_add_up(shelf: Shelf) -> None:
    """Two partitions full of the same keys, cells and customers, and the closing, all at the same time."""
    n = 30
    logs: dict[Partition, list[Event]] = {}
    for partition in PARTITIONS:
        one: list[Event] = []
        for i in range(n):
            at = T0 + i % 7 * MINUTE + i * SECOND
            one.append(outcome(at, "broken", dimensions={"region": f"r{i % 3}"}, value=i, duration_s=i % 4))
            one.append(promise(at + partition.number, f"k{(i * 7 + partition.number) % 11}", at + 5 * MINUTE))
            one.append(outcome(at + 9 * MINUTE, "kept", moment="delivered", key=f"k{i * 5 % 11}"))
        logs[partition] = once(one, partition)
    store, smooth = shelf(), MemoryStore(MOMENTS)
    live(smooth, logs, [], crashes=False)

    def read(partition: Partition) -> None:
        reader = Reader(store, partition)
        log = logs[partition]
        for start in range(0, len(log), 9):
            patiently(lambda at=start: reader.take(*log[at : at + 9]))  # type: ignore[misc]

    threads = [threading.Thread(target=read, args=[partition]) for partition in PARTITIONS]
    for thread in threads:
        thread.start()
    for minute in range(10):
        for moment in MOMENTS:
            patiently(lambda m=moment, to=minute: close(store, m, T0 + to * MINUTE))  # type: ignore[misc]
    for thread in threads:
        thread.join(60)
    for moment in MOMENTS:
        close(store, moment, END)

    assert amended(store) == amended(smooth)
