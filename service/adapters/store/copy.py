"""Copies a SQLite store to PostgreSQL, whole: the way up for whoever outgrows one process."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Table, cast, func, insert, select, text

from service.adapters.store import migrate
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.tables import metadata
from service.core.ports import StoreRefused

_CHUNK = 10_000

Fingerprint = tuple[int, ...]
"""Rows, then the sum of every whole-number column."""


def copy(source: Database, target: Database, progress: Callable[[str, int], None] = lambda *_: None) -> int:
    """Copy every table in one transaction of the target; how many rows. `progress`: told the table and its rows.

    The source must be at this version and is only read; the target is brought to it and must be empty. Raises
    StoreRefused where it is not, or where what arrived is not what was sent; then nothing was copied.
    """
    migrate.check(source)
    migrate.upgrade(target)

    def work(to: Connection) -> int:
        copied = 0
        with source.read() as origin:
            for table in metadata.sorted_tables:
                if to.execute(select(table).limit(1)).first() is not None:
                    raise StoreRefused(f"{target.where} is not empty: table {table.name} has rows; copy to a new one")
            for table in metadata.sorted_tables:
                for rows in _chunks(origin, table):
                    to.execute(insert(table), rows)
                _continue_numbers(to, table)
                sent, arrived = fingerprint(origin, table), fingerprint(to, table)
                if sent != arrived:
                    raise StoreRefused(f"table {table.name} did not arrive whole: {sent} sent, {arrived} there")
                copied += sent[0]
                progress(table.name, sent[0])
        return copied

    return target.write(work)


def _chunks(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    with connection.execution_options(yield_per=_CHUNK).execute(select(table)) as result:
        for rows in result.mappings().partitions():
            yield [dict(row) for row in rows]


def fingerprint(connection: Connection, table: Table) -> Fingerprint:
    """How many rows a table has, and the sum of each whole-number column."""
    numbers = [column for column in table.columns if isinstance(column.type, BigInteger | Integer)]
    sums = [half for column in numbers for half in _halves(column)]
    row = connection.execute(select(func.count(), *sums).select_from(table)).one()
    return tuple(int(value or 0) for value in row)


def _halves(column: Any) -> tuple[Any, Any]:
    """The sums of a column's upper and lower parts: times are so large that their sum would leave 64 bits."""
    part = 1 << 24
    return func.sum(cast(column // part, BigInteger)), func.sum(cast(column % part, BigInteger))


def _continue_numbers(connection: Connection, table: Table) -> None:
    """Let PostgreSQL number new rows after those that were copied."""
    if connection.dialect.name == "postgresql" and "id" in table.c and isinstance(table.c.id.type, BigInteger):
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "  # noqa: S608  # our own table's name
                f"(SELECT coalesce(max(id), 0) + 1 FROM {table.name}), false)"
            )
        )
