"""The oracle: what the store must hold, recomputed from the raw records by nothing of the service's own.

Written from the contract alone, slow and plain: everything in memory, one pass, no windows kept open. It shares with
the service the meaning of a topic's catalogue (dimensions, lateness) and nothing else.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.poison import POISON

MINUTE = 60_000_000
HOUR = 60 * MINUTE
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[str, int, int]
"""Topic, partition, offset."""
Cell = tuple[str, int, tuple[tuple[str, str], ...]]
"""Moment, window, stated dimensions."""


@dataclass(frozen=True)
class Raw:
    """A record as the broker gave it."""

    topic: str
    partition: int
    offset: int
    value: bytes


@dataclass(frozen=True)
class Watched:
    """What the catalogue says that the counting depends on; times in microseconds.

    `closed`: how far moments are closed, where the wall's clock says so. `latest`: what happened later than that
    cannot have.
    """

    dimensions: Mapping[str, tuple[str, ...]]
    topics: Mapping[str, tuple[str, ...]]
    lateness: int
    closed: Mapping[str, int] | None = None
    latest: int | None = None


@dataclass
class Expected:
    """What the store must say; also the shape in which `stored` gives what it says.

    `cells`: attempts, broken, cancelled, arrivals, value and broken value in minor units. `breaks`: one tuple a
    broken promise (moment, customer, time, value, dimensions, settled at). `ledger`: (due, waiting) by key. `lost`:
    (topic, partition, first, next) of what was gone before anybody read it.
    """

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    dead: dict[Place, str] = field(default_factory=dict)
    cells: dict[Cell, tuple[int, ...]] = field(default_factory=dict)
    breaks: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    ledger: dict[tuple[str, str], tuple[int | None, bool]] = field(default_factory=dict)
    voices: Counter[Place] = field(default_factory=Counter)
    closed: dict[str, int] = field(default_factory=dict)
    lost: Counter[tuple[str, int, int, int]] = field(default_factory=Counter)


def micros(text: str) -> int:
    """Microseconds since 1970 of RFC 3339."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


class Unfit(Exception):  # noqa: N818  # of a record, not of ours
    """A record cannot be taken; why is its only argument."""


def event_of(value: bytes, watched: Watched) -> dict[str, Any]:
    """What a record says, times in microseconds. Raises Unfit."""
    if value in POISON:
        raise Unfit(POISON[value])
    try:
        event = json.loads(value.decode())
    except UnicodeDecodeError:
        raise Unfit("bad_text") from None
    except ValueError:
        raise Unfit("not_json") from None
    if not isinstance(event, dict):
        raise Unfit("not_an_object")
    if "type" not in event or "time" not in event or "id" not in event:
        raise Unfit("missing_field")
    if event["type"] not in {"outcome", "promise", "complaint", "feedback", "customer", "annotation"}:
        raise Unfit("unknown_type")
    try:
        event["time"] = micros(event["time"])
        event["due"] = micros(event["due"]) if event.get("due") else None
    except (ValueError, TypeError):
        raise Unfit("bad_time") from None
    if event.get("moment") is not None and event["moment"] not in watched.dimensions:
        raise Unfit("unknown_moment")
    if watched.latest is not None and event["time"] > watched.latest:
        raise Unfit("future")
    return event


def recount(records: Iterable[Raw], watched: Watched) -> Expected:
    """Everything from the records, each partition's in order of offsets."""
    expected = Expected()
    latest: dict[tuple[str, int], int] = {}
    known: dict[tuple[str, int], dict[str, int]] = {}
    keyed: dict[tuple[str, str], list[dict[str, Any]]] = {}
    plain: list[dict[str, Any]] = []
    arrivals: Counter[Cell] = Counter()
    for raw in records:
        expected.read += 1
        place = (raw.topic, raw.partition)
        try:
            event = event_of(raw.value, watched)
        except Unfit as unfit:
            expected.dead[(*place, raw.offset)] = str(unfit)
            continue
        ids, time = known.setdefault(place, {}), latest.get(place)
        if event["id"] in ids and (time is None or ids[event["id"]] >= time - HOUR):
            expected.duplicate += 1
            continue
        latest[place] = event["time"] if time is None else max(time, event["time"])
        ids[event["id"]] = latest[place]
        expected.accepted += 1
        if event["type"] not in {"outcome", "promise"}:
            expected.voices[(*place, raw.offset)] += 1
            continue
        arrivals[_cell(event["moment"], event["time"], event.get("dimensions"), watched)] += 1
        if event.get("key") is None:
            plain.append(event)
        else:
            keyed.setdefault((event["moment"], event["key"]), []).append(event)
    expected.closed = _closed(latest, watched) if watched.closed is None else dict(watched.closed)
    sums: dict[Cell, list[int]] = {cell: [0, 0, 0, count, 0, 0] for cell, count in arrivals.items()}
    for event in plain:
        _count(event, event["time"], event["outcome"], None, sums, expected, watched)
    for (moment, key), events in keyed.items():
        _settle(moment, key, events, sums, expected, watched)
    expected.cells = {cell: tuple(found) for cell, found in sums.items() if any(found)}
    return expected


def _closed(latest: Mapping[tuple[str, int], int], watched: Watched) -> dict[str, int]:
    closed = {}
    for moment, topics in watched.topics.items():
        marks = [at for (topic, _), at in latest.items() if topic in topics]
        if marks:
            closed[moment] = (min(marks) - watched.lateness) // MINUTE * MINUTE
    return closed


def _settle(
    moment: str,
    key: str,
    events: Sequence[dict[str, Any]],
    sums: dict[Cell, list[int]],
    expected: Expected,
    watched: Watched,
) -> None:
    """One promise's life: what it counts for, once."""
    ordered = sorted(events, key=lambda event: (event["time"], event["id"]))
    promise = next((event for event in ordered if event["type"] == "promise"), None)
    first = {word: next((e for e in ordered if e.get("outcome") == word), None) for word in WORDS}
    due = promise["due"] if promise else None
    kept = first["kept"]
    expected.ledger[moment, key] = (due, bool(promise) and kept is None and first["cancelled"] is None)
    in_time = [e for e in first.values() if e is not None and (due is None or e["time"] <= due)]
    settled = min(in_time, key=lambda e: (e["time"], e["id"]), default=None)
    if due is not None and kept is not None and kept["time"] <= due:
        settled = kept
    if settled is None:
        if promise is not None and due is not None and due < expected.closed.get(moment, 0):
            _count(promise, due, "broken", kept["time"] if kept else None, sums, expected, watched)
        return
    merged = {
        "moment": moment,
        "customer": (promise or settled)["customer"],
        "value": settled.get("value") if promise is None or promise.get("value") is None else promise["value"],
        "dimensions": {**(settled.get("dimensions") or {}), **((promise or {}).get("dimensions") or {})},
    }
    word = settled["outcome"]
    at = due if word == "kept" and due is not None else settled["time"]
    later = kept["time"] if kept is not None and word == "broken" and kept["time"] > settled["time"] else None
    _count(merged, at, word, later, sums, expected, watched)


WORDS = ("kept", "broken", "cancelled")


def _count(
    event: Mapping[str, Any],
    at: int,
    word: str,
    settled_at: int | None,
    sums: dict[Cell, list[int]],
    expected: Expected,
    watched: Watched,
) -> None:
    dimensions = event.get("dimensions") or {}
    cell = sums.setdefault(_cell(event["moment"], at, dimensions, watched), [0] * 6)
    if word == "cancelled":
        cell[2] += 1
        return
    value = round((event.get("value") or 0) * 100)
    cell[0] += 1
    cell[4] += value
    if word == "broken":
        cell[1] += 1
        cell[5] += value
        stated = tuple(sorted(dimensions.items()))
        expected.breaks[event["moment"], event["customer"], at, value, stated, settled_at] += 1


def _cell(moment: str, at: int, dimensions: Mapping[str, str] | None, watched: Watched) -> Cell:
    stated = {name: value for name, value in (dimensions or {}).items() if name in watched.dimensions[moment] and value}
    return moment, at - at % MINUTE, tuple(sorted(stated.items()))
