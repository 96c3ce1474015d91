from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from tests.harness import postgres as harness
from tests.harness.process import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.harness.postgres import PostgresServer


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def test_a_select_is_answered(postgres_url: str) -> None:
    assert run(postgres_url, "SELECT 40 + 2") == [(42,)]


def test_every_test_gets_an_empty_database(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as one, postgres_server.database() as other:
        run(one, "CREATE TABLE mine (id int)")
        assert run(other, "SELECT to_regclass('mine')") == [(None,)]
    with pytest.raises(Exception, match="does not exist"):
        run(one, "SELECT 1")


def test_data_outlive_a_stop_a_kill_and_a_freeze(postgres_servers: Callable[[], PostgresServer]) -> None:
    server = postgres_servers()
    url = server.create_database()
    run(url, "CREATE TABLE kept (id int)")
    run(url, "INSERT INTO kept VALUES (1)")
    server.restart()
    run(url, "INSERT INTO kept VALUES (2)")
    server.kill()
    assert not server.answers()
    server.start()
    server.pause()
    assert not server.answers()
    server.resume()
    assert run(url, "SELECT id FROM kept ORDER BY id") == [(1,), (2,)]


def test_a_given_server_is_used_and_never_stopped(postgres_server: PostgresServer, postgres_url: str) -> None:
    given = harness.PostgresServer(postgres_url)
    with given.database() as url:
        assert run(url, "SELECT 1") == [(1,)]
    with pytest.raises(HarnessError, match="not ours"):
        given.stop()
    given.close()
    assert postgres_server.answers()
