"""The steps lead to the tables that the code uses, and nobody runs on a schema that it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from service.adapters.store import migrate, open_database, open_store
from service.adapters.store.sql.tables import metadata
from service.core.ports import StoreRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from service.adapters.store.sql.database import Database


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with open_database(request.getfixturevalue(request.param)) as opened:
        yield opened


def test_the_last_step_leads_to_the_tables_of_the_code(database: Database) -> None:
    migrate.upgrade(database)

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        for table in metadata.sorted_tables:
            wanted = {str(index.name) for index in table.indexes}
            assert {index["name"] for index in found.get_indexes(table.name)} >= wanted


def test_an_empty_database_has_no_version_and_gets_the_last(database: Database) -> None:
    assert migrate.current(database) is None
    with pytest.raises(StoreRefused, match="run `momentwatch db upgrade`"):
        migrate.check(database)

    migrate.upgrade(database)
    migrate.upgrade(database)

    assert migrate.current(database) == migrate.head()
    migrate.check(database)


def test_a_newer_schema_is_refused(database: Database) -> None:
    migrate.upgrade(database)
    database.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))

    for attempt in (migrate.upgrade, migrate.check):
        with pytest.raises(StoreRefused, match="9999, newer than this program knows"):
            attempt(database)


def test_a_refused_store_lets_go_of_its_file(sqlite_url: str) -> None:
    with open_database(sqlite_url) as database:
        migrate.upgrade(database)
        database.write(lambda connection: connection.execute(text("DROP TABLE alembic_version")))
        database.write(lambda connection: connection.execute(text("CREATE TABLE alembic_version(version_num TEXT)")))
        database.write(lambda connection: connection.execute(text("INSERT INTO alembic_version VALUES ('9')")))
    for _ in range(2):
        with pytest.raises(StoreRefused, match="newer"):
            open_store(sqlite_url)


def test_a_step_that_fails_leaves_nothing_behind(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic.operations import Operations

    make = Operations.create_table

    def break_off(self: Operations, name: str, *given: object, **more: object) -> object:
        if name == "voices":
            raise KeyError(name)
        return make(self, name, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Operations, "create_table", break_off)
    with pytest.raises(KeyError):
        migrate.upgrade(database)
    monkeypatch.undo()

    assert migrate.current(database) is None
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()


def test_every_step_can_be_taken_back(database: Database) -> None:
    migrate.upgrade(database)

    def back(connection: Connection) -> None:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    database.write(back)

    with database.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
