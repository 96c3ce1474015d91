from __future__ import annotations

import sys

import pytest

from benchmarks import __main__ as all_of_them


def test_a_benchmark_that_fails_is_a_line_of_the_table_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(all_of_them, "PARTS", {"nothing_of_that_name": ([], None)})
    monkeypatch.setattr(sys, "argv", ["benchmarks"])

    assert all_of_them.main() == 1
    assert "| nothing_of_that_name | **failed**: " in capsys.readouterr().out


def test_an_unknown_name_is_said_with_the_choice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "througput"])

    with pytest.raises(SystemExit):
        all_of_them.main()
    assert (
        "througput: no such benchmark; choose from throughput, scaling, serving, alerts, pages, latency, backtest"
        in capsys.readouterr().err
    )
