"""The questions of pages and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.core.counting.changes import Changes
from service.core.event import (
    DAY,
    HOUR,
    MINUTE,
    Annotation,
    Complaint,
    CustomerChange,
    DeadLetter,
    Feedback,
    Partition,
    instant,
)
from service.core.interruption import Impact
from service.core.standing import Totals
from tests.adapters.store.scene import (
    FOREVER,
    HERE,
    T0,
    Reader,
    close,
    every_break,
    outcome,
    promise,
)

if TYPE_CHECKING:
    from service.core.ports import Store

RJ, SP = {"region": "RJ"}, {"region": "SP", "channel": "web", "van": "7"}


@pytest.fixture
def told(store: Store) -> Store:
    """Six payments, four broken, by three customers, in two hours and two regions."""
    Reader(store).take(
        outcome(T0, "broken", customer="ann", value=10, dimensions=RJ, reason="timeout"),
        outcome(T0 + 1, "kept", customer="bob", value=5, dimensions=RJ),
        outcome(T0 + 2, "broken", customer="ann", value=20, dimensions=SP),
        outcome(T0 + HOUR, "broken", customer="bob", value=1, dimensions=SP),
        outcome(T0 + HOUR + 1, "broken", customer="eve"),
        outcome(T0 + HOUR + 2, "cancelled", customer="eve", dimensions=RJ),
    )
    return store


def test_what_broke_is_counted_by_moment(told: Store) -> None:
    both = ("delivered", "paid")
    assert told.broken(both, T0, FOREVER) == {"paid": 4}
    assert told.broken(both, T0 + 2, T0 + HOUR) == {"paid": 1}
    assert told.broken(("delivered",), T0, FOREVER) == told.broken((), T0, FOREVER) == {}


def test_customers_are_distinct_and_exact(told: Store) -> None:
    assert told.impact("paid", (), T0, FOREVER) == Impact(4, 3, 3100, 0)
    assert told.impact("paid", (), T0, T0 + HOUR) == Impact(2, 1, 3000, 0)
    assert told.impact("paid", (), T0 + 1, T0 + 2) == Impact()
    assert told.impact("delivered", (), T0, FOREVER) == Impact()


def test_a_segment_holds_those_who_state_one_of_its_values(told: Store) -> None:
    assert told.impact("paid", (("region", ("RJ",)),), T0, FOREVER) == Impact(1, 1, 1000, 0)
    assert told.impact("paid", (("region", ("RJ", "SP")),), T0, FOREVER) == Impact(3, 2, 3100, 0)
    assert told.impact("paid", (("region", ("nowhere",)),), T0, FOREVER) == Impact()
    # `van` is no dimension of the moment; the break row keeps it all the same.
    assert told.impact("paid", (("channel", ("web",)), ("van", ("7",))), T0, FOREVER) == Impact(2, 2, 2100, 0)


@pytest.mark.parametrize("name", ['a"b', "a.b", "$", "a\\b", "*", "é", "a'; DROP TABLE breaks; --", "[0]", "0"])
def test_any_name_can_be_a_dimension(store: Store, name: str) -> None:
    Reader(store).take(outcome(T0, "broken", dimensions={name: "x", "other": "y"}))

    assert store.impact("paid", ((name, ("x",)),), T0, FOREVER).broken == 1
    assert store.impact("paid", ((name, ("y",)),), T0, FOREVER).broken == 0
    assert [value for value, totals in store.by_value("paid", name, T0, FOREVER) if totals.customers] == ["x"]


def test_break_rows_are_whole_and_in_order_of_time(told: Store) -> None:
    rows = every_break(told)
    assert [row.at - T0 for row in rows] == [0, 2, HOUR, HOUR + 1]
    first = rows[0]
    assert (first.moment, first.ref.rpartition("/")[0], first.customer) == ("paid", "@id-1/0/0", "ann")
    assert (first.value, first.dimensions, first.reason) == (1000, RJ, "timeout")
    assert (first.settled_at, first.late, first.promised) == (None, False, False)
    assert rows[1].dimensions == SP

    assert told.breaks("paid", (), T0, FOREVER, limit=2, offset=1) == rows[1:3]
    assert told.breaks("paid", (("region", ("SP",)),), T0, FOREVER) == rows[1:3]


def test_sums_by_step(told: Store) -> None:
    hour = Totals(3, 2, 0, 3500, 3000, 1)
    assert told.totals("paid", T0, T0 + DAY, HOUR) == [(T0, hour), (T0 + HOUR, Totals(2, 2, 1, 100, 100, 2))]
    assert told.totals("paid", T0, T0 + DAY, DAY) == [(T0, Totals(5, 4, 1, 3600, 3100, 3))]
    assert told.totals("paid", T0 - 30 * MINUTE, T0 + HOUR, HOUR) == [(T0 - 30 * MINUTE, hour)]
    assert told.totals("paid", T0 + DAY, FOREVER, DAY) == []


def test_sums_by_step_of_a_segment(told: Store) -> None:
    sp = (("region", ("SP",)),)
    first, second = Totals(1, 1, 0, 2000, 2000, 1), Totals(1, 1, 0, 100, 100, 1)
    assert told.totals("paid", T0, T0 + DAY, HOUR, segment=sp) == [(T0, first), (T0 + HOUR, second)]
    both = (("region", ("SP", "RJ")), ("channel", ("web",)))
    assert told.totals("paid", T0, T0 + DAY, DAY, segment=both) == [(T0, Totals(2, 2, 0, 2100, 2100, 2))]
    assert told.totals("paid", T0, T0 + DAY, DAY, segment=(("region", ("nowhere",)),)) == []


def test_how_many_came_by_step(told: Store) -> None:
    hours = told.arrivals("paid", T0, T0 + DAY, HOUR)
    assert set(hours) == {T0, T0 + HOUR}
    assert told.arrivals("paid", T0, T0 + DAY, DAY) == {T0: sum(hours.values())}
    assert told.arrivals("paid", T0 - 30 * MINUTE, T0 + HOUR, HOUR) == {T0 - 30 * MINUTE: hours[T0]}
    one, other = (
        sum(told.arrivals("paid", T0, T0 + DAY, HOUR, segment=(("region", of),)).values()) for of in (("RJ",), ("SP",))
    )
    assert 0 < min(one, other) < one + other <= sum(hours.values())
    assert told.arrivals("paid", T0, T0 + DAY, HOUR, segment=(("region", ("nowhere",)),)) == {}
    assert told.arrivals("paid", T0 + DAY, FOREVER, DAY) == {}


def test_sums_by_value_of_a_dimension(told: Store) -> None:
    assert told.by_value("paid", "region", T0, FOREVER) == [
        ("SP", Totals(2, 2, 0, 2100, 2100, 2)),
        ("RJ", Totals(2, 1, 1, 1500, 1000, 1)),
        (None, Totals(1, 1, 0, 0, 0, 1)),
    ]
    # Windows that begin in the stretch, breaks that happened in it.
    assert told.by_value("paid", "region", T0 + DAY, FOREVER) == []


def test_customers_over_moments_are_not_summed(told: Store) -> None:
    reader = Reader(told, Partition("parcels", 0, "id-9"))
    reader.take(promise(T0, "k", T0 + HOUR, customer="ann"), promise(T0 + 1, "l", T0 + HOUR, customer="zoe"))
    close(told, "delivered", T0 + DAY)

    assert told.customers(["paid", "delivered", "paid"], T0, FOREVER) == (4, 6)
    assert told.customers(["delivered"], T0, FOREVER) == (2, 2)
    assert told.customers([], T0, FOREVER) == (0, 0)


def test_what_is_open_is_counted_by_the_hour_of_its_due_and_by_value(store: Store) -> None:
    due = T0 + DAY
    rj = {"region": "RJ", "channel": "app"}
    Reader(store).take(
        promise(T0, "a", due, dimensions=rj),
        promise(T0, "b", due + HOUR - 1, dimensions=rj),
        promise(T0, "c", due + HOUR, dimensions=rj),
        promise(T0, "d", due + HOUR, dimensions={"region": "SP"}),
        promise(T0, "e", due + HOUR, dimensions={"region": "", 'o"d.d': "x"}),
        promise(T0, "f", due + HOUR),
        promise(T0, "g", due - 1, dimensions=rj),
        promise(T0, "h", due + 2 * HOUR, dimensions=rj),
        promise(T0, "i", due, dimensions=rj),
        # Who was told another day is in the region that the first promise said.
        promise(T0 + 1, "a", due + HOUR, dimensions={"region": "SP"}),
        outcome(T0 + HOUR, moment="delivered", key="i"),
    )

    def coming(*names: str) -> list[tuple[int, tuple[str | None, ...], int]]:
        return sorted(store.coming("delivered", due, due + 2 * HOUR, HOUR, names), key=str)

    assert coming() == [(0, (), 2), (1, (), 4)]
    assert coming("region") == [(0, ("RJ",), 2), (1, ("RJ",), 1), (1, ("SP",), 1), (1, (None,), 2)]
    assert coming("region", "channel") == [
        (0, ("RJ", "app"), 2),
        (1, ("RJ", "app"), 1),
        (1, ("SP", None), 1),
        (1, (None, None), 2),
    ]
    assert coming('o"d.d') == [(0, (None,), 2), (1, ("x",), 1), (1, (None,), 3)]
    assert store.coming("paid", T0, FOREVER, HOUR, ("region",)) == []


def test_who_is_still_waiting(store: Store) -> None:
    reader = Reader(store)
    due = T0 + DAY
    reader.take(
        promise(T0, "a", due, customer="ann"),
        promise(T0, "b", due + 1, customer="ann"),
        promise(T0, "c", due + 2, customer="bob"),
        promise(T0, "d", due + 3, customer="eve"),
        promise(T0, "e", due + HOUR, customer="eve"),
    )
    reader.take(outcome(due, moment="delivered", key="d"), outcome(T0 + 5, "cancelled", moment="delivered", key="e"))
    assert store.due("delivered", due, due + 4) == (3, 4)
    assert store.due("delivered", due + 1, due + 2) == (1, 1)
    assert store.due("delivered", T0, FOREVER) == (3, 5)
    assert [row.key for row in store.lives("delivered", due, due + HOUR, limit=3)] == ["d", "c", "b"]
    [last] = store.lives("delivered", due, FOREVER, limit=1)
    assert last.cancelled is not None
    assert store.lives("paid", T0, FOREVER, limit=9) == []
    assert store.due("paid", T0, FOREVER) == (0, 0)

    close(store, "delivered", due + HOUR)
    reader.take(outcome(due + 2 * HOUR, moment="delivered", key="c"))

    assert store.impact("delivered", (), T0, FOREVER) == Impact(3, 2, 0, 1, 1)
    assert store.due("delivered", T0, FOREVER) == (2, 5)


def test_what_was_said_comes_back_as_it_was(store: Store) -> None:
    one = Complaint("c1", instant(T0 + 5), "ann", "paid", None, "phone", 1.5, "Zürich „nein“ 🙁", {"region": "RJ"})
    other = Complaint("c2", instant(T0 + 3), journey="buying")
    praise = Feedback("f", instant(T0), "bob", "paid", score=9)
    left = CustomerChange("l", instant(T0), "ann", "left", 120.5)
    deploy = Annotation("a", instant(T0), "version 7", "https://example.org/7", "paid", {"region": "SP"})
    Reader(store).take(one, other, praise, left, deploy)

    assert [voice.event for voice in store.complaints(None, T0, FOREVER)] == [other, one]
    (voice,) = store.complaints("paid", T0, FOREVER)
    assert (voice.event, voice.at, voice.offset, voice.partition) == (one, T0 + 5, 0, HERE)
    assert store.complaints(None, T0, T0 + 3) == []
    assert [voice.event for voice in store.voices("feedback", T0, FOREVER)] == [praise]
    assert [voice.event for voice in store.voices("customer", T0, FOREVER)] == [left]
    assert [voice.event for voice in store.voices("annotation", T0, FOREVER)] == [deploy]
    assert store.counts().accepted == {"paid": 3, "": 2}


def test_dead_letters_newest_first_with_the_time_of_burial(store: Store) -> None:
    letters = [DeadLetter(HERE, i, "not_json", f"detail {i}", b"\x00\xff{") for i in range(3)]
    changes = Changes(dead=letters)
    changes.counts.dead["not_json"] = 3
    changes.counts.read = 3
    Reader(store).take(changes=changes)

    assert store.dead_letters() == [(T0, letter) for letter in reversed(letters)]
    assert store.dead_letters(limit=1, offset=1) == [(T0, letters[1])]
    assert store.counts().dead == {"not_json": 3}


def test_counts_add_up_over_batches_and_partitions(store: Store) -> None:
    for number in range(2):
        reader = Reader(store, Partition("events", number, "id-1"))
        for step in range(2):
            changes = Changes()
            changes.counts.read = changes.counts.duplicate = 1
            reader.take(outcome(T0 + step), outcome(T0, moment="delivered"), changes=changes)

    counts = store.counts()
    assert (counts.read, counts.duplicate, counts.accepted) == (12, 4, {"paid": 4, "delivered": 4})
    assert counts.balanced
    counts.read = 0
    assert store.counts().read == 12


def test_outcomes_of_some_stretches_by_whole_tuples_of_values(told: Store) -> None:
    def counted(*spans: tuple[int, int]) -> list[tuple[list[tuple[str, str]], int, int]]:
        return sorted((sorted(values.items()), tried, broken) for values, tried, broken in told.outcomes("paid", spans))

    # `van` is no dimension of the moment.
    rj, sp = [("region", "RJ")], [("channel", "web"), ("region", "SP")]
    assert counted((T0, T0 + HOUR)) == [(sp, 1, 1), (rj, 2, 1)]
    assert counted((T0, T0 + HOUR), (T0 + HOUR, FOREVER)) == [([], 1, 1), (sp, 2, 2), (rj, 2, 1)]
    assert counted((T0 + DAY, FOREVER)) == counted() == []
