"""Whole journeys, seams and who answers for them: customers are counted once at every level."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Handoff, Journey, Moment, Owner, Stage
from service.core.counting.changes import Changes, keys_of
from service.core.counting.closing import close_part
from service.core.counting.intake import Intake
from service.core.counting.watermark import PartitionClock
from service.core.event import DAY, HOUR, Complaint, CustomerChange, Event, Outcome, Promise, instant
from service.core.people import Client
from service.core.reporting.journeys import Span, owned, promised_to, rolled, under, walked
from service.core.reporting.repeat import PERIODS, Again, again, served
from tests.adapters.store.scene import HERE, T0, records

MOMENTS = {
    "handed": Moment("handed", "sellers", handoff=Handoff("sellers", "depot"), expectation="on-time"),
    "arrived": Moment(
        "arrived", "depot", dimensions=("region",), owner_by={"region": {"RJ": "rio"}}, expectation="on-time"
    ),
    "paid": Moment("paid", "sellers"),
    "flew": Moment("flew", "sellers", unit="flights", expectation="in-the-air"),
}
CATALOG = Catalog(
    owners={
        "sellers": Owner("sellers", manager="coo"),
        "depot": Owner("depot", "The depot", manager="coo"),
        "rio": Owner("rio", manager="depot"),
        "coo": Owner("coo", manager="ceo"),
        "ceo": Owner("ceo"),
    },
    moments=MOMENTS,
    journeys={
        "buying": Journey(
            "buying",
            "Buying",
            "",
            (
                Stage("order", "Order", "CFO", ("paid", "flew")),
                Stage("ship", "Ship", "COO", ("handed",)),
                Stage("receive", "Receive", "COO", ("arrived",)),
            ),
        )
    },
)
SPAN = Span(T0, T0 + 10 * DAY)


def promised(moment: str, customer: str, after: int, *, kept: bool = False, region: str = "") -> list[Event]:
    due, dimensions = T0 + after * HOUR, {"region": region} if region else None
    key = f"{customer}{after}"
    made: list[Event] = [Promise(f"p{moment}{key}", instant(T0), moment, customer, key, instant(due), 10, dimensions)]
    if kept:
        made.append(Outcome(f"k{moment}{key}", instant(due), moment, customer, "kept", key))
    return made


def stored(*events: Event) -> MemoryStore:
    store = MemoryStore(MOMENTS)
    batch = records(events)
    changes = Changes()
    with store.ingest(store.claim(HERE), list(MOMENTS), sorted(keys_of(batch))) as transaction:
        Intake(CATALOG).take(HERE, batch, transaction.view, changes)
        transaction.save(changes, len(batch), PartitionClock(HERE, T0))
    for name, moment in MOMENTS.items():
        with store.closing(name) as closing:
            closing.save(*close_part(moment, closing, T0 + 9 * DAY))
    return store


@pytest.fixture
def walk() -> MemoryStore:
    """Ann breaks at the seam and later on arrival, Bob on arrival in Rio, Eve at the seam only; Kim has all kept."""
    return stored(
        *promised("handed", "ann", 1),
        *promised("handed", "eve", 1),
        *promised("handed", "bob", 1, kept=True),
        *promised("handed", "kim", 1, kept=True),
        *promised("arrived", "ann", 5),
        *promised("arrived", "bob", 6, region="RJ"),
        *promised("arrived", "eve", 6, kept=True),
        *promised("arrived", "kim", 6, kept=True, region="RJ"),
        Outcome("f", instant(T0), "flew", "UA1", "broken"),
    )


def test_a_journey_is_whole_for_those_of_whom_nothing_broke(walk: MemoryStore) -> None:
    found = walked(walk, CATALOG, CATALOG.journeys["buying"], SPAN)

    assert (found.impact.customers, found.promised, found.reliability) == (3, 4, 0.25)
    assert [(stage.name, stage.impact.customers, stage.attempts) for stage in found.stages] == [
        ("order", 0, 0),
        ("ship", 2, 4),
        ("receive", 2, 4),
    ]
    assert found.first == (("handed", 2), ("arrived", 1))
    [seam] = found.seams
    assert (seam.giver, seam.taker, seam.impact.customers, seam.followed) == ("sellers", "depot", 2, 1)
    # A flight is nobody's customer.
    assert "flew" not in [name for stage in found.stages for name in stage.moments]


def test_where_kept_promises_have_no_customer_only_bounds_are_known(walk: MemoryStore) -> None:
    store = stored(
        *promised("handed", "ann", 1),
        *promised("handed", "kim", 1, kept=True),
        *(Outcome(f"o{n}", instant(T0), "paid", f"c{n}", "broken" if n < 2 else "kept") for n in range(10)),
    )
    found = walked(store, CATALOG, CATALOG.journeys["buying"], SPAN)
    assert (found.promised, found.reliability) == (None, None)
    # Half broke at hand-over, a fifth at paying: at best the same people, at worst others.
    assert (round(found.lower or 0, 9), found.upper) == (0.3, 0.5)
    assert promised_to(store, ["handed"], SPAN) == 2
    assert walked(MemoryStore(MOMENTS), CATALOG, CATALOG.journeys["buying"], SPAN).promised is None


def test_a_segments_owner_answers_for_it_and_nobody_else(walk: MemoryStore) -> None:
    assert walk.harm(owned(CATALOG, "rio", SPAN)).customers == 1
    assert walk.harm(owned(CATALOG, "depot", SPAN)).customers == 1
    assert walk.harm(owned(CATALOG, "sellers", SPAN)).customers == 2
    assert owned(CATALOG, "ceo", SPAN) == []


def test_managers_and_expectations_count_each_customer_once(walk: MemoryStore) -> None:
    owners, managers, expectations = rolled(walk, CATALOG, SPAN)

    assert [(each.name, each.impact.customers) for each in owners] == [("sellers", 2), ("depot", 1), ("rio", 1)]
    assert [(each.name, each.impact.customers) for each in managers] == [("ceo", 3), ("coo", 3), ("depot", 2)]
    assert [(each.name, each.impact.customers, each.attempts) for each in expectations] == [("on-time", 3, 8)]
    assert under(CATALOG, "coo") == ["coo", "sellers", "depot", "rio"]
    circle = replace(CATALOG, owners={"a": Owner("a", manager="b"), "b": Owner("b", manager="a")})
    assert under(circle, "a") == ["a", "b"]


def test_repeat_harm_has_its_base_and_is_ranked_by_value(walk: MemoryStore) -> None:
    walk.list_clients([Client("ann", "ideal", 5), Client("bob", "other", 9)])
    found = again(walk, CATALOG, T0 + 10 * DAY, 30)

    assert (found.base, found.at_least(2), found.at_least(3)) == (3, 1, 0)
    assert [row.customer for row in found.top] == ["ann"]
    assert again(walk, CATALOG, T0 + 90 * DAY, 30).base == 0
    assert PERIODS == (30, 90)
    assert [Again(30, 6, ((1, 3), (2, 2), (4, 1)), ()).at_least(times) for times in (1, 2, 3, 5)] == [6, 3, 1, 0]
    assert again(walk, CATALOG, T0 + 89 * DAY, 90).base == 3


def test_segments_come_with_the_ideal_first_and_what_serving_them_cost() -> None:
    store = stored(
        *promised("handed", "ann", 1),
        *promised("handed", "bob", 1),
        *promised("handed", "eve", 1),
        Complaint("c1", instant(T0 + DAY), "bob", "handed"),
        Complaint("c2", instant(T0 + DAY), "bob"),
        CustomerChange("v", instant(T0), "eve", "joined"),
    )
    store.list_clients([Client("ann", "zeal"), Client("bob", "also"), Client("x", "beta")])
    found = served(store, CATALOG, T0 + 10 * DAY, 90, ["zeal"], 650)

    assert [(each.harm.segment, each.ideal, each.harm.customers, each.cost) for each in found] == [
        ("zeal", True, 1, 0),
        ("also", False, 1, 1300),
        ("beta", False, 0, 0),
        (None, False, 1, 0),
    ]
    assert served(store, CATALOG, T0 + 10 * DAY, 90, [], None)[0].cost is None
