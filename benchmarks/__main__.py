"""Runs every benchmark and writes one Markdown table; figures that miss their goal are printed as missed."""

import argparse
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.table import HEAD

# Each prints a table; the second is what it is told when there are ten minutes for all of them.
PARTS: dict[str, tuple[list[str], list[str] | None]] = {
    "throughput": ([], ["--short", "--events", "40000"]),
    "scaling": ([], ["--events", "120000", "--runs", "1"]),
    "serving": ([], ["--rates", "1000", "--seconds", "5"]),
    "alerts": ([], ["--runs", "1"]),
    "pages": ([], ["--moments", "50", "--customers", "5000", "--runs", "2"]),
    "latency": (["--at-once", "2"], ["--at-once", "2", "--minutes", "2"]),
    "backtest": ([], ["--events", "100000", "--runs", "1", "--no-flights"]),
}
"""Detection has tables of its own: `benchmarks.change_detection` and `benchmarks.flights`."""


def _table(name: str, arguments: list[str]) -> str:
    """What a benchmark printed, or that it failed and why."""
    began = time.monotonic()
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    print(f"{name} …", file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own modules
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"| {name} | **failed**: {last} | | | |"
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith("|") and line not in HEAD)


def main() -> int:
    """Run them all; 1 when one could not be measured at all. A missed goal is a line in the table, no failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="few events and one run, in ten minutes; noisy")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("only", nargs="*", help=f"some of {', '.join(PARTS)}; all where none is named")
    told = parser.parse_args()
    unknown = sorted(set(told.only) - PARTS.keys())
    if unknown:
        parser.error(f"{', '.join(unknown)}: no such benchmark; choose from {', '.join(PARTS)}")
    machine = f"{platform.machine()}, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    table = f"Measured on {machine}{', the short form' if told.short else ''}.\n\n{HEAD}"
    for name, (whole, short) in PARTS.items():
        arguments = short if told.short else whole
        if arguments is not None and (not told.only or name in told.only):
            table += "\n" + _table(name, arguments)
            if told.out is not None:
                # After each of them: what was measured is not lost with what comes later.
                told.out.write_text(table + "\n")
    print(table)
    return int("**failed**" in table)


if __name__ == "__main__":
    sys.exit(main())
