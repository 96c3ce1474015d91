"""Events a second of a backtest, on one core, over streams made from a seed."""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.table import HEAD, Row
from service.adapters import flights
from service.app.backtest import Backtest
from service.core.catalog import Catalog, Moment, Owner

_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
BROKEN = 0.02
GOAL = 200_000
_REGIONS = [f"r{i}" for i in range(20)]


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def outcomes(count: int, seed: int = 1) -> Iterator[str]:
    """Outcomes with four dimensions at 6,000 an hour, BROKEN of them broken."""
    draw = random.Random(seed)
    at = _BEGIN
    for number in range(count):
        at += timedelta(seconds=draw.expovariate(6000 / 3600))
        yield json.dumps(
            {
                "id": f"e{number}",
                "time": _time(at),
                "type": "outcome",
                "moment": "checkout",
                "customer": f"c{draw.randrange(count // 3)}",
                "outcome": "broken" if draw.random() < BROKEN else "kept",
                "value": round(draw.uniform(5, 80), 2),
                "dimensions": {
                    "region": draw.choice(_REGIONS),
                    "channel": draw.choice(["web", "app", "shop"]),
                    "carrier": draw.choice(["a", "b", "c", "d"]),
                    "plan": draw.choice(["free", "paid"]),
                },
            }
        )


def promises(count: int, seed: int = 2) -> Iterator[str]:
    """Promises due in a day with their outcomes, in order of time."""
    draw = random.Random(seed)
    lines: list[tuple[datetime, str]] = []
    at = _BEGIN
    for number in range(count // 2):
        at += timedelta(seconds=draw.expovariate(3000 / 3600))
        due = at + timedelta(days=1)
        common = {"moment": "checkout", "customer": f"c{number}", "key": f"k{number}"}
        dimensions = {"region": draw.choice(_REGIONS)}
        promise = {"id": f"p{number}", "time": _time(at), "type": "promise", "due": _time(due), **common}
        lines.append((at, json.dumps({**promise, "dimensions": dimensions})))
        done = at + timedelta(days=draw.uniform(0.2, 1.02))
        outcome = {"id": f"o{number}", "time": _time(done), "type": "outcome", "outcome": "kept", **common}
        lines.append((done, json.dumps(outcome)))
    yield from (line for _, line in sorted(lines))


def _measure(name: str, path: Path, catalog: Catalog, runs: int, least: float | None = None) -> None:
    rates = []
    read = 0
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        result = Backtest(catalog).run([path])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        read = result.counts.read
        rates.append(read / cpu)
    print(Row(f"backtest, {read:,} {name}: events a CPU-second", rates, "/s", least))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-flights", action="store_true", help="leave out the year of flights")
    arguments = parser.parse_args()
    names = ("region", "channel", "carrier", "plan")
    checkout = Catalog(owners={"ops": Owner("ops")}, moments={"checkout": Moment("checkout", "ops", dimensions=names)})
    departs = Catalog(
        owners={"ops": Owner("ops")},
        moments={flights.MOMENT: Moment(flights.MOMENT, "ops", dimensions=("origin", "carrier", "dest"))},
    )
    print(HEAD)
    makers: dict[str, Callable[[int], Iterator[str]]] = {
        "outcomes with 4 dimensions at 6,000/h": outcomes,
        "promises due in a day and outcomes at 6,000/h": promises,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        for name, make in makers.items():
            with path.open("w") as file:
                file.writelines(line + "\n" for line in make(arguments.events))
            _measure(name, path, checkout, arguments.runs, GOAL if make is outcomes else None)
        if not arguments.no_flights:
            flights.write(path)
            _measure("flights of 2013 at 38/h for a year", path, departs, arguments.runs)


if __name__ == "__main__":
    main()
