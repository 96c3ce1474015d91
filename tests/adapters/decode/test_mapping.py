import json
from typing import Any

import pytest

from service.adapters.decode import Decoder, MappingError
from service.core.catalog import Source
from service.core.event import Outcome, rfc3339
from tests.adapters.decode.events import CATALOG, TOPIC, accepted, decode, refused

SHIPMENT: dict[str, Any] = {
    "eventId": 4711,
    "meta": {"at": 1_769_851_800_000},
    "parcel": {"receiver": 17, "state": "DELIVERED", "depot": "RJ", "price": "12.50"},
}
MAPPING = {
    "id": "eventId",
    "time": "meta.at",
    "customer": "parcel.receiver",
    "outcome": "parcel.state == 'DELIVERED' && 'kept' || 'broken'",
    "value": "parcel.price",
    "dimensions.region": "parcel.depot",
}
CONSTANTS = {"type": "outcome", "moment": "arrives", "dimensions.channel": "road"}


def source(mapping: dict[str, str] | None = None, constants: dict[str, str] | None = None) -> Source:
    return Source("shipments", "events", mapping=mapping or {}, constants=constants or {})


def test_a_foreign_object_becomes_an_event_by_expressions_and_constants() -> None:
    event = accepted(json.dumps(SHIPMENT).encode(), source=source(MAPPING, CONSTANTS))
    assert isinstance(event, Outcome)
    assert (event.id, event.customer, event.outcome, event.value) == ("4711", "17", "kept", 12.5)
    assert event.dimensions == {"region": "RJ", "channel": "road"}


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, 1_000_000_000])
def test_a_number_as_a_time_is_seconds_or_a_smaller_unit_by_its_size(unit: int) -> None:
    shipment = {**SHIPMENT, "meta": {"at": 1_769_851_800 * unit}}
    record = decode(json.dumps(shipment).encode(), source=source(MAPPING, CONSTANTS)).records[0]
    assert rfc3339(record.at) == "2026-01-31T09:30:00Z"


def test_what_an_expression_does_not_find_falls_back_to_the_constant() -> None:
    mapping = {**MAPPING, "customer": "parcel.nobody"}
    event = accepted(json.dumps(SHIPMENT).encode(), source=source(mapping, {**CONSTANTS, "customer": "walk-in"}))
    assert isinstance(event, Outcome)
    assert event.customer == "walk-in"


def test_fields_that_already_speak_the_contract_need_no_expression() -> None:
    payload = json.dumps({**SHIPMENT, "reason": "rain", "dimensions": {"tier": "gold"}}).encode()
    event = accepted(payload, source=source(MAPPING, CONSTANTS))
    assert isinstance(event, Outcome)
    assert (event.reason, (event.dimensions or {})["tier"]) == ("rain", "gold")


def test_a_mapping_sees_the_whole_envelope_and_id_and_time_still_come_from_it() -> None:
    mapping = {name: f"data.{text}" for name, text in MAPPING.items() if name not in {"id", "time", "outcome"}}
    payload = {"specversion": "1.0", "id": "e1", "time": "2026-01-31T09:30:00Z", "data": SHIPMENT}
    event = accepted(json.dumps(payload).encode(), source=source(mapping, {**CONSTANTS, "outcome": "kept"}))
    assert event.id == "e1"


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ({"customer": "parcel.nobody"}, "mapping"),
        ({"customer": "parcel"}, "mapping"),
        ({"value": "parcel.depot"}, "mapping"),
        ({"customer": "sum(parcel)"}, "mapping"),
        ({"customer": "join(',', eventId)"}, "mapping"),
        ({"time": "parcel.depot"}, "mapping"),
    ],
)
def test_a_record_that_the_mapping_does_not_fit_is_refused_as_such(mapping: dict[str, str], reason: str) -> None:
    dead = refused(json.dumps(SHIPMENT).encode(), source=source({**MAPPING, **mapping}, CONSTANTS))
    assert reason == dead.reason
    assert next(iter(mapping)) in dead.detail


def test_faults_that_are_not_the_mappings_keep_their_reason() -> None:
    foreign = source(MAPPING, {**CONSTANTS, "moment": "elsewhere"})
    assert refused(json.dumps(SHIPMENT).encode(), source=foreign).reason == "unknown_moment"
    assert refused(b"{", source=foreign).reason == "not_json"
    assert refused(b"[]", source=foreign).reason == "not_an_object"


@pytest.mark.parametrize("text", ["NaN", "inf", "-Infinity"])
def test_a_word_that_python_reads_as_a_number_is_none(text: str) -> None:
    payload = json.dumps({**SHIPMENT, "parcel": {**SHIPMENT["parcel"], "price": text}}).encode()
    assert refused(payload, source=source(MAPPING, CONSTANTS)).reason == "mapping"


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"custmer": "a"}, "custmer"),
        ({"dimensions.": "a"}, "dimensions."),
        ({"customer": "a."}, "JMESPath"),
        ({"customer": ""}, "JMESPath"),
        ({"customer": "nothing(a)(b"}, "JMESPath"),
        ({"customer": "a." * 300 + "a"}, "characters"),
        ({"customer": "|".join(["[@,@][]"] * 40)}, "lists"),
        ({"customer": "||".join(["a"] * 70)}, "parts"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_an_error_that_names_source_and_field(
    mapping: dict[str, str], said: str
) -> None:
    with pytest.raises(MappingError, match="source shipments") as raised:
        Decoder(CATALOG, source(mapping))
    assert said in str(raised.value)
    assert str(raised.value).isprintable()


def test_a_source_without_mapping_speaks_the_contract() -> None:
    assert Decoder(CATALOG, source()).speaks_contract
    assert not Decoder(CATALOG, source(constants={"type": "outcome"})).speaks_contract
    assert TOPIC.topic == "events"
