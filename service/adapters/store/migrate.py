"""The schema's version: what it is, what it should be, and the way there."""

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from service.adapters.store.sql.database import Database
from service.core.ports import StoreRefused

# Any number, the same in every replica: they take turns to upgrade.
_ADVISORY_LOCK = 0x6D6F6D656E74


@cache
def head() -> str:
    """The version that this program was made for."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def current(database: Database) -> str | None:
    """The version that a database has; None: no tables yet."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database) -> None:
    """Bring a database to this program's version; nothing happens where it is there already.

    Raises StoreRefused when the schema is newer than the program.
    """
    if _settled(current(database), database.where):
        return

    def work(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            # Only until the transaction ends, so that no pooler and no vanished client can keep it.
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        found = MigrationContext.configure(connection).get_current_revision()
        if not _settled(found, database.where):
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    database.write(work)


def check(database: Database) -> None:
    """Raises StoreRefused where the schema is not this program's."""
    found = current(database)
    if not _settled(found, database.where):
        raise StoreRefused(
            f"{database.where}: the schema is at {found or 'nothing'}, this program needs {head()}; "
            "run `momentwatch db upgrade`"
        )


def _settled(found: str | None, where: str) -> bool:
    if found == head():
        return True
    if found is not None and found not in _known():
        raise StoreRefused(
            f"{where}: the schema is at {found}, newer than this program knows ({head()}); "
            "run the newer momentwatch, or restore a backup"
        )
    return False


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "service.adapters.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
