"""Promises that come closer to their due unsettled: more of them at a mark on their way than are used to be."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from detectors.failure_rate import FailureRate
from detectors.frame import JSON, WHOLE, Frame, Scores, between
from detectors.plain import fields
from detectors.rates import RateDetector
from detectors.shares import Counted, ShareDetector

NO_NEWS = Scores(
    (), np.zeros(0), np.zeros(0, np.bool_), np.zeros(0, np.int64), np.zeros(0), between(*[np.zeros(0)] * 2)
)
"""Of no row."""


class Slowed(FailureRate):
    """A share that follows how long promises take: what slows those of one day is seen at a mark for days.

    Promises of one day, each with a time of its own, come to a mark one after the other: a wander lasts longer than
    among outcomes. Twice as long halves the openings where days differ, and costs a stall no time; four times would
    halve them again, and take days from what slows bit by bit, which is to be told before its due. And work has its
    week, which has to be seen once before a first Sunday can be told from a stall. Where an hour is wrong, so is
    all of a day.

    >>> Slowed(90.0).progress()
    (0.0, 14.0)
    """

    kind = "slowed"
    guess: ClassVar[float] = 2.0
    factor: ClassVar[float] = 0.676
    still: ClassVar[float] = 1.0
    early: ClassVar[bool] = False

    def __init__(
        self,
        false_alarm_interval: float,
        cold_start: float = 14.0,
        accept_after: float = 14.0,
        warm_after: float = 7.0,
    ) -> None:
        super().__init__(false_alarm_interval, cold_start, accept_after, warm_after)


class WayMark(ShareDetector):
    """Mixture Shiryaev-Roberts on the share of promises that are open when they come to one mark on their way.

    Settings, assumptions and guarantee: those of `FailureRate`.

    >>> from detectors.frame import Beside
    >>> detector, hour = WayMark.at(0, 90.0, 14.0), 3600_000_000
    >>> def frame(number, still_open):
    ...     tried = np.array([60])
    ...     beside = Beside(way=(({"": 60}, {"": still_open}), ({}, {})))
    ...     return Frame(number * hour, (number + 1) * hour, ("",), tried, 0.0 * tried, tried, beside=beside)
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number, 20 + number % 3))
    >>> bool(detector.score(frame(24 * 14, 22)).breach[0]), bool(detector.score(frame(24 * 14, 50)).breach[0])
    (False, True)
    """

    kind: str = "way_mark"
    version: ClassVar[int] = 2
    test: ClassVar[type[FailureRate]] = Slowed

    def __init__(self, false_alarm_interval: float, cold_start: float = 14.0, accept_after: float = 14.0) -> None:
        super().__init__(false_alarm_interval, cold_start, accept_after)
        self._mark = 0

    @classmethod
    def at(cls, mark: int, false_alarm_interval: float, cold_start: float) -> Self:
        """The detector of one of a frame's marks."""
        made = cls(false_alarm_interval, cold_start)
        made._mark = mark
        return made

    @property
    def in_breach(self) -> bool:
        """Any row is."""
        return self._inner.in_breach

    def _counted(self, frame: Frame) -> Counted:
        reached, still_open = frame.beside.way[self._mark] if frame.beside.way else ({}, {})
        return {row: (max(n, 0), min(max(still_open.get(row, 0), 0), max(n, 0))) for row, n in reached.items()}

    def _rest(self, frame: Frame, whole: tuple[float, float], apart: Mapping[str, float]) -> tuple[float, float]:
        tried, hits = whole
        counted = self._counted(frame)
        for row, usual in apart.items():
            came, still_open = counted.get(row, (0.0, 0.0))
            hits += usual * came - still_open
        return tried, max(hits, 0.0)

    def _took(self, frame: Frame) -> None:
        """Nothing beside the test."""

    def _dump_more(self) -> dict[str, JSON]:
        return {"mark": self._mark}

    def _load_more(self, state: Mapping[str, JSON]) -> None:
        mark = state["mark"]
        if not isinstance(mark, int):
            raise ValueError("detector state: `mark` must be a whole number")
        self._mark = mark


class DueSoon:
    """A stalled or slowing flow of completions, seen in promises that are not due yet, the whole and each segment.

    A promise comes to marks on its way: half and three quarters of the time given are over. Which share of them is
    open then is the survival of promises on a clock of their own, whatever time each was given; where it rises above
    its own base, more will miss their due. Each promise is tried once at a mark, so that a mark's share is watched like
    a failure rate, by the same test; the marks split the promise of false alarms evenly, as what comes later at one is
    much the same that came before at the other, and no more is assumed of how they depend on one another.

    Not chosen: one statistic of completions against the number that is to be expected of all that are open. It would
    be a little sooner after a full stop, and has to know the hour at which each of the open ones is completed.

    `false_alarm_interval`, `cold_start`: days, as in `FailureRate`.

    >>> from detectors.frame import Beside
    >>> detector, hour = DueSoon(90.0), 3600_000_000
    >>> def frame(number, still_open):
    ...     tried = np.array([60])
    ...     way = (({"": 60}, {"": still_open}), ({"": 60}, {"": 6}))
    ...     return Frame(number * hour, (number + 1) * hour, ("",), tried, 0.0 * tried, tried, beside=Beside(way=way))
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number, 20 + number % 3))
    >>> bool(detector.score(frame(24 * 14, 22)).breach[0]), bool(detector.score(frame(24 * 14, 50)).breach[0])
    (False, True)
    """

    kind: str = "due_soon"
    version: ClassVar[int] = 1
    MARKS: ClassVar[int] = 2

    def __init__(self, false_alarm_interval: float, cold_start: float = 14.0) -> None:
        self._marks = [
            WayMark.at(mark, self.MARKS * float(false_alarm_interval), cold_start) for mark in range(self.MARKS)
        ]

    @property
    def false_alarm_interval(self) -> float:
        """Days between false alarms."""
        return self._marks[0].false_alarm_interval / self.MARKS

    def promise(self, false_alarm_interval: float) -> None:
        """Hold false alarms to one in so many days from now on."""
        for mark in self._marks:
            mark.promise(self.MARKS * false_alarm_interval)

    def progress(self) -> tuple[float, float]:
        """(days seen, days needed) of the mark that has come furthest."""
        return max((mark.progress() for mark in self._marks), key=lambda of: of[0] - of[1])

    def score(self, frame: Frame) -> Scores | None:
        """Of each row what the mark says that has the most evidence; None before any mark is warm.

        Of no row at all in a frame in which no promise came to a mark: there is no news then.
        """
        if self._idle(frame):
            seen, needed = self.progress()
            return NO_NEWS if seen >= needed else None
        return _strongest([scores for mark in self._marks if (scores := mark.score(frame)) is not None])

    def asks(self, frame: Frame) -> list[tuple[RateDetector, Frame]]:
        """The frames whose work may be done together with other detectors'."""
        return [] if self._idle(frame) else [each for mark in self._marks for each in mark.asks(frame)]

    def learn(self, frame: Frame) -> None:
        """Take the frame in; where no promise came to a mark, and nothing is in breach, there is nothing to do."""
        if not self._idle(frame):
            for mark in self._marks:
                mark.learn(frame)

    def _idle(self, frame: Frame) -> bool:
        return not frame.beside.way and not any(mark.in_breach for mark in self._marks)

    def dump(self) -> dict[str, JSON]:
        """Everything the detector knows, as versioned plain JSON."""
        marks: list[JSON] = [mark.dump() for mark in self._marks]
        return {"kind": self.kind, "version": self.version, "marks": marks}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The detector of a dump; ValueError where kind or version is another's."""
        marks = state.get("marks")
        if state.get("kind") != cls.kind or state.get("version") != cls.version or not isinstance(marks, list):
            raise ValueError(
                f"detector state: kind {state.get('kind')!r} version {state.get('version')!r} is not "
                f"{cls.kind!r} version {cls.version}; drop it and learn again"
            )
        made = cls(1.0)
        made._marks = [WayMark.load(fields({"mark": mark}, "mark")) for mark in marks]
        return made


def _strongest(found: Iterable[Scores]) -> Scores | None:
    """Row by row the scores with the breach, else with the most evidence."""
    every = list(found)
    if len(every) < 2:  # noqa: PLR2004  # nothing to choose between
        return every[0] if every else None
    best: dict[str, tuple[Scores, int]] = {}
    for scores in every:
        for index, row in enumerate(scores.segments):
            known = best.get(row)
            if known is None or _weight(scores, index) > _weight(*known):
                best[row] = scores, index
    rows = sorted(best)

    def column(name: str) -> np.ndarray:
        return np.array([getattr(best[row][0], name)[best[row][1]] for row in rows])

    onset, over = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
    for place, row in enumerate(rows):
        # It began with the first of them, and goes on while any of them does.
        ends = [(int(scores.onset[index]), _over(scores, index)) for scores, index in _breaking(every, row)]
        onset[place], over[place] = (min(times) for times in zip(*ends, strict=True)) if ends else (0, 0.0)
    return replace(
        best[WHOLE][0] if WHOLE in best else every[0],
        segments=tuple(rows),
        evidence=column("evidence"),
        breach=column("breach"),
        onset=onset,
        expected=column("expected"),
        band=between(column("lower"), column("upper")),
        seen=column("seen"),
        over=over,
    )


def _breaking(every: Iterable[Scores], row: str) -> Iterator[tuple[Scores, int]]:
    """Where a row is in breach."""
    for scores in every:
        if row in scores.segments and scores.breach[index := scores.segments.index(row)]:
            yield scores, index


def _over(scores: Scores, index: int) -> float:
    return 0.0 if scores.over is None else float(scores.over[index])


def _weight(scores: Scores, index: int) -> tuple[bool, float]:
    return bool(scores.breach[index]), float(scores.evidence[index])
