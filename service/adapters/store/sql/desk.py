"""Routing and people's handling over SQL: each verb a short transaction."""

from collections.abc import Collection, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Table, select, update

from service.adapters.store.sql import judging, outbox
from service.adapters.store.sql.bulk import Bulk, Plan, plan
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.desk_tables import actions, decisions, desk, handlings, news, silences
from service.adapters.store.sql.packing import pack, unpack
from service.core.desk_ports import DeskAt
from service.core.event import Micros
from service.core.handling import UNTOUCHED, Action, Handling, handle, noted
from service.core.ports import StaleClaim
from service.core.standing import TimelineEntry
from service.core.telling.desk import Decision, Desk, News
from service.core.telling.route import Notice
from service.core.telling.silence import Silence

T = TypeVar("T")

_NEWS = Plan(news, "new", ("key", "at", "body"), ("key",), in_order=True)
_APPEND_ACTION = plan(actions, "append")
_APPEND_DECISION = plan(decisions, "append")
_PUT_HANDLING = plan(handlings, "put")
_PUT_SILENCE = plan(silences, "put")
_FIRST_DESK = plan(desk, "new")
_ROW = 1
_CHUNK = 500


def put_news(connection: Connection, bulk: Bulk, told: Sequence[News]) -> int:
    """Put news up for routing; what is known by its key is left alone. How many were new."""
    once: dict[str, News] = {}
    for one in told:
        once.setdefault(one.key, one)
    return bulk.run(connection, _NEWS, [(one.key, one.at, pack(one)) for one in once.values()])


class SqlDeskReader:
    """The reading half of the routing desk's part of the store."""

    _database: Database

    def desk(self) -> DeskAt:
        """The routing desk as it was saved."""
        with self._database.read() as connection:
            row = connection.execute(select(desk.c.tick, desk.c.body).where(desk.c.id == _ROW)).one_or_none()
        return DeskAt(0, Desk()) if row is None else DeskAt(row.tick, unpack(row.body, Desk))

    def news(self, limit: int) -> list[News]:
        """What was not routed yet, in the order it came."""
        query = select(news.c.body).where(~news.c.routed).order_by(news.c.id).limit(limit)
        with self._database.read() as connection:
            return [unpack(body, News) for body in connection.scalars(query)]

    def silences(self, ending_after: Micros) -> list[Silence]:
        """Silences that end after a time, in the order of their start."""
        query = select(silences.c.body).where(silences.c.ends > ending_after)
        query = query.order_by(silences.c.starts, silences.c.id)
        with self._database.read() as connection:
            return [unpack(body, Silence) for body in connection.scalars(query)]

    def handlings(self, interruptions: Collection[str]) -> dict[str, Handling]:
        """What people did, of those interruptions that somebody touched."""
        wanted = sorted(interruptions)
        found: dict[str, Handling] = {}
        with self._database.read() as connection:
            for start in range(0, len(wanted), _CHUNK):
                some = handlings.c.interruption.in_(wanted[start : start + _CHUNK])
                rows = connection.execute(select(handlings.c.interruption, handlings.c.body).where(some))
                found |= {row.interruption: unpack(row.body, Handling) for row in rows}
        return found

    def marked_noise(self, since: Micros) -> list[str]:
        """Interruptions that were marked as noise since a time, and still are."""
        query = select(handlings.c.interruption).where(handlings.c.noise_at >= since)
        with self._database.read() as connection:
            return list(connection.scalars(query.order_by(handlings.c.noise_at)))

    def actions(self, interruption: str | None, *, limit: int = 1000) -> list[Action]:
        """The audit: of one interruption in order of time, or of all, newest first."""
        return self._entries(actions, Action, interruption, limit)

    def decisions(self, interruption: str | None, *, limit: int = 1000) -> list[Decision]:
        """Why people were told, or not: of one interruption in order of time, or of all, newest first."""
        return self._entries(decisions, Decision, interruption, limit)

    def _entries(self, table: Table, kind: type[T], interruption: str | None, limit: int) -> list[T]:
        query = select(table.c.body).limit(limit)
        if interruption is None:
            query = query.order_by(table.c.id.desc())
        else:
            query = query.where(table.c.interruption == interruption).order_by(table.c.id)
        with self._database.read() as connection:
            return [unpack(body, kind) for body in connection.scalars(query)]


class SqlDesk(SqlDeskReader):
    """The routing desk's part of the store."""

    def tell(self, told: Sequence[News]) -> int:
        """Put news up for routing; how many were new."""
        bulk = self._database.bulk
        return self._database.write(lambda connection: put_news(connection, bulk, told))

    def save_desk(
        self,
        at: DeskAt,
        routed: Sequence[str],
        notices: Sequence[Notice],
        made: Sequence[Decision],
        now: Micros,
    ) -> None:
        """Write a turn of routing with a compare-and-set on its tick."""
        bulk = self._database.bulk

        def work(connection: Connection) -> None:
            bulk.run(connection, _FIRST_DESK, [(_ROW, 0, pack(Desk()))])
            moved = connection.execute(
                update(desk)
                .where(desk.c.id == _ROW, desk.c.tick == at.tick)
                .values(tick=at.tick + 1, body=pack(at.desk))
            )
            if moved.rowcount != 1:
                raise StaleClaim(f"routed by another replica since tick {at.tick}")
            for start in range(0, len(routed), _CHUNK):
                some = news.c.key.in_(routed[start : start + _CHUNK])
                connection.execute(update(news).where(some).values(routed=True))
            outbox.enqueue(connection, bulk, notices, now)
            bulk.run(connection, _APPEND_DECISION, [(one.interruption, one.at, pack(one)) for one in made])

        self._database.write(work)

    def act(self, action: Action, told: Sequence[News] = ()) -> Handling:
        """Do what somebody asks, append it to the audit and the timeline, put its news up."""
        bulk = self._database.bulk

        def work(connection: Connection) -> Handling:
            mine = handlings.c.interruption == action.interruption
            row = connection.execute(select(handlings).where(mine).with_for_update()).one_or_none()
            before = UNTOUCHED if row is None else unpack(row.body, Handling)
            after = handle(before, action)
            noise_at = None if row is None else row.noise_at
            if after.mark != before.mark:
                noise_at = action.at if after.mark == "noise" else None
            bulk.run(connection, _PUT_HANDLING, [(action.interruption, noise_at, pack(after))])
            bulk.run(connection, _APPEND_ACTION, [(action.interruption, action.at, pack(action))])
            entry = TimelineEntry(action.interruption, action.at, action.verb, noted(action), action.by)
            judging.note(connection, bulk, [entry])
            put_news(connection, bulk, told)
            return after

        return self._database.write(work)

    def put_silence(self, silence: Silence) -> None:
        """Make a silence, or replace the one of its id."""
        row = (silence.id, silence.starts, silence.ends, pack(silence))
        self._database.write(lambda connection: self._database.bulk.run(connection, _PUT_SILENCE, [row]))
