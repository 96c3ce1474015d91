"""Judging: closed windows as they were when they closed, and what became of them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, update

from service.adapters.store.sql.bulk import Bulk, Row, plan
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.packing import ValuesCodec, pack, pack_any, unpack
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
from service.core.ports import Judged, Judgement, Series, Snapshot, StaleClaim, TimelineEntry

_PUT_INTERRUPTIONS = plan(interruptions, "put")
_PUT_SNAPSHOT = plan(snapshots, "put")
_NEW_JUDGED = plan(judged, "new")
_APPEND_TIMELINE = plan(timeline, "append")

PAGE = 20_000
"""Cells fetched at a time when windows are read: a few megabytes."""


_SUMS = ("attempts", "broken", "cancelled", "arrivals", "value", "broken_value", "duration_ms")
_CELLS = (tallies.c.opens, tallies.c.dims, *(tallies.c[name] for name in _SUMS))


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
        update(judged)
        .where(judged.c.moment == moment, judged.c.tick == tick)
        .values(
            judged_through=judgement.through,
            tick=tick + 1,
            learning=pack(judgement.learning),
            series=pack(judgement.series),
        )
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
            row = connection.execute(
                select(moments.c.closed_through, moments.c.hourly_through).where(moments.c.moment == moment)
            ).one_or_none()
            if row is None or row.closed_through is None:
                return
            closed = row.closed_through
            if row.hourly_through is not None:
                after = max(after or 0, row.hourly_through)
            last = min(through, closed) - width
            found, after = _page(connection, moment, codec, (after, last))
        for start, cells in found.items():
            held = {values: cell for values, cell in cells.items() if cell}
            if held:
                yield Window(start, start + width, held)
        if after is None:
            return


def _page(
    connection: Connection, moment: str, codec: ValuesCodec, span: tuple[Micros | None, Micros]
) -> tuple[dict[Micros, dict[Values, Cell]], Micros | None]:
    """Whole windows from the first to the last start, about a page of them, and where to go on."""
    first, last = span
    mine = [tallies.c.moment == moment, ~tallies.c.late, tallies.c.opens <= last]
    if first is not None:
        mine.append(tallies.c.opens >= first)
    beyond = connection.scalar(select(tallies.c.opens).where(*mine).order_by(tallies.c.opens).offset(PAGE).limit(1))
    query = select(*_CELLS).where(*mine).order_by(tallies.c.opens)
    rows = connection.execute(query if beyond is None else query.where(tallies.c.opens < beyond)).all()
    if not rows and beyond is not None:
        # One window alone is longer than a page.
        rows = connection.execute(query.where(tallies.c.opens == beyond)).all()
        beyond += 1
    found: dict[Micros, dict[Values, Cell]] = {}
    for opens, dims, *sums in rows:
        cells = found.setdefault(opens, {})
        values, cell = codec.values(dims), Cell(*sums)
        # Two rows may be one place now: the catalogue may have dropped the dimension that told them apart.
        if values in cells:
            cells[values].add(cell)
        else:
            cells[values] = cell
    if found:
        for opens, dims, bucket, n in _beside(connection, durations, moment, found):
            found[opens][codec.values(dims)].count_duration(bucket, n)
        for opens, dims, name, n in _beside(connection, signals, moment, found):
            found[opens][codec.values(dims)].count_signal(name, n)
    return found, beyond


def _beside(connection: Connection, table: Table, moment: str, found: Mapping[Micros, object]) -> Iterable[Row]:
    """What stands beside the tallies of these windows: (window, dimensions, what is counted, how many)."""
    what = table.c.bucket if table is durations else table.c.name
    return [
        tuple(row)
        for row in connection.execute(
            select(table.c.opens, table.c.dims, what, table.c.n)
            .where(table.c.moment == moment, ~table.c.late, table.c.n != 0)
            .where(table.c.opens >= min(found), table.c.opens <= max(found))
        )
    ]
