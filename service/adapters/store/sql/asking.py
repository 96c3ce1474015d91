"""Statements that are made once: a notice asks all of these for each of fifty interruptions at a time.

To put one together costs more than to run it.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    or_,
    select,
)

from service.adapters.store.sql.tables import moments, partitions, promises, tallies, voices

_OF = bindparam("of", type_=Text)
_FIRST: BindParameter[int] = bindparam("first")
_END: BindParameter[int] = bindparam("end")


@cache
def outcomes(spans: int) -> Select[Any]:
    """Attempts and breaks of each tuple of values, over so many spans: from `first0` to `end0`, and so on.

    One row of three texts with commas: tuples may be many, and a row for each would be made an object each.
    """
    opens = tallies.c.opens
    within = [and_(opens >= bindparam(f"first{n}"), opens < bindparam(f"end{n}")) for n in range(spans)]
    each = (
        select(tallies.c.dims, summed(tallies.c.attempts).label("tried"), summed(tallies.c.broken).label("failed"))
        .where(tallies.c.moment == _OF, or_(false(), *within))
        .group_by(tallies.c.dims)
        .subquery()
    )
    texts: list[ColumnElement[Any]] = [func.aggregate_strings(cast(column, Text), ",") for column in each.c]
    return select(*texts)


@cache
def due() -> Select[Any]:
    """How many promises of a moment are open, and how many there are, that fall due within a time."""
    sums: list[ColumnElement[Any]] = [summed(case((promises.c.waiting, 1), else_=0)), func.count()]
    return select(*sums).where(promises.c.moment == _OF, promises.c.due >= _FIRST, promises.c.due < _END)


@cache
def coming() -> Select[Any]:
    """How many promises of a moment are open that fall due within a time, by step."""
    steps = ((promises.c.due - _FIRST) // bindparam("step", type_=BigInteger)).label("number")
    within = (promises.c.moment == _OF, promises.c.due >= _FIRST, promises.c.due < _END, promises.c.waiting)
    each = select(steps).where(*within).subquery()
    return select(each.c.number, func.count()).group_by(each.c.number)


@cache
def given_up() -> Select[Any]:
    """How far the promises of some moments were given up, of those where that is beyond a time."""
    table = moments.c
    of = table.moment.in_(bindparam("of", expanding=True, type_=Text))
    return select(table.moment, table.given_up_through).where(of, table.given_up_through > _FIRST)


@cache
def voiced(*, about: bool) -> Select[Any]:
    """What of a kind was said within a time; `about`: of one moment."""
    query = (
        with_partition(voices.c.record, voices.c.at, voices.c.body)
        .join_from(voices, partitions)
        .where(voices.c.kind == bindparam("kind", type_=Text), voices.c.at >= _FIRST, voices.c.at < _END)
    )
    return query.where(voices.c.moment == _OF) if about else query


def summed(column: ColumnElement[Any]) -> ColumnElement[int]:
    """A sum of 64-bit integers stays one: PostgreSQL would answer with a decimal."""
    return cast(func.sum(column), BigInteger)


def with_partition(*columns: ColumnElement[Any]) -> Select[Any]:
    """Columns of what came from a partition, behind those that name it."""
    return select(partitions.c.topic, partitions.c.number, partitions.c.topic_id, *columns)
