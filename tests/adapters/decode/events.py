"""Events for the decoder's tests: a catalogue, valid events, and ways to break them."""

import json
from typing import Any

from hypothesis import strategies as st

from service.adapters.decode import Decoded, Decoder
from service.core.catalog import Catalog, Deadline, Moment, Source
from service.core.event import DAY, Batch, DeadLetter, Event, Micros, Partition

CATALOG = Catalog(
    moments={
        "arrives": Moment(name="arrives", owner="ops"),
        "answered": Moment(name="answered", owner="ops", deadline=Deadline(5 * DAY)),
    }
)
TOPIC = Partition("events", 3)
OUTCOME: dict[str, Any] = {
    "id": "a1",
    "time": "2026-01-31T09:30:00Z",
    "type": "outcome",
    "moment": "arrives",
    "customer": "c1",
    "outcome": "kept",
}
PROMISE: dict[str, Any] = {
    "id": "p1",
    "time": "2026-01-31T09:30:00Z",
    "type": "promise",
    "moment": "arrives",
    "customer": "c1",
    "key": "k1",
    "due": "2026-02-02T09:30:00Z",
}


def decode(
    *payloads: bytes,
    now: Micros | None = None,
    headers: list[dict[str, bytes]] | None = None,
    source: Source | None = None,
) -> Decoded:
    offsets = list(range(10, 10 + len(payloads)))
    return Decoder(CATALOG, source).decode(
        Batch(TOPIC, offsets, list(payloads), offsets[-1] + 1 if offsets else 0, headers), now
    )


def accepted(payload: bytes, **how: Any) -> Event:
    found = decode(payload, **how)
    assert found.dead == []
    return found.records[0].event


def refused(payload: bytes, **how: Any) -> DeadLetter:
    found = decode(payload, **how)
    assert found.records == []
    return found.dead[0]


def dumped(event: dict[str, Any], **changes: Any) -> bytes:
    """An event as bytes; a field changed to ... is left out."""
    changed = {name: value for name, value in {**event, **changes}.items() if value is not ...}
    return json.dumps(changed).encode()


_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
_times = st.datetimes().map(lambda time: time.isoformat() + "Z") | st.sampled_from(
    ["2026-01-31T09:30:00.123456+02:00", "2026-01-31t09:30:00z", "2026-01-31 09:30:00-0530"]
)
_amounts = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-(10**13), 10**13)
_dimensions = st.dictionaries(_texts, _texts, max_size=3)
_fields: dict[str, st.SearchStrategy[Any]] = {
    "id": _texts,
    "time": _times,
    "customer": _texts,
    "moment": st.sampled_from(["arrives", "answered"]),
    "outcome": st.sampled_from(["kept", "broken", "cancelled"]),
    "key": _texts,
    "due": _times,
    "reason": _texts,
    "duration_s": st.floats(0, 1e9),
    "value": _amounts,
    "score": _amounts,
    "text": _texts,
    "channel": _texts,
    "journey": _texts,
    "title": _texts,
    "url": _texts,
    "change": st.sampled_from(["joined", "left", "grew", "shrank", "referred"]),
    "dimensions": _dimensions,
}
_NEEDED = {
    "outcome": ("moment", "customer", "outcome"),
    "promise": ("moment", "customer", "key", "due"),
    "complaint": (),
    "feedback": (),
    "customer": ("customer", "change"),
    "annotation": ("title",),
}
_ODD = st.sampled_from(
    [
        *("", "x" * 257, "x" * 513, "x" * 16_385, "nul\0", "kept", "2026-01-31", "2026-01-31T09:30:00", "é"),
        *("9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-31T09:30Z"),
        *(None, True, 0, -1, 1.5, 10**30, 1e300, [], {}, ["x"], {"a": 1}, {"": "x"}, {"a": "x" * 257}),
        *({"a": None}, {"n\0": "x"}, {str(i): "" for i in range(65)}, {str(i): "" for i in range(64)}),
    ]
)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Events of every type, with what they need and some of what they may have."""
    kind = draw(st.sampled_from(sorted(_NEEDED)))
    optional = draw(st.sets(st.sampled_from(sorted(_fields)), max_size=6))
    names = ("id", "time", *_NEEDED[kind], *sorted(optional))
    return {"type": kind, **{name: draw(_fields[name]) for name in names}}


@st.composite
def odd_events(draw: st.DrawFn) -> dict[str, Any]:
    """Events of which a field or two hold something else, or are missing."""
    event = draw(events())
    for name in draw(st.sets(st.sampled_from([*sorted(_fields), "type"]), min_size=1, max_size=2)):
        if draw(st.booleans()):
            event.pop(name, None)
        else:
            event[name] = draw(_ODD)
    return event
