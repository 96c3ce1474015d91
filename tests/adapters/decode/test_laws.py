import json
from typing import Any

import msgspec
import pydantic
from hypothesis import given
from hypothesis import strategies as st

from service.adapters import schema
from service.adapters.decode.envelope import MARK
from service.core.catalog import Source
from service.core.event import REASONS, micros
from tests.adapters.decode.events import CATALOG, decode, events, odd_events

_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
_payloads = st.one_of(
    st.binary(max_size=80),
    _json.map(lambda value: json.dumps(value).encode()),
    events().map(lambda event: json.dumps(event).encode()),
    odd_events().map(lambda event: json.dumps(event, ensure_ascii=False).encode()),
    events().flatmap(lambda event: st.integers(0, 300).map(lambda cut: json.dumps(event).encode()[:cut] + b"\xff")),
    odd_events().map(lambda data: json.dumps({"specversion": "1.0", "id": "e", "data": data}).encode()),
)
_headers = st.dictionaries(st.sampled_from(["ce_specversion", "ce_id", "ce_time", "ce_type"]), st.binary(max_size=9))
_FOREIGN = Source(
    "foreign",
    "events",
    mapping={"id": "id", "value": "dimensions.*|[0]", "time": "time"},
    constants={"key": "k"},
)


@given(st.lists(_payloads, max_size=6), st.booleans(), st.none() | st.lists(_headers, min_size=6, max_size=6))
def test_every_payload_lands_in_exactly_one_of_the_two_lists(
    payloads: list[bytes], foreign: bool, headers: list[dict[str, bytes]] | None
) -> None:
    found = decode(
        *payloads,
        source=_FOREIGN if foreign else None,
        headers=headers[: len(payloads)] if headers is not None else None,
    )
    taken = [record.offset for record in found.records]
    buried = [dead.offset for dead in found.dead]
    assert list(range(10, 10 + len(payloads))) == sorted(taken + buried)
    assert sorted(taken) == taken
    assert sorted(buried) == buried
    for dead in found.dead:
        assert dead.reason in REASONS
        assert dead.detail.isprintable()
        assert 0 < len(dead.detail) <= 200


@given(st.lists(_payloads, min_size=1, max_size=6))
def test_batch_sizes_change_nothing(payloads: list[bytes]) -> None:
    whole = decode(*payloads)
    singly = [decode(payload) for payload in payloads]
    assert [repr(msgspec.to_builtins(record.event)) for record in whole.records] == [
        repr(msgspec.to_builtins(record.event)) for one in singly for record in one.records
    ]
    assert [(dead.reason, dead.detail) for dead in whole.dead] == [
        (dead.reason, dead.detail) for one in singly for dead in one.dead
    ]


@given(events() | odd_events())
def test_the_published_schema_and_the_decoder_accept_and_refuse_the_same(event: dict[str, Any]) -> None:
    payload = json.dumps(event).encode()
    found = decode(payload)
    try:
        model: Any = schema.EVENT.validate_json(payload)
    except pydantic.ValidationError:
        model = None
    # What only the catalogue knows.
    by_catalogue = {"unknown_moment", "no_due"}
    assert (model is not None) == bool(found.records or found.dead[0].reason in by_catalogue)
    if found.records and model is not None:
        record = found.records[0]
        assert abs(micros(model.time) - record.at) <= 1
        for name in ("id", "customer", "moment", "key", "value", "score", "text", "dimensions", "outcome"):
            assert getattr(record.event, name, None) == getattr(model, name, None)


@given(events())
def test_an_accepted_event_says_what_was_sent(event: dict[str, Any]) -> None:
    for record in decode(json.dumps(event).encode()).records:
        for name in type(record.event).__struct_fields__:
            if name not in {"time", "due", MARK}:
                assert event.get(name) == getattr(record.event, name)


def test_the_schema_names_every_type_of_event() -> None:
    published = schema.json_schema()
    assert {"outcome", "promise", "complaint", "feedback", "customer", "annotation"} == set(
        published["discriminator"]["mapping"]
    )
    assert json.loads(json.dumps(published)) == published
    assert {"arrives", "answered"} == set(CATALOG.moments)
