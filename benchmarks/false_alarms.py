"""False alarms of a moment's default detectors together, on streams in which nothing ever happens.

    python -m benchmarks.false_alarms [--runs 20] [--days 120] [--seed 1] [--only wander]

Seeded streams with outcomes, durations, complaints and promises left open, flat or with the traffic of day and week, by
four regions; and such whose rate moves by itself, by the day or all the time, as real ones do. What opens while another
breach holds is counted once: one cause is one interruption. The promise is one in 90 days, that is 0.078 a moment-week.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.detection.running import Together
from detectors.frame import WHOLE, Beside, Floats, Frame, Ints

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 20_454 * DAY
REGIONS = ("north", "south", "east", "west")
LEARNED = 14.0
INTERVAL = 90.0


BROKEN = 0.02


@dataclass(frozen=True)
class Stream:
    """What a row is of; the log odds of a break `wander` by a standard deviation.

    `lasting`: the wander's correlation time in days; 0: each day has a level of its own.
    """

    per_hour: float
    seasonal: bool = False
    beside: bool = False
    wander: float = 0.0
    lasting: float = 0.0

    def __str__(self) -> str:
        shape = "seasonal" if self.seasonal else "flat"
        if self.wander:
            shape = f"wander {self.wander:g} " + (f"of {self.lasting:g} d" if self.lasting else "by day")
        return f"{self.per_hour:g}/h {shape}{', all kinds' if self.beside else ''}"


STREAMS = (
    *(
        Stream(n, seasonal, beside)
        for n in (2.0, 30.0, 600.0)
        for seasonal in (False, True)
        for beside in (False, True)
    ),
    Stream(60.0, wander=0.2),
    Stream(60.0, wander=0.47),
    Stream(60.0, wander=0.3, lasting=1.0),
    Stream(60.0, wander=0.6, lasting=1.0),
    Stream(60.0, wander=0.4, lasting=5.0),
)
"""A coefficient of variation of .5 by the day is a standard deviation of .47."""


def rates(rng: np.random.Generator, stream: Stream, a_day: int, frames: int) -> Floats:
    """The share that breaks, frame by frame."""
    if stream.lasting:
        fade = math.exp(-1.0 / a_day / stream.lasting)
        moved = np.empty(frames)
        at = rng.normal(0.0, stream.wander)
        for number, step in enumerate(rng.normal(0.0, stream.wander * math.sqrt(1.0 - fade * fade), frames)):
            moved[number] = at = fade * at + step
    else:
        moved = np.repeat(rng.normal(0.0, stream.wander, frames // a_day + 1), a_day)[:frames]
    odds: Floats = BROKEN / (1.0 - BROKEN) * np.exp(moved)
    return odds / (1.0 + odds)


def frames(seed: int, stream: Stream, days: float) -> Iterator[Frame]:
    """A reliable moment's frames: a quarter of an hour, or an hour where traffic is thin."""
    rng = np.random.default_rng(seed)
    per_hour, seasonal, beside = stream.per_hour, stream.seasonal, stream.beside
    length = HOUR if per_hour < 10 else HOUR // 4  # noqa: PLR2004  # some ten events a frame
    names = (WHOLE, *(f"region={name}" for name in sorted(REGIONS)))
    broken = rates(np.random.default_rng(seed + 1), stream, DAY // length, int(days * DAY / length))
    for number, share_broken in enumerate(broken):
        at = START + number * length
        hour = at / HOUR % 24
        pace = (1.0 + 0.8 * math.sin((hour - 9.0) / 12.0 * math.pi)) * (0.6 if at // DAY % 7 in {2, 3} else 1.0)
        tried = rng.poisson(per_hour * (pace if seasonal else 1.0) * length / HOUR / len(REGIONS), len(REGIONS))
        hits, late, heard = (rng.binomial(tried, share) for share in (share_broken, 0.005, 0.01))

        def whole(counts: Ints) -> Ints:
            return np.concatenate([[counts.sum()], counts])

        def sparse(counts: Ints) -> dict[str, int]:
            return {name: int(count) for name, count in zip(names, whole(counts), strict=True) if count}

        more = Beside()
        if beside:
            durations: dict[str, dict[int, int]] = {WHOLE: {}}
            for name, count in zip(names[1:], tried, strict=True):
                mine = durations[name] = {}
                for bucket in np.round(400 + 35 * rng.standard_normal(count)).astype(int).tolist():
                    mine[bucket] = mine.get(bucket, 0) + 1
                    durations[WHOLE][bucket] = durations[WHOLE].get(bucket, 0) + 1
            durations = {name: buckets for name, buckets in durations.items() if buckets}
            more = Beside(durations, sparse(heard), sparse(late))
        trials = whole(tried)
        yield Frame(at, at + length, names, trials, whole(hits + late).astype(np.float64), trials, beside=more)


def openings(stream: Iterator[Frame]) -> Iterator[tuple[float, str]]:
    """(day, kind) of each interruption that the default detectors would open."""
    moment, opened = Together(INTERVAL), False
    for frame in stream:
        found = [kind for kind, _ in moment.breaches(frame)]
        if found and not opened:
            yield (frame.end - START) / DAY, found[0]
        opened = bool(found)


def main() -> None:
    """Print a line a stream."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--days", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only streams whose name has this in it")
    given = parser.parse_args()
    print(f"{'stream':32} {'weeks':>6} {'alarms':>6} {'a week':>7} {'promised':>8}  by kind")
    for stream in STREAMS:
        if given.only not in str(stream):
            continue
        by_kind: Counter[str] = Counter()
        for run in range(given.runs):
            found = openings(frames(given.seed * 10_000 + 2 * run, stream, given.days))
            by_kind.update(kind for day, kind in found if day > LEARNED)
        weeks = given.runs * (given.days - LEARNED) / 7.0
        alarms = by_kind.total()
        kinds = ", ".join(f"{kind} {count}" for kind, count in by_kind.most_common())
        print(f"{stream!s:32} {weeks:6.0f} {alarms:6} {alarms / weeks:7.3f} {7.0 / INTERVAL:8.3f}  {kinds}", flush=True)


if __name__ == "__main__":
    main()
