"""Why nothing fired at a time, and what it would have taken: every detector asked about frames that did not come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from detectors.frame import WHOLE, Beside, Frame, Scores
from service.core.catalog import Moment
from service.core.event import HOUR, Micros, rfc3339
from service.core.judging.judge import Judge
from service.core.judging.unseen import Span
from service.core.judging.watcher import Reading, Watcher
from service.core.reporting.evidence import Judged

_COMPLAINTS = 10_000
_ENDLESS = 100_000
_HOURS = 72
"""So far ahead is it looked how long a silence would have to last."""


class Quiet(msgspec.Struct, frozen=True, gc=False):
    """One detector's reading of the whole at that time.

    `evidence`: of 1, at which it fires; the largest of any segment, which is the `strongest`. `expected`, `lower`,
    `upper`: what it took for usual in the last frame. `would`: what it would have taken, in words.
    `count`: of them in an hour like the last that would have done, None where that is no measure or none would.
    """

    detector: str
    rule: str | None
    learned_days: float
    needed_days: float
    evidence: float | None
    strongest: str
    expected: float | None
    lower: float | None
    upper: float | None
    would: str
    count: int | None = None


class Nothing(msgspec.Struct, frozen=True, gc=False):
    """A moment at a time: the hour before, what was open, and each detector's reading."""

    moment: str
    at: str
    judged_through: str | None
    attempts: int
    broken: float
    arrivals: int
    open: list[str]
    quiet: list[Quiet]


def nothing_of(
    judged: Judged, moment: Moment, watchers: Sequence[Watcher], at: Micros, unseen: Sequence[Span] = ()
) -> Nothing:
    """Judge the moment's past up to a time once more, and ask what is known then."""
    judge = Judge(moment, (), watchers)
    judge.advance(judged(None, at), at, unseen)
    through = judge.through
    if through is None:
        return Nothing(moment.name, rfc3339(at), None, 0, 0.0, 0, [], [])
    frame = judge.supposed(through - HOUR, through, list(judged(through - HOUR, through)))
    standing = [
        ", ".join(f"{name} {'/'.join(values)}" for name, values in case[0].segment) or "everything"
        for case in judge.standing()
    ]
    return Nothing(
        moment=moment.name,
        at=rfc3339(at),
        judged_through=rfc3339(through),
        attempts=int(frame.trials[0]),
        broken=float(frame.hits[0]),
        arrivals=int(frame.arrivals[0]),
        open=standing,
        quiet=[_quiet(reading, frame) for reading in judge.readings()],
    )


def _quiet(reading: Reading, frame: Frame) -> Quiet:
    seen, needed = reading.progress
    scores = reading.scores
    if scores is None or seen < needed:
        would = f"it is learning: {seen:.1f} of {needed:.0f} days"
        return Quiet(reading.name, reading.rule, seen, needed, None, "", None, None, None, would)
    strongest = int(np.argmax(scores.evidence))
    whole = scores.segments.index(WHOLE) if WHOLE in scores.segments else strongest
    would, count = _would(reading, scores, frame)
    expected, lower, upper = (_known(float(column[whole])) for column in (scores.expected, scores.lower, scores.upper))
    return Quiet(
        reading.name,
        reading.rule,
        seen,
        needed,
        round(float(scores.evidence.max()), 6),
        scores.segments[strongest] or "everything",
        expected,
        lower,
        upper,
        would,
        count,
    )


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _would(reading: Reading, scores: Scores, frame: Frame) -> tuple[str, int | None]:
    if scores.breach.any():
        rows = [row or "everything" for row, breach in zip(scores.segments, scores.breach, strict=True) if breach]
        return f"nothing more: it holds a breach of {', '.join(rows[:3])}", None
    if reading.name == "absence":
        return _absent(reading, scores, frame), None
    if reading.kind in {"silence", "volume"}:
        return _fewer(reading, frame), None
    supposed = _SUPPOSED.get(reading.kind)
    if supposed is None:
        return "more of it; there is no single number", None
    return _more(reading, frame, supposed)


def _broken(frame: Frame, row: int, count: int) -> Frame:
    """So many broken in a row; of the whole, in the segments by the shares that they had."""
    hits = frame.hits.copy()
    if row:
        hits[0] += max(count - hits[row], 0.0)
    else:
        hits = np.array(frame.hits if frame.hits[0] else frame.trials, dtype=np.float64)
        hits *= count / max(float(hits[0]), 1.0)
    hits[row] = count
    return replace(frame, hits=np.minimum(hits, frame.trials))


def _overdue(frame: Frame, row: int, count: int) -> Frame:
    return replace(frame, beside=Beside(overdue={frame.segments[row]: count}))


def _behind(frame: Frame, row: int, count: int) -> Frame:
    name, most = frame.segments[row], int(frame.trials[row])
    way = (({name: most}, {name: count}), ({name: most}, {name: 0}))
    return replace(frame, beside=Beside(way=way))


def _slow(frame: Frame, row: int, count: int) -> Frame:
    most = int(frame.trials[row])
    return replace(frame, beside=Beside(durations={frame.segments[row]: {0: most - count, _ENDLESS: count}}))


def _complaints(frame: Frame, row: int, count: int) -> Frame:
    return replace(frame, beside=Beside(complaints={frame.segments[row]: count}))


_Supposed = Callable[[Frame, int, int], Frame]
_SUPPOSED: Mapping[str, tuple[_Supposed, str]] = {
    "failure_rate": (_broken, "broken"),
    "overdue": (_overdue, "left open past their due"),
    "due_soon": (_behind, "open half-way to their due"),
    "duration": (_slow, "slower than the usual slowest tenth"),
    "complaints": (_complaints, "complaints"),
}
"""By kind: an hour in which a row had so many of them, and their name."""


def _more(reading: Reading, frame: Frame, supposed: tuple[_Supposed, str]) -> tuple[str, int | None]:
    """The fewest of the whole, or of the largest segment for a contrast, that would have fired in one such hour."""
    make, name = supposed
    row = 0
    if reading.name == "contrast":
        if len(frame.segments) == 1:
            return "a segment to compare: none had an attempt in the last hour", None
        row = 1 + int(np.argmax(frame.trials[1:]))
    most = _COMPLAINTS if reading.kind == "complaints" else int(frame.trials[row])
    of = "" if reading.kind == "complaints" else f" of {most:,}"
    where = f" of {frame.segments[row]}" if frame.segments[row] else ""

    def fires(count: int) -> bool:
        scores = reading.ask(make(frame, row, count))
        return scores is not None and bool(scores.breach.any())

    if row and most and fires(0):  # others carry it
        return "one more hour like the last", None
    if not most or not fires(most):
        return f"more than one hour like the last: {most:,}{where} {name} would not do", None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fires(middle) else (middle, high)
    return f"{high:,}{of}{where} {name} in one more hour like the last", high


def _fewer(reading: Reading, frame: Frame) -> str:
    """How long nothing at all would have to come."""
    nothing = np.zeros(len(frame.segments), dtype=np.int64)
    hits = np.zeros(len(frame.segments))
    length, start = 3_600_000_000, frame.start
    for hours in range(1, _HOURS + 1):
        end = start + hours * length
        scores = reading.ask(replace(frame, start=end - 1, end=end, trials=nothing, arrivals=nothing, hits=hits))
        if scores is not None and scores.breach.any():
            return f"no event for {hours} h"
    return f"no event for more than {_HOURS} h"


def _absent(reading: Reading, scores: Scores, frame: Frame) -> str:
    """How long nothing would have to come of the segment nearest to it, while the rest goes on as in the last hour."""
    if not scores.segments:
        return "a segment to compare: none had an event yet"
    name = scores.segments[int(np.argmax(scores.evidence))]
    arrivals = frame.arrivals.copy()
    if name in frame.segments:
        arrivals[0] -= arrivals[frame.segments.index(name)]
        arrivals[frame.segments.index(name)] = 0
    if not arrivals[0]:
        return f"no event of {name} while others come; in the last hour none did"
    for hours in range(1, _HOURS + 1):
        found = reading.ask(replace(frame, end=frame.start + hours * HOUR, arrivals=arrivals * hours))
        if found is not None and any(
            row == name and breach for row, breach in zip(found.segments, found.breach, strict=True)
        ):
            return f"no event of {name} for {hours} h, while the rest goes on as in the last hour"
    return f"no event of {name} for more than {_HOURS} h, while the rest goes on as in the last hour"
