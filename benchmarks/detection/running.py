"""Detectors and peers over streams: false alarms where nothing happens, the delay where something does."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from benchmarks.detection.streams import DAY, HOUR, START, Change, Stream, Viewer, step_of
from detectors.budget import SHARES, Budget
from detectors.frame import Detector, Frame, Scores
from detectors.registry import defaults
from service.core.judging.pace import Suspicion, enough

_BETWEEN = 0.37
"""Days between two changes on one history, so that they begin at all hours."""


class Alarm(Viewer, Protocol):
    """Whatever can be asked after each frame what it holds for broken."""

    def after(self, frame: Frame) -> frozenset[str]:
        """The names of what is broken after this frame; the frame is learned."""
        ...


class _Looking:
    """Looks at frames before they are over, as the judge does."""

    def __init__(self) -> None:
        self.suspicion = Suspicion()
        self.broken = dict[str, frozenset[str]]()

    def asked(self) -> Iterable[Detector]:
        """The detectors that count."""
        raise NotImplementedError

    def took(self, kind: str, scores: Scores | None) -> None:
        """Keep in mind what a detector says at the end of a frame."""
        self.broken[kind] = _broken(scores)
        if scores is not None:
            self.suspicion.take(kind, scores)

    def breaks(self, frame: Callable[[], Frame], *, tells: bool) -> bool:
        """Whether anything would be broken that is not yet if the frame ended there."""
        asked = [one for one in self.asked() if self.suspicion.asks(one.kind, tells=tells)]
        if not asked:
            return False
        seen = frame()
        for one in asked:
            scores = one.score(seen)
            if scores is None:
                continue
            if enough(one.kind, scores, self.broken.get(one.kind, frozenset())):
                return True
            self.suspicion.take(one.kind, scores)
        return False


def _broken(scores: Scores | None) -> frozenset[str]:
    if scores is None:
        return frozenset()
    return frozenset(name for name, broken in zip(scores.segments, scores.breach, strict=True) if broken)


class Watch(_Looking):
    """Detectors together, as a moment has them."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        super().__init__()
        self._detectors = list(detectors)

    def asked(self) -> Iterable[Detector]:
        """All."""
        return self._detectors

    def after(self, frame: Frame) -> frozenset[str]:
        """What any of them holds for broken."""
        self.suspicion = Suspicion()
        for one in self._detectors:
            self.took(one.kind, one.score(frame))
            one.learn(frame)
        return frozenset[str]().union(*self.broken.values())


class Together(_Looking):
    """All that a moment has, under one promise: it is shared by those that ever had anything to read."""

    def __init__(self, interval: float) -> None:
        super().__init__()
        self._detectors = defaults(interval)
        self._budget = Budget(interval, SHARES)
        self._promise()

    def _promise(self) -> None:
        intervals = self._budget.intervals()
        for one in self._detectors:
            if one.kind in intervals:
                one.promise(intervals[one.kind])

    def asked(self) -> Iterable[Detector]:
        """Those that are used."""
        return (one for one in self._detectors if self._budget.used(one.kind))

    def breaches(self, frame: Frame) -> Iterator[tuple[str, Scores]]:
        """Kind and scores of each that holds anything for broken; the frame is learned."""
        if self._budget.take(frame):
            self._promise()
        self.suspicion = Suspicion()
        for one in self._detectors:
            scores = one.score(frame) if self._budget.used(one.kind) else None
            one.learn(frame)
            self.took(one.kind, scores)
            if scores is not None and scores.breach.any():
                yield one.kind, scores

    def after(self, frame: Frame) -> frozenset[str]:
        """What any of them holds for broken."""
        return frozenset(name for _, scores in self.breaches(frame) for name in _broken(scores))


Make = Callable[[float], Alarm]
"""Makes what is measured for an interval in days."""


@dataclass
class Found:
    """False alarms over how many weeks, delays in hours (None: not found) and the bound there, what was named."""

    alarms: int = 0
    weeks: float = 0.0
    delays: list[float | None] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    named: list[frozenset[str]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: "Found") -> None:
        """Take in what another history gave."""
        self.alarms += other.alarms
        self.weeks += other.weeks
        self.delays += other.delays
        self.limits += other.limits
        self.named += other.named
        self.seconds += other.seconds


def quiet(alarm: Alarm, frames: Iterable[Frame]) -> int:
    """How often a breach starts where nothing happens."""
    found, before = 0, frozenset[str]()
    for frame in frames:
        now = alarm.after(frame)
        found += bool(now - before)
        before = now
    return found


def first(alarm: Alarm, frames: Iterable[Frame]) -> tuple[int, frozenset[str]] | None:
    """The end of the window in which a breach starts, and what is named."""
    for frame in frames:
        now = alarm.after(frame)
        if now:
            return frame.end, now
    return None


@dataclass(frozen=True)
class Cell:
    """One row of the table: a stream, what happens to it, and the goals.

    `limit`: the bound in hours given the traffic's factor at that time; None where there is none, then hours are
    shown. `history`, `quiet`, `lasts`: days learned, days that count for false alarms a history, days of change.
    `mean`, `median`, `p90`: goals for delay over bound; `false`: for false alarms over the promised number;
    `found`, `right`: least shares found and named as `truth`.
    """

    name: str
    stream: Stream
    make: Make
    limit: Callable[[float], float] | None
    change: Change | None = None
    traffic: Change | None = None
    slower: float = 1.0
    history: float = 28.0
    quiet: float = 28.0
    lasts: float | None = None
    hurt: tuple[int, ...] | None = None
    truth: frozenset[str] = frozenset({""})
    mean: float | None = None
    median: float | None = None
    p90: float | None = None
    false: float | None = None
    found: float | None = None
    right: float | None = None
    changes: int = 4
    """Changes a history."""
    open_hours: bool = False
    """Changes begin at noon only: at night nothing tells a silence."""

    def run(self, number: int, interval: float, seed: int) -> Found:
        """One history with its changes."""
        began = time.process_time()
        found = Found()
        rng = np.random.default_rng((seed, number))
        path = self.stream.path(seed * 1000 + number)
        alarm = self.make(interval)
        for frame in path.frames(rng, 0.0, self.history, viewer=alarm):
            alarm.after(frame)
        late = copy.deepcopy(alarm)
        at = self.history
        if self.quiet:
            found.alarms += quiet(late, path.frames(rng, at, self.quiet, viewer=late))
            found.weeks += self.quiet / 7.0
        step = step_of(self.stream.per_hour)
        pause = 1.0 if self.open_hours else _BETWEEN
        lead = 0.5 if self.open_hours else _BETWEEN / 2.0
        broken = frozenset[str]()
        for _ in range(self.changes):
            for frame in path.frames(rng, at, lead, viewer=alarm):
                broken = alarm.after(frame)
            at = round((at + lead) * DAY / step) * step / DAY
            lead = pause
            if broken:
                # What is in breach by chance cannot be found anew.
                continue
            here = 1.0 if self.stream.busy is None else float(self.stream.busy(np.array([at]))[0])
            limit = self.limit(here) if self.limit else 1.0
            lasts = self.lasts or max(30.0 * limit / 24.0, 2.0)
            twin = copy.deepcopy(alarm)
            worse = path.frames(
                rng, at, lasts, change=self.change, traffic=self.traffic, hurt=self.hurt, slower=self.slower,
                viewer=twin,
            )  # fmt: skip
            one = first(twin, worse)
            found.delays.append(None if one is None else (one[0] - START) / HOUR - at * 24.0)
            found.limits.append(limit)
            if one is not None:
                found.named.append(one[1])
        found.seconds = time.process_time() - began
        return found

    def row(self, found: Found, interval: float) -> str:
        """The row of a table, each goal beside its figure, and which are missed."""
        pairs = zip(found.delays, found.limits, strict=True)
        # What is not found is found never: it counts in the mean, the median and the p90.
        ratios = sorted(math.inf if delay is None else delay / limit for delay, limit in pairs)
        share = sum(map(math.isfinite, ratios)) / max(len(ratios), 1)
        named = sum(one == self.truth for one in found.named) / max(len(found.named), 1)
        false = found.alarms / found.weeks if found.weeks else math.nan
        nominal = 7.0 / interval
        missed: list[str] = []

        def shown(value: float, goal: float | None, name: str, *, most: bool = True) -> str:
            text = f"{value:.2f}"
            if goal is None:
                return text
            if not (value <= goal if most else value >= goal):
                missed.append(name)
            return f"{text} ({'≤' if most else '≥'} {goal:g})"

        middle = ratios[len(ratios) // 2] if ratios else math.inf
        late = ratios[min(len(ratios) - 1, math.ceil(0.9 * len(ratios)) - 1)] if ratios else math.inf
        limits = f"{np.mean(found.limits):.2f}" if found.limits and self.limit else "1"
        cells = (
            self.name,
            shown(false / nominal, self.false, "false alarms"),
            str(found.alarms),
            limits,
            shown(float(np.mean(ratios)) if ratios else math.inf, self.mean, "mean"),
            shown(middle, self.median, "median"),
            shown(late, self.p90, "p90"),
            shown(share, self.found, "found", most=False),
            shown(named, self.right, "named", most=False),
            str(len(found.delays)),
            f"{found.seconds:.0f}",
            f"**missed: {', '.join(missed)}**" if missed else "held" if self._has_goal() else "",
        )
        return "| " + " | ".join(cells) + " |"

    def _has_goal(self) -> bool:
        return any(goal is not None for goal in (self.mean, self.median, self.p90, self.false, self.found, self.right))


HEAD = (
    "| stream | false alarms / promised | alarms | bound, h | mean / bound | median | p90 | found | named right | n "
    "| CPU s | goals |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)
