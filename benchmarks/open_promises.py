"""Very many open promises, made inside the database: the rows that intake leaves of them, in one statement.

By intake ten million would take the better part of an hour. Indexes are made when the rows are there, as after
a restore. One row is held against what intake would write.
"""

import msgspec
from sqlalchemy import Connection, text

from service.adapters.store.sql.store import SqlStore
from service.adapters.store.sql.tables import promises
from service.core.catalog import Moment
from service.core.counting.ledger import Promised, fold
from service.core.event import DAY, HOUR, Event, Micros, Record

REGIONS = 27
_DUE = "{begin} + 2 * {day} + n * {spread}"
_ENTRY = (
    """'[' || ({begin} + n % {hour}) || ',"p' || n || '","c' || n || '",1000,"""
    """{{"region":"r' || (n % {regions}) || '"}},' || ({due}) || ',null,null]'"""
)
_ROWS = """
INSERT INTO promises (moment, key, due, waiting, expires, body, customer)
SELECT '{moment}', 'k' || n, {due}, {true}, {true},
    '{{"moment":"{moment}","key":"k' || n || '","first":' || {entry} || ',"newest":' || {entry} || '}}', 'c' || n
FROM ({numbers}) AS numbers
"""
_NUMBERS = {
    "postgresql": "SELECT n FROM generate_series(CAST({first} AS bigint), {last}) AS s(n)",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s",
}


def fill(store: SqlStore, moment: Moment, span: tuple[int, int], made: tuple[Micros, Micros], like: Event) -> None:
    """The rows of promises number `span[0]` up to `span[1]`; `made`: (the time of the first, between two dues).

    `like`: the event of the last of them, whose row must be what intake would have written.
    """
    first, until = span
    begin, spread = made
    due = _DUE.format(begin=begin, day=DAY, spread=spread)
    entry = _ENTRY.format(begin=begin, hour=HOUR, regions=REGIONS, due=due)
    database = store._database  # noqa: SLF001  # behind the store's back, and on purpose
    with database.transaction() as transaction:
        connection = transaction.connection
        dialect = connection.dialect.name
        numbers = _NUMBERS[dialect].format(first=first, last=until - 1)
        true = "true" if dialect == "postgresql" else "1"
        by_due = next(iter(promises.indexes))
        if dialect == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        by_due.drop(connection)
        rows = _ROWS.format(moment=moment.name, due=due, entry=entry, numbers=numbers, true=true)
        connection.execute(text(rows))
        by_due.create(connection)
        _check(connection, moment, until - 1, like)
        transaction.commit()
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as free:
        if free.dialect.name == "postgresql":
            free.execute(text("SET statement_timeout = 0"))
            free.execute(text("VACUUM (ANALYZE) promises"))
            free.execute(text("CHECKPOINT"))


def _check(connection: Connection, moment: Moment, number: int, like: Event) -> None:
    at = int(like.time.timestamp()) * 1_000_000 + like.time.microsecond
    row = fold(Promised(moment.name, f"k{number}"), Record(0, at, like), moment, 100)
    query = promises.select().where(promises.c.moment == moment.name, promises.c.key == row.key)
    found = connection.execute(query).one()
    wanted = (row.due, True, True, msgspec.json.encode(row).decode(), row.customer)
    if tuple(found[2:]) != wanted:
        raise ArithmeticError(f"the row {tuple(found[2:])} is not what intake writes: {wanted}")
