"""Judging: closed windows as they were when they closed, and what became of them."""

import json
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Select, Table, Text, bindparam, func, select, update
from sqlalchemy import cast as cast_to

from service.adapters.store.sql.bulk import Bulk, Row, plan
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.packing import ValuesCodec, pack, pack_any, unpack, unpack_numbers
from service.adapters.store.sql.tables import (
    durations,
    interruptions,
    judged,
    moments,
    signals,
    snapshots,
    tallies,
    timeline,
)
from service.core.counting.tally import Cell, Values, Window
from service.core.event import Micros
from service.core.interruption import Interruption
from service.core.ports import StaleClaim
from service.core.standing import Judged, Judgement, Series, Snapshot, TimelineEntry

_PUT_INTERRUPTIONS = plan(interruptions, "put")
_PUT_SNAPSHOT = plan(snapshots, "put")
_NEW_JUDGED = plan(judged, "new")
_APPEND_TIMELINE = plan(timeline, "append")

PAGE = 20_000
"""Cells fetched at a time when windows are read: a few megabytes."""
_Found = dict[Micros, dict[Values, Cell]]
_attempts = attrgetter("attempts")
_BEGINNING: Micros = -(2**62)

# Made once: a hundred moments close with every minute, and to put a statement together costs more than to run it.
_SUMS = ("attempts", "broken", "cancelled", "arrivals", "value", "broken_value", "duration_ms")
_MOMENT = bindparam("of", type_=Text)
_MOVE = (
    update(judged)
    .where(judged.c.moment == _MOMENT, judged.c.tick == bindparam("was"))
    .values({name: bindparam(name) for name in ("judged_through", "tick", "learning", "series")})
)


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


_CELLS = _by_window(tallies, *_SUMS)
_BEYOND = _of_span(tallies.c.opens).order_by(tallies.c.opens).limit(1).offset(bindparam("most"))
_DURATIONS = _by_window(durations, "bucket", "n").where(durations.c.n != 0)
_SIGNALS = _of_span(signals.c.opens, signals.c.dims, signals.c.name, signals.c.n).where(signals.c.n != 0)
# Most windows have neither durations nor signals: asked with the rest, that costs no statement of its own.
_REACH = select(
    moments.c.closed_through,
    moments.c.hourly_through,
    *(_of_span(table.c.opens).exists().label(f"any_{table.name}") for table in (durations, signals)),
).where(moments.c.moment == _MOMENT)


def read_judged(connection: Connection, moment: str) -> Judged:
    """How far a moment was judged, and its snapshot."""
    row = connection.execute(select(judged).where(judged.c.moment == moment)).one_or_none()
    if row is None:
        return Judged()
    kept = connection.execute(select(snapshots).where(snapshots.c.moment == moment)).one_or_none()
    if kept is None:
        return Judged(row.judged_through, row.tick)
    snapshot = Snapshot(kept.judged_through, kept.fingerprint, json.loads(kept.state))
    return Judged(row.judged_through, row.tick, snapshot)


def save(
    connection: Connection,
    bulk: Bulk,
    of: tuple[str, int],
    judgement: Judgement,
    snapshot: Snapshot | None,
) -> None:
    """Write a judgement with the compare-and-set; `of`: its moment and tick. Raises StaleClaim."""
    moment, tick = of
    bulk.run(connection, _NEW_JUDGED, [(moment, None, 0, None, None)])
    moved = connection.execute(
        _MOVE,
        {
            "of": moment,
            "was": tick,
            "judged_through": judgement.through,
            "tick": tick + 1,
            "learning": pack(judgement.learning),
            "series": pack(judgement.series),
        },
    )
    if moved.rowcount != 1:
        raise StaleClaim(f"{moment}: judged by another replica since tick {tick}")
    latest = {change.interruption.id: change.interruption for change in judgement.changes}
    # What was resolved makes room first for what opens in its place.
    for is_open in (False, True):
        bulk.run(connection, _PUT_INTERRUPTIONS, [_row(one) for one in latest.values() if one.is_open == is_open])
    note(connection, bulk, [TimelineEntry(c.interruption.id, c.at, c.what, c.note) for c in judgement.changes])
    if snapshot is not None:
        kept = (moment, snapshot.through, snapshot.fingerprint, pack_any(snapshot.state))
        bulk.run(connection, _PUT_SNAPSHOT, [kept])


def _row(one: Interruption) -> Row:
    segment = pack_any(one.segment)
    return (
        one.id,
        one.moment,
        segment,
        one.rule or "",
        one.is_open,
        one.detected_at,
        one.resolved_at,
        pack(one),
    )


def note(connection: Connection, bulk: Bulk, entries: Sequence[TimelineEntry]) -> None:
    """Append lines to interruptions' histories."""
    rows = [(e.interruption, e.at, e.what, e.note, e.by) for e in entries]
    bulk.run(connection, _APPEND_TIMELINE, rows)


def read_series(row: Any) -> tuple[tuple[float, float] | None, tuple[Series, ...]]:
    """(learning, series) of a row of `judged`."""
    learning = unpack(row.learning, tuple[float, float] | None) if row.learning else None  # type: ignore[arg-type]
    return learning, unpack(row.series, tuple[Series, ...]) if row.series else ()


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
            found, after = _page(connection, moment, codec, (_first(after), last))
            if row.any_durations:
                _add_durations(connection, moment, codec, found)
            if row.any_signals:
                _add_signals(connection, moment, codec, found)
        for start, cells in found.items():
            # Nearly always all of them do.
            held = cells if all(map(_attempts, cells.values())) else {v: cell for v, cell in cells.items() if cell}
            if held:
                yield Window(start, start + width, held)
        if after is None:
            return


def _page(
    connection: Connection, moment: str, codec: ValuesCodec, span: tuple[Micros, Micros]
) -> tuple[_Found, Micros | None]:
    """Whole windows from the first to the last start, about a page of them, and where to go on."""
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
    found = {opens: _cells(codec.all_values(dims), sums) for opens, dims, *sums in rows}
    return found, beyond


def _first(after: Micros | None) -> Micros:
    return _BEGINNING if after is None else after


def _there(moment: str, found: _Found) -> dict[str, Any]:
    """The span of windows that were read; nothing is in it where none was."""
    return {"of": moment, "first": min(found, default=0), "last": max(found, default=-1)}


def _add_durations(connection: Connection, moment: str, codec: ValuesCodec, found: _Found) -> None:
    for opens, dims, buckets, counts in connection.execute(_DURATIONS, _there(moment, found)):
        timed = zip(codec.all_values(dims), unpack_numbers(buckets), unpack_numbers(counts), strict=True)
        for values, bucket, n in timed:
            found[opens][values].count_duration(bucket, n)


def _add_signals(connection: Connection, moment: str, codec: ValuesCodec, found: _Found) -> None:
    for opens, dims, name, n in connection.execute(_SIGNALS, _there(moment, found)):
        found[opens][codec.values(dims)].count_signal(name, n)


def _cells(places: Sequence[Values], sums: Sequence[str]) -> dict[Values, Cell]:
    """The cells of one window by their values, from columns of numbers."""
    made = list(map(Cell, *map(unpack_numbers, sums)))
    cells = dict(zip(places, made, strict=True))
    if len(cells) < len(made):
        # Two rows may be one place now: the catalogue may have dropped the dimension that told them apart.
        cells = {}
        for values, cell in zip(places, made, strict=True):
            cells.setdefault(values, Cell()).add(cell)
    return cells
