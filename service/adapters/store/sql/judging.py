"""Judging: how far it came, and what became of what it found."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Text, bindparam, select, update

from service.adapters.store.sql.bulk import Bulk, Row, plan
from service.adapters.store.sql.packing import pack, pack_any, unpack
from service.adapters.store.sql.tables import interruptions, judged, snapshots, timeline
from service.core.interruption import Interruption
from service.core.ports import StaleClaim
from service.core.standing import Judged, Judgement, Series, Snapshot, TimelineEntry

_PUT_INTERRUPTIONS = plan(interruptions, "put")
_PUT_SNAPSHOT = plan(snapshots, "put")
_NEW_JUDGED = plan(judged, "new")
_APPEND_TIMELINE = plan(timeline, "append")

# Made once: a hundred moments close with every minute, and to put a statement together costs more than to run it.
_MOVE = (
    update(judged)
    .where(judged.c.moment == bindparam("of", type_=Text), judged.c.tick == bindparam("was"))
    .values({name: bindparam(name) for name in ("judged_through", "tick", "learning", "series")})
)


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
