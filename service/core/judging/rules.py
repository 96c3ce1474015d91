"""YAML rules over trailing windows: thresholds and burn rates, by segment where a rule groups."""

import operator
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from detectors.frame import JSON
from service.core.catalog import BurnRate, Rule, Threshold
from service.core.counting.tally import Values, Window
from service.core.event import Micros

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class _Trailing:
    """Sums over the last stretch of windows."""

    __slots__ = ("_length", "_windows", "arrivals", "attempts", "broken")

    def __init__(self, length: Micros) -> None:
        self._length = length
        self._windows: deque[tuple[Micros, int, int, int]] = deque()
        self.attempts = self.broken = self.arrivals = 0

    def push(self, end: Micros, attempts: int, broken: int, arrivals: int) -> None:
        self._windows.append((end, attempts, broken, arrivals))
        self.attempts += attempts
        self.broken += broken
        self.arrivals += arrivals

    def advance(self, now: Micros) -> None:
        """Forget the windows that ended longer ago than the length."""
        windows, oldest = self._windows, now - self._length
        while windows and windows[0][0] <= oldest:
            _, attempts, broken, arrivals = windows.popleft()
            self.attempts -= attempts
            self.broken -= broken
            self.arrivals -= arrivals

    def dump(self) -> JSON:
        return [list(window) for window in self._windows]

    def load(self, state: Sequence[tuple[int, int, int, int]]) -> None:
        for end, attempts, broken, arrivals in state:
            self.push(end, attempts, broken, arrivals)


class Firing(msgspec.Struct, frozen=True, gc=False):
    """A rule's condition holds for a row since a time; `expected`: the limit, `seen`: what was there."""

    row: str
    since: Micros
    expected: float
    seen: float


class _Group:
    """One segment's trailing sums and how long its condition has held."""

    __slots__ = ("last_true", "sums", "true_since")

    def __init__(self, lengths: Sequence[Micros]) -> None:
        self.sums = {length: _Trailing(length) for length in lengths}
        self.true_since: Micros | None = None
        self.last_true: Micros | None = None


class RuleWatch:
    """One `threshold` or `burn_rate` entry of a rule, watched window by window."""

    def __init__(self, rule: Rule, detect: BurnRate | Threshold, dimensions: tuple[str, ...]) -> None:
        self.rule = rule
        self._detect = detect
        self._by = dimensions.index(rule.group_by[0]) if rule.group_by else None
        self._name = rule.group_by[0] if rule.group_by else ""
        if isinstance(detect, BurnRate):
            self._lengths = sorted({length for pair in detect.page for length in (pair.long, pair.short)})
        else:
            self._lengths = [detect.window]
        self._began: Micros | None = None
        self._groups: dict[str, _Group] = {}
        if self._by is None:
            self._groups[""] = _Group(self._lengths)

    def advance(self, start: Micros, end: Micros, window: Window | None) -> list[Firing]:
        """Take one window in, an empty one as None; the rows for which the rule fires at its end."""
        if self._began is None:
            self._began = start
        if window is not None:
            self._take(window, end)
        if end - self._began < max(self._lengths) and self._falls:
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
            elif group.last_true is None or end - group.last_true > self.rule.keep_firing:
                group.true_since = group.last_true = None
            if group.true_since is not None and end - group.true_since >= self.rule.hold:
                expected, seen = reading or (float("nan"), float("nan"))
                firing.append(Firing(row, group.true_since, expected, seen))
        return firing

    @property
    def _falls(self) -> bool:
        """Too little is the condition, so that a window not yet full says nothing."""
        return isinstance(self._detect, Threshold) and self._detect.op in {"<", "<="}

    def _take(self, window: Window, end: Micros) -> None:
        counts: dict[str, list[int]] = {}
        for values, cell in window.cells.items():
            row = self._row(values)
            if row is None:
                continue
            count = counts.setdefault(row, [0, 0, 0])
            count[0] += cell.attempts
            count[1] += cell.broken
            count[2] += cell.arrivals
        for row, (attempts, broken, arrivals) in counts.items():
            group = self._groups.get(row)
            if group is None:
                group = self._groups[row] = _Group(self._lengths)
            for sums in group.sums.values():
                sums.push(end, attempts, broken, arrivals)

    def _row(self, values: Values) -> str | None:
        if self._by is None:
            return ""
        value = values[self._by]
        return None if value is None else f"{self._name}={value}"

    def _reading(self, group: _Group) -> tuple[float, float] | None:
        """(limit, seen) when the condition holds, else None."""
        detect = self._detect
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
            for length, trailing in group.sums.items():
                trailing.load(saved["sums"][str(length)])
