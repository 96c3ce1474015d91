from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PURE = sorted([*(ROOT / "service" / "core").rglob("*.py"), *(ROOT / "detectors").rglob("*.py")])
# What the import contracts cannot see: built-ins, and the clocks of modules that are fine otherwise.
FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "breakpoint"}
FORBIDDEN_METHODS = {"now", "utcnow", "today", "default_rng", "uuid1", "uuid4", "urandom"}
# A generator is pure once it is given its seed.
FINE_WITH_ARGUMENTS = {"default_rng"}


def impure_calls(tree: ast.AST) -> Iterator[str]:
    """Calls that read a clock, the outside world or chance, as `name:line`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            yield f"{node.func.id}:{node.lineno}"
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        seeded = name in FINE_WITH_ARGUMENTS and bool(node.args or node.keywords)
        if name in FORBIDDEN_METHODS and not seeded:
            yield f"{name}:{node.lineno}"


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_and_detectors_read_no_clock_and_do_no_io(path: Path) -> None:
    assert list(impure_calls(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("datetime.now(UTC)", ["now:1"]),
        ("dt.date.today()", ["today:1"]),
        ("open('x')", ["open:1"]),
        ("np.random.default_rng()", ["default_rng:1"]),
        ("np.random.default_rng(7)", []),
        ("window.open_for(now)", []),
    ],
)
def test_the_check_sees_what_it_is_for(source: str, expected: list[str]) -> None:
    assert list(impure_calls(ast.parse(source))) == expected
