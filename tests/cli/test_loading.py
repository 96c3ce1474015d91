"""A command loads what it needs and no more: the help is there at once, and `serve` reads before it has pages."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = "{'alembic', 'apprise', 'fastapi', 'kafka', 'numpy', 'pydantic', 'sqlalchemy', 'uvicorn'}"


@pytest.mark.parametrize(
    ("doing", "unneeded"),
    [
        ("from service.cli.main import parser; parser([]).format_help()", HEAVY),
        ("from service.cli.main import parser; parser(['score']).format_help()", HEAVY),
        ("import service.app.serve", "{'alembic', 'apprise', 'fastapi', 'jinja2', 'uvicorn'}"),
        ("import service.adapters.store.migrate as m; m.head()", "{'alembic'}"),
        (
            "from service.adapters.store import open_sql_store; open_sql_store('sqlite:///first.db').close()",
            "{'alembic', 'sqlalchemy.dialects.postgresql'}",
        ),
    ],
    ids=["help", "one command", "the reading half of serve", "the version of the schema", "a new SQLite database"],
)
def test_what_is_not_needed_is_not_loaded(doing: str, unneeded: str, tmp_path: Path) -> None:
    script = f"{doing}\nimport sys\nprint(sorted(set(sys.modules) & {unneeded}))"

    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)  # noqa: S603  # our own

    assert done.stdout.splitlines()[-1] == "[]"
