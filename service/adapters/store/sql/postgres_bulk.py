"""Many rows into PostgreSQL in one statement."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, and_, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql

from service.adapters.store.sql.bulk import COUNTED, Bulk, Plan, Row, on_conflict

if TYPE_CHECKING:
    from sqlalchemy.sql.dml import Delete, Insert


class PostgresBulk(Bulk):
    """One statement for all rows, given as an array a column."""

    def _make(self, plan: Plan) -> Callable[[Connection, Sequence[Row]], int]:
        table = plan.table
        arrays = [bindparam(name, type_=postgresql.ARRAY(table.c[name].type)) for name in plan.columns]
        given = func.unnest(*arrays).table_valued(*plan.columns, name="given").render_derived()
        statement: Insert | Delete
        if plan.how == "delete":
            statement = delete(table).where(and_(*(table.c[key] == given.c[key] for key in plan.keys)))
        else:
            insert = postgresql.insert(table).from_select(list(plan.columns), select(*given.c))
            statement = on_conflict(insert, plan)

        def write(connection: Connection, rows: Sequence[Row]) -> int:
            columns = dict(zip(plan.columns, (list(column) for column in zip(*rows, strict=True)), strict=True))
            return connection.execute(statement, columns, execution_options=COUNTED).rowcount

        return write
