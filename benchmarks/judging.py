"""What a tally costs an event, and judging a stream and window at ten thousand streams: CPU time, one core."""

import argparse
import statistics
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.stream import CATALOG, outcomes
from service.adapters.decode import Decoder
from service.core.catalog import Moment
from service.core.counting.changes import Changes, View
from service.core.counting.intake import Intake
from service.core.counting.sums import Sums, WindowSums
from service.core.counting.tally import Window
from service.core.event import HOUR, MINUTE, Batch, Partition
from service.core.judging.frames import Framer
from service.core.judging.gathered import gather
from service.core.judging.judge import Judge
from service.core.judging.watchers import watchers

_START = 20_454 * 24 * HOUR
_ROUNDS = 5
_AT_ONCE = 20_000
"""Events of a transaction at full speed."""
_BROKEN = 0.02
_GOAL_TALLY, _GOAL_JUDGING = 1.0, 5.0
_GOAL_SAME = 1.1
"""Cost that is linear in the streams and independent of the events stays the same for a stream and window."""


def _row(what: str, figures: list[float], goal: float) -> None:
    middle = statistics.median(figures)
    said = "held" if middle <= goal else "**missed**"
    print(f"| {what} | {middle:.2f} | {min(figures):.2f} to {max(figures):.2f} | ≤ {goal:g} | {said} |", flush=True)


def tally(events: int) -> list[float]:
    """µs an event that intake needs, from decoded outcomes of four dimensions to a transaction's changes."""
    payloads = [payload for _, payload in outcomes(events)]
    partition = Partition("files", 0, "files")
    # Decoded as they are read, so that they share their dimensions as there.
    records = Decoder(CATALOG).decode(Batch(partition, list(range(events)), payloads, events)).records
    stretches = [records[start : start + _AT_ONCE] for start in range(0, events, _AT_ONCE)]
    intake = Intake(CATALOG)
    figures = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for some in stretches:
            intake.take(partition, some, View({}, {}), Changes())
        figures.append((time.process_time() - began) / events * 1e6)
    return figures


def _windows(
    rng: np.random.Generator, names: list[tuple[str | None, ...]], first: int, count: int, mean: float
) -> Iterator[Window]:
    for number in range(first, first + count):
        trials = rng.poisson(mean, len(names))
        here = np.flatnonzero(trials)
        tried, none = trials[here], np.zeros(len(here), dtype=np.int64)
        # As the store gives them: columns.
        sums = Sums(names, here, tried, rng.binomial(tried, _BROKEN), none, tried, none, none, none, None)
        cells = WindowSums(sums, 0, len(here))
        yield Window(_START + number * MINUTE, _START + (number + 1) * MINUTE, cells)


def judging(moments: int, segments: int, minutes: int, each: float = 3.0) -> tuple[list[float], list[float]]:
    """µs a stream and window that all default detectors of a moment need, and of it the making of frames.

    `each`: events of a stream in a window.
    """
    rng = np.random.default_rng(1)
    names: list[tuple[str | None, ...]] = [(f"s{number:04}",) for number in range(segments)]
    figures, framing = [], []
    for number in range(moments):
        moment = Moment(f"m{number}", "ops", dimensions=("segment",))
        judge = Judge(moment, (), watchers(moment, ()))
        day = 24 * 60
        # Warm after four days in which little comes; then every stream has something in every window.
        learn = list(_windows(rng, names, 0, 1, 1.0)) + [
            window for hour in range(4 * 24) for window in _windows(rng, names, 1 + hour * 60, 1, 1.0)
        ]
        judge.advance(learn, _START + 4 * day * MINUTE)
        busy = list(_windows(rng, names, 4 * day, 2 * minutes, each))
        # Frames follow the traffic from the next midnight on: one a window.
        judge._pace.step = MINUTE  # noqa: SLF001 - a day of dense traffic would take minutes to make
        middle = _START + (4 * day + minutes) * MINUTE
        judge.advance(busy[:minutes], middle)
        began = time.process_time()
        judge.advance(busy[minutes:], middle + minutes * MINUTE)
        figures.append((time.process_time() - began) / (minutes * segments) * 1e6)
        framer = Framer(moment.dimensions)
        began = time.process_time()
        for window in busy[minutes:]:
            framer.frame(window.start, window.end, gather([window]))
        framing.append((time.process_time() - began) / (minutes * segments) * 1e6)
    return figures, framing


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--segments", type=int, default=1000, help="of a moment, no more than a thousand")
    parser.add_argument("--minutes", type=int, default=10)
    arguments = parser.parse_args()
    print("| what | µs (or times), median | spread | goal | |\n|---|---|---|---|---|")
    _row("a tally, an event of four dimensions", tally(arguments.events), _GOAL_TALLY)
    streams = arguments.moments * arguments.segments
    figures, framing = judging(arguments.moments, arguments.segments, arguments.minutes)
    _row(f"judging by all defaults, a stream and window of {streams:,}", figures, _GOAL_JUDGING)
    _row("· of it making frames", framing, _GOAL_JUDGING)
    # In turns with the same again, so that both meet the same machine.
    half = arguments.segments // 2
    # Of a dimension no more than a thousand values are streams of their own.
    pairs = {"twice the streams": (half, 3.0), "a hundred times the events": (arguments.segments, 300.0)}
    for what, (fewer, each) in pairs.items():
        ratios = []
        for _ in range(min(arguments.moments, _ROUNDS)):
            few, _ = judging(1, fewer, arguments.minutes)
            many, _ = judging(1, arguments.segments, arguments.minutes, each)
            ratios.append(many[0] / few[0])
        _row(f"· a stream and window, {what}: times as much", ratios, _GOAL_SAME)


if __name__ == "__main__":
    main()
