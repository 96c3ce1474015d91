"""Figures with their spread and target, and the one Markdown table that they are printed in."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HEAD = "| what | median | spread | goal | |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: its runs, the goal it is held against, and whether that is a least or a most."""

    what: str
    runs: Sequence[float]
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def median(self) -> float:
        """Of the runs."""
        return statistics.median(self.runs)

    @property
    def verdict(self) -> str:
        """Whether the goal was met; nothing where there is none."""
        if self.least is not None:
            return "met" if self.median >= self.least else "**missed**"
        if self.most is not None:
            return "met" if self.median <= self.most else "**missed**"
        return ""

    def __str__(self) -> str:
        goal = ""
        if self.least is not None:
            goal = f"≥ {_number(self.least)}"
        elif self.most is not None:
            goal = f"≤ {_number(self.most)}"
        unit = f" {self.unit}" if self.unit else ""
        spread = f"{_number(min(self.runs))} to {_number(max(self.runs))}"
        return f"| {self.what} | {_number(self.median)}{unit} | {spread} | {goal} | {self.verdict} |"


@dataclass(frozen=True, slots=True)
class Absent:
    """A figure that could not be had here, and why."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"| {self.what} | not measured: {self.why} | | | |"


Line = Row | Absent


def _number(value: float) -> str:
    if abs(value) >= 100:  # noqa: PLR2004  # whole numbers are exact enough from here on
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"  # noqa: PLR2004  # the same


def ratio(of: Sequence[float], to: Sequence[float]) -> list[float]:
    """Run by run: what was measured side by side is compared side by side."""
    return [a / b for a, b in zip(of, to, strict=True)]
