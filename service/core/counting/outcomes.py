"""Outcomes without keys: each stands for itself, so that only sums are made of them.

The shape that was measured and not chosen: columns, grouped by window, dimensions and word in a dictionary. A
batch of 20,000 took as long, and one of 50 longer.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from service.core.catalog import Moment
from service.core.counting.changes import Break, Changes
from service.core.counting.ledger import milliseconds
from service.core.counting.tally import Cell, Cells, Values, duration_bucket, stated
from service.core.event import Micros, Outcome, Partition, Record


class Parted(NamedTuple):
    """Records in their order: outcomes without keys by moment, and all others."""

    plain: dict[str, Sequence[Record]]
    rest: Sequence[Record]


def parted(records: Sequence[Record]) -> Parted:
    """Take apart what stands for itself and what is looked at one by one."""
    events = [record.event for record in records]
    if all(issubclass(kind, Outcome) for kind in set(map(type, events))):
        outcomes = cast("list[Outcome]", events)
        moments = {outcome.moment for outcome in outcomes}
        # As nearly every batch of a busy topic is.
        if len(moments) == 1 and {outcome.key for outcome in outcomes} == {None}:
            return Parted({moments.pop(): records}, ())
    plain: dict[str, list[Record]] = {}
    rest: list[Record] = []
    for record in records:
        event = record.event
        if isinstance(event, Outcome) and event.key is None:
            plain.setdefault(event.moment, []).append(record)
        else:
            rest.append(record)
    return Parted(dict(plain), rest)


def count(
    partition: Partition, records: Sequence[Record], moment: Moment, through: Micros, scale: int, changes: Changes
) -> int:
    """Count one moment's outcomes without keys where they stand; how many of them were late.

    `through`: how far the moment is closed. `scale`: minor units in one of the currency. Events share their dimensions
    where those are equal, as a rule, so that a dictionary seen before leads to its values, and within a window to its
    cell, by which it is rather than by what is in it: all of them live as long as `records` does.
    """
    name, width, names = moment.name, moment.window, moment.dimensions
    by_dimensions: dict[int, Values] = {}
    behind, late = 0, False
    start: Micros | None = None
    cells: Cells = {}
    near: dict[int, Cell] = {}
    for record in records:
        at = record.at
        # An Outcome, as the caller has seen; to ask again costs as much as the count.
        event: Any = record.event
        window = at - at % width
        if window != start or late is not (at < through):
            start, late = window, at < through
            cells, near = changes.tally.window(name, window, late=late), {}
        behind += late
        given = event.dimensions
        which = id(given)
        cell = near.get(which)
        if cell is None:
            values = by_dimensions.get(which)
            if values is None:
                values = by_dimensions[which] = stated(given, names)
            cell = cells.get(values)
            if cell is None:
                cell = cells[values] = Cell()
            near[which] = cell
        cell.arrivals += 1
        word = event.outcome
        if word == "cancelled":
            cell.cancelled += 1
            continue
        cell.attempts += 1
        value = 0
        if event.value is not None:
            value = round(event.value * scale)
            cell.value += value
        if event.duration_s is not None:
            duration = milliseconds(event.duration_s) or 0
            cell.duration_ms += duration
            cell.count_duration(duration_bucket(duration), 1)
        if word == "broken":
            cell.broken += 1
            cell.broken_value += value
            row = _broken(partition, record, event, value, late=late)
            changes.breaks[name, row.ref] = row
    return behind


def _broken(partition: Partition, record: Record, event: Outcome, value: int, *, late: bool) -> Break:
    return Break(
        moment=event.moment,
        ref=f"@{partition.topic_id or partition.topic}/{partition.number}/{record.offset}",
        at=record.at,
        customer=event.customer,
        value=value,
        dimensions=event.dimensions or {},
        reason=event.reason,
        late=late,
    )
