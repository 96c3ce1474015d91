import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from service.core.catalog import Source
from service.core.event import HOUR, MINUTE, REASONS, Complaint, Micros, Outcome, Promise, micros
from tests.adapters.decode.events import OUTCOME, PROMISE, TOPIC, accepted, decode, dumped, refused

NINE_THIRTY: Micros = micros(datetime(2026, 1, 31, 9, 30, tzinfo=UTC))


def with_raw(value: bytes, field: str = "value") -> bytes:
    """An outcome with a field as these very bytes, which no JSON writer would write."""
    return dumped(OUTCOME)[:-1] + b',"%s":%s}' % (field.encode(), value)


def test_an_outcome_comes_out_with_its_offset_and_its_time_in_microseconds() -> None:
    found = decode(dumped(OUTCOME, time="2026-01-31T11:30:00.123456+02:00", value=12.5, dimensions={"a": "b"}))
    assert found.dead == []
    assert [(record.offset, record.at) for record in found.records] == [(10, NINE_THIRTY + 123_456)]
    event = found.records[0].event
    assert isinstance(event, Outcome)
    assert (
        event.moment,
        event.outcome,
        event.value,
        event.dimensions,
    ) == ("arrives", "kept", 12.5, {"a": "b"})


@pytest.mark.parametrize(
    "time",
    [
        "1900-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "2013-03-10T07:00:00.000001Z",
        "8999-12-31T23:59:59Z",
    ],
)
def test_time_is_exact_to_the_microsecond_on_both_sides_of_1970(time: str) -> None:
    assert [micros(datetime.fromisoformat(time))] == [
        record.at for record in decode(dumped(OUTCOME, time=time)).records
    ]


def test_records_and_dead_letters_keep_the_order_of_the_batch() -> None:
    found = decode(dumped(OUTCOME), b"{", dumped(OUTCOME, id="a2"), b"[]")
    assert [record.offset for record in found.records] == [10, 12]
    assert [(d.partition, d.offset, d.payload) for d in found.dead] == [(TOPIC, 11, b"{"), (TOPIC, 13, b"[]")]


def test_an_empty_batch_is_nothing() -> None:
    found = decode()
    assert (found.records, found.dead) == ([], [])


def test_unknown_fields_are_ignored_whatever_they_hold() -> None:
    accepted(with_raw(b'{"deep":[[1e999]],"text":"\\u0000"}', "surplus"))


def test_the_last_of_two_equal_keys_counts() -> None:
    event = accepted(with_raw(b'"c2"', "customer"))
    assert isinstance(event, Outcome)
    assert event.customer == "c2"


def test_null_in_an_optional_field_is_the_same_as_no_field() -> None:
    assert accepted(dumped(OUTCOME)) == accepted(dumped(OUTCOME, value=None, key=None, dimensions=None))


def test_a_complaint_needs_neither_moment_nor_customer() -> None:
    event = accepted(dumped({"id": "x", "time": OUTCOME["time"], "type": "complaint", "text": 'so "late" é'}))
    assert isinstance(event, Complaint)
    assert event.text == 'so "late" é'


def test_a_promise_without_due_stands_where_the_moment_declares_a_deadline() -> None:
    event = accepted(dumped(PROMISE, moment="answered", due=...))
    assert isinstance(event, Promise)
    assert event.due is None


LONG = "x" * 513
REFUSED: dict[str, tuple[bytes, str]] = {
    "an empty record": (b"", "not_json"),
    "white space": (b" \r\n", "not_json"),
    "bytes": (b"\x00\x01", "not_json"),
    "half an object": (dumped(OUTCOME)[:-1], "not_json"),
    "two objects": (dumped(OUTCOME) * 2, "not_json"),
    "a byte order mark": (b"\xef\xbb\xbf" + dumped(OUTCOME), "not_json"),
    "a raw control character": (with_raw(b'"a\x01b"', "reason"), "not_json"),
    "an array": (b"[]", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "text": (b'"outcome"', "not_an_object"),
    "ten megabytes": (with_raw(b'"' + b"x" * 10_000_000 + b'"', "surplus"), "too_large"),
    "100,000 levels": (with_raw(b"[" * 100_000 + b"]" * 100_000, "surplus"), "too_deep"),
    "100,000 openings": (b"[" * 100_000, "too_deep"),
    "300 objects in each other": (with_raw(b'{"a":' * 300 + b"1" + b"}" * 300, "surplus"), "too_deep"),
    "bytes that are not UTF-8": (with_raw(b'"\xff"', "reason"), "bad_text"),
    "bytes that are not UTF-8 in an unknown field": (with_raw(b'"\xff"', "surplus"), "bad_text"),
    "a surrogate in UTF-8": (with_raw(b'"\xed\xa0\x80"', "reason"), "bad_text"),
    "half a surrogate pair": (with_raw(b'"\\ud800"', "reason"), "bad_text"),
    "a surrogate pair in the wrong order": (with_raw(b'"\\ude00\\ud83d"', "reason"), "bad_text"),
    "NUL in a text": (dumped(OUTCOME, reason="a\0b"), "bad_text"),
    "NUL in an id": (dumped(OUTCOME, id="\0"), "bad_text"),
    "NUL in a dimension": (dumped(OUTCOME, dimensions={"a": "\0"}), "bad_text"),
    "NUL in a dimension's name": (dumped(OUTCOME, dimensions={"\0": "a"}), "bad_text"),
    "a long id": (dumped(OUTCOME, id=LONG), "bad_text"),
    "a long customer": (dumped(OUTCOME, customer=LONG), "bad_text"),
    "a long key": (dumped(OUTCOME, key=LONG), "bad_text"),
    "a long dimension": (dumped(OUTCOME, dimensions={"a": "x" * 257}), "bad_text"),
    "a long dimension's name": (dumped(OUTCOME, dimensions={"x" * 257: "a"}), "bad_text"),
    "an empty dimension's name": (dumped(OUTCOME, dimensions={"": "a"}), "bad_text"),
    "65 dimensions": (dumped(OUTCOME, dimensions={str(i): "a" for i in range(65)}), "bad_text"),
    "a long text": (dumped(OUTCOME, reason="x" * 16_385), "bad_text"),
    "NaN": (with_raw(b"NaN"), "bad_number"),
    "infinity": (with_raw(b"-Infinity"), "bad_number"),
    "1e999": (with_raw(b"1e999"), "bad_number"),
    "10,000 digits": (with_raw(b"9" * 10_000), "bad_number"),
    "an absurd value": (dumped(OUTCOME, value=-1.1e12), "bad_number"),
    "a negative duration": (dumped(OUTCOME, duration_s=-0.1), "bad_number"),
    "a duration of eleven years": (dumped(OUTCOME, duration_s=347_000_000), "bad_number"),
    "no id": (dumped(OUTCOME, id=...), "missing_field"),
    "no time": (dumped(OUTCOME, time=...), "missing_field"),
    "no type": (dumped(OUTCOME, type=...), "missing_field"),
    "no moment": (dumped(OUTCOME, moment=...), "missing_field"),
    "no customer": (dumped(OUTCOME, customer=...), "missing_field"),
    "null as a customer": (dumped(OUTCOME, customer=None), "missing_field"),
    "no key": (dumped(PROMISE, key=...), "missing_field"),
    "an empty id": (dumped(OUTCOME, id=""), "missing_field"),
    "an empty customer": (dumped(OUTCOME, customer=""), "missing_field"),
    "an empty key": (dumped(OUTCOME, key=""), "missing_field"),
    "an empty moment": (dumped(OUTCOME, moment=""), "missing_field"),
    "a number as an id": (dumped(OUTCOME, id=7), "wrong_type"),
    "an object as a customer": (dumped(OUTCOME, customer={}), "wrong_type"),
    "text as a value": (dumped(OUTCOME, value="12.5"), "wrong_type"),
    "true as a value": (dumped(OUTCOME, value=True), "wrong_type"),
    "another word as outcome": (dumped(OUTCOME, outcome="lost"), "wrong_type"),
    "a list as dimensions": (dumped(OUTCOME, dimensions=[]), "wrong_type"),
    "a number as a dimension": (dumped(OUTCOME, dimensions={"a": 1}), "wrong_type"),
    "a number as a type": (dumped(OUTCOME, type=1), "wrong_type"),
    "another type": (dumped(OUTCOME, type="shipment"), "unknown_type"),
    "another moment": (dumped(OUTCOME, moment="arives"), "unknown_moment"),
    "another moment in a complaint": (dumped(OUTCOME, type="complaint", moment="x"), "unknown_moment"),
    "no due where there is no deadline": (dumped(PROMISE, due=...), "no_due"),
    "a time without an offset": (dumped(OUTCOME, time="2026-01-31T09:30:00"), "bad_time"),
    "a date": (dumped(OUTCOME, time="2026-01-31"), "bad_time"),
    "a day that is not": (dumped(OUTCOME, time="2026-02-30T09:30:00Z"), "bad_time"),
    "a number as a time": (dumped(OUTCOME, time=1_700_000_000), "bad_time"),
    "a zero date": (dumped(OUTCOME, time="0001-01-01T00:00:00+05:00"), "bad_time"),
    "a due without an offset": (dumped(PROMISE, due="2026-02-02T09:30:00"), "bad_time"),
    "a due that stands for never": (dumped(PROMISE, due="9999-12-31T23:59:59Z"), "bad_time"),
    "a time that stands for never": (dumped(OUTCOME, time="9999-12-31T23:59:59-05:00"), "future"),
}


@pytest.mark.parametrize(("payload", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_taken_is_a_dead_letter_with_its_reason(payload: bytes, reason: str) -> None:
    dead = refused(payload)
    assert reason == dead.reason
    assert reason in REASONS
    assert dead.detail.isprintable()
    assert 0 < len(dead.detail) <= 200
    assert payload[: 64 * 1024] == dead.payload


@pytest.mark.parametrize(("payload", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_record_costs_its_neighbours_nothing(payload: bytes, reason: str) -> None:
    found = decode(dumped(OUTCOME), payload, dumped(PROMISE))
    assert ([10, 12], [(11, reason)]) == (
        [record.offset for record in found.records],
        [(dead.offset, dead.reason) for dead in found.dead],
    )


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (dumped(OUTCOME, moment="arives"), 'moment: "arives" is not in the catalogue: did you mean arrives?'),
        (with_raw(b"1e999"), "value: 1e999 is beyond what can be counted: send a number within ±1e12"),
        (dumped(OUTCOME, customer=...), "customer: missing or empty: name whom it happened to"),
        (
            dumped(OUTCOME, dimensions={"a": "b", "region": 7}),
            "dimensions.region: 7: expected str, got int: send that, or leave it out",
        ),
        (dumped(OUTCOME, reason="a\0b"), 'reason: "a\\u0000b" has a NUL character: remove it'),
        (
            dumped(PROMISE, due=...),
            'due: missing, and moment "arrives" declares no deadline: send due, or declare one',
        ),
    ],
)
def test_the_detail_names_field_value_and_remedy(payload: bytes, detail: str) -> None:
    assert detail == refused(payload).detail


@pytest.mark.parametrize("depth", [1, 100, 255])
def test_what_is_less_than_256_levels_deep_is_taken(depth: int) -> None:
    accepted(with_raw(b"[" * depth + b'"' + b"[" * 999 + b'"' + b"]" * depth, "surplus"))


def test_as_many_dimensions_and_as_long_texts_as_the_contract_allows_are_taken() -> None:
    dimensions = {str(i).rjust(256, "x"): "é" * 256 for i in range(64)}
    accepted(dumped(OUTCOME, id="é" * 512, customer="x" * 512, key="x" * 512, dimensions=dimensions))


@pytest.mark.parametrize("minutes", [5, 90])
def test_an_event_beyond_the_clock_and_the_skew_is_from_the_future(minutes: int) -> None:
    source = Source(name="s", topic="events", allowed_skew=minutes * MINUTE)
    at_the_limit = NINE_THIRTY - minutes * MINUTE
    accepted(dumped(OUTCOME), now=at_the_limit, source=source)
    dead = refused(dumped(OUTCOME), now=at_the_limit - 1, source=source)
    assert dead.reason == "future"
    assert "2026-01-31T09:30:00Z" in dead.detail


def test_without_a_clock_only_the_year_9000_is_the_future() -> None:
    accepted(dumped(OUTCOME, time="8999-12-31T00:00:00Z"))
    assert refused(dumped(OUTCOME, time="9000-01-01T00:00:01Z")).reason == "future"


def test_a_due_may_lie_beyond_the_clock() -> None:
    accepted(dumped(PROMISE), now=NINE_THIRTY + HOUR)


def test_escapes_that_are_no_nul_are_left_alone() -> None:
    event = accepted(dumped(OUTCOME, reason='\\u0000 "São Paulo" \U0001f600'))
    assert isinstance(event, Outcome)
    assert event.reason == '\\u0000 "São Paulo" \U0001f600'


def test_two_payloads_that_only_together_are_utf8_are_both_refused() -> None:
    head, tail = dumped(OUTCOME)[:-2] + b"\xc3", b"\xa9" + dumped(OUTCOME)
    assert [dead.reason for dead in decode(head, tail).dead] == ["bad_text", "bad_text"]


def envelope(data: Any, **attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "/shop",
        "type": "com.shop.x",
        "data": data,
        **attributes,
    }


DATA = {name: value for name, value in OUTCOME.items() if name not in {"id", "time"}}


def test_a_structured_cloudevent_gives_id_and_time_to_its_data() -> None:
    event = accepted(dumped(envelope(DATA, time="2026-01-31T09:30:00Z")))
    assert ("e1", NINE_THIRTY, Outcome) == (event.id, micros(event.time), type(event))


@pytest.mark.parametrize("kind", ["outcome", "complaint"])
@pytest.mark.parametrize("before", [0, 3])
def test_an_envelope_that_has_all_of_an_event_besides_is_opened_whatever_comes_with_it(kind: str, before: int) -> None:
    both = {**OUTCOME, **envelope({**DATA, "customer": "inner"}, type=kind), "customer": "outer"}
    customers = [
        getattr(record.event, "customer", None) for record in decode(*[dumped(OUTCOME)] * before, dumped(both)).records
    ]
    assert [*["c1"] * before, "inner"] == customers


def test_the_envelope_goes_before_the_data_and_the_data_fills_its_gaps() -> None:
    event = accepted(dumped(envelope({**OUTCOME, "id": "inner"})))
    assert (event.id, micros(event.time)) == ("e1", NINE_THIRTY)


def test_an_envelope_whose_own_type_is_of_the_contract_is_not_taken_for_the_event() -> None:
    event = accepted(dumped(envelope(DATA, time=OUTCOME["time"], type="complaint")))
    assert isinstance(event, Outcome)


def test_the_envelopes_type_stands_in_where_the_data_has_none() -> None:
    bare = {name: value for name, value in DATA.items() if name != "type"}
    assert isinstance(accepted(dumped(envelope(bare, time=OUTCOME["time"], type="outcome"))), Outcome)


def test_a_binary_cloudevent_gives_id_and_time_in_headers() -> None:
    headers = {"ce_specversion": b"1.0", "ce_id": b"h1", "ce_time": b"2026-01-31T09:30:00Z"}
    event = accepted(dumped(DATA), headers=[headers])
    assert (event.id, micros(event.time)) == ("h1", NINE_THIRTY)


def test_headers_of_others_change_nothing() -> None:
    assert accepted(dumped(OUTCOME), headers=[{"ce_id": b"x", "traceparent": b"\xff"}]).id == "a1"


@pytest.mark.parametrize(
    ("payload", "headers", "reason"),
    [
        (dumped(envelope("text")), {}, "wrong_type"),
        (dumped(envelope(None)), {}, "missing_field"),
        (dumped(envelope(..., data_base64="eA==")), {}, "wrong_type"),
        (dumped(envelope(DATA, specversion="0.3")), {}, "wrong_type"),
        (dumped(envelope(DATA, id=...)), {}, "missing_field"),
        (dumped(envelope({**DATA, "value": 10**13}, time=OUTCOME["time"])), {}, "bad_number"),
        (dumped(envelope(DATA, time="yesterday")), {}, "bad_time"),
        (dumped(envelope(DATA, time=OUTCOME["time"]))[:-1], {}, "not_json"),
        (dumped(DATA), {"ce_specversion": b"1.0", "ce_id": b"\xff"}, "bad_text"),
        (dumped(OUTCOME), {"ce_specversion": b"1.0", "ce_id": b"a\0"}, "bad_text"),
        (dumped(DATA), {"ce_specversion": b"1.0"}, "missing_field"),
        (b"[]", {"ce_specversion": b"1.0"}, "not_an_object"),
    ],
)
def test_what_is_wrong_with_an_envelope_or_in_it_is_said(
    payload: bytes, headers: dict[str, bytes], reason: str
) -> None:
    assert reason == refused(payload, headers=[headers]).reason


def test_1e999_in_an_envelope_is_a_bad_number() -> None:
    payload = dumped(envelope({**DATA, "value": 12345}, time=OUTCOME["time"])).replace(b"12345", b"1e999")
    assert refused(payload).reason == "bad_number"


def test_the_same_payload_means_the_same_with_and_without_company_that_needs_care() -> None:
    payload = json.dumps({**OUTCOME, "reason": "é"}, ensure_ascii=False).encode()
    alone, together = decode(payload), decode(payload, dumped(envelope(DATA)))
    assert msgspec.to_builtins(alone.records[0]) == msgspec.to_builtins(together.records[0])


_HALF = dumped(OUTCOME).index(b",") + 1


@pytest.mark.parametrize(
    "payloads",
    [
        [dumped(OUTCOME) + dumped(OUTCOME), b" "],
        [dumped(OUTCOME) + dumped(OUTCOME), b""],
        [dumped(OUTCOME) + b"\n" + dumped(OUTCOME), b"\n"],
        [dumped(OUTCOME) + b"\n" + dumped(OUTCOME), b"\n" + dumped(OUTCOME)[:_HALF], dumped(OUTCOME)[_HALF:]],
        [dumped(OUTCOME)[:_HALF], dumped(OUTCOME)[_HALF:], dumped(OUTCOME) + dumped(OUTCOME)],
    ],
    ids=["two and a space", "two and nothing", "two lines and an empty one", "lines and halves", "halves and two"],
)
def test_payloads_that_make_as_many_objects_only_together_are_all_refused(payloads: list[bytes]) -> None:
    found = decode(*payloads)
    assert found.records == []
    assert ["not_json"] * len(payloads) == [dead.reason for dead in found.dead]


def test_a_bad_record_among_thousands_costs_only_itself() -> None:
    payloads = [dumped(OUTCOME, id=f"a{number}") for number in range(5000)]
    payloads[100] = payloads[4400] = b"{"
    payloads[4401] = dumped(OUTCOME, moment="nowhere")
    found = decode(*payloads)
    assert [dead.reason for dead in found.dead] == ["not_json", "not_json", "unknown_moment"]
    assert [f"a{n}" for n in range(5000) if n not in {100, 4400, 4401}] == [r.event.id for r in found.records]


def test_dimensions_that_are_none_at_all_are_refused_in_any_company() -> None:
    wrong: list[Any] = [[], {"a": 1}, {"": "x"}, {"a": "x" * 257}]
    odd = [dumped(OUTCOME, dimensions=given) for given in wrong]
    found = decode(dumped(OUTCOME, dimensions={"a": "b"}), *odd, dumped(OUTCOME, dimensions={"a": "b"}))
    assert [getattr(record.event, "dimensions", None) for record in found.records] == [{"a": "b"}, {"a": "b"}]
    assert len(odd) == len(found.dead)
