from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks import __main__ as all_of_them

if TYPE_CHECKING:
    from pathlib import Path


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


def test_what_is_measured_is_written_at_once_so_that_it_outlives_what_comes_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "results.md"
    monkeypatch.setattr(all_of_them, "PARTS", {"one": ([], None), "two": ([], None)})
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--out", str(out)])

    def measured(name: str, arguments: list[str]) -> str:
        del arguments
        if name == "two":
            raise KeyboardInterrupt
        return f"| {name} | 1 | | | |"

    monkeypatch.setattr(all_of_them, "_table", measured)
    with pytest.raises(KeyboardInterrupt):
        all_of_them.main()
    assert "| one | 1 | | | |" in out.read_text()
