"""How long an owner waits: from an event, and from the close of its window, to the row in the outbox.

`serve` runs on SQLite and a real broker. Of a hundred moments of 100 series each (10,000 together) so many as is asked
break in a minute, in turn, and are well again in the next, by a rule that opens at once; each opening is a row for a
target. A window closes when its lateness is over.
"""

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.coming import coming
from benchmarks.stream import DIMENSIONS, PARTITIONS
from benchmarks.table import HEAD, Absent, Line, Row
from tests.e2e.running import Serve, kafka_at, write_catalogue
from tests.harness.kafka import own_broker
from tests.harness.process import LOOPBACK, free_port

MOMENTS = 100
VALUES = 25
"""Of each of the four dimensions."""
LATENESS_S = 5
MINUTE = 60_000_000
CALM, TROUBLE, BETWEEN = 0.01, 0.2, 0.08
"""The share that breaks in an ordinary minute and in one of trouble, and the rule's limit between the two."""
STORM = MOMENTS // 2
CLOSE_GOAL_S = 1.0
PATIENCE_S = 120.0
QUIET = 10
"""So many looks in a row, a second apart, find all closed and no news: by then what was closed last is judged, too."""


def _event(draw: random.Random, number: int, at: datetime, at_once: int) -> dict[str, Any]:
    moment = number % MOMENTS
    turns = MOMENTS // at_once
    trouble = moment % turns == int(at.timestamp() // 60) % turns
    broken = draw.random() < (TROUBLE if trouble else CALM)
    return {
        "id": f"{draw.getrandbits(128):032x}",
        "type": "outcome",
        "moment": f"moment-{moment}",
        "customer": f"customer-{draw.randrange(1_000_000):06}",
        "outcome": "broken" if broken else "kept",
        "dimensions": {name: f"{name}-{draw.randrange(VALUES)}" for name in DIMENSIONS},
    }


class _Taken(BaseHTTPRequestHandler):
    """Takes whatever is sent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing."""


def _receive(port: int) -> None:
    ThreadingHTTPServer((LOOPBACK, port), _Taken).serve_forever()


def _rules(folder: Path, topic: str, address: Path) -> Path:
    threshold = {"signal": "failure_rate", "op": ">=", "value": BETWEEN, "window": "1m", "min_count": 20}
    names = [f"moment-{number}" for number in range(MOMENTS)]
    return write_catalogue(
        folder,
        {"kind": "Target", "name": "hook", "url": {"file": str(address)}},
        {"kind": "Owner", "name": "ops", "targets": ["hook"]},
        {"kind": "Source", "name": "s", "topic": topic, "lateness": f"{LATENESS_S}s"},
        *({"kind": "Moment", "name": name, "owner": "ops", "dimensions": list(DIMENSIONS)} for name in names),
        *(
            {"kind": "Rule", "name": f"{name}-breaks", "moment": name, "detect": {"any": [{"threshold": threshold}]}}
            for name in names
        ),
    )


def measure(rate: int, minutes: int, at_once: int = STORM) -> list[Line]:
    """The table's lines; `at_once`: so many moments break in a minute."""
    port = free_port()
    receiver = get_context("fork").Process(target=_receive, args=(port,), daemon=True)
    receiver.start()
    try:
        with closing(own_broker()) as broker, tempfile.TemporaryDirectory() as held:
            folder = Path(held)
            topic = broker.create_topic(partitions=PARTITIONS)
            address = folder / "address"
            address.write_text(f"json://{LOOPBACK}:{port}/\n")
            rules = _rules(folder / "rules", topic, address)
            send = {"allow_hosts": ["127.0.0.0/8"]}
            service = Serve(folder / "run", rules, kafka_at(broker.bootstrap_servers), send=send)
            draw = random.Random(rate)
            with coming(broker.bootstrap_servers, topic, rate, lambda number, at: _event(draw, number, at, at_once)):
                service.begin()
                # The minute in which it started is no whole one, and what was found in it is found late.
                since = (time.time_ns() // 1000 // MINUTE + 2) * MINUTE
                time.sleep(since / 1e6 - time.time() + 60.0 * minutes + LATENESS_S)
                # What was still on its way counts as well, however long it takes.
                last = since + minutes * MINUTE
                if not _all_told(Path(service.database.removeprefix("sqlite:///")), last):
                    print("not everything was told in two minutes", file=sys.stderr)
                service.end()
            return _lines(Path(service.database.removeprefix("sqlite:///")), (since + MINUTE, last), rate, at_once)
    finally:
        receiver.terminate()


def _all_told(database: Path, until: int) -> bool:
    """Wait until every moment is closed up to a time, and all of it was judged and routed; whether that came to be.

    How far a moment is judged does not tell: that is by whole frames, of an hour at first, and rules do not wait.
    """
    deadline, quiet = time.monotonic() + PATIENCE_S, 0
    while time.monotonic() < deadline and quiet < QUIET:
        with closing(sqlite3.connect(database)) as store:
            closed = store.execute("SELECT count(*) FROM moments WHERE closed_through >= ?", (until,)).fetchone()
            waiting = store.execute("SELECT count(*) FROM news WHERE NOT routed").fetchone()
        quiet = quiet + 1 if (closed, waiting) == ((MOMENTS,), (0,)) else 0
        time.sleep(1.0)
    return quiet == QUIET


def _lines(database: Path, span: tuple[int, int], rate: int, at_once: int) -> list[Line]:
    what = f"serve at {rate:,} events a second, {MOMENTS * VALUES * len(DIMENSIONS):,} series, {at_once} break at once"
    with closing(sqlite3.connect(database)) as store:
        # The first row of each opening: from the close, and from each broken event of the window that opened it.
        opened = store.execute(
            "SELECT i.moment, i.detected_at, min(o.created_at) FROM interruptions i"
            " JOIN outbox o ON o.body LIKE '%' || i.id || '%' WHERE i.detected_at > ? AND i.detected_at <= ?"
            " GROUP BY i.id",
            (span[0], span[1] + LATENESS_S * 1_000_000),
        ).fetchall()
        from_close = [(row - closed) / 1e6 for _, closed, row in opened]
        from_event = [
            (row - at) / 1e6
            for moment, closed, row in opened
            for (at,) in store.execute(
                "SELECT at FROM breaks WHERE moment = ? AND at >= ? AND at < ?",
                (moment, closed - LATENESS_S * 1_000_000 - MINUTE, closed - LATENESS_S * 1_000_000),
            )
        ]
    if not opened:
        return [Absent(f"{what}: the outbox", "nothing was opened")]
    print(f"{len(opened)} openings, {len(from_event)} broken events", file=sys.stderr)
    rest = f"a broken event to the outbox (the rest of its minute, {LATENESS_S} s of lateness)"
    return [
        *(
            Row(f"{what}: a window's close to the outbox, p{share}", _at(share, from_close), "s", most=goal)
            for share, goal in ((50, None), (99, CLOSE_GOAL_S))
        ),
        *(Row(f"{what}: {rest}, p{share}", _at(share, from_event), "s") for share in (50, 99)),
    ]


def _at(share: int, waits: Sequence[float]) -> list[float]:
    ordered = sorted(waits)
    return [ordered[min(len(ordered) * share // 100, len(ordered) - 1)]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--minutes", type=int, default=6, help="whole minutes to measure")
    parser.add_argument("--at-once", type=int, default=STORM, help="moments that break in a minute: up to half of all")
    told = parser.parse_args()
    lines = measure(told.rate, told.minutes, max(1, min(told.at_once, STORM)))
    print(HEAD)
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
