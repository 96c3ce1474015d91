"""Outcomes without keys, which stand for themselves: sums by window and dimensions, and the rows of what broke.

Many are counted by columns, in a few passes over all of them; few by one, since a pass has its price too. Both say the
same in the same order, which the numbers of segments follow.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np

from service.core.catalog import Moment
from service.core.columns import BROKEN, CANCELLED, WORDS, Columns, Outcomes
from service.core.counting.changes import Break, Changes
from service.core.counting.duplicates import id_hash
from service.core.counting.ledger import milliseconds
from service.core.counting.sums import Numbers, Sums, WindowSums, grouped
from service.core.counting.tally import Cell, Values, duration_bucket, stated
from service.core.event import Micros, Outcome, Partition, Record

MANY = 256
"""From so many records on columns are quicker."""
_EXACT = 2**62
"""Sums of values that may come to more are made of Python's numbers."""


class Parted(NamedTuple):
    """Records in their order: outcomes without keys by moment, and all others."""

    plain: dict[str, Sequence[Record]]
    rest: Sequence[Record]


def parted(records: Sequence[Record]) -> Parted:
    """Take apart what stands for itself and what is looked at one by one."""
    if isinstance(records, Outcomes):
        return Parted(records.by_moment(), ())
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
    where those are equal, as a rule, so that a dictionary seen before leads to its values by which it is rather than
    by what is in it: all of them live as long as `records` does.
    """
    many = len(records) >= MANY or isinstance(records, Outcomes)
    behind = _by_columns(partition, records, moment, through, scale, changes) if many else None
    return _one_by_one(partition, records, moment, through, scale, changes) if behind is None else behind


def _by_columns(
    partition: Partition, records: Sequence[Record], moment: Moment, through: Micros, scale: int, changes: Changes
) -> int | None:
    """As `count`; None, and nothing done, where the values are too large for it."""
    given = records.columns if isinstance(records, Outcomes) else columns_of(records)
    money = np.rint(np.nan_to_num(given.values) * scale)
    if np.abs(money).max() * len(money) > _EXACT:
        return None
    values = money.astype(np.int64)
    cancelled, broken = np.flatnonzero(given.words == CANCELLED), np.flatnonzero(given.words == BROKEN)
    values[cancelled] = 0

    ats = given.ats
    starts, late = ats - ats % moment.window, ats < through
    tuples, of = _tuples(given.dimensions, moment.dimensions)
    which = of[given.which]
    numbers = (starts - starts.min()) // moment.window * 2 + late
    group, first = grouped(numbers * len(tuples) + which, (int(numbers.max()) + 1) * len(tuples))
    arrivals = np.bincount(group)
    withdrawn = np.bincount(group[cancelled], minlength=len(first))
    failed = np.bincount(group[broken], minlength=len(first))
    took, durations = _durations(group, len(first), given)
    sums = Sums(
        tuples,
        which[first],
        arrivals - withdrawn,
        failed,
        withdrawn,
        arrivals,
        _summed(group, len(first), values),
        _summed(group[broken], len(first), values[broken]),
        took,
        durations,
    )
    borders = np.flatnonzero(np.diff(numbers[first])) + 1
    for begin, end in pairwise([0, *borders.tolist(), len(first)]):
        place = first[begin]
        cells = WindowSums(sums, begin, end)
        changes.tally.put(moment.name, int(starts[place]), cells, late=bool(late[place]))
    told = records.at(broken) if isinstance(records, Outcomes) else [records[place] for place in broken.tolist()]
    for record, value, behind in zip(told, values[broken].tolist(), late[broken].tolist(), strict=True):
        event: Any = record.event
        row = _broken(partition, record, event, value, late=behind)
        changes.breaks[moment.name, row.ref] = row
    return int(late.sum())


def columns_of(records: Sequence[Record]) -> Columns:
    """Outcomes of one moment without keys by columns; dimensions that are shared are known by that."""
    events: list[Any] = [record.event for record in records]
    many = len(events)
    words = np.zeros(many, dtype=np.int64)
    for place, word in [(place, event.outcome) for place, event in enumerate(events) if event.outcome != "kept"]:
        words[place] = WORDS.index(word)
    given = [event.dimensions for event in events]
    known, which = np.unique(np.fromiter(map(id, given), np.int64, many), return_inverse=True)
    one = np.empty(len(known), dtype=np.int64)
    one[which] = np.arange(many)
    return Columns(
        np.array([record.at for record in records], dtype=np.int64),
        words,
        np.array([event.value for event in events], dtype=np.float64),
        np.array([event.duration_s for event in events], dtype=np.float64),
        np.zeros(many, dtype=np.int64),
        which,
        [event.id.encode() for event in events],
        (events[0].moment,),
        [given[place] for place in one.tolist()],
    )


def _tuples(given: Sequence[Mapping[str, str] | None], names: tuple[str, ...]) -> tuple[list[Values], Numbers]:
    """The different values of a moment's dimensions, and which of them each of some dimensions has."""
    numbers: dict[Values, int] = {}
    of = [numbers.setdefault(stated(each, names), len(numbers)) for each in given]
    return list(numbers), np.array(of, dtype=np.int64)


def _summed(group: Numbers, count: int, values: Numbers) -> Numbers:
    """The sum of each group; floats would round them."""
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, group, values)
    return sums


def _durations(group: Numbers, count: int, given: Columns) -> tuple[Numbers, list[dict[int, int] | None] | None]:
    """The milliseconds of each group, and its buckets; None where nothing took any time."""
    sums = np.zeros(count, dtype=np.int64)
    timed = np.flatnonzero(~np.isnan(given.durations) & (given.words != CANCELLED))
    if not timed.size:
        return sums, None
    buckets: list[dict[int, int] | None] = [None] * count
    for which, seconds in zip(group[timed].tolist(), given.durations[timed].tolist(), strict=True):
        duration = milliseconds(seconds) or 0
        sums[which] += duration
        mine = buckets[which] = buckets[which] or {}
        bucket = duration_bucket(duration)
        mine[bucket] = mine.get(bucket, 0) + 1
    return sums, buckets


def _one_by_one(
    partition: Partition, records: Sequence[Record], moment: Moment, through: Micros, scale: int, changes: Changes
) -> int:
    """As `count`."""
    name, width, names = moment.name, moment.window, moment.dimensions
    by_dimensions: dict[int, Values] = {}
    behind, late = 0, False
    start: Micros | None = None
    cells: dict[Values, Cell] = {}
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
        # An offset alone may come twice: where a log is cut back, and goes on with other records.
        ref=f"@{partition.topic_id or partition.topic}/{partition.number}/{record.offset}/{id_hash(event.id):x}",
        at=record.at,
        customer=event.customer,
        value=value,
        dimensions=event.dimensions or {},
        reason=event.reason,
        late=late,
    )
