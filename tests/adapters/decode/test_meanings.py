"""Topics in words of their own: a start, a completion, and whatever else passes by."""

import json
from typing import Any

import pytest

from service.adapters.decode import Decoder, MappingError
from service.core.catalog import Catalog, Deadline, Meaning, Moment, Source
from service.core.event import DAY, Batch, Event, Outcome, Partition, Promise

CATALOG = Catalog(
    moments={
        "packed": Moment("packed", "ops", deadline=Deadline(2 * DAY)),
        "delivered": Moment("delivered", "ops", dimensions=("region",)),
    }
)
ORDERS = Source(
    "orders",
    "shop.orders",
    mapping={"time": "at", "customer": "buyer.id", "key": "order", "dimensions.region": "ship_to.state"},
    events=(
        Meaning("status == 'PLACED'", "promise", "packed", {"value": "total"}),
        Meaning("status == 'SHIPPED'", "kept", "packed"),
        Meaning("status == 'SHIPPED'", "promise", "delivered", {"due": "promised_by"}),
        Meaning("status == 'DELIVERED'", "kept", "delivered"),
        Meaning("status == 'CANCELLED' && by == 'shop'", "broken", "delivered"),
        Meaning("status == 'CANCELLED' && by == 'buyer'", "cancelled", "delivered"),
    ),
)
PLACE = Partition("shop.orders", 0, "t")


def line(status: str, **more: Any) -> bytes:
    record = {
        "order": 17,
        "at": "2026-03-02T09:00:00Z",
        "status": status,
        "buyer": {"id": 4},
        "ship_to": {"state": "N"},
    }
    return json.dumps(record | more).encode()


def decoded(*payloads: bytes, source: Source = ORDERS) -> tuple[list[Event], list[str], int, int]:
    batch = Batch(PLACE, list(range(len(payloads))), list(payloads), len(payloads))
    found = Decoder(CATALOG, source).decode(batch)
    dead = [f"{letter.reason}: {letter.detail}" for letter in found.dead]
    return [record.event for record in found.records], dead, found.unfolded, found.passed


def test_a_start_is_a_promise_and_a_completion_keeps_it() -> None:
    events, dead, unfolded, passed = decoded(line("PLACED", total="12.50"), line("DELIVERED"))
    started, ended = events
    assert isinstance(started, Promise)
    assert isinstance(ended, Outcome)
    assert (started.moment, started.key, started.customer, started.value, started.due) == (
        "packed",
        "17",
        "4",
        12.5,
        None,
    )
    assert (ended.moment, ended.key, ended.outcome, ended.dimensions) == ("delivered", "17", "kept", {"region": "N"})
    assert (dead, unfolded, passed) == ([], 0, 0)


def test_one_record_may_end_one_promise_and_begin_the_next() -> None:
    events, dead, unfolded, _ = decoded(line("SHIPPED", promised_by="2026-03-05T20:00:00+01:00"))
    kept, promised = events
    assert isinstance(kept, Outcome)
    assert isinstance(promised, Promise)
    assert (kept.moment, promised.moment, unfolded, dead) == ("packed", "delivered", 1, [])
    assert kept.id != promised.id
    assert promised.due is not None


@pytest.mark.parametrize(("by", "word"), [("shop", "broken"), ("buyer", "cancelled")])
def test_who_cancelled_decides_whether_it_is_broken(by: str, word: str) -> None:
    [event], *_ = decoded(line("CANCELLED", by=by))
    assert isinstance(event, Outcome)
    assert event.outcome == word


def test_what_means_nothing_here_is_neither_an_event_nor_dead() -> None:
    assert decoded(line("PICKED"), line("CANCELLED", by="a cat"), b'{"heartbeat": true}') == ([], [], 0, 3)


def test_without_ids_the_same_thing_told_twice_has_the_same_id_and_other_things_another() -> None:
    (first, again, later, other), *_ = decoded(
        line("DELIVERED"), line("DELIVERED"), line("DELIVERED", at="2026-03-03T09:00:00Z"), line("DELIVERED", order=18)
    )
    assert first.id == again.id
    assert len({first.id, later.id, other.id}) == 3


def test_an_id_of_the_record_tells_its_events_apart_from_other_records() -> None:
    source = Source("orders", "shop.orders", mapping={**ORDERS.mapping, "id": "uuid"}, events=ORDERS.events)
    (first, second), *_ = decoded(line("DELIVERED", uuid="a"), line("DELIVERED", uuid="b"), source=source)
    assert first.id != second.id


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (line("DELIVERED", order=None), "missing_field: key: missing: map the field that is the same"),
        (line("DELIVERED", order=""), "missing_field: key: missing"),
        (line("DELIVERED", at="yesterday"), 'mapping: time from "at"'),
        (line("DELIVERED", buyer={}), 'mapping: customer from "buyer.id": missing'),
        (line("SHIPPED"), "no_due: due: missing"),
        (line("SHIPPED", promised_by="9999-12-31T00:00:00Z"), "bad_time: due"),
        (line("DELIVERED", order="a\u0000b"), "bad_text: key"),
        (line("DELIVERED", order={"n": 1}), "mapping: key"),
        (b"[1]", "not_an_object"),
        (b"not JSON", "not_json"),
        (b"\xff", "bad_text"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "too_deep"),
    ],
)
def test_hostile_input_is_one_dead_letter_with_its_reason_and_half_of_a_record_is_not_taken(
    payload: bytes, said: str
) -> None:
    events, [dead], unfolded, passed = decoded(payload)
    assert said in dead
    assert (events, unfolded, passed) == ([], 0, 0)


def test_a_condition_that_cannot_be_asked_names_source_field_and_value() -> None:
    source = Source("orders", "t", events=(Meaning("status = 'A'", "kept", "packed"),))
    with pytest.raises(MappingError, match=r"source orders: the mapping of events\[0\].when, .*status = 'A'.*JMESPath"):
        Decoder(CATALOG, source)


def test_a_condition_that_fails_on_a_record_is_a_dead_letter() -> None:
    source = Source("orders", "t", mapping=ORDERS.mapping, events=(Meaning("length(order) > `1`", "kept", "packed"),))
    events, [dead], *_ = decoded(line("PLACED"), source=source)
    assert events == []
    assert dead.startswith("mapping: events[0].when")
