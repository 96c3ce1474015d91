"""`momentwatch check` as people and programs see it."""

import argparse
import json
from pathlib import Path

import pytest

from service.cli import check

GOOD = """\
apiVersion: momentwatch/v1
kind: Owner
metadata: {name: ops}
spec: {page_budget: 0.1}
---
apiVersion: momentwatch/v1
kind: Moment
metadata: {name: departs-on-time, title: Departs on time}
spec: {owner: ops, promise: You leave on time., runbook_url: https://example.com}
---
apiVersion: momentwatch/v1
kind: Moment
metadata: {name: arrives}
spec: {owner: ops, promise: You arrive on time., runbook_url: https://example.com, false_alarm_interval: 30d}
"""


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    check.add(parser.add_subparsers())
    parsed = parser.parse_args(["check", *arguments])
    code: int = parsed.run(parsed)
    return code


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rules"
    path.mkdir()
    (path / "a.yaml").write_text(GOOD)
    return path


@pytest.mark.parametrize("arguments", [(), ("rules",), ("--rules", "rules"), ("rules/a.yaml",)])
def test_a_good_catalogue_is_summed_up(
    arguments: tuple[str, ...], rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 0
    out, err = capsys.readouterr()
    assert (
        out
        == """\
1 owner, 2 moments

Moments
  departs-on-time  owner ops  Departs on time
  arrives          owner ops

False interruptions expected in 30 days, while every moment stays reliable
  ops  1.33 from 2 moments; page_budget 0.1, over it
"""
    )
    expected = "0.1 in 30 days, but 2 moments of ops expect 1.33 false pages"
    budget = f"{expected}; raise the budget, or false_alarm_interval to 85w5d"
    targets = "owner ops has no targets: shows on the page only; list the ids of Targets"
    assert err.splitlines() == [
        f"warning: rules/a.yaml:4: spec.page_budget: {budget}",
        f"warning: rules/a.yaml:4: spec.targets: {targets}",
    ]


def test_a_bad_catalogue_is_2_and_says_why_on_stderr(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (rules / "a.yaml").write_text(GOOD.replace("30d", "3 min"))
    assert run() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == 'rules/a.yaml:14: spec.false_alarm_interval: "3 min" is not a duration; write 3m\n'


def test_programs_read_json(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"]
    assert report["objects"] == {
        "owners": 1,
        "targets": 0,
        "moments": 2,
        "journeys": 0,
        "sources": 0,
        "rules": 0,
        "routes": 0,
    }
    assert report["moments"][0] == {"name": "departs-on-time", "title": "Departs on time", "owner": "ops"}
    assert report["owners"] == [
        {
            "name": "ops",
            "moments": 2,
            "expected_false_interruptions_30d": pytest.approx(4 / 3),
            "page_budget": 0.1,
        }
    ]
    assert [warning["field"] for warning in report["warnings"]] == ["spec.page_budget", "spec.targets"]


def test_programs_read_what_is_wrong_as_json(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (rules / "a.yaml").write_text(GOOD.replace("30d", "3 min"))
    assert run("--format", "json") == 2
    assert json.loads(capsys.readouterr().out) == {
        "ok": False,
        "problems": [
            {
                "file": "rules/a.yaml",
                "line": 14,
                "field": "spec.false_alarm_interval",
                "message": '"3 min" is not a duration; write 3m',
            }
        ],
    }


def test_a_kinds_schema_is_printed_without_a_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--schema", "Moment", "nowhere") == 0
    assert json.loads(capsys.readouterr().out)["properties"]["kind"] == {"const": "Moment"}


@pytest.mark.parametrize("arguments", [("--schema", "Pod"), ("a", "--rules", "b"), ("--format", "xml")])
def test_arguments_that_mean_nothing_are_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as end:
        run(*arguments)
    assert end.value.code == 2
