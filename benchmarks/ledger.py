"""What the promise ledger costs a database: operations a second, and a minute in which very many promises expire.

`--open` promises (10,000,000) are there first, due over the next 30 days: rows as intake writes them, made inside the
database, or it would take an hour. Then a batch after the other of promises and of outcomes of promises made long
before, in any order: operations a second beside all that is open. Then `--expiring` promises (100,000) fall due in one
minute: how long the closing of that minute takes, and the longest that a batch of intake waits meanwhile. Seconds are
wall seconds, CPU seconds this process's and the server's that work for it: operations a CPU second are what one core
does for both. Where the clock took longer, it is said what for: waiting for a core that others had (Linux tells), and
the rest, which is disks, locks and the way between the two.

    python -m benchmarks.ledger                                    SQLite, in a temporary folder
    python -m benchmarks.ledger --postgres postgresql://...        beside it, in an empty database
"""

import argparse
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text

from benchmarks.open_promises import REGIONS, fill
from service.adapters.store import open_sql_store
from service.adapters.store.sql.store import SqlStore
from service.core.catalog import Catalog, Moment
from service.core.counting.changes import Changes, keys_of
from service.core.counting.closing import close_part
from service.core.counting.intake import Intake
from service.core.counting.watermark import PartitionClock
from service.core.event import DAY, HOUR, MINUTE, SECOND, Event, Micros, Outcome, Partition, Promise, Record, instant
from service.core.ports import Claim, Store, StoreBusy

T0: Micros = 1_700_000_000_000_000 // DAY * DAY
BATCH = 20_000
MOMENT = Moment("delivered", "ops", dimensions=("region",))
_SERVER: list[int] = []
INTAKE = Intake(Catalog(moments={"delivered": MOMENT}))


class Writer:
    """One partition's batches, as the ingest loop writes them."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._place = Partition("benchmark", number, "b")
        self._claim: Claim = store.claim(self._place)
        self.longest = 0.0

    def take(self, events: Sequence[tuple[Micros, Event]]) -> None:
        """One batch in one transaction."""
        began = time.perf_counter()
        first = self._claim.position or 0
        records = [Record(first + place, at, event) for place, (at, event) in enumerate(events)]
        changes = Changes()
        changes.counts.read = len(records)
        with self._store.ingest(self._claim, ["delivered"], sorted(keys_of(records))) as transaction:
            INTAKE.take(self._place, records, transaction.view, changes)
            clock = PartitionClock(self._place, max(at for at, _ in events))
            self._claim = transaction.save(changes, first + len(records), clock)
        self.longest = max(self.longest, time.perf_counter() - began)


def promise(number: int, at: Micros, due: Micros) -> tuple[Micros, Event]:
    """One of 27 regions, worth something."""
    region = {"region": f"r{number % REGIONS}"}
    made = Promise(f"p{number}", instant(at), "delivered", f"c{number}", f"k{number}", instant(due), 10.0, region)
    return at, made


def promised(number: int, spread: Micros) -> tuple[Micros, Event]:
    """One of those that are there first."""
    return promise(number, T0 + number % HOUR, T0 + 2 * DAY + number * spread)


def kept(number: int, at: Micros) -> tuple[Micros, Event]:
    """What became of it."""
    return at, Outcome(f"o{number}", instant(at), "delivered", f"c{number}", "kept", f"k{number}")


def batches(events: Iterator[tuple[Micros, Event]]) -> Iterator[list[tuple[Micros, Event]]]:
    """So many at a time."""
    some: list[tuple[Micros, Event]] = []
    for event in events:
        some.append(event)
        if len(some) == BATCH:
            yield some
            some = []
    if some:
        yield some


def timed(name: str, operations: int, began: tuple[float, ...]) -> None:
    """A line of the table."""
    wall, cpu, queued = (there - then for there, then in zip(now(), began, strict=True))
    rest = max(wall - cpu - queued, 0.0)
    told = f"{wall:.1f} s: {cpu:.1f} at work, {queued:.1f} waiting for a core, {rest:.1f} for the rest"
    print(f"{name:<58} {operations / wall:>9,.0f} /s {operations / cpu:>9,.0f} /CPU s  {told}", flush=True)


def now() -> tuple[float, float, float]:
    """Wall seconds; CPU seconds, and those waiting for a core, of this process and the server's that work for it."""
    cpu = time.process_time() + sum(map(_spent, _SERVER))
    return time.perf_counter(), cpu, sum(map(_queued, [os.getpid(), *_SERVER]))


def _queued(process: int) -> float:
    """The seconds that a process's first thread was ready and had no core; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _spent(process: int) -> float:
    """The CPU seconds of a process on this machine."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _know_server(store: SqlStore) -> None:
    """Whose CPU time counts as well; a server on another machine shows none."""
    _SERVER.clear()
    with store._database.engine.connect() as connection:  # noqa: SLF001  # what the store does not tell
        if connection.dialect.name == "postgresql":
            mine = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            _SERVER.extend(connection.scalars(text(mine)))


def measure(store: SqlStore, opened: int, expiring: int) -> None:
    """All of it, over one store."""
    writer, rng = Writer(store, 0), random.Random(5)
    spread = 30 * DAY // max(opened, 1)
    began = now()
    shown = min(opened, BATCH) - 1
    writer.take([promised(n, spread) for n in range(shown)])
    fill(store, MOMENT, (shown, opened), (T0, spread), promised(opened - 1, spread)[1])
    print(f"  {opened:,} open promises, made in {time.perf_counter() - began[0]:.0f} s", flush=True)
    _know_server(store)
    mixed = min(opened, 10 * BATCH)
    began = now()
    fresh = (promise(opened + n, T0 + HOUR, T0 + 20 * DAY + n * SECOND) for n in range(mixed // 2))
    old = (kept(n, T0 + 2 * HOUR) for n in rng.sample(range(opened), mixed // 2))
    for some, others in zip(batches(fresh), batches(old), strict=True):
        writer.take([event for pair in zip(some, others, strict=True) for event in pair])
    timed("promises and outcomes in turn, beside all that is open", mixed, began)
    minute = T0 + DAY
    for batch in batches(promise(2 * opened + n, T0 + HOUR, minute + n % MINUTE) for n in range(expiring)):
        writer.take(batch)
    _expire(store, minute + MINUTE, expiring, 3 * opened)


def _expire(store: Store, through: Micros, expiring: int, first: int) -> None:
    """Close the minute while another partition's batches go on."""
    stop, beside = threading.Event(), Writer(store, 1)
    alone = Writer(store, 2)
    alone.take([promise(first + n, T0 + HOUR, T0 + 25 * DAY) for n in range(1_000)])

    def intake() -> None:
        place = first + 1_000
        while not stop.is_set():
            some = [promise(place + n, T0 + HOUR, T0 + 25 * DAY) for n in range(1_000)]
            began = time.perf_counter()
            while True:
                # Given way to the closing: the ingest loop tries again as well, and the wait counts.
                with suppress(StoreBusy):
                    beside.take(some)
                    break
            beside.longest = max(beside.longest, time.perf_counter() - began)
            place += 1_000

    thread = threading.Thread(target=intake)
    thread.start()
    began = now()
    broke, parts, longest, done = 0, 0, 0.0, False
    while not done:
        part = time.perf_counter()
        with store.closing("delivered") as closing:
            changes, now_closed = close_part(MOMENT, closing, through)
            closing.save(changes, now_closed)
        broke += sum(row is not None for row in changes.breaks.values())
        parts, longest, done = parts + 1, max(longest, time.perf_counter() - part), now_closed.closed >= through
    timed(f"{broke:,} promises expire in a closing of {parts} parts", broke, began)
    wall = time.perf_counter() - began[0]
    stop.set()
    thread.join()
    if broke != expiring:
        raise ArithmeticError(f"{broke:,} promises broke and {expiring:,} fell due")
    waits = f"the longest batch of 1,000 beside it {beside.longest:.2f} s, {alone.longest:.2f} s alone"
    print(f"  the closing took {wall:.1f} s, its longest part {longest:.2f} s; {waits}")


def main() -> None:
    """Make, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open", type=int, default=10_000_000, dest="opened")
    parser.add_argument("--expiring", type=int, default=100_000)
    parser.add_argument("--postgres", metavar="URL", help="an empty database")
    parser.add_argument("--skip-sqlite", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        urls = {} if arguments.skip_sqlite else {"SQLite": f"sqlite:///{Path(folder)}/ledger.db"}
        if arguments.postgres:
            urls["PostgreSQL"] = arguments.postgres
        for name, url in urls.items():
            print(f"{name}", flush=True)
            with_moment = open_sql_store(url, {"delivered": MOMENT})
            measure(with_moment, arguments.opened, arguments.expiring)
            with_moment.close()


if __name__ == "__main__":
    main()
