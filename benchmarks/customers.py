"""How long it takes to count the customers of a large interruption, exactly, and to show a page of them.

A million customers (`--customers`), a tenth of them let down twice, beside as many again of another moment; made from
a seed and written by the store's own way in. Each figure is the best of `--runs`; the CPU seconds are this process's,
which for PostgreSQL is the smaller part. "as one group" is the plain way, a count over GROUP BY customer.

    python -m benchmarks.customers                                  SQLite, in a temporary folder
    python -m benchmarks.customers --postgres postgresql://...      beside it, in an empty database
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import func, select, text

from service.adapters.store import open_store
from service.adapters.store.sql.store import SqlStore
from service.adapters.store.sql.tables import breaks
from service.core.catalog import Moment
from service.core.counting.changes import Break, Changes
from service.core.counting.watermark import PartitionClock
from service.core.event import HOUR, Partition
from service.core.people import Place
from service.core.ports import Claim

T0 = 1_700_000_000_000_000 // HOUR * HOUR
END = T0 + 24 * HOUR
CHUNK = 20_000
MOMENTS = {name: Moment(name, "ops", dimensions=("region",)) for name in ("delivered", "another")}
PLACE = Place("delivered", (), T0, END)


def rows(moment: str, customers: int, seed: int) -> Iterator[Break]:
    """Every customer once, and a tenth of them again."""
    rng = random.Random(seed)
    count = customers + customers // 10
    for number in range(count):
        who = number if number < customers else rng.randrange(customers)
        yield Break(
            moment=moment,
            ref=f"={moment}-{number}",
            at=T0 + 24 * HOUR * number // count,
            customer=f"{random.Random(who).getrandbits(128):032x}",
            value=rng.randrange(10_000),
            dimensions={"region": f"r{number % 27}"},
            promised=True,
            settled_at=END if number % 4 == 0 else None,
        )


def fill(store: SqlStore, customers: int) -> None:
    """Write the breaks as ingest does, in batches."""
    claim = store.claim(Partition("benchmark", 0, "b"))
    position = 0
    for seed, moment in enumerate(MOMENTS):
        batch: list[Break] = []
        for row in rows(moment, customers, seed):
            batch.append(row)
            if len(batch) == CHUNK:
                claim, position, batch = _write(store, claim, position, batch), position + CHUNK, []
        if batch:
            claim, position = _write(store, claim, position, batch), position + len(batch)
    with store._database.engine.connect() as connection:  # noqa: SLF001  # statistics, as a server makes them by itself
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("ANALYZE"))


def _write(store: SqlStore, claim: Claim, position: int, batch: list[Break]) -> Claim:
    changes = Changes(breaks={(row.moment, row.ref): row for row in batch})
    with store.ingest(claim, list(MOMENTS), []) as transaction:
        return transaction.save(changes, position + len(batch), PartitionClock(claim.partition, T0))


def as_one_group(store: SqlStore) -> int:
    """The plain way."""
    mine = (
        select(func.count().label("n"), func.sum(breaks.c.value).label("value"))
        .where(breaks.c.moment == PLACE.moment, breaks.c.at >= PLACE.start, breaks.c.at < PLACE.end)
        .group_by(breaks.c.customer)
        .subquery()
    )
    with store._database.read() as connection:  # noqa: SLF001  # beside the store's own way
        return connection.scalar(select(func.count()).select_from(mine)) or 0


def measure(store: SqlStore, runs: int) -> None:
    """Print a table: wall and CPU seconds of each question, interleaved."""
    questions: dict[str, Callable[[], object]] = {
        "customers, breaks, value, waiting, settled late": lambda: store.harm([PLACE]),
        "the customers alone, as one group": lambda: as_one_group(store),
        "the same, and newly hit by the hour": lambda: store.unfolding([PLACE], HOUR),
        "a page of 50 of the recovery list": lambda: store.hurt([PLACE], "i", limit=50),
    }
    best: dict[str, tuple[float, float]] = {}
    answers: dict[str, object] = {}
    for _ in range(runs):
        for name, ask in questions.items():
            wall, cpu = time.perf_counter(), time.process_time()
            answers[name] = ask()
            took = (time.perf_counter() - wall, time.process_time() - cpu)
            best[name] = min(best.get(name, took), took)
    print(f"{'':<50} {'wall s':>8} {'own CPU s':>10}")
    for name, (wall, cpu) in best.items():
        print(f"{name:<50} {wall:>8.2f} {cpu:>10.2f}")
    print(answers["customers, breaks, value, waiting, settled late"])


def main() -> None:
    """Make, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--postgres", metavar="URL", help="an empty database")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{Path(folder)}/customers.db"}
        if arguments.postgres:
            urls["PostgreSQL"] = arguments.postgres
        for name, url in urls.items():
            store = open_store(url, MOMENTS)
            if not isinstance(store, SqlStore):
                raise TypeError(f"{url} is no database")
            print(f"\n{name}: {arguments.customers:,} customers, a tenth of them twice")
            fill(store, arguments.customers)
            measure(store, arguments.runs)
            store.close()


if __name__ == "__main__":
    main()
