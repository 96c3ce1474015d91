"""`momentwatch backtest` on a file with four troubles: each is found, by kind and segment, and on its twin nothing."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.core.event import DAY, HOUR, MINUTE, Micros, rfc3339
from tests.e2e.running import lines_of, momentwatch, write_catalogue, write_events

START: Micros = 1_767_225_600_000_000
"""A Thursday, 1 January 2026."""
TROUBLE: Micros = START + 8 * DAY + 10 * HOUR
END: Micros = TROUBLE + 14 * HOUR
EACH: Micros = 5 * MINUTE
OWNER: dict[str, Any] = {"kind": "Owner", "name": "ops"}


def event(moment: str, number: int, at: Micros, region: str, **more: Any) -> dict[str, Any]:
    """What all of them have, a customer of its own included."""
    name = f"{moment}-{number}"
    return {
        "id": f"{name}-{more.get('type', 'outcome')}",
        "time": rfc3339(at),
        "type": "outcome",
        "moment": moment,
        "customer": f"customer-{number}",
        "dimensions": {"region": region},
        **more,
    }


def lasting(draw: random.Random, number: int, at: Micros, region: str, *, hurt: bool) -> Iterator[dict[str, Any]]:
    """All is kept; in trouble it takes three times as long in the south."""
    slower = 3.0 if hurt and region == "south" else 1.0
    seconds = round(slower * 60.0 * draw.lognormvariate(0.0, 0.5), 1)
    yield event("lasts", number, at, region, outcome="kept", duration_s=seconds)


def promised(draw: random.Random, number: int, at: Micros, region: str, *, hurt: bool) -> Iterator[dict[str, Any]]:
    """One in ten is broken, and said to be; in trouble the south leaves three in ten open instead."""
    key = f"p{number}"
    yield event("due", number, at - 4 * HOUR, region, type="promise", key=key, due=rfc3339(at))
    left_open = 0.3 if hurt and region == "south" else 0.01
    if draw.random() >= left_open:
        broken = draw.random() < (0.0 if hurt and region == "south" else 0.1)
        yield event("due", number, at - MINUTE, region, outcome="broken" if broken else "kept", key=key)


def complained(draw: random.Random, number: int, at: Micros, region: str, *, hurt: bool) -> Iterator[dict[str, Any]]:
    """All is kept, and one in a hundred complains; in trouble one in three of the south."""
    yield event("heard", number, at, region, outcome="kept")
    if draw.random() < (0.33 if hurt and region == "south" else 0.01):
        yield event("heard", number, at, region, type="complaint")


def came(draw: random.Random, number: int, at: Micros, region: str, *, hurt: bool) -> Iterator[dict[str, Any]]:
    """In trouble four in ten come."""
    if not hurt or draw.random() < 0.4:
        yield event("comes", number, at, region, outcome="kept")


KINDS = (lasting, promised, complained, came)


def events(*, hurt: bool) -> list[bytes]:
    """The four moments' events, in order of time; the twin of trouble is drawn alike up to it."""
    draw, found = random.Random(4), []
    for moment, kind in enumerate(KINDS):
        at, number = START, 0
        while (at := at + round(draw.expovariate(1.0 / EACH))) < END + 4 * HOUR:
            number += 1
            region = draw.choice(("north", "south", "west"))
            found += list(kind(draw, number, at, region, hurt=hurt and at >= TROUBLE))
        draw.seed(moment)
    ordered = sorted((one["time"], one["id"], json.dumps(one).encode()) for one in found)
    return [line for time, _, line in ordered if time < rfc3339(END)]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    moments = [
        {"kind": "Moment", "name": name, "owner": "ops", "dimensions": ["region"], "cold_start": "7d"}
        for name in ("lasts", "due", "heard", "comes")
    ]
    return write_catalogue(tmp_path_factory.mktemp("kinds") / "rules", OWNER, *moments)


def found(rules: Path, file: Path) -> list[dict[str, Any]]:
    done = momentwatch("backtest", "--rules", rules, "--events", file)
    assert done.returncode == 0, done.stderr
    return lines_of(done.stdout)


def test_slow_durations_promises_left_open_complaints_and_a_drop_are_found_where_they_are(
    tmp_path: Path, rules: Path
) -> None:
    lines = found(rules, write_events(tmp_path / "events.jsonl", events(hurt=True)))
    south = {"region": ["south"]}
    told = {line["moment"]: line for line in lines}
    assert [line["detected_at"] > rfc3339(TROUBLE) for line in lines] == [True] * 4
    assert {moment: line["dimensions"] for moment, line in told.items()} == {
        "lasts": south, "due": south, "heard": south, "comes": {},
    }  # fmt: skip
    assert (told["lasts"]["kind"], told["heard"]["kind"], told["comes"]["kind"]) == ("duration", "complaints", "volume")
    assert "overdue" in told["due"]["kinds"]
    assert max(line["detected_at"] for line in lines) <= rfc3339(TROUBLE + 12 * HOUR)


def test_on_the_undisturbed_twin_nothing_is_found(tmp_path: Path, rules: Path) -> None:
    assert found(rules, write_events(tmp_path / "events.jsonl", events(hurt=False))) == []
