"""How long pages take on the server: a wall of many moments, an interruption with very many customers.

Made from a seed and written by the store's own way in: `--moments` with eight weeks by the hour, each with two
dimensions, promises that fall due and a week of breaks; and one more with an interruption that let `--customers` down,
of whom one in fifty complained. "made" is what it takes to make a page of nothing, which the service does in the
background before anybody asks for its wall; "after a start" is the first request to a new process beside a database in
which another left its wall; "anew" is what somebody waits who asks first for an interruption, or for the list of its
customers; "kept" is a request while the page is kept, as others have it who look at the same time. Each is the median
of `--runs` with the least and the most, in milliseconds: of CPU time for what is made, of wall time for what somebody
waits for.

    python -m benchmarks.pages                                  SQLite, in a temporary folder
    python -m benchmarks.pages --postgres postgresql+psycopg:// beside it, in an empty database
"""

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import text

from benchmarks.table import HEAD, Row
from service.adapters.metrics.meter import new_registry
from service.adapters.store import open_store
from service.adapters.store.sql.store import SqlStore
from service.adapters.web.app import make_app
from service.adapters.web.settings import WebSettings
from service.core.catalog import Catalog, Moment, Owner
from service.core.counting.changes import Break, Changes, Voice
from service.core.counting.reach import Reach
from service.core.counting.watermark import PartitionClock
from service.core.event import DAY, HOUR, MINUTE, SECOND, Complaint, Partition
from service.core.interruption import Change, Interruption, interruption_id
from service.core.standing import Judgement

NOW = 1_700_000_000_000_000 // DAY * DAY + 15 * HOUR
DAYS = 56
A_DAY = 24
"""Cells of a moment a day: an event an hour."""
LARGE = "delivered"
PARTITION = Partition("benchmark", 0, "b")
ONSET = NOW - 2 * DAY
CHUNK = 20_000
GOALS = {"wall": 200.0, "interruption": 300.0}


class Health:
    """All is well."""

    def parts(self) -> dict[str, str | None]:
        """Nothing is wrong."""
        return {}


def catalog_of(moments: int) -> Catalog:
    """So many moments of twenty owners, and the large one."""
    names = [f"moment-{number:03d}" for number in range(moments - 1)]
    owners = {f"owner-{number}": Owner(f"owner-{number}", targets=()) for number in range(20)}
    of = {
        name: Moment(name, f"owner-{i % 20}", promise=f"Promise number {i} is kept.", dimensions=("region", "channel"))
        for i, name in enumerate([*names, LARGE])
    }
    return Catalog(owners=owners, moments=of)


def fill(store: SqlStore, catalog: Catalog, customers: int) -> Interruption:
    """Write everything as ingest does, in batches; the interruption of the large moment."""
    claim = store.claim(PARTITION)
    position = 0
    for changes in (*(_weeks(name, seed) for seed, name in enumerate(catalog.moments)), *_hurt(customers)):
        with store.ingest(claim, list(catalog.moments), []) as transaction:
            position += 1
            claim = transaction.save(changes, position, PartitionClock(claim.partition, NOW))
    one = Interruption(
        id=interruption_id(LARGE, (), ONSET),
        moment=LARGE,
        segment=(),
        kind="failure_rate",
        kinds=("failure_rate",),
        rule=None,
        level="critical",
        state="open",
        onset=ONSET,
        opened=ONSET + HOUR,
        detected_at=ONSET + HOUR,
        expected=0.05,
        seen=0.5,
    )
    for name in catalog.moments:
        with store.closing(name) as closing:
            closing.save(Changes(), Reach(NOW))
        opened = (Change("opened", one.detected_at, one),) if name == LARGE else ()
        store.save_judgement(name, 0, Judgement(NOW, opened), None)
    with store._database.engine.connect() as connection:  # noqa: SLF001  # statistics, as a server makes them by itself
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("ANALYZE"))
    return one


def _weeks(name: str, seed: int) -> Changes:
    """Eight weeks of one moment."""
    rng = random.Random(seed)
    changes = Changes()
    for step in range(DAYS * A_DAY):
        at = NOW - DAYS * DAY + step * DAY // A_DAY
        values = (f"r{rng.randrange(6)}", f"c{rng.randrange(3)}")
        cell = changes.tally.cell(name, at // MINUTE * MINUTE, values, late=False)
        cell.attempts, cell.arrivals = 1, 1
        if rng.random() < 0.05:  # noqa: PLR2004  # the usual share
            cell.broken = 1
            stated = {"region": values[0], "channel": values[1]}
            changes.breaks[name, f"@{step}"] = Break(name, f"@{step}", at, f"c{rng.randrange(10**6)}", 100, stated)
    return changes


def _hurt(customers: int) -> Iterator[Changes]:
    """Two days in which half of what is promised breaks, a tenth of the customers twice."""
    count = customers + customers // 10
    for first in range(0, count, CHUNK):
        changes = Changes()
        for number in range(first, min(first + CHUNK, count)):
            at = ONSET + (NOW - ONSET) * number // count
            values = (f"r{number % 6}", f"c{number % 3}")
            cell = changes.tally.cell(LARGE, at // MINUTE * MINUTE, values, late=False)
            cell.attempts, cell.arrivals, cell.broken = cell.attempts + 2, cell.arrivals + 2, cell.broken + 1
            cell.value += 4_000
            cell.broken_value += 2_000
            broken = changes.breaks[LARGE, f"=b{number}"] = Break(
                LARGE,
                f"=b{number}",
                at,
                f"{random.Random(number % customers).getrandbits(96):024x}",
                2_000,
                {"region": values[0], "channel": values[1]},
                promised=True,
                settled_at=NOW if number % 4 == 0 else None,
            )
            if number < customers and number % 50 == 0:
                said = Complaint(f"s{number}", _stamp(at + HOUR), broken.customer, LARGE)
                changes.voices.append(Voice(PARTITION, number, at + HOUR, said))
        yield changes


def _stamp(at: int) -> datetime:
    return datetime.fromtimestamp(at / SECOND, UTC)


class Process:
    """A new process over a store; its wall is tended from `tend` to `end`."""

    def __init__(self, store: SqlStore, catalog: Catalog) -> None:
        app = make_app(store, lambda: catalog, new_registry(), Health(), WebSettings(), now=lambda: NOW)
        self.size = 0.0
        self._client = TestClient(app, base_url="http://localhost")
        self._client.get("/healthz")
        self._stop = threading.Event()
        self._tending = threading.Thread(target=app.state.shelf.run, args=(self._stop,))
        self._app = app

    def tend(self) -> None:
        """Until it is known to be."""
        self._tending.start()
        while not self._app.state.shelf.tended:
            time.sleep(0.001)

    def end(self) -> None:
        """Stop tending, and wait for what is being made."""
        self._stop.set()
        self._tending.join()

    def get(self, path: str, clock: Callable[[], float] = time.perf_counter) -> float:
        """Milliseconds of a request."""
        began = clock()
        answer = self._client.get(path)
        took = (clock() - began) * 1000
        self.size = len(answer.content) / 1e6
        if answer.status_code != 200:  # noqa: PLR2004  # HTTP's
            raise RuntimeError(answer.text[:500])
        return took


def measure(name: str, store: SqlStore, catalog: Catalog, one: Interruption, runs: int) -> list[Row]:
    """Both pages over HTTP in this process."""
    found: dict[str, list[float]] = {}
    sizes: list[float] = []
    worked: list[float] = []
    interruption = f"/interruptions/{one.id}"
    for _ in range(runs):
        bare = Process(store, catalog)
        found.setdefault("wall, made", []).append(bare.get("/", time.process_time))
        sizes.append(bare.size)
        began = time.process_time()
        found.setdefault("interruption, anew", []).append(bare.get(interruption))
        worked.append((time.process_time() - began) * 1000)
        found.setdefault("interruption, kept", []).append(bare.get(interruption))
        found.setdefault("customers of it, anew", []).append(bare.get(f"{interruption}/people"))
        earlier = Process(store, catalog)
        earlier.tend()
        while store.shown("wall") is None:
            time.sleep(0.05)
        earlier.end()
        started = Process(store, catalog)
        started.tend()
        found.setdefault("wall, after a start", []).append(started.get("/"))
        found.setdefault("wall, kept", []).append(started.get("/"))
        started.end()
    goals = {what: None if what.endswith("made") else GOALS.get(what.split(",")[0]) for what in found}
    rows = [Row(f"{name}: {what}", took, "ms", most=goals[what]) for what, took in found.items()]
    rows.append(Row(f"{name}: interruption, anew, CPU time of this process", worked, "ms"))
    return [*rows, Row(f"{name}: wall, its size", sizes, "MB")]


def main() -> None:
    """Make, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=500)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--postgres", metavar="URL", help="an empty database")
    told = parser.parse_args()
    catalog = catalog_of(told.moments)
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{Path(folder)}/pages.db"}
        if told.postgres:
            urls["PostgreSQL"] = told.postgres
        for name, url in urls.items():
            store = open_store(url, catalog.moments)
            if not isinstance(store, SqlStore):
                raise TypeError(f"{url} is no database")
            one = fill(store, catalog, told.customers)
            for row in measure(name, store, catalog, one, told.runs):
                print(row, flush=True)
            store.close()


if __name__ == "__main__":
    main()
