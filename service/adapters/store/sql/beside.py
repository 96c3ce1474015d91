"""SQLite beside its owner: another process's file, read without its lock and without writing a byte of it."""

from typing import NoReturn

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.pool import NullPool

from service.adapters.store.sql.bulk import SqliteBulk
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.sqlite import SqliteDatabase, need_file
from service.core.ports import StoreRefused

_BUSY_S = 30.0
"""A commit of the owner's is waited for; our own reads are short, so that it waits little for us."""


class SqliteBeside(SqliteDatabase):
    """One file, opened read-only: SQLite's own locks keep it whole, so that no lock of ours is needed."""

    def __init__(self, url: URL) -> None:  # does not make the lock, the folder and the writer that the owner needs
        path = need_file(url)
        self.where = f"sqlite:///{path}"
        # By URI, since nothing else opens a file read-only; no pool, since a connection left open holds nothing up
        # only as long as it is not in a transaction.
        file = URL.create("sqlite", database=path.as_uri(), query={"mode": "ro", "uri": "true"})
        arguments = {"isolation_level": None, "check_same_thread": False, "timeout": _BUSY_S}
        self.engine = self.readers = create_engine(
            file, poolclass=NullPool, hide_parameters=True, connect_args=arguments
        )
        event.listen(self.engine, "begin", _begin)
        self.bulk = SqliteBulk(self.engine.dialect)

    def _writing(self) -> NoReturn:
        raise StoreRefused(f"{self.where} is open for reading only")

    def close(self) -> None:
        """Let go of the file."""
        Database.close(self)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
