"""Files of events through the whole core, in memory."""

import gzip
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.app.backtest import LEAP, Backtest, Result
from service.core.catalog import Asked, Catalog, Moment, Owner, Rule, Threshold
from service.core.counting.changes import Counts
from service.core.event import DAY, HOUR, MINUTE, DeadLetter, Micros, rfc3339
from tests.core.streams import BEGIN

MOMENT = Moment("arrives", "ops", dimensions=("region",), completeness_delay=2 * MINUTE)
RULE = Rule("half", ("arrives",), (Threshold("failure_rate", ">=", 0.5, 10 * MINUTE, 10),), level="high")
CATALOG = Catalog(owners={"ops": Owner("ops")}, moments={"arrives": MOMENT}, rules={"half": RULE})
Fields = dict[str, Any]


def outcome(at: Micros, number: int, word: str = "kept", **more: Any) -> Fields:
    fixed = {"id": f"e{number}", "time": rfc3339(at), "type": "outcome", "moment": "arrives", "outcome": word}
    return fixed | {"customer": f"c{number % 50}"} | more


def story() -> list[Fields]:
    """Two a minute for four hours; in the third nearly everything breaks."""
    rng = random.Random(3)
    made = []
    for number in range(480):
        at = BEGIN + number * MINUTE // 2
        bad = 2 * HOUR <= at - BEGIN < 3 * HOUR
        word = "broken" if rng.random() < (0.9 if bad else 0.05) else "kept"
        made.append(outcome(at, number, word, value=10, dimensions={"region": rng.choice(["north", "south"])}))
    return made


STORY = story()
END = BEGIN + 4 * HOUR - MINUTE // 2


def written(path: Path, events: Iterable[Fields], *, raw: Sequence[bytes] = ()) -> Path:
    data = b"".join(json.dumps(event).encode() + b"\n" for event in events) + b"".join(line + b"\n" for line in raw)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def run(*paths: Path, catalog: Catalog = CATALOG, **more: Any) -> Result:
    return Backtest(catalog, clock=lambda: BEGIN + 3650 * DAY).run(paths, **more)


def test_events_that_are_suddenly_worth_a_third_are_an_interruption_of_value(tmp_path: Path) -> None:
    """Nothing breaks and as many come as ever; only a rule of value can know."""
    rng = random.Random(5)
    made = []
    for number in range(22 * 24 * 20):
        worth = rng.lognormvariate(4.0, 0.5) * (0.33 if number >= 21 * 24 * 20 else 1.0)
        made.append(outcome(BEGIN + number * 3 * MINUTE, number, value=round(worth, 2)))
    moment = replace(MOMENT, cold_start=6 * DAY)
    catalog = replace(
        CATALOG,
        moments={"arrives": moment},
        rules={"worth": Rule("worth", ("arrives",), (Asked("value"),), level="high")},
    )
    (line,) = run(written(tmp_path / "worth.jsonl", made), catalog=catalog).lines
    assert (line.kind, line.rule, line.level, line.broken) == ("value", "worth", "high", 0)
    lag = datetime.fromisoformat(line.detected_at).timestamp() * 1e6 - (BEGIN + 21 * DAY)
    assert 0 < lag < 12 * HOUR


@pytest.fixture
def whole(tmp_path: Path) -> Result:
    return run(written(tmp_path / "whole.jsonl", STORY))


def test_what_broke_is_found_with_its_harm_and_its_end(whole: Result) -> None:
    [line] = whole.lines
    assert (line.moment, line.kind, line.rule, line.level, line.dimensions) == ("arrives", "rule", "half", "high", {})
    assert line.detected_at < "2013-04-03T16:12"
    assert line.resolved_at is not None
    assert "2013-04-03T17:02" < line.resolved_at < "2013-04-03T17:12"
    broken = [e for e in STORY if e["outcome"] == "broken" and line.onset_at <= e["time"] < line.resolved_at]
    assert line.broken == len(broken) > 80
    assert line.customers_affected == len({e["customer"] for e in broken})
    assert line.value_at_risk == 10.0 * len(broken)


def test_the_span_is_what_the_data_covers(whole: Result) -> None:
    assert whole.span is not None
    assert (whole.span.began, whole.span.end) == (BEGIN, END + 1)


def test_shuffled_split_and_packed_files_give_the_same(tmp_path: Path, whole: Result) -> None:
    mixed = list(STORY)
    random.Random(1).shuffle(mixed)
    found = run(
        written(tmp_path / "a.jsonl", mixed[:100]),
        written(tmp_path / "b.jsonl.gz", mixed[100:333]),
        written(tmp_path / "c.jsonl", mixed[333:]),
    )
    assert found.lines == whole.lines
    assert found.counts.accepted == whole.counts.accepted


def test_nothing_is_late_in_files_however_unsorted(tmp_path: Path) -> None:
    found = run(written(tmp_path / "back.jsonl", STORY[::-1]))
    assert found.counts.late.total() == 0


def test_an_event_that_comes_twice_counts_once(tmp_path: Path, whole: Result) -> None:
    twice = [copy for event in STORY for copy in (event, event)]
    found = run(written(tmp_path / "twice.jsonl", twice))
    assert found.lines == whole.lines
    assert (found.counts.read, found.counts.duplicate) == (960, 480)
    assert found.counts.balanced


def test_lines_that_are_no_events_are_reported_with_their_place_and_change_nothing(
    tmp_path: Path, whole: Result
) -> None:
    raw = [b"{", b"[]", b'{"id":"x"}', b'{"id":"y","time":"2013-04-03T14:00:00Z","type":"outcome","moment":"leaves"}']
    dead: list[DeadLetter] = []
    found = run(written(tmp_path / "bad.jsonl", STORY, raw=raw), rejected=dead.append)
    assert found.lines == whole.lines
    assert [(letter.partition.topic.endswith("bad.jsonl"), letter.offset) for letter in dead] == [
        (True, 481 + n) for n in range(4)
    ]
    assert found.counts.dead.total() == 4
    assert found.counts.balanced


def test_the_clock_stops_at_the_last_event_and_nothing_is_flushed_beyond(tmp_path: Path) -> None:
    until_it_broke = [event for event in STORY if event["time"] < rfc3339(BEGIN + 2 * HOUR + 50 * MINUTE)]
    [line] = run(written(tmp_path / "cut.jsonl", until_it_broke)).lines
    assert line.resolved_at is None


def test_until_lets_the_clock_run_on(tmp_path: Path) -> None:
    due = rfc3339(BEGIN + 5 * HOUR)
    promised = {"id": "p", "time": rfc3339(BEGIN), "type": "promise", "moment": "arrives", "customer": "c", "key": "k"}
    path = written(tmp_path / "promise.jsonl", [promised | {"due": due}])
    rule = Rule("any", ("arrives",), (Threshold("broken", ">=", 1, HOUR),))
    catalog = Catalog(CATALOG.owners, moments=CATALOG.moments, rules={"any": rule})
    assert run(path, catalog=catalog).lines == []
    assert run(path, catalog=catalog, until=BEGIN + 5 * HOUR + 2 * MINUTE).lines == []
    [line] = run(path, catalog=catalog, until=BEGIN + 5 * HOUR + 30 * MINUTE).lines
    assert (line.broken, line.customers_affected) == (1, 1)
    assert line.detected_at == "2013-04-03T19:03:00Z"


def test_until_before_the_last_event_changes_nothing(tmp_path: Path, whole: Result) -> None:
    assert run(written(tmp_path / "same.jsonl", STORY), until=BEGIN).lines == whole.lines


def test_without_events_there_is_nothing_to_judge(tmp_path: Path) -> None:
    found = run(written(tmp_path / "empty.jsonl", []))
    assert (found.lines, found.span, found.counts) == ([], None, Counts())


def test_one_event_of_the_far_future_does_not_close_the_windows_before_it(tmp_path: Path, whole: Result) -> None:
    stray = outcome(END + 20 * LEAP, 9999)
    dead: list[DeadLetter] = []
    found = run(written(tmp_path / "future.jsonl", [*STORY[:100], stray, *STORY[100:]]), rejected=dead.append)
    assert found.lines == whole.lines
    assert [letter.reason for letter in dead] == ["future"]
    assert found.counts.balanced


def test_one_event_of_1970_does_not_begin_the_data(tmp_path: Path, whole: Result) -> None:
    dead: list[DeadLetter] = []
    found = run(written(tmp_path / "old.jsonl", [outcome(0, 9999), *STORY]), rejected=dead.append)
    assert (found.lines, found.span) == (whole.lines, whole.span)
    assert [letter.reason for letter in dead] == ["bad_time"]


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int, int]] = []
    run(
        written(tmp_path / "p.jsonl", STORY),
        progress=lambda done, total, counts: told.append((done, total, counts.read)),
    )
    assert told[-1][0] == told[-1][1] > 0
    assert told[-1][2] == len(STORY)


def test_a_line_is_one_flat_json_object(whole: Result) -> None:
    [line] = whole.lines
    made = json.loads(msgspec.json.encode(line))
    assert made["kinds"]
    assert made["rule"] == "half"
    assert made["lead_s"] is None


def test_a_file_whose_last_line_is_its_earliest_gives_the_same_and_names_each_rejected_line_once(
    tmp_path: Path, whole: Result
) -> None:
    # Longer than what is read at a time, so that the disorder shows when much was judged.
    padded = [{**event, "reason": "x" * 3000} for event in STORY]
    astray = outcome(BEGIN, 1000, moment="nowhere")
    path = written(tmp_path / "late.jsonl", [astray, *padded[1:], padded[0]])
    told: list[DeadLetter] = []
    backtest = Backtest(CATALOG)
    result = backtest.run([path], rejected=told.append)
    assert whole.lines == result.lines
    assert [letter.offset for letter in told] == [1]
    assert (result.counts.read, result.counts.accepted["arrives"], result.counts.dead["unknown_moment"]) == (
        481,
        480,
        1,
    )


def months() -> list[Fields]:
    """Twelve an hour for nine days; from the seventh on, one region breaks for half days."""
    rng = random.Random(5)
    made = []
    for number in range(9 * 24 * 12):
        at = BEGIN + number * 5 * MINUTE
        region = rng.choice(["north", "south", "west"])
        day, half = divmod((at - BEGIN) / DAY, 1.0)
        rate = 0.9 if day >= 6 and half < 0.5 and region == "south" else 0.03
        made.append(outcome(at, number, "broken" if rng.random() < rate else "kept", dimensions={"region": region}))
    return made


def test_what_is_found_in_a_prefix_is_what_the_whole_finds_up_to_the_cut(tmp_path: Path) -> None:
    events = months()
    catalog = Catalog(owners=CATALOG.owners, moments=CATALOG.moments)

    def found(count: int) -> list[tuple[object, ...]]:
        result = run(written(tmp_path / "part.jsonl", events[:count]), catalog=catalog)
        return [(x.id, x.kind, str(x.dimensions), x.onset_at, x.detected_at) for x in result.lines]

    whole = found(len(events))
    assert len(whole) >= 2
    cuts = [int(len(events) * share) for share in (0.72, 0.83, 0.97)]
    for cut in cuts:
        # What the clock has passed at the last event of the prefix, and nothing of what comes after it.
        part = found(cut)
        assert part == whole[: len(part)]
        last = rfc3339(BEGIN + (cut - 1) * 5 * MINUTE)
        assert len(part) == sum(str(one[-1]) <= last for one in whole)


def slowing(days: int, slower: float) -> list[Fields]:
    """Four promises an hour, due in four days and kept in two; from the 17th day on what is left takes longer."""
    rng = random.Random(7)
    made: list[tuple[Micros, Fields]] = []
    turn = BEGIN + 17 * DAY
    for number in range(days * 24 * 4):
        at, key = BEGIN + number * 15 * MINUTE, f"k{number}"
        done = at + round(rng.gammavariate(6, 8) * HOUR)
        done = done if done < turn else max(at, turn) + round((done - max(at, turn)) * slower)
        fields = {"customer": key, "moment": "arrives", "key": key, "dimensions": {"region": rng.choice("NS")}}
        told = {"type": "promise", "due": rfc3339(at + 4 * DAY)}
        made.append((at, {"id": f"p{number}", "time": rfc3339(at), **told, **fields}))
        made.append((done, {"id": f"o{number}", "time": rfc3339(done), "type": "outcome", "outcome": "kept", **fields}))
    end = BEGIN + days * DAY
    return [fields for at, fields in sorted(made, key=lambda each: each[0]) if at < end]


def test_a_slowing_flow_of_completions_opens_before_promises_break_of_it(tmp_path: Path) -> None:
    catalog = Catalog(owners={"ops": Owner("ops")}, moments={"arrives": MOMENT})
    result = run(written(tmp_path / "slow.jsonl", slowing(20, 1.7)), catalog=catalog)
    [first, *_] = result.lines
    turn = BEGIN + 17 * DAY
    assert (first.kind, "failure_rate" in first.kinds, first.customers_affected > 0) == ("due_soon", True, True)
    # The ones made just before the turn are due four days after it.
    assert rfc3339(turn) < first.detected_at < rfc3339(turn + 3 * DAY)
    assert first.onset_at > rfc3339(turn)
