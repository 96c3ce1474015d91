"""Closing windows and promises that fall due."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from service.core.counting.changes import Changes
from service.core.counting.course import Reach
from service.core.event import DAY, HOUR, MINUTE
from tests.adapters.store.scene import FOREVER, HERE, T0, Reader, close, every_break, outcome, promise

if TYPE_CHECKING:
    from service.core.ports import Store
    from tests.adapters.store.conftest import Shelf

DUE = T0 + DAY


def test_a_moment_never_closed_is_closed_through_nothing(store: Store) -> None:
    with store.closing("paid") as transaction:
        assert transaction.reach == Reach(0, 0)
    assert store.status("paid").closed_through is None
    with store.ingest(store.claim(HERE), ["paid"], []) as batch:
        assert dict(batch.view.closed_through) == {}


def test_ingest_sees_how_far_each_moment_is_closed(store: Store) -> None:
    close(store, "paid", T0)

    with store.ingest(store.claim(HERE), ["paid", "delivered"], []) as batch:
        assert dict(batch.view.closed_through) == {"paid": T0}
    assert store.status("paid").closed_through == T0


def test_a_closing_that_is_not_saved_changes_nothing(store: Store) -> None:
    Reader(store).take(promise(T0, "k", DUE))
    with store.closing("delivered") as transaction:
        assert [row.key for row in transaction.due(DUE + 1)] == ["k"]

    assert store.status("delivered").closed_through is None
    assert close(store, "delivered", DUE + 1) == 1


def test_closing_never_goes_back(store: Store) -> None:
    close(store, "paid", T0 + HOUR)
    with store.closing("paid") as transaction:
        transaction.save(Changes(), T0)
    assert store.status("paid").closed_through == T0 + HOUR


def test_what_nobody_settled_breaks_at_its_due(store: Store) -> None:
    Reader(store).take(promise(T0, "k", DUE, value=12.5, dimensions={"region": "RJ", "van": "7"}))

    assert close(store, "delivered", DUE) == 0
    assert every_break(store, "delivered") == []
    assert close(store, "delivered", DUE + MINUTE) == 1

    (row,) = every_break(store, "delivered")
    assert (
        row.at,
        row.ref,
        row.customer,
        row.value,
        row.dimensions,
    ) == (DUE, "=k", "ann", 1250, {"region": "RJ", "van": "7"})
    assert (row.promised, row.late, row.settled_at) == (True, False, None)
    assert close(store, "delivered", DUE + HOUR) == 0


def test_each_due_is_found_once_whatever_the_steps(store: Store) -> None:
    dues = [DUE, DUE + 1, DUE + MINUTE, DUE + 3 * HOUR]
    Reader(store).take(*(promise(T0 + i, f"k{i}", due) for i, due in enumerate(dues)))

    found = [close(store, "delivered", DUE + step * HOUR) for step in range(-1, 5)]

    assert found == [0, 0, 3, 0, 0, 1]


def test_kept_in_time_does_not_break_and_kept_late_is_settled(store: Store) -> None:
    reader = Reader(store)
    reader.take(promise(T0, "a", DUE), promise(T0, "b", DUE), promise(T0, "c", DUE))
    reader.take(outcome(DUE, moment="delivered", key="a"))
    close(store, "delivered", DUE + HOUR)

    reader.take(outcome(DUE + 2 * HOUR, moment="delivered", key="b"))
    assert [(row.ref, row.settled_at) for row in every_break(store, "delivered")] == [
        ("=b", DUE + 2 * HOUR),
        ("=c", None),
    ]

    # Kept in time, heard late: the break is amended away.
    reader.take(outcome(DUE - HOUR, moment="delivered", key="c"))
    assert [row.ref for row in every_break(store, "delivered")] == ["=b"]


def test_an_earlier_first_promise_moves_the_due(store: Store) -> None:
    reader = Reader(store)
    reader.take(promise(T0 + HOUR, "k", DUE + 5 * HOUR))
    reader.take(promise(T0, "k", DUE))

    assert close(store, "delivered", DUE + HOUR) == 1
    assert close(store, "delivered", DUE + 6 * HOUR) == 0
    assert [row.at for row in every_break(store, "delivered")] == [DUE]


def test_the_ledger_rows_asked_for_are_shown(store: Store) -> None:
    reader = Reader(store)
    reader.take(promise(T0, "k", DUE, dimensions={"region": "RJ"}), promise(T0, "other", DUE))

    keys = [("delivered", "k"), ("delivered", "unknown"), ("paid", "k")]
    with store.ingest(reader.claim, ["delivered"], keys) as batch:
        shown = batch.view.promises

    assert {("delivered", "k")} == set(shown)
    first = shown["delivered", "k"].first
    assert first is not None
    assert (first.at, first.due, first.dimensions) == (T0, DUE, {"region": "RJ"})


def test_a_closing_waits_for_the_batch_that_began_before_it(store: Store) -> None:
    reader = Reader(store)
    order: list[str] = []
    holding, asked = threading.Event(), threading.Event()

    def closer() -> None:
        holding.wait(10)
        asked.set()
        close(store, "paid", T0 + HOUR)
        order.append("closed")

    thread = threading.Thread(target=closer)
    thread.start()
    with store.ingest(reader.claim, ["paid"], []) as batch:
        holding.set()
        asked.wait(10)
        # The closing has every chance to slip in between the look at `closed_through` and the commit.
        thread.join(0.3)
        changes = Changes()
        changes.tally.cell("paid", T0, (None, None), late=batch.view.closed_through.get("paid", 0) > T0).attempts = 1
        order.append("saved")
        batch.save(changes, 1, reader.claim.clock)
    thread.join(10)

    assert order == ["saved", "closed"]
    assert [window.start for window in store.windows("paid", None, FOREVER)] == [T0]


def test_no_event_falls_between_closing_and_judging(shelf: Shelf) -> None:
    """Batches and closings at once: each attempt is judged in its window or counted late, none is neither."""
    store = shelf()
    reader = Reader(store)
    done = threading.Event()
    judged = 0
    mark: int | None = None

    def closer() -> None:
        nonlocal judged, mark
        through = T0
        while True:
            last = done.is_set()
            through += MINUTE
            close(store, "paid", through)
            for window in store.windows("paid", mark, through):
                judged += sum(cell.attempts for cell in window.cells.values())
            mark = through
            if last:
                break

    thread = threading.Thread(target=closer)
    thread.start()
    n = 40
    for number in range(n):
        reader.take(*(outcome(T0 + (number + i) % n * MINUTE, id=f"{number}-{i}") for i in range(3)))
    done.set()
    thread.join(30)
    close(store, "paid", T0 + n * MINUTE)
    judged += sum(cell.attempts for w in store.windows("paid", mark, FOREVER) for cell in w.cells.values())

    assert 3 * n == judged + store.counts().late["paid"]
