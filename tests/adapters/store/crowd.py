"""A few customers of whom some were let down, for tests of what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.event import DAY, HOUR, Complaint, CustomerChange, instant
from service.core.people import Place
from tests.adapters.store.scene import FOREVER, T0, Reader, close, outcome, promise

if TYPE_CHECKING:
    from service.core.ports import Store

RJ, SP = {"region": "RJ"}, {"region": "SP"}
PAID, DELIVERED = Place("paid", (), T0, FOREVER), Place("delivered", (), T0, FOREVER)
IN_RJ = Place("paid", (("region", ("RJ",)),), T0, FOREVER)
NOT_IN_RJ = Place("paid", (), T0, FOREVER, but=((("region", ("RJ",)),),))
IT = "interruption-1"


def fill(store: Store) -> Store:
    """Ann was let down three times in two moments, Bob once in each, Eve once, Zoe waits; Kim was not."""
    reader = Reader(store)
    reader.take(
        outcome(T0, "broken", customer="ann", value=10, dimensions=RJ),
        outcome(T0 + 1, "broken", customer="ann", value=20, dimensions=SP),
        outcome(T0 + 2 * HOUR, "broken", customer="bob", value=5, dimensions=RJ),
        outcome(T0 + 2 * HOUR + 1, "broken", customer="eve", value=7),
        outcome(T0 + 2 * HOUR + 2, "kept", customer="kim"),
        promise(T0, "a", T0 + DAY, customer="ann", value=40),
        promise(T0, "b", T0 + DAY, customer="bob", value=50),
        promise(T0, "z", T0 + DAY + 1, customer="zoe"),
        promise(T0, "k", T0 + DAY, customer="kim"),
        outcome(T0 + HOUR, "kept", moment="delivered", key="k", customer="kim"),
        Complaint("c1", instant(T0 + HOUR), "ann", "paid"),
        Complaint("c2", instant(T0 + HOUR), "bob", "paid"),
        Complaint("c3", instant(T0 + 3 * HOUR), "eve", "delivered"),
        Complaint("c4", instant(T0 + 3 * HOUR), "bob"),
        CustomerChange("v1", instant(T0), "ann", "joined", 100.0),
        CustomerChange("v2", instant(T0 + 5), "ann", "grew", 300.0),
        CustomerChange("v3", instant(T0 + 1), "bob", "joined"),
    )
    close(store, "delivered", T0 + 2 * DAY)
    # Kept after all, a day late.
    reader.take(outcome(T0 + 2 * DAY, "kept", moment="delivered", key="b", customer="bob"))
    return store
