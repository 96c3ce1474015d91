"""An interruption in customers' lives: what it is called, what it is about, and what changes in it."""

import uuid
from collections.abc import Mapping
from typing import Literal

import msgspec

from service.core.catalog import Level
from service.core.event import Micros, rfc3339

Kind = Literal["failure_rate", "duration", "volume", "silence", "overdue", "due_soon", "value", "complaints", "rule"]
State = Literal["open", "acknowledged", "recovering", "resolved", "withdrawn", "stale"]
Segment = tuple[tuple[str, tuple[str, ...]], ...]
"""One dimension with one or more of its values, sorted; empty for everything."""

EVERYTHING: Segment = ()

_NAMESPACE = uuid.UUID("6f1c54a8-3f0e-5a0e-9d43-2b7d0c1f7a51")


def interruption_id(moment: str, segment: Segment, opened: Micros, rule: str | None = None) -> str:
    """The id of what a window opened that ended at a time: the same wherever and whenever it is computed."""
    named = ";".join(f"{dimension}={','.join(values)}" for dimension, values in segment)
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join((moment, named, rfc3339(opened), rule or ""))))


def segment_of(rows: list[str]) -> Segment:
    """`["carrier=AA", "carrier=MQ"]` as a segment; `[""]` is everything."""
    values: dict[str, list[str]] = {}
    for row in rows:
        dimension, _, value = row.partition("=")
        if dimension:
            values.setdefault(dimension, []).append(value)
    return tuple((dimension, tuple(sorted(of))) for dimension, of in sorted(values.items()))


def rows_of(segment: Segment) -> list[str]:
    """A segment as the names of frame rows; everything is `[""]`."""
    return [f"{dimension}={value}" for dimension, values in segment for value in values] or [""]


def holds(segment: Segment, dimensions: Mapping[str, str]) -> bool:
    """Whether an event with these dimensions lies in a segment."""
    return all(dimensions.get(dimension) in values for dimension, values in segment)


class Interruption(msgspec.Struct, frozen=True, gc=False):
    """One interruption as it stands.

    `kind`: what opened it; `kinds`: all evidence so far. `onset`: the most likely start. `opened`: the end of the
    window that told. `detected_at`: when a live service knew. `resolved_at`: when it knew that it was over.
    """

    id: str
    moment: str
    segment: Segment
    kind: Kind
    kinds: tuple[Kind, ...]
    rule: str | None
    level: Level
    state: State
    onset: Micros
    opened: Micros
    detected_at: Micros
    resolved_at: Micros | None = None
    expected: float | None = None
    """The usual share of broken promises here, or the usual count a window, as the detector that opened it has it."""
    seen: float | None = None
    notifies: bool = True
    """False for an experimental rule's."""

    @property
    def is_open(self) -> bool:
        """Not over yet, whoever has it."""
        return self.state in {"open", "acknowledged", "recovering", "stale"}

    @property
    def dimensions(self) -> dict[str, list[str]]:
        """The segment as contract output has it."""
        return {dimension: list(values) for dimension, values in self.segment}


class Impact(msgspec.Struct, frozen=True, gc=False):
    """What broken promises did, from the break rows: `value` in minor units.

    `waiting`: customers with a promise neither kept nor withdrawn. `settled_late`: those of whom all are kept by now
    that had a due time, after they had broken. `unknown`: those who wait for nothing else, but of one no outcome ever
    came, for the moment's `give_up_after` since its due. A customer is one of the three at most.
    """

    broken: int = 0
    customers: int = 0
    value: int = 0
    waiting: int = 0
    settled_late: int = 0
    unknown: int = 0


ChangeWord = Literal[
    "opened", "evidence", "located", "level", "recovering", "relapsed", "resolved", "withdrawn", "stale", "returned"
]


class Change(msgspec.Struct, frozen=True, gc=False):
    """Something that happened to an interruption at a time, with the interruption as it is afterwards."""

    what: ChangeWord
    at: Micros
    interruption: Interruption
    note: str = ""
