"""What time does to what is kept: old minutes become hours, old rows go; a little in each transaction."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, update

from service.adapters.store.sql.bulk import Plan, plan
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.desk_tables import actions, decisions, news
from service.adapters.store.sql.graves import SqlGraves
from service.adapters.store.sql.recording import NO_PARTITION, Recorder
from service.adapters.store.sql.tables import (
    audit,
    breaks,
    contacts,
    counts,
    durations,
    moments,
    outbox,
    promises,
    signals,
    tallies,
    timeline,
    voices,
)
from service.core.event import HOUR, Micros
from service.core.keeping import Keep, Which

_ADD = {table: plan(table, "add") for table in (tallies, durations, signals)}
_ADD_COUNTS = plan(counts, "add")
_DELETE_BREAKS = plan(breaks, "delete")
_DELETE_PROMISES = plan(promises, "delete")
_TIMELINE = ((timeline, ()), (decisions, ()), (news, (news.c.routed,)))
"""With what must hold beside the age: news that nobody routed yet is still to be told."""
_AUDIT = ((audit, ()), (actions, ()), (contacts, ()))
Work = Callable[[Connection, Micros], int]
_STEP: Micros = 6 * HOUR
_CHUNK = 2_000


class SqlRetention:
    """Keeps a database's tables as long as they are told to. `widths`: of each moment's windows."""

    def __init__(self, database: Database, recorder: Recorder, widths: dict[str, Micros]) -> None:
        self._database = database
        self._recorder = recorder
        self._widths = widths

    def step(self, keep: Keep, now: Micros) -> int:
        """A bounded piece of the work, in a transaction or two; how many rows it touched, 0 when all is done."""
        return (
            self._hours(keep, now)
            or self._letters(keep, now)
            or self._notices(keep, now)
            or self._aged(keep.breaks, now, self._old_breaks)
            or self._aged(keep.voices, now, self._old_voices)
            or self._aged(keep.promises, now, self._old_promises)
            or self._aged(keep.timeline, now, partial(_old, _TIMELINE))
            or self._aged(keep.audit, now, partial(_old, _AUDIT))
        )

    def _hours(self, keep: Keep, now: Micros) -> int:
        if keep.minutes is None:
            return 0
        for moment, width in self._widths.items():
            while width < HOUR:
                before = now - keep.minutes

                def work(connection: Connection, moment: str = moment, before: Micros = before) -> tuple[bool, int]:
                    return self._hour(connection, moment, before)

                more, touched = self._database.write(work)
                if touched:
                    return touched
                if not more:
                    break
        return 0

    def _hour(self, connection: Connection, moment: str, before: Micros) -> tuple[bool, int]:
        """Put a few hours of a moment together; whether there may be more, and how many rows it touched."""
        closed = self._recorder.reaches(connection, [moment], exclusive=True)[moment].closed
        bound = min(before, closed) // HOUR * HOUR
        through = connection.scalar(select(moments.c.hourly_through).where(moments.c.moment == moment)) or 0
        firsts = [
            connection.scalar(select(func.min(table.c.opens)).where(table.c.moment == moment, table.c.opens >= through))
            for table in (tallies, signals)
        ]
        first = min((at for at in firsts if at is not None), default=bound) // HOUR * HOUR
        if first >= bound:
            return False, 0
        end = min(first + _STEP, bound)
        touched = sum(self._together(connection, table, moment, (first, end)) for table in _ADD)
        connection.execute(update(moments).where(moments.c.moment == moment).values(hourly_through=end))
        return True, touched

    def _together(self, connection: Connection, table: Table, moment: str, span: tuple[Micros, Micros]) -> int:
        start, end = span
        # What stands at a full hour already is added to.
        mine = (table.c.moment == moment, table.c.opens >= start, table.c.opens < end, table.c.opens % HOUR != 0)
        adding: Plan = _ADD[table]
        place = adding.columns.index("opens")
        keys = [adding.columns.index(name) for name in adding.keys]
        sums = [number for number in range(len(adding.columns)) if number not in keys]
        hours: dict[tuple[object, ...], list[int]] = {}
        rows = connection.execute(select(*(table.c[name] for name in adding.columns)).where(*mine)).all()
        for row in rows:
            given = list(row)
            given[place] -= given[place] % HOUR
            total = hours.setdefault(tuple(given[number] for number in keys), [0] * len(sums))
            for which, number in enumerate(sums):
                total[which] += given[number]
        connection.execute(delete(table).where(*mine))
        made: list[tuple[object, ...]] = []
        for key, total in hours.items():
            line: list[object] = [None] * len(adding.columns)
            for number, value in zip([*keys, *sums], [*key, *total], strict=True):
                line[number] = value
            made.append(tuple(line))
        self._database.bulk.run(connection, adding, made)
        return len(rows)

    def _letters(self, keep: Keep, now: Micros) -> int:
        if keep.dead_letters is None:
            return 0
        gone = SqlGraves(self._database).purge(Which(until=now - keep.dead_letters), _CHUNK)
        return sum(gone.values())

    def _notices(self, keep: Keep, now: Micros) -> int:
        if keep.notices is None:
            return 0
        over = (outbox.c.state.in_(("sent", "failed")), outbox.c.created_at < now - keep.notices)

        def work(connection: Connection) -> int:
            some = select(outbox.c.id).where(*over).order_by(outbox.c.id).limit(_CHUNK)
            return connection.execute(delete(outbox).where(outbox.c.id.in_(some.scalar_subquery()))).rowcount

        return self._database.write(work)

    def _aged(self, span: Micros | None, now: Micros, work: Work) -> int:
        return 0 if span is None else self._database.write(lambda connection: work(connection, now - span))

    def _old_breaks(self, connection: Connection, before: Micros) -> int:
        query = select(breaks.c.moment, breaks.c.ref).where(breaks.c.at < before).limit(_CHUNK)
        rows = [tuple(row) for row in connection.execute(query)]
        self._database.bulk.run(connection, _DELETE_BREAKS, rows)
        self._count(connection, "retired_breaks", [row[0] for row in rows])
        return len(rows)

    def _old_voices(self, connection: Connection, before: Micros) -> int:
        query = select(voices.c.id, voices.c.moment).where(voices.c.at < before).limit(_CHUNK)
        rows = connection.execute(query).all()
        connection.execute(delete(voices).where(voices.c.id.in_([row.id for row in rows])))
        self._count(connection, "retired_voices", [row.moment or "" for row in rows])
        return len(rows)

    def _old_promises(self, connection: Connection, before: Micros) -> int:
        """What was settled; who still waits, or was given up, is counted by the row."""
        settled = (promises.c.due < before, ~promises.c.waiting)
        query = select(promises.c.moment, promises.c.key).where(*settled).limit(_CHUNK)
        rows = [tuple(row) for row in connection.execute(query)]
        self._database.bulk.run(connection, _DELETE_PROMISES, rows)
        return len(rows)

    def _count(self, connection: Connection, name: str, gone: Sequence[str]) -> None:
        """So that the books still balance."""
        added = [(NO_PARTITION, name, moment, n) for moment, n in Counter(gone).items()]
        self._database.bulk.run(connection, _ADD_COUNTS, added)


def _old(tables: Sequence[tuple[Table, Sequence[ColumnElement[bool]]]], connection: Connection, before: Micros) -> int:
    """Some of the oldest rows of append-only tables."""
    gone = 0
    for table, where in tables:
        some = select(table.c.id).where(table.c.at < before, *where).order_by(table.c.id).limit(_CHUNK - gone)
        gone += connection.execute(delete(table).where(table.c.id.in_(some.scalar_subquery()))).rowcount
    return gone
