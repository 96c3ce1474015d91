"""The outbox: notices waiting for a sender, each row held by one sender at a time."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Row, and_, case, exists, func, select, update

from service.adapters.store.sql.bulk import Bulk, Plan
from service.adapters.store.sql.tables import outbox
from service.core.event import Micros
from service.core.outbox import Delivery, Leased, OutboxRow
from service.core.telling.route import Notice

_COLUMNS = ("key", "target", "state", "created_at", "due_at", "last_error", "body", "thread")
# In the order given, which they are sent in: an owner hears of the opening before the resolution.
_NEW = Plan(outbox, "new", _COLUMNS, ("key",), in_order=True)

_encode = msgspec.json.Encoder().encode
_notice = msgspec.json.Decoder(Notice).decode


def enqueue(connection: Connection, bulk: Bulk, notices: Sequence[Notice], now: Micros) -> int:
    """Put notices; those whose key is there are left alone. How many were new."""
    once: dict[str, Notice] = {}
    for notice in notices:
        once.setdefault(notice.key, notice)
    rows = [(n.key, n.target, "waiting", now, now, "", _encode(n).decode(), n.message.thread) for n in once.values()]
    return bulk.run(connection, _NEW, rows)


def lease(connection: Connection, now: Micros, until: Micros, limit: int, skip: Collection[str]) -> list[Leased]:
    """Take due rows, and those whose lease ran out, longest due first; another's are passed over."""
    wanted = (
        select(outbox, _root().label("root"), _before(now).label("before"))
        .where(outbox.c.state.in_(_UNDER_WAY), outbox.c.due_at <= now, ~_waits_for_another(now))
        .order_by(_turn(now), outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)
    )
    if skip:
        wanted = wanted.where(outbox.c.target.not_in(sorted(skip)))
    rows = _together(connection.execute(wanted).all())
    if rows:
        connection.execute(
            update(outbox)
            .where(outbox.c.id.in_([row.id for row in rows]))
            .values(
                ambiguous=case((outbox.c.state == "attempting", True), else_=outbox.c.ambiguous),
                state="attempting",
                epoch=outbox.c.epoch + 1,
                attempts=outbox.c.attempts + 1,
                due_at=until,
            )
        )
    return [
        Leased(
            row=row.id,
            epoch=row.epoch + 1,
            notice=_notice(row.body),
            attempts=row.attempts,
            created_at=row.created_at,
            ambiguous=row.ambiguous or row.state == "attempting",
            root=row.root or "",
        )
        for row in rows
    ]


_UNDER_WAY = ("waiting", "attempting")


def _earlier(one: FromClause) -> ColumnElement[bool]:
    """Of the same conversation with the same target, and before."""
    return and_(
        one.c.target == outbox.c.target,
        one.c.thread == outbox.c.thread,
        one.c.thread != "",
        one.c.id < outbox.c.id,
    )


def _pending_before(one: FromClause) -> ColumnElement[bool]:
    return and_(_earlier(one), one.c.state.in_(_UNDER_WAY))


def _waits_for_another(now: Micros) -> ColumnElement[bool]:
    """An earlier one of the conversation is under way, or is to be tried again later."""
    before = outbox.alias("before")
    return exists().where(_pending_before(before), before.c.due_at > now)


def _turn(now: Micros) -> ColumnElement[int]:
    """When it is due, and no earlier than what was before: no conversation's end may crowd out its beginning."""
    before = outbox.alias("before")
    latest = select(func.max(before.c.due_at)).where(_pending_before(before), before.c.due_at <= now)
    due = func.coalesce(latest.scalar_subquery(), 0)
    return case((due > outbox.c.due_at, due), else_=outbox.c.due_at)


def _before(now: Micros) -> ColumnElement[int]:
    """The latest earlier one of the conversation that is due as well."""
    before = outbox.alias("before")
    due = select(func.max(before.c.id)).where(_pending_before(before), before.c.due_at <= now)
    return due.scalar_subquery()


def _together(found: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Without those whose earlier ones are not among them: another replica is about to take those."""
    taken: set[int] = set()
    for row in sorted(found, key=lambda row: row.id):
        if row.before is None or row.before in taken:
            taken.add(row.id)
    return [row for row in found if row.id in taken]


def _root() -> ColumnElement[str]:
    first = outbox.alias("first")
    found = select(first.c.handle).where(_earlier(first), first.c.handle != "").order_by(first.c.id).limit(1)
    return found.scalar_subquery()


def release(connection: Connection, leased: Leased, due_at: Micros) -> bool:
    """Hand back a row that was not tried."""
    return _settle(connection, leased, state="waiting", due_at=due_at, attempts=outbox.c.attempts - 1)


def delivered(connection: Connection, leased: Leased, delivery: Delivery, now: Micros, next_at: Micros | None) -> bool:
    """Record an attempt; False when the lease was no longer ours."""
    if delivery.outcome == "sent":
        return _settle(connection, leased, state="sent", sent_at=now, last_error="", handle=delivery.handle)
    doubt = {"ambiguous": True} if delivery.outcome == "unknown" else {}
    if next_at is None:
        return _settle(connection, leased, state="failed", last_error=delivery.detail, **doubt)
    return _settle(connection, leased, state="waiting", due_at=next_at, last_error=delivery.detail, **doubt)


def _settle(connection: Connection, leased: Leased, **values: Any) -> bool:
    ours = and_(outbox.c.id == leased.row, outbox.c.epoch == leased.epoch, outbox.c.state == "attempting")
    return connection.execute(update(outbox).where(ours).values(**values)).rowcount == 1


def rows(connection: Connection, limit: int) -> list[OutboxRow]:
    """Newest first."""
    found = connection.execute(select(outbox).order_by(outbox.c.id.desc()).limit(limit))
    return [_row(row) for row in found]


def _row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(
        row=row.id,
        notice=_notice(row.body),
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
        due_at=row.due_at,
        sent_at=row.sent_at,
        last_error=row.last_error,
        ambiguous=row.ambiguous,
    )
