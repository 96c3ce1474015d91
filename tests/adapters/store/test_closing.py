"""Closing windows and promises that fall due."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from service.core.counting.changes import Changes
from service.core.counting.closing import PART
from service.core.counting.reach import Reach
from service.core.event import DAY, HOUR, MINUTE
from tests.adapters.store.scene import FOREVER, HERE, T0, Reader, close, close_a_part, every_break, outcome, promise

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.core.ports import Store
    from tests.adapters.store.conftest import Shelf

DUE = T0 + DAY


def test_a_moment_never_closed_is_closed_through_nothing(store: Store) -> None:
    with store.closing("paid") as transaction:
        assert transaction.reach == Reach(0)
    assert store.status("paid").closed_through is None
    with store.ingest(store.claim(HERE), ["paid"], []) as batch:
        assert batch.view.reach("paid").closed == 0


def test_ingest_sees_how_far_each_moment_is_closed(store: Store) -> None:
    close(store, "paid", T0)

    with store.ingest(store.claim(HERE), ["paid", "delivered"], []) as batch:
        assert [batch.view.reach(name).closed for name in ("paid", "delivered")] == [T0, 0]
    assert store.status("paid").closed_through == T0


def test_a_closing_that_is_not_saved_changes_nothing(store: Store) -> None:
    Reader(store).take(promise(T0, "k", DUE))
    with store.closing("delivered") as transaction:
        rows, reached = transaction.due((DUE + 1, ""), 10)
        assert ([row.key for row in rows], reached) == (["k"], (DUE + 1, ""))

    assert store.status("delivered").closed_through is None
    assert close(store, "delivered", DUE + 1) == 1


def test_closing_never_goes_back(store: Store) -> None:
    close(store, "paid", T0 + HOUR)
    with store.closing("paid") as transaction:
        transaction.save(Changes(), Reach(T0))
    assert store.status("paid").closed_through == T0 + HOUR


def test_closings_put_together_see_one_another_and_last(store: Store) -> None:
    Reader(store).take(promise(T0, "k", DUE))
    with store.together():
        close(store, "delivered", DUE + 1)
        close(store, "paid", T0 + HOUR)
        assert [store.status(name).closed_through for name in ("delivered", "paid")] == [DUE + 1, T0 + HOUR]
        assert [row.at for row in every_break(store, "delivered")] == [DUE]

    assert [store.status(name).closed_through for name in ("delivered", "paid")] == [DUE + 1, T0 + HOUR]


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


def test_promises_of_one_due_expire_in_parts_and_events_come_between_them(store: Store) -> None:
    reader, many = Reader(store), [f"k{n}" for n in range(5)]
    reader.take(*(promise(T0, key, DUE) for key in many))

    close_a_part(store, "delivered", DUE + MINUTE, 2)
    assert [row.ref for row in every_break(store, "delivered")] == ["=k0", "=k1"]
    assert store.status("delivered").closed_through is None
    # Of those that broke one was kept in time, as is heard now; one more is promised that is past its due already.
    reader.take(outcome(DUE - HOUR, moment="delivered", key="k1"), promise(T0, "a", DUE), promise(T0, "z", DUE))
    assert [row.ref for row in every_break(store, "delivered")] == ["=a", "=k0"]
    close_a_part(store, "delivered", DUE + MINUTE, 2)
    reader.take(outcome(DUE - HOUR, moment="delivered", key="k4"))
    assert list(store.windows("delivered", None, FOREVER)) == []
    # Another process takes over, and knows of a later time.
    assert close(store, "delivered", DUE + HOUR) == 1

    rows = every_break(store, "delivered")
    assert [(row.ref, row.late) for row in rows] == [(f"={key}", False) for key in ("a", "k0", "k2", "k3", "z")]
    [window] = [one for one in store.windows("delivered", None, FOREVER) if one.start == DUE]
    assert [(cell.attempts, cell.broken) for cell in window.cells.values()] == [(7, 5)]


def test_whoever_comes_after_one_that_knew_of_a_later_time_closes_no_less(store: Store) -> None:
    reader = Reader(store)
    reader.take(*(promise(T0, f"k{n}", DUE + n * MINUTE) for n in range(4)))

    close_a_part(store, "delivered", DUE + HOUR, 2)
    assert close(store, "delivered", DUE + MINUTE) == 0
    assert store.status("delivered").closed_through == DUE + MINUTE
    # What broke beyond it is in its window, and nothing breaks twice.
    assert close(store, "delivered", DUE + HOUR) == 2
    windows = list(store.windows("delivered", DUE, FOREVER))
    assert [[(cell.attempts, cell.broken) for cell in one.cells.values()] for one in windows] == [[(1, 1)]] * 4


@pytest.mark.parametrize("part", [1, 2, PART])
def test_giving_up_in_parts_and_taking_it_back_count_each_promise_once(store: Store, part: int) -> None:
    reader = Reader(store)
    reader.take(*(promise(T0, f"k{n}", DUE + n // 2 * MINUTE) for n in range(6)))

    def given_up() -> int:
        return store.signals("delivered", 0, FOREVER).get("given_up", 0)

    close(store, "delivered", DUE + DAY, 0)
    found = [given_up()]
    for step, patience in enumerate((DUE + MINUTE, DUE + HOUR, DUE + MINUTE, DUE + 1, DUE + HOUR)):
        close(store, "delivered", DUE + DAY + (step + 1) * HOUR, patience, part)
        found.append(given_up())
    assert found == [0, 2, 6, 2, 2, 6]


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


def test_kept_late_and_heard_before_its_due_is_closed_it_breaks_all_the_same(store: Store) -> None:
    """As when one topic is read ahead of another."""
    reader = Reader(store)
    reader.take(promise(T0, "a", DUE), outcome(DUE + HOUR, moment="delivered", key="a"))
    assert close(store, "delivered", DUE + HOUR) == 1
    assert [(row.at, row.settled_at) for row in every_break(store, "delivered")] == [(DUE, DUE + HOUR)]


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
        # The closing has every chance to slip in between the look at how far it is closed and the commit.
        thread.join(0.3)
        changes = Changes()
        changes.tally.cell("paid", T0, (None, None), late=batch.view.reach("paid").closed > T0).attempts = 1
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


def test_moments_without_promises_on_their_way_are_closed_at_once(lasting_store: Store) -> None:
    store = lasting_store
    Reader(store).take(promise(T0, "k", DUE))
    ways = {"delivered": (DUE + 1, T0 - DAY), "paid": (T0 + HOUR, T0 - HOUR)}

    assert store.close_at_once(ways) == {"paid": T0 + HOUR}

    assert [store.status(name).closed_through for name in ("delivered", "paid")] == [None, T0 + HOUR]
    with store.closing("paid") as transaction:
        assert transaction.reach == Reach(T0 + HOUR, (T0 - HOUR, ""))
    assert close(store, "delivered", DUE + 1) == 1


def test_a_promise_that_is_not_due_yet_keeps_no_moment_from_closing_at_once(lasting_store: Store) -> None:
    Reader(lasting_store).take(promise(T0, "k", DUE))

    assert lasting_store.close_at_once({"delivered": (DUE, T0 - DAY)}) == {"delivered": DUE}

    assert close(lasting_store, "delivered", DUE + 1) == 1


def test_closing_at_once_never_goes_back(lasting_store: Store) -> None:
    close(lasting_store, "paid", T0 + HOUR)

    assert lasting_store.close_at_once({"paid": (T0, T0 - DAY)}) == {"paid": T0 + HOUR}
    assert lasting_store.status("paid").closed_through == T0 + HOUR


def test_a_moment_that_a_batch_holds_is_left_and_the_others_do_not_wait(opener: Callable[[str], Shelf]) -> None:
    store = opener("postgres")()
    ways = {"delivered": (T0, T0 - DAY), "paid": (T0, T0 - DAY)}

    with store.ingest(store.claim(HERE), ["delivered"], []):
        assert store.close_at_once(ways) == {"paid": T0}
    assert store.close_at_once(ways) == {"delivered": T0, "paid": T0}
