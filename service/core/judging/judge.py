"""The judge of one moment: closed windows in, decisions about interruptions out; a pure function of what it was given.

Windows are put together to frames as long as the traffic is thin: a frame should hold a few events, because judging
costs the same for an empty one and a detector cannot know more sooner. While something is suspected it is looked at
before it is over. Rules look at every window. What breaches is then laid on interruptions by `Casebook`.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any, cast

import msgspec
import numpy as np

from detectors.absence import Absence
from detectors.budget import SHARES, Budget
from detectors.frame import JSON, WHOLE, Default, Detector, Frame, Scores
from detectors.together import joining, prepare
from service.core.catalog import Moment, Rule
from service.core.counting.tally import Window
from service.core.counting.window import window_of
from service.core.event import DAY, Micros
from service.core.interruption import Interruption
from service.core.judging.casebook import Breach, Casebook, Decision
from service.core.judging.frames import Framer, filled
from service.core.judging.gathered import Gathered, gather
from service.core.judging.level import PAST_DAYS, Day, past_of
from service.core.judging.pace import Pace, Suspicion, enough
from service.core.judging.rulebook import RuleBook
from service.core.judging.sieve import Sieve
from service.core.judging.special import Special
from service.core.judging.unseen import Span, touch
from service.core.judging.watcher import Reading, Watcher, breaking
from service.core.standing import Series

_VERSION = 7


class Verdicts(msgspec.Struct, frozen=True, gc=False):
    """What a stretch of windows gave: judged through a time, decisions in order, the state of the series then."""

    through: Micros
    decisions: tuple[Decision, ...]
    series: tuple[Series, ...]
    learning: tuple[float, float] | None


Build = Callable[[Moment, Sequence[Rule]], Sequence[Watcher]]
"""Makes a moment's watchers, new."""
Restore = Callable[[Mapping[str, JSON]], Detector]
"""Makes a detector from its dump."""

FORGOTTEN: Micros = 60 * DAY
"""After so long without any data nothing is judged until there is some again: no detector remembers further back.

One event with a date of 1970 must not cost two million frames.
"""

MANY = 256
"""Cells from which a window that waits is folded: fewer take no more room than rows."""


def fingerprint(moment: Moment, rules: Sequence[Rule], watchers: Sequence[Watcher]) -> str:
    """Changes whenever what was learned no longer fits what is declared, so that the judge must learn again."""
    kinds = [(w.name, w.detector.dump().get("version")) for w in watchers]
    plain = msgspec.json.encode((_VERSION, msgspec.to_builtins(moment), msgspec.to_builtins(list(rules)), kinds))
    return hashlib.sha256(plain).hexdigest()[:32]


class Judge:
    """One moment."""

    def __init__(self, moment: Moment, rules: Sequence[Rule], watchers: Sequence[Watcher]) -> None:
        self.moment = moment
        self.through: Micros | None = None
        """Everything before this time is judged; None before the first window."""
        self._watchers = list(watchers)
        self._joining = joining(watcher.detector for watcher in self._watchers)
        self._rules = RuleBook(moment, rules)
        self._framer = Framer(moment.dimensions)
        self._cases = Casebook(moment)
        self._pace = Pace(moment.window)
        self._days: deque[Day] = deque(maxlen=PAST_DAYS)
        self._today = Day()
        self._heard: Micros | None = None
        """The end of the last window that held anything."""
        self._latest: dict[str, Scores] = {}
        self._breaches: dict[str, list[Breach]] = {}
        self._sieve = Sieve()
        self._special = Special(moment.known_events)
        self._budget = self._new_budget()
        self._promise()

    def _new_budget(self, used: Iterable[str] = ()) -> Budget:
        shared = [watcher.name for watcher in self._watchers if watcher.share is not None]
        weights = {name: SHARES[name] for name in shared if name in SHARES}
        return Budget(self.moment.false_alarm_interval / DAY, weights, used)

    def _promise(self) -> None:
        intervals = self._budget.intervals()
        for watcher in self._watchers:
            if watcher.share is not None and watcher.name in intervals:
                watcher.share.promise(intervals[watcher.name])

    def advance(self, closed: Iterable[Window], through: Micros, unseen: Sequence[Span] = ()) -> Verdicts:
        """Judge the windows that closed, `closed` holding those with anything in them, from `self.through` on.

        Within `unseen` records are missing: nothing is judged there and nothing learned, and what is open stays so.
        The last windows of `through` may have to wait until their frame is whole; `Verdicts.through` says how far
        judging came, and the next call must give the windows from there again, or what `fold` makes of them.
        """
        windows = deque(sorted(closed, key=lambda w: w.start))
        decisions: list[Decision] = []
        if self.through is None:
            if not windows:
                return Verdicts(through, (), (), self._learning())
            self.through = window_of(windows[0].start, self._pace.step)
        while windows and windows[0].start < self.through:
            windows.popleft()
        while (end := self._end(self.through, through, windows, unseen)) is not None:
            following = windows[0].start if windows else through
            if self._heard is not None and self.through >= self._heard + FORGOTTEN and following >= end:
                self.through = max(end, following - (following - self.through) % self._pace.step)
                self._rules.skip(self.through)
                continue
            mine: list[Window] = []
            while windows and windows[0].start < end:
                mine.append(windows.popleft())
            decisions += self._judge_rules(self.through, end, mine, unseen)
            hidden = touch(unseen, self.through, end)
            if hidden:
                self._cases.count(mine)
            else:
                decisions += self._judge_frame(self.through, end, mine)
            self.through = end
            # A silence in which nobody could hear anything is none.
            self._heard = end if hidden else mine[-1].end if mine else self._heard
            if end % DAY == 0:
                self._settle_step()
        decisions += self._judge_rules(self.through, through, windows, unseen)
        return Verdicts(self.through, tuple(decisions), self._series(), self._learning())

    def _end(self, start: Micros, through: Micros, windows: Sequence[Window], unseen: Sequence[Span]) -> Micros | None:
        """Where the frame that begins at `start` ends; None while that is not closed `through` there."""
        end = self._pace.end(start, through, self._heard, windows)
        for since, look, suspicion in self._pace.looks(start, through + 1 if end is None else end):
            if touch(unseen, start, look):
                break
            if self._breaks((start, since, look), _before(look, windows), suspicion):
                return look
        return end

    def _breaks(self, times: tuple[Micros, Micros, Micros], windows: Sequence[Window], suspicion: Suspicion) -> bool:
        """Whether anything would be in breach that is not yet if a frame ended there; nothing of it is learned.

        `times`: where the frame begins, from where on nobody saw it, and where it is looked at.
        """
        start, since, end = times
        new = gather([window for window in windows if window.start >= since])
        asked = [watcher for watcher in self._watchers if suspicion.asks(watcher.name, tells=new.tells)]
        if not asked:
            return False
        given = gather(windows)
        frame = self._framed(start, end, given, self._special.foretold(start, end, given))
        prepare(joining(watcher.detector for watcher in asked), frame)
        for watcher in asked:
            scores = watcher.detector.score(frame)
            if scores is None:
                continue
            known = {breach.row for breach in self._breaches.get(watcher.name, ())}
            if enough(watcher.name, scores, known):
                return True
            suspicion.take(watcher.name, scores)
        return False

    def _framed(self, start: Micros, end: Micros, given: Gathered, factor: float) -> Frame:
        """The frame of some windows, in which what is usual is right within a factor."""
        frame = self._framer.frame(start, end, given, self._cases.explained())
        return replace(frame, usual=False, widen=factor) if factor > 1.0 else frame

    def _judge_frame(self, start: Micros, end: Micros, windows: Sequence[Window]) -> list[Decision]:
        given = gather(windows)
        frame = self._framed(start, end, given, self._special.factor(start, end, given))
        self._today.take(given)
        self._cases.count(windows)
        if self._budget.take(frame):
            self._promise()
        prepare(self._joining, frame)
        full, suspicion = frame, Suspicion()
        for watcher in self._watchers:
            detector, mine = watcher.detector, full if watcher.name in _OF_WHOLE else frame
            scores = detector.score(mine) if self._budget.used(watcher.name) else None
            detector.learn(mine)
            if isinstance(detector, Absence):
                full = filled(frame, detector.missing())
            if scores is None:
                self._breaches.pop(watcher.name, None)
                continue
            if scores.segments:
                self._latest[watcher.name] = scores
                if watcher.share is not None:
                    suspicion.take(watcher.name, scores)
            found = list(breaking(watcher, scores, frame)) if np.count_nonzero(scores.breach) else []
            if watcher.asked is not None:
                found = self._sieve.sift(watcher.name, watcher.asked, found, frame)
            if found:
                self._breaches[watcher.name] = found
            else:
                self._breaches.pop(watcher.name, None)
        self._pace.suspicion = suspicion
        return self._decide(start, end, arrived=bool(frame.arrivals[0]))

    def _judge_rules(
        self, start: Micros, end: Micros, windows: Iterable[Window], unseen: Sequence[Span]
    ) -> list[Decision]:
        """Rules look at every window, even when the frame around it is judged later."""
        decisions: list[Decision] = []
        for told in self._rules.advance(start, end, windows, unseen):
            if told.breaches:
                self._breaches[told.name] = told.breaches
            elif self._breaches.pop(told.name, None) is None:
                continue
            decisions += self._decide(told.start, told.end, arrived=told.arrived)
        return decisions

    def _decide(self, start: Micros, end: Micros, *, arrived: bool) -> list[Decision]:
        standing = [breach for found in self._breaches.values() for breach in found]
        decisions = self._cases.advance(start, end, standing, arrived=arrived)
        if not decisions:
            return decisions
        past = past_of(self._days)
        return [msgspec.structs.replace(decision, past=past) for decision in decisions]

    def fold(self, windows: Sequence[Window]) -> list[Window]:
        """Windows that were not judged whole yet, without their cells where nobody will ask for tuples of values.

        Until the frame is judged, only a rule by segments could open an interruption that has to be told by them.
        """
        if self._cases.by_segment or self._rules.by_segment:
            return list(windows)
        return [self._framer.fold(window) if len(window.cells) >= MANY else window for window in windows]

    def standing(self) -> list[list[Decision]]:
        """Each open case's opening, and then its further evidence."""
        past = past_of(self._days)
        return [[msgspec.structs.replace(each, past=past) for each in case] for case in self._cases.standing()]

    def adopt(self, identity: str, row: Interruption) -> None:
        """Go on with a case under the name of an interruption that is known already."""
        self._cases.adopt(identity, row)

    def _settle_step(self) -> None:
        """Once a day: how long a frame has to be for the traffic of the last four weeks.

        While nothing is known well enough to be alarmed by, frames stay long: learning needs no haste.
        """
        self._days.append(self._today)
        self._today = Day()
        if self._learning() is not None:
            return
        self._pace.settle(sum(day.events for day in self._days) / (24 * len(self._days)))

    def _learning(self) -> tuple[float, float] | None:
        default = [w for w in self._watchers if w.kind == "failure_rate" and not w.contrast]
        if not default:
            return None
        seen, needed = default[0].detector.progress()
        return None if seen >= needed else (seen, needed)

    def readings(self) -> list[Reading]:
        """What each watcher that has anything to read says after the last frame, and what it would say to others."""
        return [
            Reading(
                watcher.name,
                watcher.kind,
                watcher.rule.name if watcher.rule else None,
                watcher.detector.progress(),
                self._latest.get(watcher.name),
                watcher.detector.score,
            )
            for watcher in self._watchers
            if self._budget.used(watcher.name)
        ]

    def supposed(self, start: Micros, end: Micros, windows: Sequence[Window]) -> Frame:
        """The frame of some windows, as if it came next."""
        at = max(end, self.through or end)
        return replace(self._framer.frame(start, end, gather(windows)), start=at, end=at + end - start)

    def _series(self) -> tuple[Series, ...]:
        """The latest word on the whole and on every segment in breach."""
        found = []
        for name, scores in self._latest.items():
            for index, segment in enumerate(scores.segments):
                if segment == WHOLE or scores.breach[index]:
                    numbers = (float(a[index]) for a in (scores.evidence, scores.expected, scores.lower, scores.upper))
                    found.append(Series(name, segment, *(n if np.isfinite(n) else 0.0 for n in numbers)))
        return tuple(found)

    def dump(self) -> dict[str, JSON]:
        """The whole state as versioned plain JSON."""
        return {
            "version": _VERSION,
            "through": self.through,
            "step": self._pace.step,
            "lull": self._pace.lull,
            "suspicion": self._pace.suspicion.dump(),
            "days": msgspec.to_builtins(list(self._days)),
            "today": msgspec.to_builtins(self._today),
            "known": {d: list(values) for d, values in self._framer.dump().items()},
            "rules_through": self._rules.through,
            "heard": self._heard,
            "rules": self._rules.dump(),
            "cases": self._cases.dump(),
            "breaches": {name: msgspec.to_builtins(found) for name, found in self._breaches.items()},
            "special": self._special.dump(),
            "sieve": self._sieve.dump(),
            "used": [*self._budget.dump()],
            "detectors": {w.name: dict(w.detector.dump()) for w in self._watchers},
        }

    @classmethod
    def load(
        cls,
        moment: Moment,
        rules: Sequence[Rule],
        watchers: Sequence[Watcher],
        state: Any,
        restore: Restore,
    ) -> "Judge":
        """A judge that goes on exactly as the one whose dump this is; its definition must be the same."""
        restored = []
        for watcher in watchers:
            detector = restore(state["detectors"][watcher.name])
            shared = None if watcher.share is None else cast("Default", detector)
            restored.append(msgspec.structs.replace(watcher, detector=detector, share=shared))
        judge = cls(moment, rules, restored)
        judge._budget = judge._new_budget(state["used"])
        judge._promise()
        judge.through = state["through"]
        judge._pace.step, judge._pace.lull = state["step"], state["lull"]
        judge._pace.suspicion = Suspicion(state["suspicion"])
        judge._days.extend(msgspec.convert(state["days"], list[Day]))
        judge._today = msgspec.convert(state["today"], Day)
        judge._framer = Framer(moment.dimensions, state["known"])
        judge._special = Special(moment.known_events, **state["special"])
        judge._sieve = Sieve.load(state["sieve"])
        judge._rules.load(state["rules_through"], state["rules"])
        judge._heard = state["heard"]
        judge._cases = Casebook.load(moment, state["cases"])
        judge._breaches = msgspec.convert(state["breaches"], dict[str, list[Breach]])
        return judge


_OF_WHOLE = frozenset({"silence", "drop"})


def _before(end: Micros, windows: Iterable[Window]) -> list[Window]:
    return list(takewhile(lambda window: window.start < end, windows))
