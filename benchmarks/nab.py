"""The score of `momentwatch score` on the Numenta Anomaly Benchmark, whole or in part, by profile and by category."""

import argparse
import csv
import io
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.nab_scorer import PROFILES, Profile, Scored, best_threshold, normalised, rows_of, total

PARALLEL = 2


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nab", type=Path, required=True, metavar="DIR", help="the folder with `data` and `labels`")
    parser.add_argument("--files", action="store_true", help="print a line for every file as well")
    arguments = parser.parse_args()
    windows = json.loads((arguments.nab / "labels" / "combined_windows.json").read_text())
    names = sorted(name for name in windows if (arguments.nab / "data" / name).is_file())
    if not names:
        sys.exit(f"{arguments.nab}/data has no file that {arguments.nab}/labels/combined_windows.json names")
    began = time.perf_counter()
    with ThreadPoolExecutor(PARALLEL) as pool:
        files = list(pool.map(lambda name: scored(arguments.nab / "data" / name, name, windows[name]), names))
    rows = sum(len(one.scores) for one in files)
    print(f"{len(files)} files, {rows} rows, {to_find(files)} windows, "
          f"{time.perf_counter() - began:.0f} s in {PARALLEL} processes\n")  # fmt: skip
    print("| profile | score | threshold | false alarms | windows found |\n|---|---|---|---|---|")
    for profile in PROFILES:
        threshold, raw = best_threshold(files, profile)
        false, found = alarms(files, threshold)
        print(f"| {profile.name} | {normalised(files, profile, raw):.1f} | {threshold:.4f} | {false} | {found} |")
    by_category(files, PROFILES[0])
    if arguments.files:
        by_file(files, PROFILES[0])


def scored(path: Path, name: str, windows: Iterable[tuple[str, str]]) -> Scored:
    """One file as the command scores it."""
    command = [sys.executable, "-m", "service.cli.main", "score", str(path)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - our own command
    rows = list(csv.DictReader(io.StringIO(out)))
    return Scored(
        name,
        [float(row["anomaly_score"]) for row in rows],
        rows_of([row["timestamp"] for row in rows], windows),
    )


def alarms(files: Sequence[Scored], threshold: float) -> tuple[int, int]:
    """(rows at or above the threshold outside of windows and probation, windows with such a row)."""
    false = found = 0
    for one in files:
        rows = [at for at in range(one.probation, len(one.scores)) if one.scores[at] >= threshold]
        hit = {window for window in one.windows for at in rows if window[0] <= at <= window[1]}
        false += sum(not any(start <= at <= end for start, end in one.windows) for at in rows)
        found += len(hit)
    return false, found


def by_category(files: Sequence[Scored], profile: Profile) -> None:
    """What each category gets at the corpus's threshold, at the others', and at its own best one."""
    threshold, _ = best_threshold(files, profile)
    print(f"\n{profile.name}, by category\n")
    print("| category | files | windows | score | threshold of the other categories | its own threshold |")
    print("|---|---|---|---|---|---|")
    without = 0.0
    for category in sorted({one.name.split("/")[0] for one in files}):
        mine = [one for one in files if one.name.split("/")[0] == category]
        rest = [one for one in files if one.name.split("/")[0] != category]
        elsewhere = best_threshold(rest, profile)[0] if rest else math.nan
        raws = [total(mine, profile, threshold), total(mine, profile, elsewhere), best_threshold(mine, profile)[1]]
        without += raws[1]
        # Where there is no window to find, only false alarms can be told.
        shown = [f"{normalised(mine, profile, raw):.1f}" if to_find(mine) else f"{raw:+.2f}" for raw in raws]
        print(f"| {category} | {len(mine)} | {to_find(mine)} | {' | '.join(shown)} |")
    print(f"\neach category at the threshold of the others: {normalised(files, profile, without):.1f}")


def to_find(files: Iterable[Scored]) -> int:
    """How many windows there are to find."""
    return sum(len(one.windows) for one in files)


def by_file(files: Sequence[Scored], profile: Profile) -> None:
    """What each file gets at the corpus's threshold."""
    threshold, _ = best_threshold(files, profile)
    print("\n| file | windows | found | false alarms | points | at its own threshold |\n|---|---|---|---|---|---|")
    for one in files:
        false, found = alarms([one], threshold)
        points, own = total([one], profile, threshold), best_threshold([one], profile)[1]
        print(f"| {one.name} | {len(one.windows)} | {found} | {false} | {points:.2f} | {own:.2f} |")


if __name__ == "__main__":
    main()
