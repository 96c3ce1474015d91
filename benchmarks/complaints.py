"""Complaints that come several at a time: false alarms where nothing happens, and how soon a rise is found.

    python -m benchmarks.complaints [--runs 8] [--seed 0]

By a working day and by the hour, made from a seed: 120 days each for false alarms, of which one in 90 is promised; then
28 days and a rise that begins at any hour. `all sizes`: geometric, three in the mean.
"""

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.detection.streams import HOUR, START, working_day
from detectors.complaints import Complaints
from detectors.frame import WHOLE, Beside, Frame

_DAYS, _LEARNED, _INTERVAL = 120, 28, 90.0
_SETTLED = 3  # days before which nothing is said
_LONGEST = 20  # days in which a rise may be found
_CUSTOMERS = 40.0


@dataclass(frozen=True)
class Stream:
    """So many complaints an hour, `size` at a time, 0 for all sizes; each day's own level varies by `cv`."""

    per_hour: float
    size: int = 1
    ratio: float = 1.0
    cv: float = 0.0

    def __str__(self) -> str:
        sizes = {0: "in all sizes", 1: "one by one"}.get(self.size, f"by {self.size}")
        return f"{self.per_hour:g}/h {sizes}{f', days vary by {self.cv:g}' if self.cv else ''}"

    def frames(self, seed: int, days: int, rises: int | None = None) -> Iterator[Frame]:
        """An hour each; from hour `rises` on there is `ratio` times as much."""
        rng = np.random.default_rng((seed, 7))
        sigma = np.sqrt(np.log1p(self.cv**2))
        levels = np.exp(rng.normal(-0.5 * sigma**2, sigma, days))
        for hour in range(24 * days):
            pace = float(working_day(np.array([(hour + 0.5) / 24.0]))[0])
            mean = (
                self.per_hour * pace * levels[hour // 24] * (self.ratio if rises is not None and hour >= rises else 1.0)
            )
            batches = int(rng.poisson(mean / (self.size or 3.0)))
            came = self.size * batches if self.size else int(rng.geometric(1.0 / 3.0, batches).sum())
            many = np.array([rng.poisson(_CUSTOMERS * pace)])
            beside = Beside(complaints={WHOLE: came} if came else {})
            start = START + hour * HOUR
            yield Frame(start, start + HOUR, (WHOLE,), many, 0.0 * many, many, beside=beside)


QUIET = (
    *(Stream(per_hour, size) for per_hour in (0.5, 2.0, 10.0, 30.0) for size in (1, 3)),
    Stream(2.0, 2), Stream(2.0, 10), Stream(2.0, 0), Stream(10.0, 0), Stream(2.0, cv=0.3), Stream(10.0, cv=0.3),
)  # fmt: skip
RISES = (
    Stream(0.1, ratio=10.0), Stream(0.5, ratio=5.0), Stream(2.0, ratio=3.0), Stream(10.0, ratio=2.0),
    Stream(2.0, 3, ratio=3.0), Stream(2.0, ratio=3.0, cv=0.3),
)  # fmt: skip


def openings(frames: Iterator[Frame]) -> Iterator[int]:
    """Where a breach begins, in hours."""
    detector, before = Complaints(_INTERVAL), False
    for frame in frames:
        scores = detector.score(frame)
        detector.learn(frame)
        broken = scores is not None and bool(scores.breach.any())
        if broken and not before:
            yield (frame.end - START) // HOUR
        before = broken


def delay(stream: Stream, seed: int) -> float:
    """Hours until a rise is found; infinite if it is not."""
    rises = 24 * _LEARNED + seed % 24
    found = (hour - rises for hour in openings(stream.frames(seed, _LEARNED + _LONGEST, rises)) if hour > rises)
    return next(found, float("inf"))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    seeds = range(given.seed * 1000, given.seed * 1000 + given.runs)
    promised = given.runs * (_DAYS - _SETTLED) / _INTERVAL
    print("| nothing happens | false alarms | promised at most |\n|---|---|---|")
    for stream in QUIET:
        alarms = sum(len([*openings(stream.frames(seed, _DAYS))]) for seed in seeds)
        print(f"| {stream} | {alarms} | {promised:.1f} |", flush=True)
    print("\n| rises | by | hours, median | most |\n|---|---|---|---|")
    for stream in RISES:
        late = [delay(stream, seed) for seed in seeds]
        print(f"| {stream} | x{stream.ratio:g} | {statistics.median(late):g} | {max(late):g} |", flush=True)


if __name__ == "__main__":
    main()
