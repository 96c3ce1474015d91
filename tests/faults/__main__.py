"""Runs fault scenarios against real servers and prints what was lost and what was doubled; non-zero where anything was.

`python -m tests.faults --kills 50 --seed 7 --only sqlite`, or `make faults N=50 SEED=7 ONLY=sqlite`.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from tests.faults.lanes import Task, in_lanes
from tests.faults.process import Forge
from tests.faults.receiver import receiving
from tests.faults.rig import World
from tests.faults.scenarios import SCENARIOS, Servers
from tests.faults.table import header, row, summary


def main() -> int:
    """Run them one after the other; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, metavar="N", help="SIGKILLs in all, 50 unless told otherwise")
    parser.add_argument("--seed", type=int, default=None, help="of the events and of every choice; printed")
    parser.add_argument("--only", default="", metavar="NAMES", help=f"some of {', '.join(SCENARIOS)}")
    parser.add_argument(
        "--lanes", type=int, default=4, metavar="N", help="so many scenarios at a time, 4: each waits most of its time"
    )
    parser.add_argument("--keep", action="store_true", help="leave the logs and databases where they are")
    arguments = parser.parse_args()
    names = [name for name in arguments.only.split(",") if name] or list(SCENARIOS)
    unknown = sorted(set(names) - SCENARIOS.keys())
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    print(f"SEED={seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="momentwatch-faults-"))
    began = time.monotonic()
    outcomes = []
    with receiving() as receiver, closing(Forge()) as forge, closing(Servers()) as servers:
        world = World(folder, servers, receiver, forge)
        tasks = [task for name in names for task in _tasks(world, name, seed, arguments.kills)]
        print(header(), flush=True)
        for outcome in in_lanes(tasks, arguments.lanes):
            print(row(outcome), flush=True)
            outcomes.append(outcome)
    print(summary(outcomes, time.monotonic() - began))
    failed = any(outcome.problems for outcome in outcomes)
    if failed or arguments.keep:
        print(f"repeat with SEED={seed}; logs and databases are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


def _tasks(world: World, name: str, seed: int, kills: int) -> Iterator[Task]:
    """A scenario, in parts where it has many kills."""
    scenario = SCENARIOS[name]
    for part, share in enumerate(scenario.shares(kills)):
        called = f"{name}-{part + 1}" if part else name
        yield Task(called, partial(scenario.run, world, called, seed + part, share), scenario.harms)


if __name__ == "__main__":
    sys.exit(main())
