"""What `momentwatch serve` costs while events come at a rate: a core's share, memory, database, and its start."""

import argparse
import compileall
import os
import random
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.coming import coming
from benchmarks.stream import PARTITIONS
from benchmarks.table import HEAD, Line, Row
from tests.e2e.running import ROOT, Serve, kafka_at, write_catalogue
from tests.harness.kafka import own_broker

RATES = (100, 1_000, 10_000)
MINUTES_A_MONTH = 30 * 24 * 60
MOMENTS = 10
VALUES = 250
"""Of each of four dimensions: ten moments have 10,000 (moment, dimension, value) series together.

The values are drawn independently, the worst case for the database: hardly two events of a minute share a row.
"""
DIMENSIONS = ("region", "channel", "carrier", "plan")


def _event(draw: random.Random, number: int, _: datetime) -> dict[str, Any]:
    return {
        "id": f"{draw.getrandbits(128):032x}",
        "type": "outcome",
        "moment": f"moment-{number % MOMENTS}",
        "customer": f"customer-{draw.randrange(1_000_000):06}",
        "outcome": "broken" if draw.random() < 0.02 else "kept",  # noqa: PLR2004  # two of a hundred, as elsewhere
        "dimensions": {name: f"{name}-{draw.randrange(VALUES)}" for name in DIMENSIONS},
    }


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _most_memory(pid: int) -> float:
    """MiB that the process ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise ValueError("this system does not say how much memory a process had")


def measure(rates: tuple[int, ...], seconds: float) -> list[Line]:
    """The table's lines."""
    lines: list[Line] = []
    # As installing does it: a start would else compile what nobody has loaded before, or all of it every time.
    for package in ("service", "detectors"):
        compileall.compile_dir(ROOT / package, quiet=1)
    with closing(own_broker()) as broker, tempfile.TemporaryDirectory() as folder:
        for rate in rates:
            print(f"{rate} events a second for {seconds:g} s", file=sys.stderr, flush=True)
            topic = broker.create_topic(partitions=PARTITIONS)
            place = Path(folder) / str(rate)
            place.mkdir()
            rules = write_catalogue(
                place / "rules",
                {"kind": "Owner", "name": "ops"},
                {"kind": "Source", "name": "s", "topic": topic},
                *(
                    {"kind": "Moment", "name": f"moment-{n}", "owner": "ops", "dimensions": list(DIMENSIONS)}
                    for n in range(MOMENTS)
                ),
            )
            draw = random.Random(rate)
            with coming(broker.bootstrap_servers, topic, rate, partial(_event, draw)):
                lines += _served(Serve(place / "run", rules, kafka_at(broker.bootstrap_servers)), rate, seconds)
    return lines


def _committed(database: Path) -> bool:
    """Whether anything was counted: `serve` reads before its pages are there to ask."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        try:
            return store.execute("SELECT 1 FROM tallies LIMIT 1").fetchone() is not None
        except sqlite3.OperationalError:
            # Its tables are being made.
            return False


def _served(service: Serve, rate: int, seconds: float) -> list[Line]:
    began = time.monotonic()
    service.start()
    try:
        database = Path(service.database.removeprefix("sqlite:///"))
        while not _committed(database):
            if not service.running:
                raise RuntimeError(service.log_tail())
            time.sleep(0.05)
        started, start_cpu = time.monotonic() - began, _cpu(service.pid)
        # Until the first windows close, it is a start and not a life.
        time.sleep(min(95.0, seconds))
        at, cpu, size = time.monotonic(), _cpu(service.pid), database.stat().st_size
        read = service.metric("events_read_total")
        time.sleep(seconds)
        spent, grown = _cpu(service.pid) - cpu, database.stat().st_size - size
        took = time.monotonic() - at
        came = (service.metric("events_read_total") - read) / took
        memory = _most_memory(service.pid)
    finally:
        service.end()
    what = f"serve at {rate:,} events a second, 10,000 series"
    return [
        Row(f"{what}: read", [came], "/s", least=rate * 0.95),
        Row(f"{what}: share of a core", [100 * spent / took], "%"),
        Row(f"{what}: memory at most", [memory], "MiB", most=300),
        Row(f"{what}: SQLite grows", [grown / took * 60 * MINUTES_A_MONTH / 2**30], "GiB a month"),
        Row(f"{what}: start to first committed batch", [started], "s", most=3),
        Row(f"{what}: the same, of a core's time", [start_cpu], "s"),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rates", type=int, nargs="+", default=list(RATES))
    told = parser.parse_args()
    lines = measure(tuple(told.rates), told.seconds)
    print(HEAD)
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
