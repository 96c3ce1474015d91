"""The oracle against a log that was counted by hand, and the verdict against stores that are off by one."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.adapters.store import open_store
from tests.adapters.store.scene import MOMENTS, Reader, outcome
from tests.faults.oracle import HOUR, MINUTE, Expected, Raw, Watched, micros, recount
from tests.faults.stored import Verdict, own_books, places

WATCHED = Watched({"m": ("region",)}, {"m": ("t",)}, MINUTE)
T0 = "2026-03-02T09:00:00Z"
AT = micros(T0)


def when(minutes: float) -> str:
    hours, rest = divmod(round(minutes * 60), 3600)
    return f"2026-03-02T{9 + hours:02}:{rest // 60:02}:{rest % 60:02}Z"


def log(*events: dict[str, Any] | bytes, partition: int = 0) -> list[Raw]:
    payloads = [e if isinstance(e, bytes) else json.dumps(e).encode() for e in events]
    return [Raw("t", partition, offset, payload) for offset, payload in enumerate(payloads)]


def event(name: str, minute: float, kind: str = "outcome", **more: Any) -> dict[str, Any]:
    fields = {"id": name, "time": when(minute), "type": kind, "customer": "c", "moment": "m"}
    return fields | ({"outcome": "kept"} if kind == "outcome" else {}) | more


def test_outcomes_are_counted_by_minute_and_stated_dimensions_and_doubles_once() -> None:
    broken = event("b", 1, outcome="broken", value=2.5, dimensions={"region": "n", "other": "x"})
    found = recount(log(event("a", 0.5), broken, broken, b"no JSON", b"[]", event("z", 5)), WATCHED)
    assert found.cells == {
        ("m", AT, ()): (1, 0, 0, 1, 0, 0),
        ("m", AT + MINUTE, (("region", "n"),)): (1, 1, 0, 1, 250, 250),
        ("m", AT + 5 * MINUTE, ()): (1, 0, 0, 1, 0, 0),
    }
    assert (found.read, found.accepted, found.duplicate) == (6, 3, 1)
    assert found.dead == {("t", 0, 3): "not_json", ("t", 0, 4): "not_an_object"}
    assert list(found.breaks) == [("m", "c", AT + MINUTE, 250, (("other", "x"), ("region", "n")), None)]
    assert found.closed == {"m": AT + 4 * MINUTE}


def test_an_id_is_a_duplicate_for_an_hour_of_its_partitions_time() -> None:
    found = recount(log(event("a", 0), event("b", 60), event("a", 60)), WATCHED)
    assert found.duplicate == 1
    found = recount(log(event("a", 0), event("b", 60.5), event("a", 60)), WATCHED)
    assert found.duplicate == 0
    assert found.closed == {"m": AT + HOUR - MINUTE}
    elsewhere = [*log(event("a", 0)), *log(event("a", 0), partition=1)]
    assert recount(elsewhere, WATCHED).duplicate == 0


@pytest.mark.parametrize(
    ("outcomes", "cell", "settled"),
    [
        ([event("k", 9, key="k")], (10, 0), None),
        ([event("k", 12, key="k")], (10, 1), AT + 12 * MINUTE),
        ([event("b", 3, key="k", outcome="broken")], (3, 1), None),
        ([event("b", 3, key="k", outcome="broken"), event("k", 9, key="k")], (10, 0), None),
        ([event("b", 12, key="k", outcome="broken")], (10, 1), None),
        ([], (10, 1), None),
    ],
)
def test_a_promise_counts_once_where_the_contract_says(
    outcomes: list[dict[str, Any]], cell: tuple[int, int], settled: int | None
) -> None:
    promise = event("p", 0, "promise", key="k", due=when(10))
    for order in (1, -1):
        found = recount(log(*[promise, *outcomes][::order], event("z", 30, "feedback")), WATCHED)
        counted = [(key[1], sums[1]) for key, sums in found.cells.items() if sums[0]]
        assert counted == [(AT + cell[0] * MINUTE, cell[1])]
        assert [row[-1] for row in found.breaks] == ([settled] if cell[1] else [])


def counted() -> Expected:
    return recount(log(event("a", 0), event("b", 1, outcome="broken"), b"x"), WATCHED)


def test_a_store_that_agrees_is_found_to_agree() -> None:
    verdict = Verdict(counted(), counted())
    assert (verdict.lost, verdict.doubled, verdict.problems) == (0, 0, [])


def test_what_is_lost_and_what_is_doubled_is_told_apart_and_named() -> None:
    found = counted()
    found.cells[("m", AT, ())] = (2, 0, 0, 1, 0, 0)
    verdict = Verdict(counted(), found)
    assert (verdict.lost, verdict.doubled) == (0, 1)
    assert any("cells" in problem for problem in verdict.problems)
    found = counted()
    found.breaks = Counter()
    verdict = Verdict(counted(), found)
    assert (verdict.lost, verdict.doubled) == (1, 0)
    found = counted()
    found.dead = {("t", 0, 2): "not_json and not_json"}
    assert Verdict(counted(), found).problems
    found = counted()
    found.read += 1
    assert len(Verdict(counted(), found).problems) == 2


def test_books_that_the_service_itself_finds_wrong_are_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with closing(open_store(url, MOMENTS)) as store:
        Reader(store).take(outcome(AT))
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
        connection.execute("UPDATE counts SET n = n + 1 WHERE name = 'read'")
    [wrong] = own_books(url)
    assert "DIFFERS events[0]" in wrong


def test_a_topic_that_has_more_partitions_again_is_one_topic_in_all_its_places() -> None:
    rows = [(1, "t", 0, "a"), (2, "t", 1, "a"), (3, "t", 0, "b"), (4, "t", 0, "c"), (5, "t", 1, "c"), (6, "u", 1, "d")]
    assert places(rows) == {1: ("t", 0), 2: ("t", 1), 3: ("t~1", 0), 4: ("t~2", 0), 5: ("t~2", 1), 6: ("u", 1)}
