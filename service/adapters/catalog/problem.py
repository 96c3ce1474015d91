"""What is wrong in a file an operator wrote, printed as `file:line: field: what and the remedy`.

CatalogError    every problem of every file, raised once
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Step = str | int
Where = tuple[Step, ...]
"""The way to a value inside a document: keys and positions."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend; ordered by file, line and field. Line 0 is the file as a whole."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        """`rules/checkout.yaml:14: spec.for: "3 min" is not a duration; write 3m`."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class CatalogError(Exception):
    """Files that cannot be used, with everything that is wrong in them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems sorted, each once."""
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


def spell(where: Where) -> str:
    """`spec.detect.any[0].threshold`; keys that are not plain words are quoted."""
    field = ""
    for step in where:
        if isinstance(step, int):
            field += f"[{step}]"
        else:
            field += ("." if field else "") + (step if _PLAIN_KEY.fullmatch(step) else show(step))
    return field


def show(value: object) -> str:
    """A value in an error: short, on one line, text in quotes."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return printable if len(printable) <= _LONGEST_SHOWN else printable[: _LONGEST_SHOWN - 1] + "…"


def name_of(path: Path) -> str:
    """A path that any terminal can print: bytes that are no UTF-8 and control characters are escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
