"""Where everything is kept: in memory, in SQLite or in PostgreSQL, behind one protocol."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from service.adapters.store.memory import MemoryStore
from service.core.catalog import Moment
from service.core.counting.tally import Window
from service.core.event import Micros
from service.core.keeping import Account, Graves
from service.core.ports import Reader, Store, StoreRefused

if TYPE_CHECKING:
    from sqlalchemy import URL

    from service.adapters.store.sql.database import Database
    from service.adapters.store.sql.store import SqlStore
    from service.core.reporting.evidence import Judged

__all__ = [
    "Examined",
    "MemoryStore",
    "examined",
    "open_database",
    "open_graves",
    "open_history",
    "open_reader",
    "open_sql_store",
    "open_store",
    "recounted",
]


class Examined(NamedTuple):
    """A database: where, its schema's version, its clock in Unix seconds where it has one, and what is damaged.

    `writable`: whether whoever asks may write it, as far as that can be seen without doing it.
    """

    where: str
    version: str
    clock: float | None
    damage: str
    writable: bool = True


def _wall_clock() -> Micros:
    return time.time_ns() // 1000


def open_store(
    url: str,
    moments: Mapping[str, Moment] | None = None,
    *,
    clock: Callable[[], Micros] = _wall_clock,
    make: bool = True,
) -> Store:
    """The store at a URL: `sqlite:///file`, `postgresql://user:password@host/name`, or `memory:`.

    The schema is made, or brought to this version; without `make` it has to be there already, so that who looks after
    a store is not given an empty one for a name misspelt. `moments`: see `Store.declare`. Raises StoreAway when the
    server cannot be reached, StoreRefused when the URL, the file or the schema's version will not do.
    """
    if url == "memory:":
        return MemoryStore(moments, clock=clock)
    return open_sql_store(url, moments, clock=clock, make=make)


def open_sql_store(
    url: str,
    moments: Mapping[str, Moment] | None = None,
    *,
    clock: Callable[[], Micros] = _wall_clock,
    password: Callable[[], str] | None = None,
    make: bool = True,
) -> "SqlStore":
    """The same, of a database: what lasts can be looked after. `password`: asked for by each new connection."""
    from service.adapters.store import migrate
    from service.adapters.store.sql.store import SqlStore

    database = open_database(url, password, make=make)
    try:
        (migrate.upgrade if make else migrate.check)(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database, moments or {}, clock)


@contextmanager
def open_reader(url: str) -> Iterator[Reader]:
    """The questions alone, beside whatever else has the store open: nothing is written, made or brought up to date.

    Raises StoreAway when the store cannot be reached, StoreRefused when it is not there, or is of another version.
    """
    from service.adapters.store.sql.reader import SqlReader

    with _beside(url) as database:
        yield SqlReader(database)


@contextmanager
def open_history(url: str, moment: Moment) -> "Iterator[tuple[Reader, Judged]]":
    """The questions, and one moment's windows as judged; as `open_reader`."""
    from service.adapters.store.sql.packing import ValuesCodec
    from service.adapters.store.sql.reader import SqlReader
    from service.adapters.store.sql.windows import windows as read_windows

    with _beside(url) as database:
        codec = ValuesCodec(moment.dimensions)

        def judged(after: Micros | None, through: Micros) -> Iterator[Window]:
            return read_windows(database, moment.name, codec, moment.window, (after, through))

        yield SqlReader(database), judged


@contextmanager
def open_graves(url: str) -> Iterator[Graves]:
    """The dead letters alone, to be looked at; as `open_reader`."""
    from service.adapters.store.sql.graves import SqlGraves

    with _beside(url) as database:
        yield SqlGraves(database)


def recounted(url: str) -> list[Account]:
    """The lines of a store's books, recounted; as `open_reader`."""
    from service.adapters.store.sql.reconciling import accounts

    with _beside(url) as database:
        return accounts(database)


def examined(url: str) -> Examined:
    """What a look at a database shows; as `open_reader`."""
    from service.adapters.store import migrate

    with _beside(url) as database:
        clock, damage = database.examine()
        return Examined(database.where, migrate.current(database) or "", clock, damage, database.writable)


@contextmanager
def _beside(url: str) -> "Iterator[Database]":
    from service.adapters.store import migrate

    database: Database
    if _parsed(url).get_backend_name() == "sqlite":
        from service.adapters.store.sql.beside import SqliteBeside

        database = SqliteBeside(_parsed(url))
    else:
        database = open_database(url)
    try:
        migrate.check(database)
        yield database
    finally:
        database.close()


def open_database(url: str, password: Callable[[], str] | None = None, *, make: bool = True) -> "Database":
    """The database at a URL, its schema left as it is. Without `make` SQLite's file has to be there."""
    parsed = _parsed(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        from service.adapters.store.sql.sqlite import SqliteDatabase, need_file

        if not make:
            need_file(parsed)
        return SqliteDatabase(parsed)
    if kind in {"postgresql", "postgres"}:
        try:
            from service.adapters.store.sql.postgres import PostgresDatabase

            return PostgresDatabase(parsed, password)
        except ImportError:
            raise StoreRefused("PostgreSQL needs the driver psycopg: pip install 'momentwatch[postgres]'") from None
    raise StoreRefused(
        f"{parsed.render_as_string(hide_password=True)}: no store of that kind; "
        "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    )


def _parsed(url: str) -> "URL":
    from sqlalchemy import exc, make_url

    try:
        return make_url(url)
    except (exc.ArgumentError, ValueError):
        # The text may hold a password, so it is not repeated.
        raise StoreRefused(
            "the store's URL cannot be read; use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        ) from None
