"""Seeded streams of frames for detectors."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from detectors.frame import WHOLE, Beside, Detector, Frame, Scores

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 20_454 * DAY
"""A Thursday, 1 January 2026."""


def frame(start: int, length: int, rows: Mapping[str, tuple[int, float]], arrivals: int | None = None) -> Frame:
    """A frame of segments with (trials, hits); arrivals are the trials unless told otherwise.

    What is hit took long as well, was left open past its due and on the way to it, and made a customer complain.
    """
    names = sorted({WHOLE, *rows})
    trials = np.array([rows.get(name, (0, 0.0))[0] for name in names], dtype=np.int64)
    hits = np.array([float(rows.get(name, (0, 0.0))[1]) for name in names])
    seen = trials.copy()
    if arrivals is not None:
        seen[0] = arrivals
    whole = {name: int(hit) for name, hit in zip(names, hits, strict=True)}
    hit = {name: count for name, count in whole.items() if count}
    durations = {
        name: {500: int(tried) - whole[name], 600: whole[name]}
        for name, tried in zip(names, trials, strict=True)
        if tried
    }
    values = {name: 4000 * int(tried) + 9000 * whole[name] for name, tried in zip(names, trials, strict=True) if tried}
    mark = {name: int(tried) for name, tried in zip(names, trials, strict=True) if tried}, hit
    beside = Beside(durations, complaints=hit, overdue=hit, values=values, way=(mark, mark))
    return Frame(start, start + length, tuple(names), trials, hits, seen, beside=beside)


def stream(
    seed: int,
    days: float,
    rates: Mapping[str, float],
    *,
    per_hour: float = 60.0,
    length: int = HOUR,
    start: int = START,
) -> Iterator[Frame]:
    """Windows of Poisson trials spread evenly over segments, each failing at its own rate, whole included."""
    rng = np.random.default_rng(seed)
    names = sorted(rates)
    each = per_hour * length / HOUR / len(names)
    for number in range(int(days * DAY / length)):
        trials = rng.poisson(each, len(names))
        hits = rng.binomial(trials, [rates[name] for name in names])
        rows = {
            name: (int(tried), float(broken))
            for name, tried, broken in zip(names, trials, hits, strict=True)
            if tried and name != WHOLE
        }
        rows[WHOLE] = (int(trials.sum()), float(hits.sum()))
        yield frame(start + number * length, length, rows)


def drive(detector: Detector, frames: Sequence[Frame] | Iterator[Frame]) -> list[tuple[Frame, Scores | None]]:
    """Score, then learn, each frame."""
    seen = []
    for one in frames:
        seen.append((one, detector.score(one)))
        detector.learn(one)
    return seen


def alarms(seen: Sequence[tuple[Frame, Scores | None]]) -> list[tuple[int, tuple[str, ...]]]:
    """(end of the window, segments) wherever a segment's breach starts."""
    found, before = [], set[str]()
    for one, scores in seen:
        now = set() if scores is None else {n for n, b in zip(scores.segments, scores.breach, strict=True) if b}
        if now - before:
            found.append((one.end, tuple(sorted(now - before))))
        before = now
    return found
