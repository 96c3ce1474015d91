"""Distinct customers in one long text: exact whatever the ids are like and however badly their hash spreads them."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import event, text

from service.adapters.store import open_store
from service.adapters.store.sql import apart, sqlite
from service.adapters.store.sql.apart import Words, told_apart
from service.adapters.store.sql.store import SqlStore
from service.core.event import HOUR
from service.core.people import Place
from tests.adapters.store.scene import MOMENTS, T0, Reader, outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.core.interruption import Impact
    from service.core.ports import Store

SHAPES: dict[str, Callable[[int], str]] = {
    "of one length": lambda number: f"{number:032x}",
    "of several lengths": lambda number: f"c{number}",
    "of any letters": lambda number: "žá€𝄞"[number % 4] * (number % 7) + str(number),
    "one of them very long": lambda number: "x" * 500 if number == 3 else str(number),
    "one of them empty": lambda number: "" if number == 3 else f"{number:08}",
}


def plainly(ids: list[str], parts: list[int], count: int) -> tuple[int, ...]:
    """By a dictionary."""
    first: dict[str, int] = {}
    for name, part in zip(ids, parts, strict=True):
        first[name] = min(first.get(name, count), part)
    return tuple(sum(part == place for part in first.values()) for place in range(count))


def asked(ids: list[str], parts: list[int], count: int) -> tuple[int, ...]:
    return told_apart("\0".join(ids).encode(), "".join(map(str, parts)).encode(), count)


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("hashed", ["well", "a little", "not at all"])
def test_everybody_counts_once_in_the_lowest_of_their_parts(
    shape: str, hashed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hashed != "well":
        values = np.uint64(1 if hashed == "not at all" else 7)

        def badly(words: Words) -> Words:
            return (words[:, 0] % values) << np.uint64(60)

        monkeypatch.setattr(apart, "_mixed", badly)
    rng = random.Random(7)
    for many in (1, 2, 50, 3000):
        ids = [SHAPES[shape](rng.randrange(max(many // 2, 1))) for _ in range(many)]
        parts = [rng.randrange(4) for _ in ids]
        assert plainly(ids, parts, 4) == asked(ids, parts, 4)


def test_of_no_rows_there_is_nobody() -> None:
    assert told_apart(b"", b"", 3) == (0, 0, 0)


def test_an_id_that_holds_the_separator_is_not_counted_as_two() -> None:
    with pytest.raises(ValueError, match="holds the separator"):
        told_apart(b"a\0b\0c", b"00", 1)


def let_down(store: Store, ids: list[str]) -> Impact:
    """Break a promise to each, one after the other, and count them."""
    Reader(store).take(*(outcome(T0 + place, "broken", customer=name) for place, name in enumerate(ids)))
    return store.harm([Place("paid", (), T0, T0 + HOUR)])


IDS = [f"customer-{number % 400}" for number in range(600)]


def test_more_customers_than_one_text_can_hold_are_counted_in_pages(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_AT_ONCE", 100)
    with closing(open_store(sqlite_url, MOMENTS)) as store:
        assert isinstance(store, SqlStore)
        Reader(store).take(*(outcome(T0 + place, "broken", customer=name) for place, name in enumerate(IDS)))
        event.listen(
            store._database.readers,
            "checkout",
            lambda connection, *_: connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 3_000),
        )
        found = store.harm([Place("paid", (), T0, T0 + HOUR)])
    assert (len(IDS), 400) == (found.broken, found.customers)


def test_ids_with_the_servers_separator_in_them_are_grouped_by_the_server(postgres_url: str) -> None:
    with closing(open_store(postgres_url, MOMENTS)) as store:
        found = let_down(store, ["a\x1fb", "a", "b", "a", "\x1f"])
    assert (found.broken, found.customers) == (5, 4)


def test_customers_that_no_text_of_the_servers_can_hold_are_grouped_by_it(postgres_url: str) -> None:
    with closing(open_store(postgres_url, MOMENTS)) as store:
        assert isinstance(store, SqlStore)
        Reader(store).take(*(outcome(T0 + place, "broken", customer=name) for place, name in enumerate(IDS)))
        with store._database.engine.begin() as connection:
            # What the server says of a text of a gigabyte, said of any.
            connection.execute(text(TOO_LONG))
            connection.execute(text("CREATE AGGREGATE public.string_agg(text, text) (SFUNC = too_long, STYPE = text)"))
        for engine in (store._database.engine, store._database.readers):
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(FOUND_FIRST))
        found = store.harm([Place("paid", (), T0, T0 + HOUR)])
    assert (len(IDS), 400) == (found.broken, found.customers)


TOO_LONG = """
CREATE FUNCTION public.too_long(text, text, text) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'cannot enlarge' USING ERRCODE = '54000'; END $$
"""
FOUND_FIRST = "SET LOCAL search_path = public, pg_catalog"
