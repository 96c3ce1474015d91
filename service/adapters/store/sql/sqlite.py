"""SQLite: one process, one connection that writes, a few that read."""

import json
import os
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    LargeBinary,
    NestedTransaction,
    Select,
    Subquery,
    Text,
    case,
    cast,
    create_engine,
    event,
    exc,
    func,
    select,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from service.adapters.store.sql.apart import SEPARATOR, told_apart
from service.adapters.store.sql.bulk import SqliteBulk
from service.adapters.store.sql.database import Database, People, Transaction
from service.adapters.store.sql.failures import translated
from service.adapters.store.sql.lockfile import LockFile
from service.adapters.store.sql.turns import Turns
from service.core.ports import StoreRefused

# Before it a write-ahead log with two connections could be reset under one of them and lose pages.
_WAL_IS_SOUND = (3, 51, 3)
_BUSY_MS = 30_000
_READERS = 4
_AT_ONCE = 1_500_000

_decode = msgspec.json.Decoder(list[str]).decode
_decode_numbers = msgspec.json.Decoder(list[int]).decode


def need_file(url: URL) -> Path:
    """The file that a URL names. Raises StoreRefused where there is none."""
    path = Path(url.database or "").absolute()
    if not path.is_file():
        raise StoreRefused(f"sqlite:///{path}: there is no such file; name the one that serve writes")
    return path


class SqliteDatabase(Database):
    """One file. Threads of the process take turns to write; readers wait for nothing but a commit."""

    _writer: int | None = None
    """The thread whose turn it is."""
    _whole: Transaction | None = None
    """What that thread has begun by `together`."""

    def __init__(self, url: URL) -> None:
        if not url.database or url.database == ":memory:":
            raise StoreRefused(f"{url}: SQLite needs a file here, as in sqlite:////var/lib/momentwatch.db")
        path = Path(url.database).absolute()
        self.where = f"sqlite:///{path}"
        self._turn = Turns()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = LockFile(path)
        except OSError as error:
            raise StoreRefused(f"{self.where}: {error.strerror}; give a folder that can be written") from None
        file = URL.create("sqlite", database=str(path))
        self.engine = create_engine(file, poolclass=StaticPool, hide_parameters=True, **_ARGUMENTS)
        self.readers = create_engine(
            file, pool_size=_READERS, max_overflow=_READERS, hide_parameters=True, **_ARGUMENTS
        )
        event.listen(self.engine, "connect", _prepare_writer)
        event.listen(self.engine, "begin", _begin_writing)
        event.listen(self.readers, "connect", _prepare_reader)
        event.listen(self.readers, "begin", _begin_reading)
        self.bulk = SqliteBulk(self.engine.dialect)
        try:
            with translated(self.where), self.engine.connect():
                pass
        except BaseException:
            self.close()
            raise

    @property
    def writable(self) -> bool:
        """See Database."""
        path = Path(self.where.removeprefix("sqlite:///"))
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction, of which those that this thread begins within it are parts.

        A commit waits for the disk, and for readers, who wait for it in turn: a hundred in a row take seconds.
        """
        with self.transaction() as whole:
            self._whole = whole
            try:
                yield
            finally:
                self._whole = None
            whole.commit()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """See Database; within `together` a savepoint of it."""
        whole = self._mine()
        if whole is None:
            with super().transaction() as transaction:
                yield transaction
            return
        with translated(self.where):
            nested = whole.connection.begin_nested()
        part = _Part(whole.connection, nested, self.where)
        try:
            yield part
        finally:
            if not part.committed:
                nested.rollback()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See Database; within `together` what it has written is seen."""
        whole = self._mine()
        if whole is None:
            with super().read() as connection:
                yield connection
            return
        with translated(self.where):
            yield whole.connection

    def _mine(self) -> Transaction | None:
        """The transaction that this thread has begun by `together`."""
        return self._whole if self._writer == threading.get_ident() else None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._writer == threading.get_ident():
            raise RuntimeError("a transaction that writes was opened inside another")
        with self._turn:
            self._writer = threading.get_ident()
            try:
                with super()._writing() as connection:
                    yield connection
            finally:
                self._writer = None

    def dimension(self, dims: ColumnElement[str], name: str) -> ColumnElement[str | None]:
        """The value of a dimension in a column of canonical JSON."""
        if any(character in '"\\' or character < " " for character in name):
            # A path cannot name such a key in the form in which JSON writes it.
            rows = func.json_each(dims).table_valued("key", "value")
            return select(rows.c.value).where(rows.c.key == name).scalar_subquery()
        return func.json_extract(dims, f'$."{name}"', type_=Text)

    def inside(self, body: ColumnElement[str], name: str, place: int) -> ColumnElement[str]:
        """What stands at a place of an array that is a member of an object, of a column of JSON; for `dimension`."""
        return func.json_extract(body, f"$.{name}[{place}]", type_=Text)

    def among(self, column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
        """Whether a column holds one of many values; as one parameter, so that there may be any number."""
        rows = func.json_each(json.dumps(list(values))).table_valued("value")
        return column.in_(select(rows.c.value))

    def people(
        self,
        connection: Connection,
        rows: Select[Any],
        parts: Sequence[ColumnElement[bool]],
        course: tuple[int, Subquery] | None = None,
    ) -> People:
        """In one pass over the rows, which costs as much as all the rest; in several, where one text cannot hold it."""
        place: ColumnElement[int] = case(*((part, number) for number, part in enumerate(parts)))
        if course is None:
            return _counted(_pages(connection, rows.add_columns(place.label("place"))), len(parts))
        value = 0
        names: list[str] = []
        places: list[int] = []
        at = rows.selected_columns[2]
        # One number says where a row belongs: the database copies a page of rows before it sums them up.
        place = at * len(parts) + place
        rows = rows.order_by(at)
        for first in range(0, sys.maxsize, _AT_ONCE):
            some = rows.add_columns(place.label("place")).limit(_AT_ONCE).offset(first).subquery()
            query = select(func.sum(some.c[1]), func.json_group_array(some.c[0]), func.json_group_array(some.c.place))
            worth, customers, numbers = connection.execute(query).one()
            value += worth or 0
            names += _decode(customers)
            places += _decode_numbers(numbers)
            if len(names) < first + _AT_ONCE:
                break
        apart = _apart(names, places, len(parts))
        step, heard = course
        # In order of time: of pairs with the same name the last one stays, which backwards is the first.
        hit = dict(zip(reversed(names), reversed(places), strict=True))
        whole = step * len(parts)
        steps = Counter(place // whole for place in hit.values())
        said = connection.execute(select(heard.c.customer, heard.c.heard))
        complained = sum(hit[name] // len(parts) < last for name, last in said if name in hit)
        return People(len(names), value, apart, steps, complained)

    def examine(self) -> tuple[float | None, str]:
        """No clock of its own; what a quick check of the file finds."""
        with self.read() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        return None, "" if found == "ok" else str(found)

    def vacuum(self) -> tuple[int, int]:
        """Give back the room of what was deleted; the size in bytes before and after."""
        path = Path(self.where.removeprefix("sqlite:///"))
        before = path.stat().st_size
        with self._writing() as connection, translated(self.where):
            driver = connection.connection.driver_connection
            if driver is not None:
                # Outside of a transaction, which the driver would begin.
                driver.execute("VACUUM")
                driver.execute("ANALYZE")
        return before, path.stat().st_size

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        self._lock.release()


class _Part(Transaction):
    """One of several transactions that are committed together."""

    def __init__(self, connection: Connection, nested: NestedTransaction, where: str) -> None:
        super().__init__(connection, where)
        self._nested = nested

    def commit(self) -> None:
        """Make it last if the whole does."""
        with translated(self.where):
            self._nested.commit()
        self.committed = True


def _apart(names: list[str], places: list[int], parts: int) -> tuple[int, ...]:
    """How many names each part has, without those of the parts before it."""
    of: list[list[str]] = [[] for _ in range(parts)]
    for name, place in zip(names, places, strict=True):
        of[place % parts].append(name)
    known: set[str] = set()
    counts = []
    for mine in of:
        before = len(known)
        known.update(mine)
        counts.append(len(known) - before)
    return tuple(counts)


_Page = tuple[int, int, bytes, bytes]
"""How many rows, the sum of their values, the customers and the parts, each as one text."""


def _pages(connection: Connection, rows: Select[Any]) -> list[_Page]:
    """All rows of (customer, value, time, part) in as few pages as there may be."""
    try:
        return [_page(connection, rows)]
    except exc.DataError:
        # Longer than a text may be.
        pages: list[_Page] = []
        while not pages or pages[-1][0] == _AT_ONCE:
            some = rows.limit(_AT_ONCE).offset(len(pages) * _AT_ONCE).subquery()
            pages.append(_page(connection, select(*some.c)))
        return pages


def _page(connection: Connection, rows: Select[Any]) -> _Page:
    customer, value, _, part = rows.selected_columns
    ids = cast(func.group_concat(customer, SEPARATOR), LargeBinary)
    digits = cast(func.group_concat(part, ""), LargeBinary)
    many, worth, *texts = connection.execute(rows.with_only_columns(func.count(), func.sum(value), ids, digits)).one()
    names, places = (text or b"" for text in texts)
    return many, worth or 0, names, places


def _counted(pages: list[_Page], parts: int) -> People:
    """What the rows of some pages come to."""
    pages = [page for page in pages if page[0]]
    ids, digits = SEPARATOR.encode().join(page[2] for page in pages), b"".join(page[3] for page in pages)
    apart = told_apart(ids, digits, parts)
    return People(sum(page[0] for page in pages), sum(page[1] for page in pages), apart, {})


# The listeners below begin transactions, not the driver: it would begin them late, and never IMMEDIATE.
_ARGUMENTS = {"connect_args": {"isolation_level": None, "check_same_thread": False, "timeout": _BUSY_MS / 1000}}


def _prepare_writer(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    sound = sqlite3.sqlite_version_info >= _WAL_IS_SOUND
    cursor.execute("PRAGMA journal_mode=WAL" if sound else "PRAGMA journal_mode=TRUNCATE")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # What is deleted leaves no bytes behind in the file: somebody may have been forgotten.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _prepare_reader(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
