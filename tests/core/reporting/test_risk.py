"""Revenue at risk: its arithmetic, what is frozen when, and the comparison with those who were spared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog
from service.core.event import DAY, HOUR, CustomerChange, instant
from service.core.interruption import Change
from service.core.marks import Risk, Share
from service.core.meter import NoMeter
from service.core.people import Client, Place
from service.core.reporting.risk import at_risk, compared, due_marks, mark, peers, wilson
from service.loops.marking import Marking
from tests.adapters.store.scene import FOREVER, MOMENTS, PAID, T0, Reader, judgement, opened, outcome

if TYPE_CHECKING:
    from service.core.event import Event

HERE = Place("paid", (), T0, FOREVER)
OVER = msgspec.structs.replace(opened(state="resolved"), onset=T0, detected_at=T0 + HOUR, resolved_at=T0 + 2 * HOUR)


def stored(*events: Event) -> MemoryStore:
    store = MemoryStore(MOMENTS)
    Reader(store).take(*events)
    return store


def test_the_arithmetic_has_every_figure() -> None:
    store = stored(
        outcome(T0, "broken", customer="ann", value=10),
        outcome(T0 + 1, "broken", customer="ann", value=20),
        outcome(T0 + 2, "broken", customer="bob", value=5.5),
    )
    assert at_risk(store, PAID, [HERE]) == Risk(2, 3, 3550, 0, 0, "orders", None, 3550)

    orders = replace(PAID, loss_probability=0.1)
    assert at_risk(store, orders, [HERE]).amount == 355
    store.list_clients([Client("ann", None, 100_000), Client("kim", None, 1)])
    customers = replace(orders, value_basis="customers")
    assert at_risk(store, customers, [HERE]) == Risk(2, 3, 3550, 1, 100_000, "customers", 0.1, 10_000)
    assert at_risk(store, customers, [Place("paid", (), 0, 1)]) == Risk(0, 0, 0, 0, 0, "customers", 0.1, 0)


def test_marks_fall_due_with_the_interruption_and_the_time() -> None:
    still = msgspec.structs.replace(OVER, state="open", resolved_at=None)
    assert due_marks(still, T0) == []
    assert due_marks(still, T0 + 99 * DAY) == [("opened", T0 + HOUR)]
    assert [what for what, _ in due_marks(OVER, T0 + 31 * DAY)] == ["opened", "closed", "day30"]
    assert due_marks(OVER, T0 + 99 * DAY)[-1] == ("day90", T0 + 2 * HOUR + 90 * DAY)
    assert due_marks(msgspec.structs.replace(OVER, kind="silence"), FOREVER) == []


def test_the_opening_is_marked_with_what_had_broken_by_then() -> None:
    store = stored(
        outcome(T0, "broken", customer="ann", value=1),
        outcome(T0 + HOUR, "broken", customer="bob", value=2),
        outcome(T0 + 3 * HOUR, "broken", customer="eve", value=4),
    )
    assert mark(store, PAID, OVER, "opened", T0 + HOUR).risk.value == 100
    assert mark(store, PAID, OVER, "closed", T0 + 2 * HOUR).risk.value == 300


def test_a_mark_is_frozen_whatever_comes_later() -> None:
    store = stored(outcome(T0, "broken", customer="ann", value=1))
    store.save_judgement("paid", 0, judgement(T0 + DAY, Change("opened", T0, OVER)), None, [])
    loop = Marking(store, lambda: Catalog(moments=MOMENTS), NoMeter(), lambda: T0 + DAY)

    assert loop.turn() == 2
    Reader(store).take(outcome(T0 + 1, "broken", customer="late", value=100))
    assert loop.turn() == 0
    assert [(each.what, each.risk.value) for each in store.marks(OVER.id)] == [("opened", 100), ("closed", 100)]


def changes(prefix: str, count: int, left: int) -> list[Event]:
    """Customers who had joined, of whom some leave five days after."""
    joined = [CustomerChange(f"j{prefix}{n}", instant(T0 - DAY), f"{prefix}{n}", "joined", 10) for n in range(count)]
    gone = [CustomerChange(f"l{prefix}{n}", instant(T0 + 5 * DAY), f"{prefix}{n}", "left") for n in range(left)]
    return [*joined, *gone]


def test_peers_are_the_known_customers_who_were_spared() -> None:
    store = stored(
        *changes("hit", 100, 15),
        *changes("spared", 400, 20),
        *(outcome(T0, "broken", customer=f"hit{n}", id=f"b{n}") for n in range(100)),
        outcome(T0, "broken", customer="nobody-told-of"),
        # Left before the end, joined after it, left after the month: not in the comparison.
        CustomerChange("x1", instant(T0 - HOUR), "spared399", "left"),
        CustomerChange("x2", instant(T0 + DAY), "new", "joined"),
        CustomerChange("x3", instant(T0 + 6 * DAY), "new", "left"),
        CustomerChange("x4", instant(T0 + 40 * DAY), "spared398", "left"),
    )
    found = mark(store, PAID, OVER, "day30", T0 + 2 * HOUR + 30 * DAY)

    assert found.peers is not None
    assert (found.peers.hit, found.peers.spared) == (Share(100, 15), Share(399, 20))
    assert found.peers.concluded
    assert found.risk.yearly == 100 * 1000
    assert found.peers.lost == round(100_000 * (0.15 - 20 / 399))
    # Who left after the month is in the comparison after three.
    later = mark(store, PAID, OVER, "day90", T0 + 2 * HOUR + 90 * DAY).peers
    assert later is not None
    assert (later.hit, later.spared) == (Share(100, 15), Share(399, 21))
    assert mark(store, PAID, OVER, "closed", T0 + 2 * HOUR).peers is None


def test_who_left_before_and_came_back_counts() -> None:
    store = stored(
        *changes("c", 30, 0),
        CustomerChange("a", instant(T0 - 5 * HOUR), "c1", "left"),
        CustomerChange("b", instant(T0 - 4 * HOUR), "c1", "joined"),
    )
    risk = at_risk(store, PAID, [HERE])
    assert peers(store, HERE, T0 + 2 * HOUR, T0 + 30 * DAY, risk).spared == Share(30, 0)


@pytest.mark.parametrize(("hit", "spared"), [((19, 9), (400, 20)), ((100, 2), (400, 2)), ((100, 9), (19, 9))])
def test_too_few_conclude_nothing(hit: tuple[int, int], spared: tuple[int, int]) -> None:
    found = compared(Share(*hit), Share(*spared), 1000)
    assert (found.difference, found.lost, found.concluded) == (None, None, False)


def test_an_interval_that_holds_no_difference_concludes_nothing() -> None:
    found = compared(Share(100, 6), Share(400, 20), 1000)
    assert found.lower is not None
    assert found.lower < 0 < (found.upper or 0)
    assert not found.concluded
    # Newcombe 1998, method 10, his case (a): 56/70 and 48/80.
    known = compared(Share(70, 56), Share(80, 48), 0)
    assert (round(known.lower or 0, 4), round(known.upper or 0, 4)) == (0.0524, 0.3339)
    assert wilson(Share(20, 0))[1] == 0
