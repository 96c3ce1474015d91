"""How soon a change is found, over the least delay that mathematics allows, and whether the promise is kept.

Streams are made from a seed as the judge makes frames of them. Beside each figure stands its goal; what is missed is
said. The bound is exact (`benchmarks/detection/bound.py`); the false alarms of a row are on the same histories.
"""

import argparse
import copy
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache

import numpy as np

from benchmarks.detection.cells import THIN, alone, cells
from benchmarks.detection.running import HEAD, Cell, Found, first
from benchmarks.detection.streams import DAY, MINUTE, START, Stream, flat
from detectors.frame import Frame

_WHOLE = np.zeros(1, dtype=np.int64)
_SHORT = (
    "flat 30/h 1.0% x3", "flat 600/h 1.0% x3", "seasonal rate", "daily CV 0.2", "three failures", "silence 30/h",
    "drop to 30 % 30/h",
)  # fmt: skip


@lru_cache(maxsize=1)
def _cells(interval: float) -> tuple[Cell, ...]:
    return tuple(cells(interval))


def _one(task: tuple[int, int, float, int]) -> Found:
    which, number, interval, seed = task
    return _cells(interval)[which].run(number, interval, seed)


def benign(runs: int, interval: float, seed: int) -> Iterator[str]:
    """Shocks without harm, and the share of them that raise an alarm."""
    for per_hour, most in ((30.0, 0.15), (600.0, 0.05)):
        rng = np.random.default_rng((seed, 77))
        stream = Stream(per_hour, flat(0.01))
        detector = alone(interval)
        for frame in stream.path(1).frames(rng, 0.0, 28.0, viewer=detector):
            detector.after(frame)
        day = hits = 0
        for _ in range(runs):
            guest = copy.deepcopy(detector)
            crowd = Stream(4.0 * per_hour, flat(0.01)).path(1).frames(rng, 28.0, 1.0, viewer=guest)
            day += first(guest, crowd) is not None
            twin = copy.deepcopy(detector)
            for frame in stream.path(1).frames(rng, 28.0, 0.25, viewer=twin):
                twin.after(frame)
            start = START + int(28.25 * DAY)
            burst = Frame(start, start + MINUTE, ("",), _WHOLE + 3, np.array([3.0]), _WHOLE + 3)
            hits += bool(twin.after(burst))
        for name, share, goal in (("traffic x4 for a day", day / runs, 0.15), ("burst of 3 broken", hits / runs, most)):
            said = "held" if share <= goal else "**missed: alarms**"
            yield f"| {name}, {per_hour:g}/h | | | | | | | {share:.2f} (≤ {goal:g}) alarm | | {runs} | | {said} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="changes a row (default 200)")
    parser.add_argument("--dense", type=int, help="changes a row of more than 100 events an hour (as many)")
    parser.add_argument("--interval", type=float, default=90.0, help="days between false alarms that are promised")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    parser.add_argument("--short", action="store_true", help="a few rows with 40 changes each")
    parser.add_argument("--processes", type=int, default=1, help="how many work at once")
    arguments = parser.parse_args()
    runs = 40 if arguments.short else arguments.runs
    dense = min(arguments.dense or runs, runs)
    print(HEAD)
    missed = 0
    with ProcessPoolExecutor(arguments.processes) as pool:
        for which, cell in enumerate(_cells(arguments.interval)):
            if arguments.only not in cell.name or (arguments.short and not cell.name.startswith(_SHORT)):
                continue
            found = Found()
            histories = max((runs if cell.stream.per_hour < THIN else dense) // cell.changes, 2)
            tasks = ((which, number, arguments.interval, arguments.seed) for number in range(histories))
            for one in pool.map(_one, tasks):
                found.add(one)
            row = cell.row(found, arguments.interval)
            missed += "missed" in row
            print(row, flush=True)
    if not arguments.only:
        for row in benign(runs, arguments.interval, arguments.seed):
            missed += "missed" in row
            print(row, flush=True)
    print(f"\n{missed} rows with a goal that is missed.")


if __name__ == "__main__":
    main()
