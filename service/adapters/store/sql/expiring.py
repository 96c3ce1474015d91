"""How far a moment has come, and the promises between two positions on its way, some at a time."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Row, Select, Text, bindparam, select, tuple_, update

from service.adapters.store.sql.database import Database
from service.adapters.store.sql.tables import moments, promises
from service.core.counting.course import settled_at
from service.core.counting.ledger import Promised
from service.core.counting.reach import START, Position, Reach
from service.core.event import Micros

_promised = msgspec.json.Decoder(Promised).decode
_ENDS = ("low", "high")


def _some(*, forward: bool, waiting: bool) -> Select[Any]:
    """Some promises of one moment between two positions, in the order of the way."""
    places = [tuple_(bindparam(f"{end}_due", type_=BigInteger), bindparam(f"{end}_key", type_=Text)) for end in _ENDS]
    here = tuple_(promises.c.due, promises.c.key)
    due, key = promises.c.due, promises.c.key
    query = (
        select(promises.c.body)
        .where(promises.c.moment == bindparam("of"), promises.c.expires)
        # The whole column first, which any index by due can use; then the rest of the position.
        .where(due.between(bindparam("low_due", type_=BigInteger), bindparam("high_due", type_=BigInteger)))
        .where(here >= places[0], here < places[1])
        .order_by(*((due, key) if forward else (due.desc(), key.desc())))
        .limit(bindparam("most"))
    )
    return query.where(promises.c.waiting) if waiting else query


# Made once: to put a statement together costs more than to run it.
_DUE = {forward: _some(forward=forward, waiting=False) for forward in (True, False)}
_UNSETTLED = {forward: _some(forward=forward, waiting=True) for forward in (True, False)}
_COME = (
    update(moments)
    .where(moments.c.moment == bindparam("of"))
    .values(
        {
            name: bindparam(name)
            for name in ("closed_through", "given_up_through", "given_up_key", "expired_through", "expired_key")
        }
    )
)
_FREE = select(moments).order_by(moments.c.moment).with_for_update(skip_locked=True)
_PROMISED = select(moments.c.moment).where(
    select(promises.c.key).where(promises.c.moment == moments.c.moment, promises.c.due < bindparam("last")).exists()
)


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
        _COME,
        {
            "of": moment,
            "closed_through": closed or None,
            "given_up_through": through,
            "given_up_key": key or None,
            "expired_through": expired[0],
            "expired_key": expired[1],
        },
    )


def close_at_once(
    connection: Connection, database: Database, ways: Mapping[str, tuple[Micros, Micros]]
) -> dict[str, Micros]:
    """Close moments that nobody has locked and that have no promises on their way; how far each is closed then.

    `ways`: through when, and through when promises are given up.
    """
    free = connection.execute(_FREE.where(database.among(moments.c.moment, sorted(ways)))).all()
    reaches = {row.moment: reach_of(row) for row in free}
    # Asked once they are ours: a batch that was under way may have brought some.
    last = max((through for through, _ in ways.values()), default=0)
    of_free = database.among(moments.c.moment, list(reaches))
    promised = set(connection.scalars(_PROMISED.where(of_free), {"last": last}))
    closed = {}
    for moment in reaches.keys() - promised:
        was, (through, patience) = reaches[moment], ways[moment]
        closed[moment] = max(was.closed, through)
        if through > was.closed:
            come_to(connection, moment, was, Reach(through, (patience, ""), (through, "")))
    return closed


def due(
    connection: Connection, moment: str, span: tuple[Position, Position], limit: int
) -> tuple[list[Promised], Position]:
    """The first promises of a span that break by themselves, and the position that this comes to."""
    if span[0] >= span[1]:
        # Another process knew of a later time, and has come further.
        return [], span[0]
    return _part(connection, _DUE, moment, span, limit)


def unsettled(
    connection: Connection, moment: str, span: tuple[Position, Position], limit: int
) -> tuple[list[Promised], Position]:
    """The promises of a span, whichever way it leads, that have no outcome at all, and how far some rows lead."""
    rows, reached = _part(connection, _UNSETTLED, moment, span, limit)
    return [row for row in rows if settled_at(row) is None], reached


def _part(
    connection: Connection,
    some: Mapping[bool, Select[Any]],
    moment: str,
    span: tuple[Position, Position],
    limit: int,
) -> tuple[list[Promised], Position]:
    start, end = span
    if start == end:
        return [], end
    forward = start < end
    low, high = sorted(span)
    within = {"low_due": low[0], "low_key": low[1], "high_due": high[0], "high_key": high[1]}
    rows = [_promised(body) for body in connection.scalars(some[forward], {"of": moment, "most": limit + 1, **within})]
    if len(rows) <= limit:
        return rows, end
    last = rows[limit] if forward else rows[limit - 1]
    return rows[:limit], (last.due or 0, last.key)
