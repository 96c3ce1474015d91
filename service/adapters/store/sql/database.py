"""Connections and transactions: what SQLite and PostgreSQL share, and the few places where they differ."""

import random
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Select, Subquery, exc, literal, true

from service.adapters.store.sql.bulk import Bulk
from service.adapters.store.sql.failures import meaning, translated
from service.core.ports import StoreAway, StoreBusy

T = TypeVar("T")

_ATTEMPTS = 6
_FIRST_PAUSE = 0.02


_READING: ContextVar[tuple["Database", Connection] | None] = ContextVar("_READING", default=None)
"""Whose reads are one now, and on which connection: each thread has its own answer."""


class CommitUnknown(StoreAway):
    """The answer to a COMMIT was lost: it may or may not have gone through."""


class Transaction:
    """One open transaction; rolled back unless it is committed."""

    def __init__(self, connection: Connection, where: str) -> None:
        self.connection = connection
        self.where = where
        self.committed = False

    def commit(self) -> None:
        """Make it last. Raises CommitUnknown when no answer came."""
        try:
            self.connection.commit()
        except exc.DBAPIError as error:
            plain = meaning(error, self.where)
            # SQLite always knows: a commit that failed was not done.
            if isinstance(plain, StoreAway) and not isinstance(error.orig, sqlite3.Error):
                raise CommitUnknown(f"{self.where}: no answer to a commit") from None
            raise plain from None
        self.committed = True


@dataclass(frozen=True, slots=True)
class People:
    """What rows of breaks come to: how many, the sum of their values, and customers by part.

    By step, too, and how many complained after their first break, where that was asked.
    """

    broken: int
    value: int
    parts: tuple[int, ...]
    steps: Mapping[int, int]
    complained: int = 0


class Database(ABC):
    """A database: transactions that write, and reads of one snapshot each."""

    engine: Engine
    readers: Engine
    bulk: Bulk
    where: str
    """Its URL without the password."""

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction for a caller who says when to commit."""
        reading = _READING.get()
        if reading is not None and reading[0] is self:
            # In SQLite its commit would wait for these reads, and they for it.
            raise RuntimeError("a transaction that writes was opened among reads that are one")
        with self._writing() as connection:
            with translated(self.where):
                connection.begin()
            transaction = Transaction(connection, self.where)
            try:
                yield transaction
            finally:
                if not transaction.committed:
                    # A connection that was lost has nothing left to roll back.
                    with suppress(exc.DBAPIError):
                        connection.rollback()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Here each transaction stays one: its locks are held no longer than it needs them."""
        yield

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do some work in a transaction of its own; again, a few times, when it had to give way."""
        pause = _FIRST_PAUSE
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._once(work)
            except StoreBusy:
                time.sleep(pause * random.uniform(0.5, 1))
                pause *= 2
        return self._once(work)

    def _once(self, work: Callable[[Connection], T]) -> T:
        with self.transaction() as transaction:
            with translated(self.where):
                result = work(transaction.connection)
            transaction.commit()
            return result

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with translated(self.where):
            connection = self.engine.connect()
        try:
            yield connection
        finally:
            with suppress(exc.DBAPIError):
                connection.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose statements all see one state, for as long as the `with` lasts: keep it short."""
        open_already = _READING.get()
        if open_already is not None and open_already[0] is self:
            yield open_already[1]
            return
        with translated(self.where), self.readers.connect() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Reads within it, by the same thread, are one."""
        with self.read() as connection:
            token = _READING.set((self, connection))
            try:
                yield
            finally:
                _READING.reset(token)

    @property
    def writable(self) -> bool:
        """Whether it may be written, as far as that can be seen without doing it."""
        return True

    @abstractmethod
    def dimension(self, dims: ColumnElement[str], name: str) -> ColumnElement[str | None]:
        """The value of a dimension in a column of canonical JSON."""

    @abstractmethod
    def inside(self, body: ColumnElement[str], name: str, place: int) -> ColumnElement[str]:
        """What stands at a place of an array that is a member of an object, of a column of JSON; for `dimension`."""

    @abstractmethod
    def among(self, column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
        """Whether a column holds one of many values."""

    def distinct(self, connection: Connection, query: Select[Any]) -> int:
        """How many different texts a query of one column gives, exactly."""
        return self.people(connection, query.add_columns(literal(0), literal(0)), (true(),)).parts[0]

    @abstractmethod
    def people(
        self,
        connection: Connection,
        rows: Select[Any],
        parts: Sequence[ColumnElement[bool]],
        course: tuple[int, Subquery] | None = None,
    ) -> People:
        """What rows of (customer, value, time) come to; `course`: how long a step is, and (customer, heard) of voices.

        A row lies in one part; a customer counts in the first part, and in the first step, that has a row of theirs.
        """

    @abstractmethod
    def examine(self) -> tuple[float | None, str]:
        """Its clock in Unix seconds, where it has one of its own, and what is damaged."""

    @abstractmethod
    def vacuum(self) -> tuple[int, int]:
        """Give back the room of what was deleted; the size in bytes before and after."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()
        self.readers.dispose()
