"""PostgreSQL: a pool of connections with time limits on everything that could wait for ever."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from typing import cast as cast_type

from psycopg.types.array import ListBinaryDumper
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    bindparam,
    case,
    cast,
    create_engine,
    event,
    exc,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from service.adapters.store.sql.apart import told_apart
from service.adapters.store.sql.database import Database, People
from service.adapters.store.sql.failures import translated
from service.adapters.store.sql.postgres_bulk import PostgresBulk

if TYPE_CHECKING:
    from psycopg import Connection as Driver

_CONNECT_S = 10
_STATEMENT_MS = 120_000
_LOCK_MS = 20_000
_IDLE_MS = 60_000
_POOL = 8
_SEPARATOR = "\x1f"
_TOO_LONG = "54000"
"""Of what is longer than a text may be."""
_ROOM = text(
    "SELECT set_config('work_mem', '128MB', true), set_config('max_parallel_workers_per_gather', '0', true), "
    "set_config('jit', 'off', true)"
)
"""For the transaction: room to tell a million customers apart in memory; on disk, or shared out, it takes longer."""


class PostgresDatabase(Database):
    """A server that several replicas share. `password`: asked for by each new connection, for it may be changed."""

    def __init__(self, url: URL, password: Callable[[], str] | None = None) -> None:
        self.where = url.render_as_string(hide_password=True)
        self.engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=_POOL,
            max_overflow=_POOL,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "connect_timeout": _CONNECT_S,
                "application_name": "momentwatch",
                # A vanished peer is noticed within a minute, on a quiet line and on a busy one.
                "keepalives": 1,
                "keepalives_idle": 20,
                "keepalives_interval": 10,
                "keepalives_count": 4,
                "tcp_user_timeout": 60_000,
                "options": (
                    f"-c statement_timeout={_STATEMENT_MS} -c lock_timeout={_LOCK_MS} "
                    f"-c idle_in_transaction_session_timeout={_IDLE_MS} -c timezone=UTC"
                ),
            },
        )
        event.listen(self.engine, "connect", _prepare)
        if password is not None:

            def ask(_dialect: Any, _record: Any, _given: Any, named: dict[str, Any]) -> None:
                named["password"] = password()

            event.listen(self.engine, "do_connect", ask)
        self.readers = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self.bulk = PostgresBulk()
        try:
            with translated(self.where), self.engine.connect():
                pass
        except BaseException:
            self.close()
            raise

    def dimension(self, dims: ColumnElement[str], name: str) -> ColumnElement[str | None]:
        """The value of a dimension in a column of canonical JSON."""
        value: ColumnElement[str | None] = cast(dims, JSONB)[name].astext
        return value

    def inside(self, body: ColumnElement[str], name: str, place: int) -> ColumnElement[str]:
        """What stands at a place of an array that is a member of an object, of a column of JSON; for `dimension`."""
        found: ColumnElement[str] = cast(body, JSONB)[(name, place)]
        return found

    def examine(self) -> tuple[float | None, str]:
        """The server's clock; it looks after its files itself."""
        with self.read() as connection:
            return float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0), ""

    def vacuum(self) -> tuple[int, int]:
        """Let deleted rows' room be used again, beside whoever works; the size in bytes before and after."""
        size = text("SELECT pg_database_size(current_database())")
        free = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with translated(self.where), free.connect() as connection:
            before = connection.scalar(size) or 0
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("VACUUM (ANALYZE)"))
            # The connection goes back to the pool with the limit that it had.
            connection.execute(text(f"SET statement_timeout = {_STATEMENT_MS}"))
            return before, connection.scalar(size) or 0

    def among(self, column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
        """Whether a column holds one of many values; as one parameter, so that there may be any number."""
        return column == func.any(bindparam(None, list(values), type_=ARRAY(TEXT), unique=True))

    def people(
        self,
        connection: Connection,
        rows: Select[Any],
        parts: Sequence[ColumnElement[bool]],
        course: tuple[int, Subquery] | None = None,
    ) -> People:
        """Customers alone as one text; rows, values and customers' steps and complaints grouped by the server."""
        customer, value, at = rows.selected_columns
        connection.execute(_ROOM)
        if course is None and (told := _as_text(connection, rows, parts)) is not None:
            return told
        many, worth = connection.execute(rows.with_only_columns(func.count(), func.sum(value))).one()
        part = case(*((part, place) for place, part in enumerate(parts)))
        first = func.min(part).label("part")
        by_part, by_step, complained = Counter[int](), Counter[int](), 0
        if course is None:
            mine = rows.with_only_columns(first).group_by(customer).subquery()
            query = select(mine.c.part, literal(0), func.count(), literal(0)).group_by(mine.c.part)
        else:
            step, heard = course
            begun = func.min(at)
            of = rows.with_only_columns(
                customer.label("customer"), first, begun.label("at"), (begun // step).label("step")
            )
            mine = of.group_by(customer).subquery()
            said = func.count().filter(heard.c.heard > mine.c.at)
            query = (
                select(mine.c.part, mine.c.step, func.count(), said)
                .outerjoin_from(mine, heard, heard.c.customer == mine.c.customer)
                .group_by(mine.c.part, mine.c.step)
            )
        for place, number, customers, complaining in connection.execute(query):
            by_part[place] += customers
            by_step[number] += customers
            complained += complaining
        apart = tuple(by_part[place] for place in range(len(parts)))
        return People(many, int(worth or 0), apart, by_step, complained)


def _as_text(connection: Connection, rows: Select[Any], parts: Sequence[ColumnElement[bool]]) -> People | None:
    """Rows, values and customers by part, from one text of the customers; None where no text can hold them."""
    customer, value, _ = rows.selected_columns
    part = case(*((part, str(place)) for place, part in enumerate(parts)))
    texts = func.string_agg(customer, _SEPARATOR), func.string_agg(part, "")
    query = rows.with_only_columns(func.count(), func.sum(value), *texts)
    try:
        with connection.begin_nested():
            many, worth, ids, digits = connection.execute(query).one()
    except exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _TOO_LONG:
            raise
        return None
    # The one character that no id holds, no text of the server's may hold.
    if many and ids.count(_SEPARATOR) != many - 1:
        return None
    apart = told_apart((ids or "").encode(), (digits or "").encode(), len(parts), _SEPARATOR.encode())
    return People(many, int(worth or 0), apart, {})


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # Arrays are how rows come here in bulk; as text, each quotation mark in them would cost more than the row.
    driver = cast_type("Driver[Any]", connection)
    driver.adapters.register_dumper(list, ListBinaryDumper)
