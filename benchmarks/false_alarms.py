"""False alarms of a moment's default detectors together, on streams in which nothing ever happens.

    python -m benchmarks.false_alarms [--runs 20] [--days 120] [--seed 1]

Seeded streams with outcomes, durations, complaints and promises left open, flat or with the traffic of day and week, by
four regions. What opens while another breach holds is counted once: one cause is one interruption. The promise is one
in 90 days, that is 0.078 a moment-week.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterator

import numpy as np

from detectors.budget import SHARES, Budget
from detectors.frame import WHOLE, Beside, Frame, Ints
from detectors.registry import defaults

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 20_454 * DAY
REGIONS = ("north", "south", "east", "west")
LEARNED = 14.0
INTERVAL = 90.0


def frames(seed: int, per_hour: float, days: float, *, seasonal: bool, beside: bool) -> Iterator[Frame]:
    """A reliable moment's frames: a quarter of an hour, or an hour where traffic is thin."""
    rng = np.random.default_rng(seed)
    length = HOUR if per_hour < 10 else HOUR // 4  # noqa: PLR2004  # some ten events a frame
    names = (WHOLE, *(f"region={name}" for name in sorted(REGIONS)))
    for number in range(int(days * DAY / length)):
        at = START + number * length
        hour = at / HOUR % 24
        pace = (1.0 + 0.8 * math.sin((hour - 9.0) / 12.0 * math.pi)) * (0.6 if at // DAY % 7 in {2, 3} else 1.0)
        tried = rng.poisson(per_hour * (pace if seasonal else 1.0) * length / HOUR / len(REGIONS), len(REGIONS))
        hits, late, heard = (rng.binomial(tried, share) for share in (0.02, 0.005, 0.01))

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
    detectors = defaults(INTERVAL)
    budget = Budget(INTERVAL, SHARES)
    told, opened = budget.intervals(), False
    for detector in detectors:
        if detector.kind in told:
            detector.promise(told[detector.kind])
    for frame in stream:
        if budget.take(frame):
            told = budget.intervals()
            for detector in detectors:
                if detector.kind in told:
                    detector.promise(told[detector.kind])
        found = []
        for detector in detectors:
            scores = detector.score(frame) if budget.used(detector.kind) else None
            detector.learn(frame)
            if scores is not None and scores.breach.any():
                found.append(detector.kind)
        if found and not opened:
            yield (frame.end - START) / DAY, found[0]
        opened = bool(found)


def main() -> None:
    """Print a line a stream."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--days", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(f"{'stream':32} {'weeks':>6} {'alarms':>6} {'a week':>7} {'promised':>8}  by kind")
    for per_hour in (2.0, 30.0, 600.0):
        for seasonal in (False, True):
            for beside in (False, True):
                by_kind: Counter[str] = Counter()
                for run in range(given.runs):
                    stream = frames(given.seed * 10_000 + run, per_hour, given.days, seasonal=seasonal, beside=beside)
                    by_kind.update(kind for day, kind in openings(stream) if day > LEARNED)
                weeks = given.runs * (given.days - LEARNED) / 7.0
                name = f"{per_hour:g}/h {'seasonal' if seasonal else 'flat'}{', all kinds' if beside else ''}"
                alarms = by_kind.total()
                kinds = ", ".join(f"{kind} {count}" for kind, count in by_kind.most_common())
                print(
                    f"{name:32} {weeks:6.0f} {alarms:6} {alarms / weeks:7.3f} {7.0 / INTERVAL:8.3f}  {kinds}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
