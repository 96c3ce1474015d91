from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.stream import CATALOG, outcomes
from benchmarks.table import Absent, Row, ratio
from benchmarks.throughput import _lines
from service.adapters.decode import Decoder
from service.core.event import Batch, Partition


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row("w", [1.0, 3.0, 2.0], least=2.0), "met"),
        (Row("w", [1.0, 3.0, 1.9], least=2.0), "**missed**"),
        (Row("w", [1.0, 9.0, 2.0], most=2.0), "met"),
        (Row("w", [1.0, 9.0, 2.1], most=2.0), "**missed**"),
        (Row("w", [1.0]), ""),
    ],
)
def test_the_median_is_held_against_the_goal(row: Row, verdict: str) -> None:
    assert row.verdict == verdict


def test_a_row_says_median_spread_goal_and_verdict() -> None:
    assert str(Row("poll", [1_000.0, 3_000.0, 1_500.0], "/s", least=2_000)) == (
        "| poll | 1,500 /s | 1,000 to 3,000 | ≥ 2,000 | **missed** |"
    )


def test_ratios_compare_what_ran_side_by_side() -> None:
    assert ratio([10.0, 30.0], [5.0, 10.0]) == [2.0, 3.0]


def test_every_event_of_the_stream_is_one_that_the_service_takes() -> None:
    payloads = [payload for _, payload in outcomes(500)]
    batch = Batch(Partition("t", 0), list(range(500)), payloads, 500)

    decoded = Decoder(CATALOG).decode(batch)

    assert len(decoded.records) == 500
    assert 240 < sum(map(len, payloads)) / 500 < 300
    assert {len(json.loads(payload)["dimensions"]) for payload in payloads} == {4}


def test_a_library_that_is_not_here_is_named_and_the_others_are_compared() -> None:
    def run(cpu: float, **more: Any) -> list[dict[str, Any]]:
        return [{"events": 100, "cpu": cpu, "wall": 1.0, **more}]

    parts = {"parts": {"decode": 0.1}}
    found = {
        "poll kafka-python": run(1.0),
        "poll librdkafka": run(0.25),
        "sqlite kafka-python": run(2.0, **parts),
        "sqlite librdkafka": run(1.0, **parts),
        "river": run(12.0),
        "bytewax": run(3.0),
    }

    lines = list(_lines(found))

    assert [line.what for line in lines if isinstance(line, Absent)] == [
        "service over quixstreams' window, a CPU-second"
    ]
    verdicts = {line.what: line.verdict for line in lines if isinstance(line, Row) and line.verdict}
    assert verdicts["service over raw poll, kafka-python, SQLite"] == "**missed**"
    assert verdicts["service over bytewax' window, a CPU-second"] == "**missed**"
    assert verdicts["service over json, pydantic and river a record, a CPU-second"] == "met"
