"""Closed windows as they were judged, read as columns."""

from collections.abc import Iterator, Sequence
from itertools import compress, pairwise
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Select, Table, Text, bindparam, func, select
from sqlalchemy import cast as cast_to

from service.adapters.store.sql.database import Database
from service.adapters.store.sql.packing import ValuesCodec, unpack_numbers
from service.adapters.store.sql.tables import durations, moments, signals, tallies
from service.core.counting.sums import Numbers, Sums, WindowSums, grouped
from service.core.counting.tally import Values, Window
from service.core.event import Micros

PAGE = 20_000
"""Cells fetched at a time when windows are read: a few megabytes."""
_BEGINNING: Micros = -(2**62)
_COLUMNS = ("attempts", "broken", "cancelled", "arrivals", "value", "broken_value", "duration_ms")
_MOMENT = bindparam("of", type_=Text)


def _of_span(*columns: ColumnElement[Any]) -> Select[Any]:
    """What is there as judged of one moment, of windows from a first to a last start."""
    table = cast("Table", columns[0].table)
    span = table.c.opens.between(bindparam("first"), bindparam("last"))
    return select(*columns).where(table.c.moment == _MOMENT, ~table.c.late, span)


def _by_window(table: Table, *names: str) -> Select[Any]:
    """A row for each window: its start, and each of some columns as one text with commas.

    A row for each cell would be made an object each, and in SQLite's case be a turn that other threads may take.
    """
    texts = [func.aggregate_strings(cast_to(table.c[name], Text), ",") for name in ("dims", *names)]
    return _of_span(table.c.opens, *texts).group_by(table.c.opens).order_by(table.c.opens)


# Made once: a hundred moments close with every minute, and to put a statement together costs more than to run it.
_CELLS = _by_window(tallies, *_COLUMNS)
_BEYOND = _of_span(tallies.c.opens).order_by(tallies.c.opens).limit(1).offset(bindparam("most"))
_DURATIONS = _by_window(durations, "bucket", "n").where(durations.c.n != 0)
_SIGNALS = _of_span(signals.c.opens, signals.c.dims, signals.c.name, signals.c.n).where(signals.c.n != 0)
# Most windows have neither durations nor signals: asked with the rest, that costs no statement of its own.
_REACH = select(
    moments.c.closed_through,
    moments.c.hourly_through,
    *(_of_span(table.c.opens).exists().label(f"any_{table.name}") for table in (durations, signals)),
).where(moments.c.moment == _MOMENT)

K = TypeVar("K")
_Odd = dict[tuple[Micros, Values], dict[K, int]]
"""What most cells have none of, by a window's start and the values of a cell of it."""


def windows(
    database: Database, moment: str, codec: ValuesCodec, width: Micros, span: tuple[Micros | None, Micros]
) -> Iterator[Window]:
    """As judged: closed windows with start ≥ after and end ≤ through that hold anything, in order.

    `span`: (after, through). Read a page at a time, each in a short transaction: closed windows stand still,
    so that the pages fit together. What was put together into hours is no longer as it was judged, and is left out:
    whoever learns anew learns from the minutes that are left.
    """
    after, through = span
    while True:
        with database.read() as connection:
            asked = {"of": moment, "first": _first(after), "last": through - width}
            row = connection.execute(_REACH, asked).one_or_none()
            if row is None or row.closed_through is None:
                return
            closed = row.closed_through
            if row.hourly_through is not None:
                after = max(after or 0, row.hourly_through)
            last = min(through, closed) - width
            rows, after = _page(connection, moment, (_first(after), last))
            there = {"of": moment, "first": rows[0].opens, "last": rows[-1].opens} if rows else {}
            timed = _durations(connection, there, codec) if rows and row.any_durations else {}
            heard = _signals(connection, there, codec) if rows and row.any_signals else {}
        for start, cells in _cells(rows, codec, timed, heard) if rows else ():
            yield Window(start, start + width, cells)
        if after is None:
            return


def _first(after: Micros | None) -> Micros:
    return _BEGINNING if after is None else after


def _page(connection: Connection, moment: str, span: tuple[Micros, Micros]) -> tuple[Sequence[Any], Micros | None]:
    """Whole windows from the first to the last start, about a page of cells, and where to go on."""
    first, last = span
    within = {"of": moment, "first": first, "last": last}
    beyond: Micros | None = None
    if first < last:
        beyond = connection.scalar(_BEYOND, within | {"most": PAGE})
    if beyond is not None:
        # The last window would not be whole.
        within["last"] = beyond - 1
    rows = connection.execute(_CELLS, within).all()
    if beyond is not None and not rows:
        # One window alone is longer than a page.
        rows = connection.execute(_CELLS, within | {"first": beyond, "last": beyond}).all()
        beyond += 1
    return rows, beyond


def _durations(connection: Connection, there: dict[str, Any], codec: ValuesCodec) -> _Odd[int]:
    """How many durations fell in each bucket."""
    found: _Odd[int] = {}
    for opens, dims, buckets, counts in connection.execute(_DURATIONS, there):
        timed = zip(codec.all_values(dims), unpack_numbers(buckets), unpack_numbers(counts), strict=True)
        for values, bucket, n in timed:
            _count(found.setdefault((opens, values), {}), bucket, n)
    return found


def _signals(connection: Connection, there: dict[str, Any], codec: ValuesCodec) -> _Odd[str]:
    """How many signals there are of each name."""
    found: _Odd[str] = {}
    for opens, dims, name, n in connection.execute(_SIGNALS, there):
        _count(found.setdefault((opens, codec.values(dims)), {}), name, n)
    return found


def _count(mine: dict[K, int], key: K, n: int) -> None:
    mine[key] = mine.get(key, 0) + n
    if not mine[key]:
        del mine[key]


def _cells(
    rows: Sequence[Any], codec: ValuesCodec, timed: _Odd[int], heard: _Odd[str]
) -> Iterator[tuple[Micros, WindowSums]]:
    """The cells of each window that holds anything, from rows of texts: its start, dimensions and columns."""
    starts, dims, *texts = zip(*rows, strict=True)
    numbers: dict[Values, int] = {}
    which = np.array([numbers.setdefault(values, len(numbers)) for values in codec.all_values(",".join(dims))])
    counts = np.array([unpack_numbers(",".join(column)) for column in texts])
    of = np.repeat(np.arange(len(rows)), [column.count(",") + 1 for column in texts[0]])
    tuples = list(numbers)
    if len(tuples) < len(which):
        which, counts, of = _distinct(which, counts, of, len(tuples))
    held = (counts != 0).any(axis=0)
    took: list[dict[int, int] | None] | None = None
    said: list[dict[str, int] | None] | None = None
    if timed or heard:
        places = [(starts[window], tuples[number]) for window, number in zip(of.tolist(), which.tolist(), strict=True)]
        took = [timed.get(place) or None for place in places]
        said = [heard.get(place) or None for place in places]
        held |= np.array([bool(a or b) for a, b in zip(took, said, strict=True)])
    if not held.all():
        which, counts, of = which[held], counts[:, held], of[held]
        took, said = _only(took, held), _only(said, held)
    attempts, broken, cancelled, arrivals, value, broken_value, duration_ms = counts
    columns = (attempts, broken, cancelled, arrivals, value, broken_value, duration_ms)
    sums = Sums(tuples, which, *columns, took, said)
    borders = [0, *(np.flatnonzero(np.diff(of)) + 1).tolist(), len(of)]
    for begin, end in pairwise(borders):
        if end > begin:
            yield starts[of[begin]], WindowSums(sums, begin, end)


def _only(odd: Sequence[K] | None, held: npt.NDArray[np.bool_]) -> list[K] | None:
    return None if odd is None else list(compress(odd, held.tolist()))


def _distinct(which: Numbers, counts: Numbers, of: Numbers, many: int) -> tuple[Numbers, Numbers, Numbers]:
    """Two rows of a window may be one place now: the catalogue may have dropped the dimension that told them apart."""
    group, first = grouped(of * many + which, (int(of[-1]) + 1) * many)
    if len(first) == len(which):
        return which, counts, of
    summed = np.zeros((len(counts), len(first)), dtype=np.int64)
    for line, column in zip(summed, counts, strict=True):
        np.add.at(line, group, column)
    return which[first], summed, of[first]
