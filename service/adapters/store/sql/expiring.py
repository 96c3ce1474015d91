"""How far a moment has come, and the promises between two positions on its way, some at a time."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, literal, select, tuple_, update

from service.adapters.store.sql.tables import moments, promises
from service.core.counting.course import settled_at
from service.core.counting.ledger import Promised
from service.core.counting.reach import START, Position, Reach

_promised = msgspec.json.Decoder(Promised).decode
_place = tuple_(promises.c.due, promises.c.key)


def reach_of(row: Row[Any]) -> Reach:
    """How far a moment has come, by its row."""
    given_up = (row.given_up_through or 0, row.given_up_key or "")
    expired = START if row.expired_through is None else (row.expired_through, row.expired_key or "")
    return Reach(row.closed_through or 0, given_up, expired)


def come_to(connection: Connection, moment: str, was: Reach, now: Reach) -> None:
    """Write down how far a moment has come; it is never closed less than before."""
    closed = max(now.closed, was.closed)
    through, key = now.given_up
    # What is closed is past its due anyhow: a position is kept only while a closing is under way.
    expired = now.expired if now.expired > (closed, "") else (None, None)
    connection.execute(
        update(moments)
        .where(moments.c.moment == moment)
        .values(
            closed_through=closed or None,
            given_up_through=through,
            given_up_key=key or None,
            expired_through=expired[0],
            expired_key=expired[1],
        )
    )


def due(
    connection: Connection, moment: str, span: tuple[Position, Position], limit: int
) -> tuple[list[Promised], Position]:
    """The first promises of a span that break by themselves, and the position that this comes to."""
    if span[0] >= span[1]:
        # Another process knew of a later time, and has come further.
        return [], span[0]
    return _part(connection, (promises.c.moment == moment, promises.c.expires), span, limit)


def unsettled(
    connection: Connection, moment: str, span: tuple[Position, Position], limit: int
) -> tuple[list[Promised], Position]:
    """The promises of a span, whichever way it leads, that have no outcome at all, and how far some rows lead."""
    mine = (promises.c.moment == moment, promises.c.expires, promises.c.waiting)
    rows, reached = _part(connection, mine, span, limit)
    return [row for row in rows if settled_at(row) is None], reached


def _part(
    connection: Connection,
    mine: tuple[ColumnElement[bool], ...],
    span: tuple[Position, Position],
    limit: int,
) -> tuple[list[Promised], Position]:
    start, end = span
    if start == end:
        return [], end
    forward = start < end
    low, high = sorted(span)
    order = (promises.c.due, promises.c.key) if forward else (promises.c.due.desc(), promises.c.key.desc())
    query = (
        select(promises.c.body)
        # The whole column first, which any index by due can use; then the rest of the position.
        .where(*mine, promises.c.due >= low[0], promises.c.due <= high[0])
        .where(_place >= _at(low), _place < _at(high))
        .order_by(*order)
        .limit(limit + 1)
    )
    rows = [_promised(body) for body in connection.scalars(query)]
    if len(rows) <= limit:
        return rows, end
    last = rows[limit] if forward else rows[limit - 1]
    return rows[:limit], (last.due or 0, last.key)


def _at(position: Position) -> ColumnElement[Any]:
    return tuple_(literal(position[0]), literal(position[1]))
