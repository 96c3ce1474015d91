"""One store after another for every test of the contract: memory, SQLite, PostgreSQL."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Protocol

import pytest
from sqlalchemy import create_engine, text

from service.adapters.store import open_store
from service.adapters.store.sql.tables import metadata
from tests.adapters.store.scene import MOMENTS, T0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from service.core.ports import Store
    from tests.harness.postgres import PostgresServer

KINDS = ("memory", "sqlite", "postgres")


class Shelf(Protocol):
    """Opens stores of one kind, each empty."""

    kind: str

    def __call__(self) -> Store: ...


class _Opener:
    """Opens empty stores until the test ends."""

    def __init__(self, kind: str, url: Callable[[], str]) -> None:
        self.kind = kind
        self._url = url
        self._opened: list[Store] = []

    def __call__(self) -> Store:
        self.close()
        store = open_store(self._url(), MOMENTS, clock=lambda: T0)
        self._opened.append(store)
        return store

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()


@pytest.fixture(scope="session")
def postgres_shelf(postgres_server: PostgresServer) -> Iterator[str]:
    """A database that the contract's tests empty and share: to make one each takes most of the time."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A database file that is not there yet."""
    return f"sqlite:///{tmp_path}/store.db"


def emptied(url: str) -> str:
    """The PostgreSQL database without rows."""
    open_store(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    engine.dispose()
    return url


@pytest.fixture
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Shelf]]:
    """Makes a shelf of the kind that is named."""
    numbers = iter(range(1_000_000))
    with ExitStack() as opened:

        def make(kind: str) -> Shelf:
            if kind == "memory":
                shelf = _Opener(kind, lambda: "memory:")
            elif kind == "sqlite":
                shelf = _Opener(kind, lambda: f"sqlite:///{tmp_path}/store-{next(numbers)}.db")
            else:
                url: str = request.getfixturevalue("postgres_shelf")
                shelf = _Opener(kind, lambda: emptied(url))
            return opened.enter_context(closing(shelf))

        yield make


@pytest.fixture(params=KINDS)
def shelf(request: pytest.FixtureRequest, opener: Callable[[str], Shelf]) -> Shelf:
    """Opens an empty store of each kind, as often as it is called."""
    return opener(request.param)


@pytest.fixture
def store(shelf: Shelf) -> Store:
    """An empty store of each kind."""
    return shelf()


@pytest.fixture(params=KINDS[1:])
def lasting_store(request: pytest.FixtureRequest, opener: Callable[[str], Shelf]) -> Store:
    """An empty store of each kind that outlives its process."""
    return opener(request.param)()
