"""The steps lead to the tables that the code uses, and nobody runs on a schema that it does not know."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from service.adapters.store import migrate, open_database, open_store
from service.adapters.store.migrations import picture
from service.adapters.store.sql.store import SqlStore
from service.adapters.store.sql.tables import metadata
from service.core.event import MINUTE
from service.core.ports import StoreRefused
from tests.adapters.store.scene import MOMENTS, T0, Reader, close, every_break, outcome, promise

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


def test_steps_are_known_by_the_names_of_their_files(database: Database) -> None:
    with database.engine.connect() as connection:
        steps = ScriptDirectory.from_config(migrate._config(connection)).walk_revisions()
        assert migrate.known() == tuple(step.revision for step in steps)


def test_an_empty_sqlite_database_becomes_at_once_what_the_steps_make_of_it(sqlite_url: str, tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'by-steps.db'}") as by_steps, open_database(sqlite_url) as at_once:
        by_steps.write(migrate.take_steps)
        migrate.upgrade(at_once)
        files = [Path(str(each.engine.url.database)) for each in (by_steps, at_once)]

    drawn = []
    for file in files:
        with closing(sqlite3.connect(file)) as opened:
            drawn.append(picture.drawn(opened))
    remedy = "write it anew: python -m service.adapters.store.migrations.picture"
    assert drawn[0] == picture.PICTURE.read_text(encoding="utf-8"), remedy
    assert drawn[1] == drawn[0]


def set_version(database: Database, version: str) -> None:
    database.write(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    )


@pytest.mark.parametrize("version", ["9999", "2.0", "no-version"])
def test_a_newer_major_schema_is_refused(database: Database, version: str) -> None:
    migrate.upgrade(database)
    set_version(database, version)

    for attempt in (migrate.upgrade, migrate.check):
        with pytest.raises(StoreRefused, match=f"{version}, newer than this program can work with"):
            attempt(database)


def test_an_old_process_works_beside_a_newer_minor_schema(database: Database) -> None:
    migrate.upgrade(database)
    for table in metadata.sorted_tables:
        # What a step within a major version may do: a column with a default, and a table.
        sql = f"ALTER TABLE {table.name} ADD COLUMN of_the_future BIGINT NOT NULL DEFAULT 7"
        database.write(lambda connection, sql=sql: connection.execute(text(sql)))  # type: ignore[misc]
    database.write(lambda connection: connection.execute(text("CREATE TABLE of_the_future (x BIGINT)")))
    set_version(database, "1.999")
    migrate.upgrade(database)
    migrate.check(database)

    store = SqlStore(database, MOMENTS, lambda: T0)
    Reader(store).take(outcome(T0, "broken"), promise(T0, "k", T0 + MINUTE))
    close(store, "delivered", T0 + 2 * MINUTE)
    assert (store.counts().read, len(every_break(store)), len(every_break(store, "delivered"))) == (2, 1, 1)
    assert migrate.current(database) == "1.999"


def test_steps_within_a_major_version_only_add(database: Database) -> None:
    """What makes a rolling upgrade possible: an older process finds all it knows, and may leave the rest out."""
    seen: dict[str, set[str]] = {}
    for version in reversed(migrate.known()):

        def step(connection: Connection, version: str = version) -> None:
            command.upgrade(migrate._config(connection), version)

        database.write(step)
        with database.engine.connect() as connection:
            found = inspect(connection)
            tables = {name: found.get_columns(name) for name in found.get_table_names()}
        for name, columns in seen.items():
            assert columns <= {column["name"] for column in tables[name]}, (version, name)
            fresh = [column for column in tables[name] if column["name"] not in columns]
            assert all(column["nullable"] or column["default"] is not None for column in fresh), (version, name)
        seen = {name: {column["name"] for column in columns} for name, columns in tables.items()}
    assert {migrate.parsed(version)[0] for version in migrate.known()} == {1}


def test_a_step_back_says_which_there_are(database: Database) -> None:
    with pytest.raises(StoreRefused, match="the schema is at nothing"):
        migrate.downgrade(database, "0001")
    migrate.upgrade(database)
    with pytest.raises(StoreRefused, match=r"0\.9 is no version before .*; give one of .*0001"):
        migrate.downgrade(database, "0.9")
    migrate.downgrade(database, "0001")
    assert migrate.current(database) == "0001"
    with pytest.raises(StoreRefused, match="is no version before 0001"):
        migrate.downgrade(database, migrate.head())
    set_version(database, "1.999")
    with pytest.raises(StoreRefused, match="only the momentwatch that made it"):
        migrate.downgrade(database, "0001")


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
        database.write(migrate.take_steps)
    monkeypatch.undo()

    assert migrate.current(database) is None
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()


def test_every_step_can_be_taken_back(database: Database) -> None:
    migrate.upgrade(database)

    def back(connection: Connection) -> None:
        command.downgrade(migrate._config(connection), "base")

    database.write(back)

    with database.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()


def test_a_first_start_that_is_broken_off_leaves_nothing_behind(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = picture.PICTURE.read_text(encoding="utf-8")
    torn = tmp_path / "torn.sql"
    torn.write_text(whole[: len(whole) // 2])
    monkeypatch.setattr(picture, "PICTURE", torn)
    with open_database(sqlite_url) as database:
        with pytest.raises(OperationalError, match="CREATE TABLE"):
            migrate.upgrade(database)
        monkeypatch.undo()
        with database.engine.connect() as connection:
            assert inspect(connection).get_table_names() == []

        migrate.upgrade(database)
        assert migrate.current(database) == migrate.head()
