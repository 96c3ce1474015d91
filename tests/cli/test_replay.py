"""`momentwatch replay`: corrected files, and topics read again under a corrected catalogue."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from service.adapters.catalog import load
from service.adapters.store import open_sql_store
from service.app.dlq import decoders
from service.cli import replay
from service.core.counting.changes import Changes, keys_of
from service.core.counting.identity import Pseudonyms
from service.core.counting.intake import Intake
from service.core.counting.reach import Reach
from service.core.counting.watermark import PartitionClock
from service.core.event import HOUR, MINUTE, Batch, Partition, rfc3339
from tests.adapters.kafka.clients import put, wall
from tests.e2e.events import MOMENT, OWNER, outcome, source
from tests.e2e.running import kafka_at, write_catalogue, write_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from service.core.event import Micros
    from tests.harness.kafka import KafkaBroker

T0: Micros = 1_700_000_000_000_000 // HOUR * HOUR


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    replay.add(parser.add_subparsers(dest="command"))
    try:
        parsed = parser.parse_args(["replay", *arguments])
        code: int = parsed.run(parsed)
    except SystemExit as end:
        return int(end.code or 0)
    return code


def fill(url: str, rules: Path, payloads: Sequence[bytes], place: Partition, closed: Micros) -> None:
    """What the service would have counted of a topic by some catalogue, and closed."""
    catalog = load(rules).catalog
    with closing(open_sql_store(url, catalog.moments)) as store:
        batch = Batch(place, list(range(len(payloads))), list(payloads), len(payloads))
        decoded = decoders(catalog)(place).decode(batch)
        changes = Changes(dead=list(decoded.dead))
        changes.counts.read = len(payloads)
        changes.counts.dead.update(letter.reason for letter in decoded.dead)
        with store.ingest(store.claim(place), ["delivered"], sorted(keys_of(decoded.records))) as transaction:
            Intake(catalog).take(place, decoded.records, transaction.view, changes)
            transaction.save(changes, len(payloads), PartitionClock(place, closed))
        with store.closing("delivered") as transaction:
            transaction.save(Changes(), Reach(closed))


def regions(url: str, rules: Path, since: Micros) -> dict[str | None, tuple[int, int]]:
    with closing(open_sql_store(url, load(rules).catalog.moments)) as store:
        assert store.counts().balanced
        found = store.by_value("delivered", "region", since, since + 3 * HOUR)
    return {value: (totals.attempts, totals.broken) for value, totals in found}


def test_corrected_files_take_the_place_of_an_hour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, source("topic"))
    url = f"sqlite:///{tmp_path}/store.db"
    was = [outcome(f"{n}", T0 + n * MINUTE, broken=n % 2 == 0) for n in range(120)]
    fill(url, rules, was, Partition("topic", 0, "id"), T0 + 3 * HOUR)
    assert regions(url, rules, T0) == {"north": (120, 60)}
    file = write_events(tmp_path / "corrected.jsonl", [outcome(f"{n}", T0 + n * MINUTE) for n in range(60)] + [was[3]])
    stretch = ("--from", rfc3339(T0), "--to", rfc3339(T0 + HOUR))
    place = ("--url", url, "--rules", str(rules), "--events", str(file))

    assert command(*place, *stretch) == 0
    out = capsys.readouterr().out
    assert "61 events read: 60 counted, 1 duplicate, 0 outside, 0 rejected" in out
    assert "delivered: 60 events, +0 promises, -30 broken" in out
    assert regions(url, rules, T0) == {"north": (120, 30)}

    assert command(*place, *stretch) == 0
    assert "+0 promises, +0 broken" in capsys.readouterr().out

    write_events(file, [b"no JSON", was[0]])
    assert command(*place, *stretch) == 1
    assert "1 of the corrected events cannot be taken (1 not_json)" in capsys.readouterr().err
    assert command(*place, *stretch, "--leave-out") == 0
    assert regions(url, rules, T0) == {"north": (61, 31)}


def test_nothing_is_counted_under_ids_where_customers_have_pseudonyms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, source("topic"))
    url = f"sqlite:///{tmp_path}/store.db"
    fill(url, rules, [outcome("a", T0, broken=True)], Partition("topic", 0, "id"), T0 + 3 * HOUR)
    with closing(open_sql_store(url)) as store:
        store.adopt(Pseudonyms([b"k" * 32]))
    file = write_events(tmp_path / "corrected.jsonl", [outcome("a", T0, broken=True), outcome("b", T0, broken=True)])
    place = ("--url", url, "--rules", str(rules), "--events", str(file))

    assert command(*place, "--from", rfc3339(T0), "--to", rfc3339(T0 + HOUR)) == 1
    assert "its customers are pseudonyms made with 1 keys" in capsys.readouterr().err
    assert regions(url, rules, T0) == {"north": (1, 1)}


def test_a_topic_is_read_again_by_the_corrected_catalogue(
    tmp_path: Path, kafka_broker: KafkaBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = kafka_broker.create_topic()
    since = (wall() - 6 * HOUR) // HOUR * HOUR
    payloads = []
    for number in range(90):
        event = json.loads(outcome(f"{number}", since + number * MINUTE, broken=number < 45))
        event["area"] = event.pop("dimensions")["region"]
        payloads.append(json.dumps(event).encode())
    payloads[7] = payloads[7].replace(b'"delivered"', b'"deliverd"')
    put(kafka_broker, topic, payloads[:60], timestamp_ms=since // 1000)
    # Its producer's clock is behind whose events it sends, by less than what is allowed.
    put(kafka_broker, topic, payloads[60:], timestamp_ms=(since + HOUR - 4 * MINUTE) // 1000)
    plain = {name: name for name in ("id", "time", "type", "moment", "customer", "outcome")}
    wrong = source(topic, mapping={**plain, "dimensions.region": "aera"})
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, wrong)
    url = f"sqlite:///{tmp_path}/store.db"
    fill(url, rules, payloads, Partition(topic, 0, ""), since + 3 * HOUR)
    assert regions(url, rules, since) == {None: (89, 44)}
    write_catalogue(rules, OWNER, MOMENT, source(topic, mapping={**plain, "dimensions.region": "area"}))
    config = tmp_path / "momentwatch.yaml"
    config.write_text(
        json.dumps({"rules": str(rules), "database": {"url": url}, "kafka": kafka_at(kafka_broker.bootstrap_servers)})
    )

    assert command("--config", str(config), "--topic", topic, "--offsets", "0-10") == 0

    said = capsys.readouterr()
    assert f"{rfc3339(since)} to {rfc3339(since + HOUR)}" in said.err
    assert "59 counted" in said.out
    assert "+0 promises, +0 broken" in said.out
    assert regions(url, rules, since) == {None: (30, 0), "north": (59, 44)}

    assert command("--config", str(config), "--from", rfc3339(since + HOUR), "--to", rfc3339(since + 2 * HOUR)) == 0
    assert regions(url, rules, since) == {"north": (89, 44)}

    # A catalogue that takes less must not empty an hour by mistake.
    write_catalogue(rules, OWNER, MOMENT, source(topic, mapping={**plain, "customer": "nobody"}))
    assert command("--config", str(config), "--topic", topic, "--offsets", "0-10", "--moment", "delivered") == 1
    assert "no event lies from 0 to 10" in capsys.readouterr().err
    assert command("--config", str(config), "--from", rfc3339(since), "--to", rfc3339(since + HOUR)) == 1
    assert "0 events came again, and 59 were counted before" in capsys.readouterr().err
    assert regions(url, rules, since) == {"north": (89, 44)}
    assert command("--config", str(config), "--topic", "others", "--offsets", "0-10") == 1
    assert "others[0] was never read" in capsys.readouterr().err

    # A topic that was made anew: what was read had these offsets, and was something else.
    other = f"sqlite:///{tmp_path}/other.db"
    fill(other, rules, payloads, Partition(topic, 0, "the one before"), since + 3 * HOUR)
    config.write_text(config.read_text().replace("store.db", "other.db"))
    assert command("--config", str(config), "--topic", topic, "--offsets", "0-10") == 1
    assert f"{topic} was deleted and made anew since it was read; replay it from files" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--events", "x"), "--rules"),
        (("--rules", "rules"), "say where corrected events come from"),
        (("--rules", "rules", "--events", "x"), "needs --from and --to"),
        (("--offsets", "9-1"), "is no range of offsets"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    tmp_path: Path, given: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--url", f"sqlite:///{tmp_path}/store.db", *given) == 2
    assert said in capsys.readouterr().err


def test_windows_that_are_open_are_no_matter_of_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = write_catalogue(tmp_path / "rules", OWNER, MOMENT, source("topic"))
    url = f"sqlite:///{tmp_path}/store.db"
    fill(url, rules, [outcome("1", T0)], Partition("topic", 0, "id"), T0 + MINUTE)
    file = write_events(tmp_path / "corrected.jsonl", [outcome("1", T0)])
    stretch = ("--from", rfc3339(T0), "--to", rfc3339(T0 + HOUR))
    assert command("--url", url, "--rules", str(rules), "--events", str(file), *stretch) == 1
    assert "closed through" in capsys.readouterr().err
    assert command("--url", url, "--rules", str(rules), "--events", str(file), *stretch, "--moment", "x") == 2
    assert "there is no moment x" in capsys.readouterr().err
