"""`momentwatch backtest` as a process of its own: the contract of its output, to the letter."""

import gzip
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from service.core.event import DAY, HOUR, MINUTE, Micros, rfc3339
from tests.e2e.events import MOMENT, OWNER, RULE, outcome, stretch, trouble
from tests.e2e.running import lines_of, momentwatch, write_catalogue, write_events

START: Micros = 1_700_006_400_000_000
KEYS = [
    "id",
    "moment",
    "kind",
    "kinds",
    "rule",
    "level",
    "dimensions",
    "onset_at",
    "detected_at",
    "resolved_at",
    "broken",
    "customers_affected",
    "value_at_risk",
    "first_complaint_at",
    "complaints_clear_at",
    "lead_s",
    "lead_clear_s",
]
TIMES = [key for key in KEYS if key.endswith("_at")]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    moment = {**MOMENT, "value": {"loss_probability": 0.1}}
    return write_catalogue(tmp_path_factory.mktemp("shop") / "rules", OWNER, moment, RULE)


def shop(start: Micros = START) -> list[bytes]:
    """Two troubled hours with money in them, and one of the customers complains."""
    events = [
        json.dumps(json.loads(event) | {"value": 12.34}).encode() for event in [*trouble(start), *trouble(start + HOUR)]
    ]
    (hurt,) = (event for event in map(json.loads, events) if event["time"] == rfc3339(start + 35 * MINUTE))
    said = {"id": "said", "time": rfc3339(start + 50 * MINUTE), "type": "complaint", "customer": hurt["customer"]}
    events.insert(300, json.dumps(said | {"moment": "delivered"}).encode())
    return events


def backtest(rules: Path, *files: Path, more: tuple[str, ...] = ()) -> tuple[str, str]:
    """What it prints and what it says; it must end well."""
    done = momentwatch("backtest", "--rules", rules, "--events", *files, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_stdout_is_one_object_a_line_with_the_contract_s_keys_in_order_and_nothing_else(
    tmp_path: Path, rules: Path
) -> None:
    out, said = backtest(rules, write_events(tmp_path / "events.jsonl", shop()))
    found = lines_of(out)
    assert len(found) == 2
    for line in found:
        assert list(line) == KEYS
        assert all(line[key] is None or TIME.fullmatch(line[key]) for key in TIMES)
        assert (line["kind"], line["kinds"], line["rule"], line["level"]) == ("rule", ["rule"], "most-fail", "high")
        assert (line["moment"], line["dimensions"]) == ("delivered", {})
        assert line["onset_at"] < line["detected_at"] < line["resolved_at"]
        assert isinstance(line["broken"], int)
        assert line["value_at_risk"] == pytest.approx(line["broken"] * 12.34 * 0.1, abs=0.01)
        assert line["customers_affected"] == line["broken"] > 50
    assert [line["detected_at"] for line in found] == sorted(line["detected_at"] for line in found)
    assert found[0]["first_complaint_at"] == rfc3339(START + 50 * MINUTE)
    assert isinstance(found[0]["lead_s"], float)
    assert found[0]["lead_s"] > 0
    assert found[1]["first_complaint_at"] is None
    assert found[1]["lead_s"] is None
    assert f"{len(shop()):,} events read" in said


def test_order_compression_and_the_number_of_files_change_nothing(tmp_path: Path, rules: Path) -> None:
    events = shop()
    expected, _ = backtest(rules, write_events(tmp_path / "sorted.jsonl", events))
    shuffled = random.Random(2).sample(events, len(events))
    assert backtest(rules, write_events(tmp_path / "shuffled.jsonl", shuffled))[0] == expected
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(b"\n".join(shuffled)))
    assert backtest(rules, packed)[0] == expected
    one = write_events(tmp_path / "one.jsonl", events[::2])
    other = tmp_path / "other.gz"
    other.write_bytes(gzip.compress(b"\r\n".join(events[1::2])))
    assert backtest(rules, one, other)[0] == expected
    assert backtest(rules, other, more=("--events", str(one)))[0] == expected


def test_a_table_is_for_people(tmp_path: Path, rules: Path) -> None:
    out, _ = backtest(rules, write_events(tmp_path / "events.jsonl", shop()), more=("--format", "table"))
    assert "detected" in out.splitlines()[0]
    assert out.count("most-fail") == 2
    assert "high" in out


def promise(number: int, **changed: Any) -> bytes:
    """A promise that falls due two days after it was made."""
    made = START + number * MINUTE
    event = {
        "id": f"p{number}",
        "time": rfc3339(made),
        "type": "promise",
        "moment": "delivered",
        "customer": f"c{number}",
        "key": f"order-{number}",
        "due": rfc3339(made + 2 * DAY),
        "value": 10.0,
        "dimensions": {"region": "south"},
    }
    return json.dumps(event | changed).encode()


def test_time_that_runs_on_finds_expired_promises_that_no_event_speaks_of(tmp_path: Path, rules: Path) -> None:
    file = write_events(tmp_path / "promises.jsonl", [promise(number) for number in range(30)])
    assert backtest(rules, file)[0] == ""
    assert backtest(rules, file, more=("--until", rfc3339(START + DAY)))[0] == ""
    (line,) = lines_of(backtest(rules, file, more=("--until", rfc3339(START + 3 * DAY)))[0])
    assert line["rule"] == "most-fail"
    # The rule's condition begins to hold with the fifth.
    assert line["broken"] == line["customers_affected"] == 26
    assert line["value_at_risk"] == pytest.approx(26.0)
    assert line["detected_at"] > rfc3339(START + 2 * DAY)
    assert line["resolved_at"] is not None


def test_time_that_runs_on_finds_a_silence(tmp_path: Path, rules: Path) -> None:
    days = 21
    events = stretch("steady", START, START + days * DAY, each=2 * MINUTE)
    file = write_events(tmp_path / "steady.jsonl", events)
    assert backtest(rules, file)[0] == ""
    found = lines_of(backtest(rules, file, more=("--until", rfc3339(START + (days + 1) * DAY)))[0])
    assert [line["kind"] for line in found] == ["silence"]
    (line,) = found
    assert line["onset_at"] <= line["detected_at"] < rfc3339(START + days * DAY + 6 * HOUR)
    assert (line["broken"], line["customers_affected"], line["resolved_at"]) == (0, 0, None)


def test_a_bad_catalogue_ends_with_2_and_names_file_and_line(tmp_path: Path) -> None:
    rules = write_catalogue(tmp_path / "rules", OWNER, {**MOMENT, "owner": "opps", "colour": "red"})
    done = momentwatch("backtest", "--rules", rules, "--events", write_events(tmp_path / "events.jsonl", shop()[:3]))
    assert (done.returncode, done.stdout) == (2, "")
    problems = done.stderr.splitlines()
    assert all(re.search(r"catalogue\.yaml:\d+: \S", problem) for problem in problems), done.stderr
    assert any("opps" in problem and "ops" in problem for problem in problems)
    assert any("colour" in problem for problem in problems)
    empty = tmp_path / "empty"
    empty.mkdir()
    done = momentwatch("backtest", "--rules", empty, "--events", tmp_path / "events.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_or_cut_off_ends_with_1(tmp_path: Path, rules: Path) -> None:
    done = momentwatch("backtest", "--rules", rules, "--events", tmp_path / "nothing.jsonl")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing.jsonl" in done.stderr
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(b"\n".join(shop()))[:-200])
    done = momentwatch("backtest", "--rules", rules, "--events", cut)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cut.jsonl.gz" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_file_has_nothing_to_judge(tmp_path: Path, rules: Path) -> None:
    out, said = backtest(rules, write_events(tmp_path / "empty.jsonl", []))
    assert out == ""
    assert "0 events read" in said


GOOD = json.loads(outcome("x", START + MINUTE))


def bad(**changed: Any) -> bytes:
    """An event with something wrong in it; None takes a field away."""
    event = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return json.dumps(event).encode()


BAD: list[tuple[bytes, str]] = [
    (b"not JSON at all", "not_json"),
    (b"[1, 2]", "not_an_object"),
    (bad()[:-1] + b', "value": NaN}', "bad_number"),
    (bad()[:-1] + b', "value": 1e999}', "bad_number"),
    (bad()[:-1] + b', "value": ' + b"9" * 10_000 + b"}", "bad_number"),
    (bad()[:-1] + b', "extra": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    (bad(text="x" * 10_000_000), "too_large"),
    (bad()[:-1] + b', "reason": "\\ud800"}', "bad_text"),
    (bad(reason="a\0b"), "bad_text"),
    (bad()[:-1] + b', "reason": "\xff"}', "bad_text"),
    (bad(moment="deliverd"), "unknown_moment"),
    (bad(customer=None), "missing_field"),
    (bad(customer=""), "missing_field"),
    (bad(id=None), "missing_field"),
    (bad(time=None), "missing_field"),
    (bad(time="yesterday"), "bad_time"),
    (bad(time="2023-11-15T10:00:00"), "bad_time"),
    (bad(time="2999-01-01T00:00:00Z"), "future"),
    (bad(time="9999-12-31T23:59:59Z"), "future"),
    (bad(time="1970-01-01T00:00:00Z"), "bad_time"),
    (bad(type="outcom"), "unknown_type"),
    (bad(outcome="maybe"), "wrong_type"),
    (bad(customer=7), "wrong_type"),
    (bad(dimensions={"region": 5}), "wrong_type"),
]


def test_bad_lines_are_each_rejected_with_line_and_reason_and_everything_else_counts(
    tmp_path: Path, rules: Path
) -> None:
    events = shop()
    expected, _ = backtest(rules, write_events(tmp_path / "good.jsonl", events))
    places = range(5, 5 + 7 * len(BAD), 7)
    mixed = list(events)
    for place, (payload, _) in zip(places, BAD, strict=True):
        mixed.insert(place, payload)
    # A blank line is no record. An event counts once, whatever is said under its id again.
    mixed += [b"", events[10], events[10], outcome("calm-" + str(START // 1_000_000), START, broken=True)]
    file = write_events(tmp_path / "mixed.jsonl", mixed)
    out, said = backtest(rules, file)
    assert out == expected
    rejected = dict(re.findall(rf"^{re.escape(str(file))}:(\d+): (\w+): \S", said, re.MULTILINE))
    assert rejected == {str(place + 1): reason for place, (_, reason) in zip(places, BAD, strict=True)}
    assert all(line.isprintable() and len(line) < 1_000 for line in said.splitlines())
    read, accepted, duplicate, dead = (
        int(number.replace(",", ""))
        for number in re.findall(r"([\d,]+) (?:events read|accepted|duplicate|rejected)", said)
    )
    assert accepted == len(events)
    assert duplicate == 3
    assert read == accepted + duplicate + dead
