"""A line for the users' file is one that lets the user in."""

import io
from pathlib import Path

import pytest

from service.adapters.web.access.users import Users
from service.cli.main import main


def test_the_line_of_a_person_lets_that_person_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["user", "ann", "--role", "responder", "--owner", "ops"]) == 0
    path = tmp_path / "users.yaml"
    path.write_text(capsys.readouterr().out)
    found = Users(path).by_password("ann", "correct horse")
    assert found is not None
    assert (found.role, found.owners) == ("responder", frozenset({"ops"}))


def test_the_token_of_a_program_is_shown_once_and_not_in_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["user", "robot", "--token"]) == 0
    out, err = capsys.readouterr()
    token = err.split()[-1]
    assert token not in out
    path = tmp_path / "users.yaml"
    path.write_text(out)
    assert Users(path).by_token(token) is not None


def test_a_short_password_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["user", "ann"]) == 1
    assert capsys.readouterr().err == "the password has 5 characters; take 10 or more\n"
