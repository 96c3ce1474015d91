"""Corrected events take the place of what was counted: the reports are as if they had come in the first place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.adapters.store.memory import MemoryStore
from service.adapters.store.sql.store import SqlStore
from service.adapters.store.sql.tables import metadata
from service.core.catalog import Catalog
from service.core.counting.changes import Changes
from service.core.event import HOUR, MINUTE, DeadLetter, Partition
from service.core.ports import StoreRefused
from service.loops.restate import NotClosed, Restater
from tests.adapters.store.scene import HERE, MOMENTS, T0, Reader, close, every_break, outcome, promise, records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.core.event import DeadLetter as Letter
    from service.core.event import Event, Record
    from service.core.ports import Store
    from service.loops.restate import Replay
    from tests.adapters.store.conftest import Shelf

FILE = Partition("corrected.jsonl", 0, "corrected.jsonl")
CATALOG = Catalog(moments=MOMENTS)
CLOSED = T0 + 30 * HOUR


@pytest.fixture
def store(lasting_store: Store) -> SqlStore:
    assert isinstance(lasting_store, SqlStore)
    return lasting_store


def fed(store: Store, events: Sequence[Event], place: Partition = HERE, closed: int = CLOSED) -> Reader:
    reader = Reader(store, place)
    if events:
        reader.take(*events)
    for moment in MOMENTS:
        close(store, moment, closed)
    return reader


def replay(
    store: SqlStore,
    corrected: Sequence[Record],
    span: tuple[int, int] = (T0, T0 + HOUR),
    place: Partition = FILE,
    dead: Sequence[Letter] = (),
    **options: Any,
) -> Replay:
    given = {"source": "a test", "strict": True} | options
    restater = Restater(store, CATALOG, 2, lambda: T0 + 99 * HOUR)
    return restater.run(sorted(MOMENTS), *span, [(place, list(corrected), list(dead))], **given)  # type: ignore[arg-type]


def told(store: Store) -> object:
    """What reports can see, without whether it was late."""
    span = (T0 - 48 * HOUR, T0 + 96 * HOUR)
    return {
        moment: (
            store.totals(moment, *span, MINUTE),
            dict(store.by_value(moment, "region", *span)),
            sorted(
                (row.at, row.customer, row.value, sorted(row.dimensions.items()), row.reason, row.settled_at)
                for row in every_break(store, moment)
            ),
            store.due(moment, *span),
            {name: number for name, number in store.signals(moment, *span).items() if number},
        )
        for moment in sorted(MOMENTS)
    }


def judged(store: SqlStore) -> object:
    return {
        moment: [(w.start, dict(w.cells)) for w in store.windows(moment, None, CLOSED)] for moment in sorted(MOMENTS)
    }


EVENTS: list[Event] = [
    outcome(T0 + MINUTE, "broken", id="a", customer="ann", dimensions={"region": "north"}, value=3, duration_s=4),
    outcome(T0 + 2 * MINUTE, "kept", id="b", customer="bob", dimensions={"region": "south"}, value=5),
    outcome(T0 + 3 * HOUR, "broken", id="c", customer="eve"),
    promise(T0 - HOUR, "early", T0 + 5 * MINUTE, customer="ida"),
    promise(T0 + 10 * MINUTE, "inside", T0 + 2 * HOUR, customer="joe", value=9),
    outcome(T0 + 20 * MINUTE, "kept", id="d", moment="delivered", key="inside", customer="joe"),
    outcome(T0 + 50 * MINUTE, "broken", id="e", moment="delivered", key="alone", customer="kim"),
]


def test_the_corrected_hour_stands_in_the_place_of_the_old(store: SqlStore) -> None:
    fed(store, EVENTS)
    before = judged(store)
    corrected: list[Event] = [
        outcome(T0 + MINUTE, "kept", id="a", customer="ann", dimensions={"region": "west"}, value=3, duration_s=4),
        outcome(T0 + 4 * MINUTE, "broken", id="z", customer="zoe", dimensions={"region": "west"}),
        promise(T0 + 10 * MINUTE, "inside", T0 + 2 * HOUR, customer="joe", value=11),
        outcome(T0 + 4 * MINUTE, "kept", id="y", moment="delivered", key="early", customer="ida"),
    ]

    done = replay(store, records(corrected, 1))

    assert (done.read, done.counted.total(), done.changed) == (4, 4, {"delivered": (-1, -2), "paid": (0, 0)})
    restated, as_judged = told(store), judged(store)
    assert as_judged == before
    for moment in MOMENTS:
        with store.restating(moment) as transaction:
            # What a second replay has to bring again, and the books are held against.
            assert sum(cell.arrivals for cell in transaction.cells(T0, T0 + HOUR).values()) == 2
    fresh = MemoryStore(MOMENTS)
    fed(fresh, [*corrected, EVENTS[2], EVENTS[3]])
    assert restated == told(fresh)


def test_done_twice_it_changes_nothing_more(store: SqlStore) -> None:
    fed(store, EVENTS)
    corrected = records([outcome(T0 + 9 * MINUTE, "broken", id="n", customer="new"), EVENTS[4]], 1)
    replay(store, corrected)
    once = told(store)

    again = replay(store, corrected)

    assert told(store) == once
    assert again.changed == {"delivered": (0, 0), "paid": (0, 0)}


def test_the_same_events_read_again_change_nothing_at_all(store: SqlStore) -> None:
    reader = fed(store, EVENTS)
    before = (told(store), judged(store), every_break(store), every_break(store, "delivered"))
    inside = [record for record in records(EVENTS) if T0 <= record.at < T0 + HOUR]

    replay(store, inside, place=reader.partition)

    assert (told(store), judged(store), every_break(store), every_break(store, "delivered")) == before


def test_nothing_in_the_place_of_an_hour_leaves_nothing_of_it(store: SqlStore) -> None:
    fed(store, EVENTS)
    done = replay(store, [])
    assert done.changed["paid"] == (-2, -1)
    assert [row.customer for row in every_break(store)] == ["eve"]
    # A promise of before falls due in it all the same; what was told of it in that hour is gone.
    assert [row.customer for row in every_break(store, "delivered")] == ["ida"]


def test_what_comes_afterwards_is_counted_as_if_it_had_always_been_so(store: SqlStore) -> None:
    reader = fed(store, EVENTS)
    replay(store, records([EVENTS[0], EVENTS[4]], 1))
    reader.take(outcome(T0 + 30 * MINUTE, "kept", id="late", moment="delivered", key="inside", customer="joe"))

    [(_, totals)] = store.totals("delivered", T0 + 2 * HOUR, T0 + 2 * HOUR + MINUTE, MINUTE)
    assert (totals.attempts, totals.broken) == (1, 0)
    assert store.counts().balanced


def test_open_windows_and_broken_hours_are_refused_before_anything_is_done(store: SqlStore) -> None:
    fed(store, EVENTS, closed=T0 + 30 * MINUTE)
    with pytest.raises(NotClosed, match="closed through"):
        replay(store, [])
    with pytest.raises(StoreRefused, match="whole hours"):
        replay(store, [], (T0, T0 + MINUTE))
    for moment in MOMENTS:
        close(store, moment, CLOSED)
    before = told(store)
    with pytest.raises(StoreRefused, match="1 of the corrected events cannot be taken"):
        replay(store, [], dead=[DeadLetter(FILE, 1, "not_json", "", b"")])
    assert told(store) == before
    assert store.restatements() == []


def test_it_is_written_down(store: SqlStore) -> None:
    fed(store, EVENTS)
    replay(store, records([EVENTS[0]], 1), (T0, T0 + 25 * HOUR))
    rows = store.restatements()
    assert [(row.moment, row.since, row.until) for row in rows[::-1]] == [
        ("delivered", T0, T0 + 24 * HOUR),
        ("delivered", T0 + 24 * HOUR, T0 + 25 * HOUR),
        ("paid", T0, T0 + 24 * HOUR),
        ("paid", T0 + 24 * HOUR, T0 + 25 * HOUR),
    ]
    assert (rows[1].source, rows[1].counted, rows[1].attempts, rows[1].broken, rows[1].arrivals) == (
        "a test",
        1,
        -2,
        -1,
        -2,
    )


def test_a_record_that_is_counted_now_waits_no_longer_among_the_dead(store: SqlStore) -> None:
    reader = fed(store, EVENTS)
    changes = Changes(dead=[DeadLetter(HERE, 7, "unknown_moment", "", b"{}")])
    changes.counts.read = 1
    changes.counts.dead["unknown_moment"] = 1
    with store.ingest(reader.claim, [], []) as transaction:
        transaction.save(changes, 8, reader.claim.clock)
    inside = [record for record in records(EVENTS) if T0 <= record.at < T0 + HOUR]
    [taken] = records([outcome(T0 + 9 * MINUTE, "broken", id="was-dead", customer="dee")], 7)

    done = replay(store, [*inside, taken], place=HERE)

    assert done.freed == 1
    assert store.dead_letters() == []
    assert store.counts().balanced
    assert (store.counts().accepted["paid"], store.counts().dead.total()) == (4, 0)
    assert store.restatements()[0].arrivals == 0


def test_a_customer_who_was_forgotten_stays_so(store: SqlStore) -> None:
    fed(store, EVENTS)
    erased = store.forget("ann", by="me", at=T0)
    inside = [record for record in records(EVENTS) if T0 <= record.at < T0 + HOUR]
    replay(store, inside, place=HERE)
    assert [row.customer for row in every_break(store)] == [erased.tombstone, "eve"]


def test_a_crash_between_two_pieces_is_mended_by_doing_it_again(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed(store, EVENTS)
    corrected = records([outcome(T0 + 9 * MINUTE, "broken", id="n", customer="new"), EVENTS[4]], 1)
    write, calls = store.recorder.write, []

    def dies(*given: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("killed")
        write(*given)

    with monkeypatch.context() as patched:
        patched.setattr(store.recorder, "write", dies)
        with pytest.raises(KeyError):
            replay(store, corrected)
    replay(store, corrected)

    assert [row.customer for row in every_break(store)] == ["new", "eve"]


@pytest.fixture
def a_store(opener: Callable[[str], Shelf]) -> SqlStore:
    made = opener("sqlite")()
    assert isinstance(made, SqlStore)
    return made


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """What came, and what the middle hour ought to have been. Each promise has one event of a kind."""

    def event(number: int, low: int, high: int) -> Event:
        at = T0 + draw(st.integers(low, high - 1)) * MINUTE
        dimensions = draw(st.sampled_from([None, {"region": "a"}, {"region": "b"}]))
        more: dict[str, Any] = {"dimensions": dimensions, "customer": f"c{number % 3}"}
        kind = draw(st.sampled_from(["paid", "promise", "kept", "broken", "cancelled"]))
        if kind == "paid":
            word = draw(st.sampled_from(["kept", "broken", "cancelled"]))
            return outcome(at, word, id=f"{number}", value=draw(st.none() | st.integers(0, 9)), **more)
        if kind == "promise":
            return promise(at, draw(st.sampled_from("xyz")), T0 + draw(st.integers(-60, 150)) * MINUTE, **more)
        key = draw(st.sampled_from("wxyz"))
        return outcome(at, kind, id=f"{number}", moment="delivered", key=key, **more)

    def unique(events: list[Event]) -> list[Event]:
        seen: set[object] = set()
        kept = []
        for one in events:
            key = getattr(one, "key", None)
            mark = one.id if key is None else (type(one), key, getattr(one, "outcome", None))
            if mark not in seen:
                seen.add(mark)
                kept.append(one)
        return kept

    around = [event(n, -60, 0) for n in range(draw(st.integers(0, 4)))]
    around += [event(20 + n, 60, 120) for n in range(draw(st.integers(0, 4)))]
    was = [event(40 + n, 0, 60) for n in range(draw(st.integers(0, 6)))]
    ought = [event(60 + n, 0, 60) for n in range(draw(st.integers(0, 6)))]
    return unique([*around, *was]), unique([*around, *ought])


def emptied(store: SqlStore) -> SqlStore:
    """Without rows: to make a file anew takes longer than the test."""
    for table in reversed(metadata.sorted_tables):
        store._database.write(lambda connection, table=table: connection.execute(table.delete()))  # type: ignore[misc]
    store.declare(MOMENTS)
    return store


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
@example(([promise(T0, "x", T0 + 30 * MINUTE)], []))
def test_law_restated_is_as_if_it_had_always_been_so(
    a_store: SqlStore, histories: tuple[list[Event], list[Event]]
) -> None:
    came, ought = histories
    store = emptied(a_store)
    fed(store, came)
    before = judged(store)
    inside = [record for record in records(ought, 1) if T0 <= record.at < T0 + HOUR]
    replay(store, inside)
    assert judged(store) == before

    fresh = MemoryStore(MOMENTS)
    around = [record.event for record in records(came) if not T0 <= record.at < T0 + HOUR]
    fed(fresh, [*around, *(record.event for record in inside)])
    assert told(fresh) == told(store)
