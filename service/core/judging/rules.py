"""YAML rules over trailing windows: thresholds, burn rates, standing counts; by segment where a rule groups."""

import operator
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from detectors.frame import JSON
from service.core.catalog import BurnRate, Rule, Standing, Threshold
from service.core.counting.sums import WindowSums
from service.core.counting.tally import Cell, Cells, Window
from service.core.event import Micros

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


_COUNTS = ("attempts", "broken", "arrivals", "complaints", "overdue")
_Counts = tuple[int, int, int, int, int]
_NONE: _Counts = (0, 0, 0, 0, 0)


def _of_window(cells: Cells) -> _Counts:
    """What rules read of all cells of a window."""
    if not isinstance(cells, WindowSums):
        return _of_cells(cells.values())
    sums, here = cells.sums, slice(cells.begin, cells.end)
    return (
        int(sums.attempts[here].sum()),
        int(sums.broken[here].sum()),
        int(sums.arrivals[here].sum()),
        *_heard(sums.signals[here] if sums.signals else ()),
    )


def _of_cells(cells: Collection[Cell]) -> _Counts:
    """What rules read of some cells."""
    return (
        sum([cell.attempts for cell in cells]),
        sum([cell.broken for cell in cells]),
        sum([cell.arrivals for cell in cells]),
        *_heard([cell.signals for cell in cells]),
    )


def _heard(signals: Iterable[Mapping[str, int] | None]) -> tuple[int, int]:
    """(complaints, overdue); the latter is by how many more promises are open past their due."""
    there = [of for of in signals if of]
    more = sum(of.get("overdue", 0) - of.get("caught_up", 0) - of.get("given_up", 0) for of in there)
    return sum(of.get("complaints", 0) for of in there), more


def _sum(one: _Counts, other: _Counts) -> _Counts:
    a, b, c, d, e = one
    return (a + other[0], b + other[1], c + other[2], d + other[3], e + other[4])


class _Trailing:
    """Sums over the last stretch of windows."""

    __slots__ = ("_length", "_windows", "sums")

    def __init__(self, length: Micros) -> None:
        self._length = length
        self._windows: deque[tuple[Micros, _Counts]] = deque()
        self.sums = _NONE

    def __getattr__(self, name: str) -> int:
        """One of the sums by its name."""
        return self.sums[_COUNTS.index(name)]

    def push(self, end: Micros, counts: _Counts) -> None:
        self._windows.append((end, counts))
        self.sums = _sum(self.sums, counts)

    def advance(self, now: Micros) -> None:
        """Forget the windows that ended longer ago than the length."""
        windows, oldest = self._windows, now - self._length
        while windows and windows[0][0] <= oldest:
            _, (a, b, c, d, e) = windows.popleft()
            self.sums = _sum(self.sums, (-a, -b, -c, -d, -e))

    def dump(self) -> JSON:
        return [[end, *counts] for end, counts in self._windows]

    def load(self, state: Sequence[Sequence[int]]) -> None:
        for end, a, b, c, d, e in state:
            self.push(end, (a, b, c, d, e))


class Firing(msgspec.Struct, frozen=True, gc=False):
    """A rule fires for a row since a time; `expected`: the limit, `seen`: what was there.

    `holds`: its condition does; else it goes on firing by its `keep_firing_for`.
    """

    row: str
    since: Micros
    expected: float
    seen: float
    holds: bool = True


class _Group:
    """One segment's trailing sums and how long its condition has held."""

    __slots__ = ("last_true", "standing", "sums", "true_since")

    def __init__(self, lengths: Sequence[Micros]) -> None:
        self.sums = {length: _Trailing(length) for length in lengths}
        self.standing = 0
        self.true_since: Micros | None = None
        self.last_true: Micros | None = None


class RuleWatch:
    """One `threshold`, `burn_rate`, `overdue` or `streak` entry of a rule, watched window by window."""

    def __init__(self, rule: Rule, detect: BurnRate | Threshold | Standing, dimensions: tuple[str, ...]) -> None:
        self.rule = rule
        self._detect = detect
        self._by = dimensions.index(rule.group_by[0]) if rule.group_by else None
        self._name = rule.group_by[0] if rule.group_by else ""
        if isinstance(detect, BurnRate):
            self._lengths = sorted({length for pair in detect.page for length in (pair.long, pair.short)})
        elif isinstance(detect, Threshold):
            self._lengths = [detect.window]
        else:
            self._lengths = []
        self._began: Micros | None = None
        self._groups: dict[str, _Group] = {}
        if self._by is None:
            self._groups[""] = _Group(self._lengths)

    @property
    def by_segment(self) -> bool:
        """Whether it may open an interruption of a segment."""
        return self._by is not None

    def advance(self, start: Micros, end: Micros, window: Window | None) -> list[Firing]:
        """Take one window in, an empty one as None; the rows for which the rule fires at its end."""
        if self._began is None:
            self._began = start
        if window is not None:
            self._take(window, end)
        if self._falls and end - self._began < max(self._lengths):
            return []
        firing = []
        for row, group in self._groups.items():
            for sums in group.sums.values():
                sums.advance(end)
            reading = self._reading(group)
            if reading is not None:
                group.last_true = end
                if group.true_since is None:
                    group.true_since = start
            elif not self._was_firing(group) or end - (group.last_true or 0) > self.rule.keep_firing:
                # What is not firing yet has to hold without a gap: `keep_firing_for` bridges those of what is.
                group.true_since = group.last_true = None
            if group.true_since is not None and end - group.true_since >= self.rule.hold:
                expected, seen = reading or (float("nan"), float("nan"))
                firing.append(Firing(row, group.true_since, expected, seen, reading is not None))
        return firing

    def pass_over(self, start: Micros, end: Micros, window: Window | None) -> None:
        """Take a window in of which records are missing: what stands goes on, and how long it has stood waits."""
        if window is not None:
            self._take(window, end, whole=False)
        # A sum that is too low needs a whole stretch that was seen.
        self._began = end
        for group in self._groups.values():
            if group.true_since is not None:
                group.true_since += end - start
            if group.last_true is not None:
                group.last_true += end - start

    def _was_firing(self, group: "_Group") -> bool:
        """At the last window in which the condition held."""
        if group.true_since is None or group.last_true is None:
            return False
        return group.last_true - group.true_since >= self.rule.hold

    @property
    def _falls(self) -> bool:
        """Too little is the condition, so that a window not yet full says nothing."""
        return isinstance(self._detect, Threshold) and self._detect.op in {"<", "<="}

    def _take(self, window: Window, end: Micros, *, whole: bool = True) -> None:
        """Take a window's counts in; only what stands where it is not whole."""
        for row, found in self._rows(window).items():
            group = self._groups.get(row)
            if group is None:
                group = self._groups[row] = _Group(self._lengths)
            group.standing = self._stands(group.standing, found)
            for sums in group.sums.values() if whole else ():
                sums.push(end, found)

    def _stands(self, before: int, counts: _Counts) -> int:
        """The standing count after a window.

        Windows keep no order: of one in which something was kept, nobody knows what broke after it, and a row ends.
        """
        attempts, broken, _, _, more = counts
        if isinstance(self._detect, Standing) and self._detect.signal == "streak":
            return before + broken if attempts == broken else 0
        return before + more

    def _rows(self, window: Window) -> dict[str, _Counts]:
        """What a window counts by the row that it counts in."""
        if self._by is None:
            return {"": _of_window(window.cells)} if window.cells else {}
        rows: dict[str, list[Cell]] = {}
        for values, cell in window.cells.items():
            value = values[self._by]
            if value is not None:
                rows.setdefault(f"{self._name}={value}", []).append(cell)
        return {row: _of_cells(cells) for row, cells in rows.items()}

    def _reading(self, group: _Group) -> tuple[float, float] | None:
        """(limit, seen) when the condition holds, else None."""
        detect = self._detect
        if isinstance(detect, Standing):
            return (float(detect.value), float(group.standing)) if group.standing >= detect.value else None
        if isinstance(detect, Threshold):
            sums = group.sums[detect.window]
            if sums.attempts < detect.min_count:
                return None
            if detect.signal == "failure_rate":
                if not sums.attempts:
                    return None
                seen = sums.broken / sums.attempts
            else:
                seen = float(getattr(sums, detect.signal))
            return (detect.value, seen) if _OPERATORS[detect.op](seen, detect.value) else None
        for pair in detect.page:
            limit = pair.factor * (1 - detect.objective)
            long, short = group.sums[pair.long], group.sums[pair.short]
            if not long.attempts or not short.attempts:
                continue
            seen = long.broken / long.attempts
            if seen >= limit and short.broken / short.attempts >= limit:
                return limit, seen
        return None

    def dump(self) -> JSON:
        """Plain JSON of the trailing windows and of how long each condition has held."""
        groups: dict[str, JSON] = {
            row: {
                "true_since": group.true_since,
                "last_true": group.last_true,
                "standing": group.standing,
                "sums": {str(length): sums.dump() for length, sums in group.sums.items()},
            }
            for row, group in self._groups.items()
        }
        return {"began": self._began, "groups": groups}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a dump."""
        self._began = state["began"]
        for row, saved in state["groups"].items():
            group = self._groups[row] = _Group(self._lengths)
            group.true_since = saved["true_since"]
            group.last_true = saved["last_true"]
            group.standing = saved["standing"]
            for length, trailing in group.sums.items():
                trailing.load(saved["sums"][str(length)])
