"""The schema's version: what it is, what it should be, and the way there.

A version is MAJOR.MINOR. Within a major version a step only adds: tables, and columns that may be empty or have a
default, so that a process of an older minor version goes on beside one that has upgraded the schema, as in a rolling
upgrade. A newer major version is refused. (A list of what each version gets along with, kept in the database, would
have been more to get wrong.)
"""

import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from service.adapters.store.migrations import picture
from service.adapters.store.sql.database import Database
from service.core.ports import StoreRefused

if TYPE_CHECKING:
    # It is loaded where there is a way to go: to see that there is none, a start needs not wait for it.
    from alembic.config import Config

_STEPS = Path(__file__).parent / "migrations" / "versions"
_FIRST = "0001"
"""What version 1.0 was called when versions had no minor number."""

# Any number, the same in every replica: they take turns to upgrade.
_ADVISORY_LOCK = 0x6D6F6D656E74


@cache
def known() -> tuple[str, ...]:
    """Every version that this program knows the way to, newest first: a step a file, which is named by it."""
    numbers = sorted((file.name[1:5] for file in _STEPS.glob("v[0-9]*.py")), reverse=True)
    return tuple(each if each == _FIRST else f"{int(each[:2])}.{int(each[2:])}" for each in numbers)


def head() -> str:
    """The version that this program was made for."""
    return known()[0]


def parsed(version: str) -> tuple[int, int]:
    """(major, minor); what is no version of ours is newer than everything."""
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?", version, re.ASCII)
    return (int(found[1]), int(found[2] or 0)) if found else (sys.maxsize, 0)


def current(database: Database) -> str | None:
    """The version that a database has; None: no tables yet."""
    with database.read() as connection:
        return _found(connection)


def _found(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def upgrade(database: Database) -> None:
    """Bring a database to this program's version; nothing happens where it is there already.

    Raises StoreRefused when the schema is newer than the program.
    """
    if _settled(current(database), database.where):
        return

    def work(connection: Connection) -> None:
        _take_turns(connection)
        if connection.dialect.name == "sqlite" and not inspect(connection).get_table_names():
            picture.run(connection)
        if not _settled(_found(connection), database.where):
            take_steps(connection)

    database.write(work)


def take_steps(connection: Connection) -> None:
    """Go from wherever a database is to this program's version, step by step."""
    from alembic import command

    command.upgrade(_config(connection), "head")


def downgrade(database: Database, to: str) -> None:
    """Take steps back, and what only newer versions keep with them. Raises StoreRefused where there is no such way."""
    found = current(database)
    if found is None or found not in known():
        raise StoreRefused(
            f"{database.where}: the schema is at {found or 'nothing'}, and only the momentwatch that made it "
            "can take that back; run its `momentwatch db downgrade`"
        )
    if to not in known() or known().index(to) < known().index(found):
        older = ", ".join(known()[known().index(found) + 1 :]) or "none, for that is the first"
        raise StoreRefused(f"{database.where}: {to} is no version before {found}; give one of {older}")

    def work(connection: Connection) -> None:
        from alembic import command

        _take_turns(connection)
        command.downgrade(_config(connection), to)

    database.write(work)


def check(database: Database) -> None:
    """Raises StoreRefused where the schema is not one that this program can work with."""
    found = current(database)
    if not _settled(found, database.where):
        raise StoreRefused(
            f"{database.where}: the schema is at {found or 'nothing'}, this program needs {head()}; "
            "run `momentwatch db upgrade`"
        )


def _settled(found: str | None, where: str) -> bool:
    """Whether there is nothing to be done: the schema is at this version, or at a newer one that only added to it."""
    if found == head():
        return True
    if found is None or found in known():
        return False
    if parsed(found)[0] == parsed(head())[0] and parsed(found) > parsed(head()):
        return True
    raise StoreRefused(
        f"{where}: the schema is at {found}, newer than this program can work with ({head()}); "
        "run the newer momentwatch, or restore a backup"
    )


def _take_turns(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Only until the transaction ends, so that no pooler and no vanished client can keep it.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.attributes["connection"] = connection
    config.set_main_option("script_location", "service.adapters.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
