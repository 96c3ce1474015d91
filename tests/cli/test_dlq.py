"""`momentwatch dlq`: what could not be taken is listed, shown, taken anew and thrown away."""

import argparse
import json
from pathlib import Path

import pytest

from service.adapters.decode import Decoder
from service.adapters.store import open_store
from service.cli import dlq
from service.core.catalog import Catalog, Moment, Owner
from service.core.counting.changes import Changes
from service.core.counting.watermark import PartitionClock
from service.core.event import Batch, Partition

HERE = Partition("payments", 0, "id")
HOSTILE = b'\x1b[2J\x07[red]{"id": "\xff\xe2\x80\xae"'
RULES = """
apiVersion: momentwatch/v1
kind: Owner
metadata: {name: ops}
spec: {}
---
apiVersion: momentwatch/v1
kind: Moment
metadata: {name: NAME}
spec: {owner: ops}
"""


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    dlq.add(parser.add_subparsers(dest="command"))
    try:
        parsed = parser.parse_args(["dlq", *arguments])
        code: int = parsed.run(parsed)
    except SystemExit as end:
        return int(end.code or 0)
    return code


def event(number: int) -> bytes:
    fields = {"id": f"e{number}", "time": "2026-03-02T09:00:00Z", "type": "outcome", "moment": "pays"}
    return json.dumps(fields | {"customer": f"c{number}", "outcome": "broken"}).encode()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store into which two events of a moment came that nobody had declared, and bytes that are no event."""
    url = f"sqlite:///{tmp_path}/store.db"
    store = open_store(url, {}, clock=lambda: 1_772_000_000_000_000)
    payloads = [event(0), HOSTILE, event(1)]
    dead = Decoder(Catalog()).decode(Batch(HERE, [0, 1, 2], payloads, 3)).dead
    changes = Changes(dead=dead)
    changes.counts.read = 3
    changes.counts.dead.update(letter.reason for letter in dead)
    with store.ingest(store.claim(HERE), [], []) as transaction:
        transaction.save(changes, 3, PartitionClock(HERE))
    store.close()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "all.yaml").write_text(RULES.replace("NAME", "pays"))
    return url


def test_the_list_counts_and_pages_and_renders_no_byte_as_it_is(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("list", "--url", url, "--limit", "2") == 0
    out = capsys.readouterr().out
    assert "unknown_moment" in out
    assert "payments/0/2" in out
    assert "older ones: --before 2" in out
    assert r"\x1b[2J\x07[red]{" in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)

    assert command("list", "--url", url, "--before", "2", "--format", "json") == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["offset"] == 0
    assert command("list", "--url", url, "--reason", "unknown_moment", "--format", "json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert command("list", "--url", url, "--topic", "others") == 0
    assert "no dead letters" in capsys.readouterr().out


def test_one_is_shown_whole_and_harmless(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("show", "2", "--url", url) == 0
    out = capsys.readouterr().out
    assert "offset 1" in out
    assert r'\x1b[2J\x07[red]{"id": "\xff' in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert command("show", "99", "--url", url) == 1
    assert "there is no dead letter 99" in capsys.readouterr().err


def test_replay_takes_what_the_catalogue_knows_now_once(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = str(tmp_path / "rules")
    assert command("replay", "--url", url) == 2
    assert "--rules" in capsys.readouterr().err
    assert command("replay", "--url", url, "--rules", rules, "--dry-run") == 1
    assert "2 could be taken" in capsys.readouterr().out
    assert command("replay", "--url", url, "--rules", rules) == 1
    assert "3 dead letters: 2 taken, 0 duplicate, 1 still cannot be taken" in capsys.readouterr().out
    assert command("replay", "--url", url, "--rules", rules, "--reason", "unknown_moment") == 0
    assert "0 dead letters" in capsys.readouterr().out

    store = open_store(url, {"pays": Moment("pays", "ops")})
    assert [row.customer for row in store.breaks("pays", (), 0, 1 << 60)] == ["c0", "c1"]
    assert store.counts().balanced
    store.close()


def test_purge_says_how_many_and_wants_a_yes(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("purge", "--url", url, "--reason", "unknown_moment") == 0
    assert "2 dead letters would be deleted; say --yes" in capsys.readouterr().out
    assert command("purge", "--url", url, "--older-than", "2000w", "--yes") == 0
    assert "0 dead letters deleted" in capsys.readouterr().out
    assert command("purge", "--url", url, "--reason", "unknown_moment", "--yes") == 0
    assert "2 dead letters deleted" in capsys.readouterr().out
    assert command("list", "--url", url, "--format", "json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_what_is_asked_wrongly_is_said(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("list", "--url", url, "--reason", "bad\x1b") == 2
    assert r"bad\x1b is no reason; the reasons are not_json" in capsys.readouterr().err
    assert command("list", "--url", url, "--since", "yesterday") == 2
    assert "is no time" in capsys.readouterr().err
    assert command("list", "--url", f"sqlite:///{tmp_path}/none.db") == 1
    assert "there is no such file" in capsys.readouterr().err
    assert command("list", "--config", str(tmp_path / "none.yaml")) == 2
    assert "none.yaml" in capsys.readouterr().err


def test_while_the_service_runs_it_can_be_read_but_not_written(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(url, {"pays": Moment("pays", Owner("ops").name)})
    assert command("list", "--url", url) == 0
    assert command("purge", "--url", url, "--yes") == 1
    assert "in use by another process" in capsys.readouterr().err
    assert command("replay", "--url", url, "--rules", str(tmp_path / "rules")) == 1
    store.close()
