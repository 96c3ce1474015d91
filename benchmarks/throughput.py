"""Events a second, of wall time and of a core, from a real broker: clients, the service, and what one would write."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.stream import PARTITIONS, fill, outcomes
from benchmarks.table import HEAD, Absent, Line, Row, ratio
from tests.harness.kafka import own_broker
from tests.harness.postgres import PostgresServer, own_postgres

HERE = Path(__file__).parent
PEERS = HERE / "peers"
PEERS_PYTHON = PEERS / ".venv" / "bin" / "python"
PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Size:
    """How many events, how many times."""

    events: int
    runs: int


FULL = Size(400_000, 5)
SHORT = Size(80_000, 1)


class Round:
    """Starts each reader in a process of its own, one after the other; nothing else of ours runs meanwhile."""

    def __init__(self, bootstrap: str, topic: str, size: Size, postgres: PostgresServer | None) -> None:
        self._bootstrap, self._topic, self._size, self._postgres = bootstrap, topic, size, postgres

    def readers(self) -> Iterator[tuple[str, list[str]]]:
        """Name and command of each that can run here."""
        for client in ("kafka-python", "librdkafka"):
            yield f"poll {client}", self._ours(client)
            yield f"sqlite {client}", self._ours("service", "--client", client, "--database", "sqlite")
            if self._postgres is not None:
                yield f"postgres {client}", self._ours("service", "--client", client, "--database", "postgres")
        yield "river", self._ours("river", events=self._size.events // 4)
        if PEERS_PYTHON.exists():
            for name, events in (("quixstreams", self._size.events // 4), ("bytewax", self._size.events)):
                script = PEERS / f"{name}_window.py"
                yield name, [str(PEERS_PYTHON), str(script), self._bootstrap, self._topic, str(events)]

    def _ours(self, reader: str, *more: str, events: int | None = None) -> list[str]:
        where = ["--bootstrap", self._bootstrap, "--topic", self._topic]
        count = str(events or self._size.events)
        return [sys.executable, "-m", "benchmarks.reader", reader, *where, "--events", count, *more]

    def run(self, command: Sequence[str]) -> dict[str, Any]:
        """What a reader says of itself; a fresh database for each that wants one."""
        with tempfile.TemporaryDirectory() as folder:
            if "sqlite" in command:
                return _run([*command[:-1], f"sqlite:///{folder}/momentwatch.db"])
            if "postgres" in command and self._postgres is not None:
                with self._postgres.database() as url:
                    return _run([*command[:-1], url])
            return _run(command)


def _run(command: Sequence[str]) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603  # our own scripts
        command, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=HERE.parent
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        message = f"{command[1:4]} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        raise RuntimeError(message)
    answer: dict[str, Any] = json.loads(lines[-1])
    answer["events"] = answer.get("committed", answer["events"])
    return answer


def measure(size: Size) -> list[Line]:
    """The table's lines."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with closing(own_broker()) as broker, closing(own_postgres()) as postgres:
        topic = broker.create_topic(partitions=PARTITIONS)
        fill(broker.bootstrap_servers, topic, outcomes(size.events))
        turn = Round(broker.bootstrap_servers, topic, size, postgres)
        for number in range(size.runs):
            for name, command in turn.readers():
                print(f"run {number + 1} of {size.runs}: {name}", file=sys.stderr, flush=True)
                found[name].append(turn.run(command))
    return list(_lines(found))


def _lines(found: Mapping[str, list[dict[str, Any]]]) -> Iterator[Line]:
    core = {name: [run["events"] / run["cpu"] for run in runs] for name, runs in found.items()}
    wall = {name: [run["events"] / run["wall"] for run in runs] for name, runs in found.items()}
    for name in found:
        yield Row(f"{_title(name)}: events a CPU-second", core[name], "/s")
        yield Row(f"{_title(name)}: events a second of wall time", wall[name], "/s")
    service = core["sqlite kafka-python"]
    yield Row("service over raw poll, kafka-python, SQLite", ratio(service, core["poll kafka-python"]), least=0.75)
    if "postgres kafka-python" in core:
        both = ratio(core["postgres kafka-python"], core["poll kafka-python"])
        yield Row("service over raw poll, kafka-python, PostgreSQL", both, least=0.75)
    faster = ratio(core["poll librdkafka"], core["poll kafka-python"])
    yield Row("librdkafka over kafka-python, bare clients", faster, least=3)
    yield Row("librdkafka over kafka-python, the whole service", ratio(core["sqlite librdkafka"], service), least=3)
    for peer, least in (("quixstreams", 5), ("bytewax", 2), ("river", 5)):
        what = f"service over {_title(peer)}, a CPU-second"
        if peer in core:
            yield Row(what, ratio(service, core[peer]), least=least)
        else:
            yield Absent(what, "`make peers` installs it")
    yield from _parts(found)


def _parts(found: Mapping[str, list[dict[str, Any]]]) -> Iterator[Line]:
    for name, runs in found.items():
        if "parts" not in runs[0]:
            continue
        for part in runs[0]["parts"]:
            cost = [run["parts"][part] / run["events"] * 1e6 for run in runs]
            yield Row(f"{_title(name)}: {part}", cost, "µs of CPU an event")
        rest = [(run["cpu"] - sum(run["parts"].values())) / run["events"] * 1e6 for run in runs]
        yield Row(f"{_title(name)}: poll and the rest", rest, "µs of CPU an event")


def _title(name: str) -> str:
    kind, _, client = name.partition(" ")
    titles = {
        "poll": f"raw poll, {client}",
        "sqlite": f"service, {client}, SQLite",
        "postgres": f"service, {client}, PostgreSQL",
        "river": "json, pydantic and river a record",
        "quixstreams": "quixstreams' window",
        "bytewax": "bytewax' window",
    }
    return titles[kind]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="one run of few events")
    parser.add_argument("--events", type=int, help="how many events each reader reads")
    parser.add_argument("--runs", type=int, help="how many times")
    told = parser.parse_args()
    size = SHORT if told.short else FULL
    lines = measure(Size(told.events or size.events, told.runs or size.runs))
    print(HEAD)
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
