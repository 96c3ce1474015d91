"""What looks after a store, given one that is missing, damaged or half written: said in a line, with what to do."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from service.adapters.store import open_store
from service.cli.main import main

READ = (["db", "check"], ["reconcile"], ["dlq", "list"], ["dlq", "show", "1"], ["dlq", "purge"])
WRITE = (["db", "vacuum"], ["db", "downgrade", "--to", "1.1", "--yes"], ["dlq", "purge", "--yes"], ["forget", "c1"])
WITH_RULES = (["dlq", "replay"], ["replay", "--from", "2026-03-02T09:00:00Z", "--to", "2026-03-02T10:00:00Z"])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    Path("rules/all.yaml").write_text("apiVersion: momentwatch/v1\nkind: Owner\nmetadata: {name: ops}\nspec: {}\n")
    Path("events.jsonl").touch()
    return tmp_path


def run(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command ends with, which has to fail."""
    words = list(command)
    if command in WITH_RULES:
        words += ["--rules", "rules", *(["--events", "events.jsonl"] if command[0] == "replay" else [])]
    try:
        code = main([*words, "--url", "sqlite:///store.db"])
    except SystemExit as end:
        code = int(end.code or 0)
    told = capsys.readouterr()
    lines = [line for line in told.err.splitlines() if " to " not in line[:60]]
    assert (code, len(lines), told.out) == (1, 1, ""), told
    assert str(Path("store.db").absolute()) in lines[0]
    return lines[0]


@pytest.mark.parametrize("command", [*READ, *WRITE, *WITH_RULES], ids=" ".join)
def test_a_name_misspelt_makes_no_store(command: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no such file; name the one that serve writes" in run(command, capsys)
    assert sorted(file.name for file in here.iterdir()) == ["events.jsonl", "rules"]


@pytest.mark.parametrize("command", [*READ, *WRITE, *WITH_RULES], ids=" ".join)
def test_what_is_no_store_is_said_to_be_none(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("store.db").write_text("name,value\n" * 1000)
    assert "is no SQLite file, or is damaged: name another, or restore the last backup" in run(command, capsys)


def test_a_damaged_page_is_no_matter_of_records(capsys: pytest.CaptureFixture[str]) -> None:
    open_store("sqlite:///store.db").close()
    data = bytearray(Path("store.db").read_bytes())
    data[8192:40960] = b"\xff" * 32768
    Path("store.db").write_bytes(data)
    assert "is damaged: stop the service and restore the last backup (SQLITE_CORRUPT" in run(["reconcile"], capsys)


def test_what_was_killed_in_the_middle_is_for_its_service_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    open_store("sqlite:///whole.db").close()
    writer = sqlite3.connect("whole.db", isolation_level=None)
    writer.execute("PRAGMA cache_size=2")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("CREATE TABLE x (a)")
    writer.executemany("INSERT INTO x VALUES (?)", [("y" * 500,)] * 500)
    for tail in ("", "-journal"):
        shutil.copy(f"whole.db{tail}", f"store.db{tail}")
    writer.close()

    assert "start its service once, so that it can take back what it had begun" in run(["reconcile"], capsys)
    assert main(["db", "upgrade", "--url", "sqlite:///store.db"]) == 0
    capsys.readouterr()
    assert main(["reconcile", "--url", "sqlite:///store.db"]) == 0
    assert capsys.readouterr().out == "nothing was read yet\n"
