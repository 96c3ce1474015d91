"""`momentwatch explain`, run as a user runs it."""

import json
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.cli.main import main

RULES = """apiVersion: momentwatch/v1
kind: Owner
metadata: {name: ops}
spec: {}
---
apiVersion: momentwatch/v1
kind: Moment
metadata: {name: arrives}
spec: {owner: ops, dimensions: [region, carrier], window: 1h, promise: It arrives.}
"""
START = datetime(2026, 1, 5, tzinfo=UTC)
BROKE = START + timedelta(days=16)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Seventeen days of three regions and two carriers; on the last, one pair of them fails."""
    folder = tmp_path_factory.mktemp("explain")
    rng = random.Random(5)
    events: list[dict[str, Any]] = []
    for number in range(17 * 24 * 10):
        at = START + timedelta(minutes=6 * number)
        where = {"region": ["RJ", "SP", "MG"][number % 3], "carrier": rng.choice(["slow", "fast"])}
        failing = at >= BROKE and where == {"region": "RJ", "carrier": "slow"}
        word = "broken" if rng.random() < (0.7 if failing else 0.03) else "kept"
        events.append(
            {
                "id": f"o{number}",
                "time": at.isoformat(),
                "type": "outcome",
                "moment": "arrives",
                "customer": f"c{number}",
            }
            | {"outcome": word, "dimensions": where if number % 20 else {"region": where["region"]}}
        )
    note = {
        "id": "n",
        "time": (BROKE - timedelta(hours=1)).isoformat(),
        "type": "annotation",
        "title": "Moved depots\x1b[2J",
    }
    events.append(note)
    rules = folder / "rules"
    rules.mkdir()
    (rules / "a.yaml").write_text(RULES)
    (folder / "e.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return ["--rules", str(rules), "--events", str(folder / "e.jsonl")]


@pytest.fixture(scope="module")
def found(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The interruption that a backtest finds on them."""
    del tmp_path_factory
    from service.adapters.catalog import load
    from service.app.backtest import Backtest

    line = Backtest(load(Path(files[1])).catalog).run([Path(files[3])]).lines[-1]
    return {"id": line.id, "dimensions": dict(line.dimensions)}


def test_an_interruption_is_explained_in_numbers(
    files: list[str], found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(found["id"])[:13], *files, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["dimensions"] == found["dimensions"]
    assert said["pairs"][0]["where"] == {"region": "RJ", "carrier": "slow"}
    assert all(share["excess"] >= 0.1 * said["pairs"][0]["excess"] for share in said["pairs"])
    assert said["arrivals"] is None
    assert said["pairs"][0]["excess"] > 0.8 * said["inside"]["excess"] > 0
    assert said["inside"]["attempts"] + said["elsewhere"]["attempts"] <= 17 * 24 * 10
    # Some say no carrier: it is told, and is none of the segments.
    assert set(said["not_stated"]) == {"carrier"}
    assert 0 < said["not_stated"]["carrier"]["attempts"] < said["inside"]["attempts"] + said["elsewhere"]["attempts"]
    assert {name for share in said["shares"] for name in share["where"].values()} <= {"RJ", "SP", "MG", "slow", "fast"}
    onset = datetime.fromisoformat(said["onset"]["at"])
    assert abs(onset - BROKE) < timedelta(hours=2)
    assert said["onset"]["earliest"] <= said["onset"]["at"] <= said["onset"]["latest"]
    assert said["onset"]["likelier"] > 5
    assert said["false_alarm_days"] == 90
    assert [note["title"] for note in said["notes"]] == ["Moved depots\x1b[2J"]


def test_an_interruption_is_explained_in_words_that_command_no_terminal(
    files: list[str], found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(found["id"]), *files]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "Moved depots" in out
    headings = ("Expected and seen", "Since when", "Which pairs of dimensions", "Not stated, and so of no", "How sure")
    for heading in headings:
        assert heading in out


def test_a_silence_is_explained_by_the_events_that_did_not_come_and_by_no_segments_breaks(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    since, until = BROKE - timedelta(days=1), BROKE - timedelta(hours=16)
    kept = [
        json.dumps(event)
        for event in map(json.loads, Path(files[3]).read_text().splitlines())
        if not since <= datetime.fromisoformat(event["time"]) < until
    ]
    (tmp_path / "e.jsonl").write_text("\n".join(kept))
    mine = [*files[:2], "--events", str(tmp_path / "e.jsonl")]
    assert main(["backtest", *mine]) == 0
    line = next(json.loads(line) for line in capsys.readouterr().out.splitlines() if "silence" in line)
    assert main(["explain", line["id"], *mine, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    hours = (datetime.fromisoformat(line["detected_at"]) - datetime.fromisoformat(line["onset_at"])) / timedelta(
        hours=1
    )
    assert said["arrivals"]["seen"] == 0
    assert said["arrivals"]["usual"] == pytest.approx(10.0 * hours, abs=1.0)
    assert said["shares"] == said["pairs"] == []
    assert main(["explain", line["id"], *mine]) == 0
    assert "0 events; " in capsys.readouterr().out


def test_why_nothing_fired_says_what_it_would_have_taken(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    at = (BROKE - timedelta(hours=6)).isoformat()
    assert main(["explain", "--moment", "arrives", "--at", at, *files, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["open"] == []
    by_name = {one["detector"]: one for one in said["quiet"]}
    assert {"failure_rate", "contrast", "absence", "silence", "drop"} == by_name.keys()
    assert re.search(r"no event of \S+ for .* h, while the rest goes on", by_name["absence"]["would"])
    assert 0 <= by_name["failure_rate"]["evidence"] < 1
    assert 2 < by_name["failure_rate"]["count"] <= 10
    assert "no event for" in by_name["silence"]["would"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "give an INTERRUPTION, or --moment NAME and --at TIME"),
        (["--moment", "arrives"], 2, "--moment and --at go together"),
        (["zz\x1b"], 1, "there is no interruption"),
        (["--moment", "arives", "--at", "2026-01-06T00:00:00Z"], 1, "there are arrives"),
    ],
)
def test_what_cannot_be_explained_is_said(
    files: list[str], arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *arguments, *files]) == code
    error = capsys.readouterr().err
    assert says in error
    assert "\x1b" not in error
