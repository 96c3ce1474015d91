"""What a second replica is worth on PostgreSQL, and what the database has to do for it."""

import argparse
import json
import subprocess
import sys
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from benchmarks.stream import BEGIN, CATALOG, PARTITIONS, fill, outcomes
from benchmarks.table import HEAD, Line, Row, ratio
from service.adapters.store import open_store
from service.core.event import DAY, micros
from tests.harness.kafka import own_broker
from tests.harness.postgres import own_postgres

HERE = Path(__file__).parent
WORK = text(
    "SELECT xact_commit, tup_inserted + tup_updated + tup_deleted AS rows, pg_database_size(datname) AS bytes"
    " FROM pg_stat_database WHERE datname = current_database()"
)


def _counted(url: str) -> list[tuple[str | None, int, int]]:
    """What came of it, to be the same whoever counted."""
    with closing(open_store(url, CATALOG.moments)) as store:
        begin = micros(BEGIN)
        cells = store.by_value("checkout", "region", begin, begin + DAY)
    return sorted(((value, sums.attempts, sums.broken) for value, sums in cells), key=str)


def _work(url: str) -> Mapping[str, int]:
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        found = connection.execute(WORK).one()
    engine.dispose()
    return dict(found._mapping)  # noqa: SLF001  # its public name


def _read(bootstrap: str, topic: str, url: str, replicas: int, events: int) -> tuple[float, float]:
    """CPU seconds that so many replicas took to read the topic into one database; the least share of one."""
    group = uuid.uuid4().hex
    command = [sys.executable, "-m", "benchmarks.reader", "service", "--bootstrap", bootstrap, "--topic", topic]
    command += ["--events", str(events), "--database", url, "--group", group]
    command += ["--shared"] if replicas > 1 else []
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)  # noqa: S603  # our own
        for _ in range(replicas)
    ]
    answers: list[dict[str, Any]] = []
    for process in started:
        said, _ = process.communicate(timeout=300)
        if process.returncode:
            message = f"a replica ended with {process.returncode}"
            raise RuntimeError(message)
        answers.append(json.loads(said.splitlines()[-1]))
    if sum(answer["committed"] for answer in answers) < events:
        message = f"the replicas committed {[answer['committed'] for answer in answers]} of {events}"
        raise RuntimeError(message)
    return sum(float(answer["cpu"]) for answer in answers), min(answer["committed"] for answer in answers) / events


def measure(events: int, runs: int) -> list[Line]:
    """The table's lines."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    work: dict[str, list[float]] = {"xact_commit": [], "rows": [], "bytes": []}
    same: list[float] = []
    shares: list[float] = []
    with closing(own_broker()) as broker, closing(own_postgres()) as postgres:
        topic = broker.create_topic(partitions=PARTITIONS)
        fill(broker.bootstrap_servers, topic, outcomes(events))
        for _ in range(runs):
            counted = []
            for replicas, rate in rates.items():
                print(f"{replicas} replicas", file=sys.stderr, flush=True)
                with postgres.database() as url:
                    open_store(url, CATALOG.moments).close()
                    before = _work(url)
                    cpu, share = _read(broker.bootstrap_servers, topic, url, replicas, events)
                    after = _work(url)
                    counted.append(_counted(url))
                rate.append(events / cpu)
                if replicas == 1:
                    for name, found in work.items():
                        found.append((after[name] - before[name]) / events * 1000)
                else:
                    shares.append(100 * share)
            same.append(float(counted[0] == counted[1]))
    return [
        Row("1 replica, PostgreSQL: events a CPU-second", rates[1], "/s"),
        Row("2 replicas, PostgreSQL: events a CPU-second", rates[2], "/s"),
        Row("2 replicas over 1, a CPU-second", ratio(rates[2], rates[1]), least=0.9),
        Row("2 replicas count what 1 counts (1 is yes)", same, least=1),
        Row("the share of the replica that read less", shares, "%"),
        Row("transactions for 1,000 events", work["xact_commit"]),
        Row("rows written for 1,000 events", work["rows"]),
        Row("the database grows by, for 1,000 events", [found / 1024 for found in work["bytes"]], "KiB"),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--runs", type=int, default=3)
    told = parser.parse_args()
    lines = measure(told.events, told.runs)
    print(HEAD)
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
