"""One look at many moments in SQL: a query a question, whatever the number of moments."""

from collections import defaultdict
from collections.abc import Mapping
from operator import add
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, select

from service.adapters.store.sql.database import Database
from service.adapters.store.sql.judging import read_series
from service.adapters.store.sql.packing import unpack_dimensions
from service.adapters.store.sql.tables import blind_spans, breaks, judged, moments, promises, tallies
from service.core.catalog import Moment
from service.core.counting.changes import BlindSpan
from service.core.event import DAY, Micros
from service.core.standing import MomentStatus, Totals
from service.core.survey import WEEK, Survey

_SUMS = ("attempts", "broken", "cancelled", "value", "broken_value")
_CHUNK = 400
"""Moments of one query: databases take only so many parameters."""
_AT_A_TIME = 10_000
"""Rows that are held at once."""


def survey(
    database: Database, wanted: Mapping[str, Moment], first: Micros, seen: Micros, now: Micros
) -> dict[str, Survey]:
    """See Reader."""
    names = sorted(wanted)
    found: dict[str, Survey] = {}
    with database.read() as connection:
        for start in range(0, len(names), _CHUNK):
            some = {name: wanted[name] for name in names[start : start + _CHUNK]}
            found |= _survey(connection, some, first, seen, now)
    return {name: found[name] for name in wanted}


def _survey(
    connection: Connection, wanted: Mapping[str, Moment], first: Micros, seen: Micros, now: Micros
) -> dict[str, Survey]:
    names = list(wanted)
    blind = _blind(connection, names, seen, now)
    statuses = _statuses(connection, names)
    days = _days(connection, names, first, now)
    last = _last(connection, names, first, now)
    weeks = {name: Totals(*numbers) for name, numbers in _weeks(connection, names, now).items()}
    broken = {name: moment for name, moment in wanted.items() if name in weeks and weeks[name].broken}
    by_values = _by_values(connection, broken, now)
    customers = _customers(connection, names, now)
    due = _due(connection, names, now)
    found = {}
    for name in wanted:
        of = by_values.get(name, {})
        found[name] = Survey(
            status=statuses[name],
            days=days.get(name, {}),
            week=msgspec.structs.replace(weeks.get(name, Totals()), customers=customers.get(name, 0)),
            by_value={dimension: _ordered(sums) for dimension, sums in of.items()},
            due=due.get(name, (0, 0)),
            blind=blind.get(name, []),
            last=last.get(name),
        )
    return found


def _statuses(connection: Connection, names: list[str]) -> dict[str, MomentStatus]:
    closed: dict[str, Any] = {
        row.moment: row.closed_through
        for row in connection.execute(
            select(moments.c.moment, moments.c.closed_through).where(moments.c.moment.in_(names))
        )
    }
    rows = {row.moment: row for row in connection.execute(select(judged).where(judged.c.moment.in_(names)))}
    table = blind_spans.c
    query = select(blind_spans).where(table.moment.in_(names), table.until.is_(None)).order_by(table.since.desc())
    # The earliest is written last.
    unseen = {row.moment: (row.since, row.reason) for row in connection.execute(query)}
    found = {}
    for name in names:
        row = rows.get(name)
        learning, series = read_series(row) if row else (None, ())
        since, reason = unseen.get(name, (None, ""))
        through = row.judged_through if row else None
        found[name] = MomentStatus(name, closed.get(name), through, learning, since, series, reason)
    return found


def _days(connection: Connection, names: list[str], first: Micros, now: Micros) -> dict[str, dict[Micros, Totals]]:
    place = ((tallies.c.opens - first) // DAY).label("place")
    inner = (
        select(tallies.c.moment, place, *(tallies.c[name] for name in _SUMS)).where(*_in(names, first, now)).subquery()
    )
    sums = select(inner.c.moment, inner.c.place, *(_total(inner.c[name]) for name in _SUMS))
    found: dict[str, dict[Micros, Totals]] = defaultdict(dict)
    for moment, day, *numbers in connection.execute(sums.group_by(inner.c.moment, inner.c.place)):
        totals = Totals(*numbers)
        if totals != Totals():
            found[moment][first + day * DAY] = totals
    return found


def _last(connection: Connection, names: list[str], first: Micros, now: Micros) -> dict[str, Micros]:
    query = select(tallies.c.moment, func.max(tallies.c.opens)).where(*_in(names, first, now), tallies.c.attempts > 0)
    return {row[0]: row[1] for row in connection.execute(query.group_by(tallies.c.moment))}


def _weeks(connection: Connection, names: list[str], now: Micros) -> dict[str, list[int]]:
    """The week's sums by moment."""
    query = select(tallies.c.moment, *(_total(tallies.c[name]) for name in _SUMS))
    query = query.where(*_in(names, now + 1 - WEEK, now)).group_by(tallies.c.moment)
    return {moment: numbers for moment, *numbers in connection.execute(query)}


def _by_values(
    connection: Connection, wanted: Mapping[str, Moment], now: Micros
) -> dict[str, dict[str, dict[str | None, list[int]]]]:
    """The week's sums by moment, dimension and value.

    A tuple of values is summed up as it comes: where they hardly repeat there are as many as events, and to hold a
    week of them would be all the memory there is.
    """
    found: dict[str, dict[str, dict[str | None, list[int]]]] = {
        name: {dimension: {} for dimension in moment.dimensions} for name, moment in wanted.items()
    }
    query = select(tallies.c.moment, tallies.c.dims, *(_total(tallies.c[name]) for name in _SUMS))
    query = query.where(*_in(list(wanted), now + 1 - WEEK, now)).group_by(tallies.c.moment, tallies.c.dims)
    for moment, dims, *numbers in connection.execute(query, execution_options={"yield_per": _AT_A_TIME}):
        given = unpack_dimensions(dims)
        for dimension, sums in found[moment].items():
            value = given.get(dimension)
            before = sums.get(value)
            sums[value] = numbers if before is None else list(map(add, before, numbers))
    return found


def _customers(connection: Connection, names: list[str], now: Micros) -> dict[str, int]:
    where = (breaks.c.moment.in_(names), breaks.c.at >= now + 1 - WEEK, breaks.c.at <= now)
    each = select(breaks.c.moment, breaks.c.customer).where(*where).distinct().subquery()
    return {row[0]: row[1] for row in connection.execute(select(each.c.moment, func.count()).group_by(each.c.moment))}


def _due(connection: Connection, names: list[str], now: Micros) -> dict[str, tuple[int, int]]:
    table = promises.c
    query = select(table.moment, _total(case((table.waiting, 1), else_=0)), func.count())
    query = query.where(table.moment.in_(names), table.due >= now, table.due < now + WEEK).group_by(table.moment)
    return {row[0]: (row[1] or 0, row[2]) for row in connection.execute(query)}


def _blind(connection: Connection, names: list[str], seen: Micros, now: Micros) -> dict[str, list[BlindSpan]]:
    table = blind_spans.c
    where = (table.moment.in_(names), table.since <= now, table.until.is_(None) | (table.until > seen))
    found: dict[str, list[BlindSpan]] = defaultdict(list)
    for row in connection.execute(select(blind_spans).where(*where).order_by(table.since)):
        found[row.moment].append(BlindSpan(row.moment, row.since, row.until, row.reason))
    return found


def _in(names: list[str], start: Micros, now: Micros) -> tuple[ColumnElement[bool], ...]:
    return tallies.c.moment.in_(names), tallies.c.opens >= start, tallies.c.opens <= now


def _total(column: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.sum(column), BigInteger)


def _ordered(sums: Mapping[str | None, list[int]]) -> list[tuple[str | None, Totals]]:
    found = [(value, Totals(*numbers)) for value, numbers in sums.items() if any(numbers)]
    return sorted(found, key=lambda each: (-each[1].broken, each[0] is None, each[0] or ""))
