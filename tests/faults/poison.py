"""Records that no producer should send and some do, each with the reason that its dead letter must have."""

import json
from typing import Any

_TIME = "2026-03-02T09:00:00Z"


def _event(**fields: Any) -> bytes:
    sound = {
        "id": "poison",
        "time": _TIME,
        "type": "outcome",
        "moment": "checkout",
        "customer": "c1",
        "outcome": "kept",
    }
    return json.dumps(sound | fields).encode()


POISON: dict[bytes, str] = {
    b"": "not_json",
    b"\x00": "not_json",
    b"{" + b" " * 1_000: "not_json",
    b"null": "not_an_object",
    b"[" * 100_000: "too_deep",
    b'{"id":' * 5_000: "too_deep",
    _event(customer="a\x00b"): "bad_text",
    _event(customer="\ud800"): "bad_text",
    _event(customer="c" * 2_000): "bad_text",
    _event(time="0000-00-00T00:00:00Z"): "bad_time",
    _event(time="2026-03-02 09:00"): "bad_time",
    _event(value="1e3"): "wrong_type",
    _event().replace(b'"kept"', b'"kept", "value": 1e999'): "bad_number",
    _event().replace(b'"kept"', b'"kept", "value": NaN'): "bad_number",
    _event().replace(b'"kept"', b'"kept", "value": ' + b"9" * 5_000): "bad_number",
    _event(duration_s=-1): "bad_number",
    _event(type="promise", key=["k"]): "wrong_type",
    _event(outcome="perhaps"): "wrong_type",
    _event(dimensions={"region": 7}): "wrong_type",
    _event(text="x" * 1_500_000): "too_large",
}
