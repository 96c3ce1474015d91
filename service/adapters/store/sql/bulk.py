"""Many rows in one go: what to do with them is said once, each dialect has its quickest way to do it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import ColumnElement, Connection, Dialect, Table, and_, bindparam, delete, or_
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import Delete, Insert

if TYPE_CHECKING:
    # Loading it takes longer than SQLite's, and who keeps everything there need not wait.
    from sqlalchemy.dialects import postgresql

Row = tuple[Any, ...]

# Else SQLAlchemy forgets how many rows an INSERT wrote.
COUNTED = {"preserve_rowcount": True}


@dataclass(frozen=True)
class Plan:
    """What becomes of rows, given as tuples of `columns`.

    `add`: numbers are added to the row with the same key. `put`: the row replaces it. `new`: it stays.
    `newer`: the row replaces one whose last column, a time, lies before; at the same time the largest stays.
    `append`: there is none. `delete`: the row of the key is taken away, and only the key is given.
    `in_order`: rows are numbered in the order given, and a circle of waiting transactions is left to the database.
    """

    table: Table
    how: Literal["add", "put", "new", "newer", "append", "delete"]
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    in_order: bool = False


def plan(table: Table, how: Literal["add", "put", "new", "append", "delete"]) -> Plan:
    """The plan for whole rows; a number that the database gives by itself is left out."""
    keys = tuple(column.name for column in table.primary_key)
    columns = keys if how == "delete" else tuple(column.name for column in table.columns)
    if how == "append":
        columns = tuple(name for name in columns if name != "id")
    return Plan(table, how, columns, keys)


class Bulk(ABC):
    """Carries plans out; statements are made once."""

    def __init__(self) -> None:
        self._made: dict[Plan, Callable[[Connection, Sequence[Row]], int]] = {}

    def run(self, connection: Connection, plan: Plan, rows: Sequence[Row]) -> int:
        """How many rows were written. No two rows may have one key.

        Rows are written in the order of their keys wherever another transaction might write the same ones, so
        that the two wait for one another in one order and never in a circle.
        """
        if not rows:
            return 0
        made = self._made.get(plan)
        if made is None:
            made = self._made[plan] = self._make(plan)
        if plan.how != "append" and not plan.in_order:
            width = [plan.columns.index(key) for key in plan.keys]
            rows = sorted(rows, key=lambda row: tuple([row[place] for place in width]))
        return made(connection, rows)

    @abstractmethod
    def _make(self, plan: Plan) -> Callable[[Connection, Sequence[Row]], int]: ...


class SqliteBulk(Bulk):
    """A prepared statement a row: the driver's own loop is the quickest there is."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__()
        self._dialect = dialect

    def _make(self, plan: Plan) -> Callable[[Connection, Sequence[Row]], int]:
        table = plan.table
        statement: Insert | Delete
        if plan.how == "delete":
            statement = delete(table).where(and_(*(table.c[key] == bindparam(f"its_{key}") for key in plan.keys)))
            names = [f"its_{key}" for key in plan.keys]
        else:
            insert = sqlite.insert(table).values({name: bindparam(name) for name in plan.columns})
            statement = on_conflict(insert, plan)
            names = list(plan.columns)
        compiled = statement.compile(dialect=self._dialect)
        order = [names.index(name) for name in compiled.positiontup or ()]
        sql = str(compiled)
        straight = order == list(range(len(order)))

        def write(connection: Connection, rows: Sequence[Row]) -> int:
            given = list(rows) if straight else [tuple([row[place] for place in order]) for row in rows]
            return connection.exec_driver_sql(sql, given, execution_options=COUNTED).rowcount

        return write


def on_conflict(insert: "sqlite.Insert | postgresql.Insert", plan: Plan) -> Insert:
    """An INSERT with what becomes of a row whose key is there; both dialects say it in the same words."""
    if plan.how == "append":
        return insert
    if plan.how == "new":
        return insert.on_conflict_do_nothing(index_elements=plan.keys)
    rest = [name for name in plan.columns if name not in plan.keys]
    given = insert.excluded
    if plan.how == "add":
        change = {name: plan.table.c[name] + given[name] for name in rest}
    else:
        change = {name: given[name] for name in rest}
    where = _is_newer(plan.table, given, rest) if plan.how == "newer" else None
    return insert.on_conflict_do_update(index_elements=plan.keys, set_=change, where=where)


def _is_newer(table: Table, given: Any, rest: Sequence[str]) -> ColumnElement[bool]:
    known, new = table.c[rest[-1]], given[rest[-1]]
    larger = [(known == new) & (table.c[name] < given[name]) for name in rest[:-1]]
    return or_(known.is_(None), known < new, *larger)
