"""What a database's errors mean: away, busy or refused, in words that name nothing secret."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from service.core.ports import StoreAway, StoreBusy, StoreRefused

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BUSY_STATES = {
    "40001",  # serialization failure
    "40P01",  # deadlock detected
    "55P03",  # lock not available
    "57014",  # query cancelled: the statement timeout
}
_REFUSED_CLASSES = {
    "22",  # data exception
    "23",  # integrity constraint violation
    "54",  # program limit exceeded
}
# https://www.sqlite.org/rescode.html
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_REFUSED = {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}
_BEGUN = "was left in the middle of a transaction: start its service once, so that it can take back what it had begun"
_SQLITE_AWAY = {
    sqlite3.SQLITE_FULL: "has no room left: free some of its disk; nothing is lost meanwhile",
    sqlite3.SQLITE_READONLY: "may not be written: give the service rights to the file and its folder",
    sqlite3.SQLITE_READONLY_ROLLBACK: _BEGUN,
    sqlite3.SQLITE_READONLY_RECOVERY: _BEGUN,
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: give the service rights to the file and its folder",
    # Refused it must not be: records would be buried for what is wrong with a page of the file.
    sqlite3.SQLITE_CORRUPT: "is damaged: stop the service and restore the last backup",
}
_LONGEST = 160


def meaning(error: exc.DBAPIError, where: str) -> Exception:
    """The port's exception for a driver's error; the error itself where it is a mistake of ours."""
    if error.connection_invalidated:
        return StoreAway(f"{where}: the connection was lost")
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(error, original, where)
    return _of_postgres(error, original, where)


def _of_postgres(error: exc.DBAPIError, original: object, where: str) -> Exception:
    state: str = getattr(original, "sqlstate", None) or ""
    name = f"{state} {type(original).__name__}".strip()
    if state in _BUSY_STATES:
        return StoreBusy(f"{where}: gave way to another transaction ({name})")
    if state[:2] in _REFUSED_CLASSES or (not state and isinstance(error, exc.DataError)):
        return StoreRefused(f"{where} refused what was to be written ({name})")
    if isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError):
        return StoreAway(f"{where} cannot be reached now ({name if state else _said(original)})")
    return error


def _said(original: object) -> str:
    """Why there is no connection, in the client library's words: it knows of no row, and repeats no password."""
    first = next(iter(str(original).splitlines()), "")
    why = first.rpartition("failed: ")[2].removeprefix("FATAL:").strip() or type(original).__name__
    return "".join(c if c.isprintable() else " " for c in why)[:_LONGEST]


def _of_sqlite(error: exc.DBAPIError, original: sqlite3.Error, where: str) -> Exception:
    code = getattr(original, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    name = getattr(original, "sqlite_errorname", type(original).__name__)
    if primary in _SQLITE_BUSY:
        return StoreBusy(f"{where}: another connection holds it ({name})")
    if primary in _SQLITE_REFUSED or isinstance(error, exc.DataError | exc.IntegrityError | exc.InterfaceError):
        return StoreRefused(f"{where} refused what was to be written ({name})")
    if primary == sqlite3.SQLITE_NOTADB:
        return StoreRefused(f"{where} is no SQLite file, or is damaged: name another, or restore the last backup")
    if primary == sqlite3.SQLITE_ERROR:
        return error
    why = _SQLITE_AWAY.get(code or 0) or _SQLITE_AWAY.get(primary or 0) or "cannot be read or written now"
    return StoreAway(f"{where} {why} ({name})")


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raises the port's exceptions instead of the driver's; `where`: the URL without its password."""
    try:
        yield
    except exc.DBAPIError as error:
        plain = meaning(error, where)
        if plain is error:
            raise
        raise plain from None
    except exc.TimeoutError:
        raise StoreBusy(f"{where}: no connection became free in time") from None
    except (OverflowError, UnicodeEncodeError) as error:
        kind = type(error).__name__
        raise StoreRefused(f"{where} refused what was to be written ({kind})") from None
