"""An alert storm: interruptions that open within a minute leave as the grouped few that the routes say.

A thousand of them (`--alerts`), a segment each, over 25 moments of five owners, in an order and at times made from a
seed; on SQLite, with a break row or more for each. The routes gather by owner and moment for 30 s, and then for 5 min;
the critical ones go out alone and at once; one stage of the journey is upstream of another, and hides it. Routing runs
on a clock moved by hand, a quarter of a second a turn, and what it puts into the outbox is sent over HTTP to a receiver
in this process.

What should leave is counted beside it, from the routes' words alone. It ends with 1 where anything else left, where an
alert was not named in a message, or was named twice.

    python -m benchmarks.alerts
"""

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.table import HEAD, Row
from service.adapters.sender import AppriseNotifier, SenderSettings
from service.adapters.store import open_store
from service.core.catalog import Catalog, Journey, Level, Moment, Owner, Stage, Target
from service.core.counting.changes import Break, Changes
from service.core.counting.watermark import PartitionClock
from service.core.event import HOUR, MINUTE, SECOND, Micros, Partition
from service.core.interruption import Change, Interruption, interruption_id
from service.core.ports import Store
from service.core.routes import EACH, Matcher, Route
from service.core.standing import Judgement
from service.core.telling.route import news_of
from service.loops.announce import Money
from service.loops.routing import Pages, Routing
from service.loops.send import Sender

T0: Micros = 1_700_000_000_000_000 // HOUR * HOUR
TURN: Micros = SECOND // 4
WAIT, INTERVAL = 30 * SECOND, 5 * MINUTE
OWNERS, MOMENTS = 5, 25
CRITICAL = 0.01
HIDDEN = "m24"
"""A moment of the later stage: all of it stays behind an interruption of the whole of the moment before."""
ABOVE = "m23"


def catalog() -> Catalog:
    """Five owners, five moments each; the last of them downstream of the one before."""
    names = [f"m{n:02}" for n in range(MOMENTS)]
    stages = (Stage("first", "", "COO", (ABOVE,)), Stage("second", "", "COO", (HIDDEN,)))
    routes = (
        Route("critical", (Matcher("level", "=", "critical"),), group_by=(EACH,)),
        Route("rest", group_by=("owner", "moment"), group_wait=WAIT, group_interval=INTERVAL),
    )
    return Catalog(
        owners={f"o{n}": Owner(f"o{n}", targets=(f"t{n}",)) for n in range(OWNERS)},
        targets={f"t{n}": Target(f"t{n}", url_env=f"BENCHMARK_T{n}") for n in range(OWNERS)},
        moments={name: Moment(name, f"o{n % OWNERS}", dimensions=("region",)) for n, name in enumerate(names)},
        journeys={"j": Journey("j", "", "", stages)},
        routes=routes,
    )


@dataclass(frozen=True, slots=True)
class Alert:
    """One interruption, and when its news comes."""

    at: Micros
    it: Interruption


def storm(alerts: int, seed: int) -> list[Alert]:
    """In order of time; the one upstream of all first, so that nothing of what it hides can be told before."""
    rng = random.Random(seed)
    made = [Alert(T0, _opened(ABOVE, (), T0, "high"))]
    for number in range(alerts - 1):
        moment = f"m{number % MOMENTS:02}"
        level: Level = "critical" if moment != HIDDEN and rng.random() < CRITICAL else "medium"
        at = T0 + rng.randrange(1, MINUTE)
        made.append(Alert(at, _opened(moment, (("region", (f"r{number}",)),), at, level)))
    return sorted(made, key=lambda alert: alert.at)


def _opened(moment: str, segment: tuple[tuple[str, tuple[str, ...]], ...], at: Micros, level: Level) -> Interruption:
    return Interruption(
        id=interruption_id(moment, segment, at),
        moment=moment,
        segment=segment,
        kind="failure_rate",
        kinds=("failure_rate",),
        rule=None,
        level=level,
        state="open",
        onset=T0 - HOUR,
        opened=at,
        detected_at=at,
    )


def expected(alerts: list[Alert]) -> Counter[str]:
    """Messages by owner, from the routes' words: alone where critical; else one after the wait, one an interval."""
    told: Counter[str] = Counter()
    groups: dict[str, list[Micros]] = {}
    for alert in alerts:
        if alert.it.level == "critical":
            told[_owner(alert.it.moment)] += 1
        elif alert.it.moment != HIDDEN:
            groups.setdefault(alert.it.moment, []).append(alert.at)
    for moment, times in groups.items():
        flush = _turn(min(times)) + WAIT
        late = any(_turn(at) > flush for at in times)
        told[_owner(moment)] += 1 + late
    return told


def _turn(at: Micros) -> Micros:
    """The turn that takes in what came at a time."""
    return T0 + -(-(at - T0) // TURN) * TURN


def _owner(moment: str) -> str:
    return f"o{int(moment[1:]) % OWNERS}"


def fill(store: Store, alerts: list[Alert]) -> None:
    """A few customers let down in each segment, written as ingest does."""
    rng = random.Random(1)
    claim = store.claim(Partition("benchmark", 0, "b"))
    rows: dict[tuple[str, str], Break | None] = {
        (alert.it.moment, f"={number}-{n}"): Break(
            moment=alert.it.moment,
            ref=f"={number}-{n}",
            at=T0 - HOUR + rng.randrange(HOUR),
            customer=f"c{rng.randrange(5_000)}",
            value=rng.randrange(10_000),
            dimensions={"region": f"r{number}"},
            promised=False,
        )
        for number, alert in enumerate(alerts)
        for n in range(1 + rng.randrange(30))
    }
    with store.ingest(claim, sorted({moment for moment, _ in rows}), []) as transaction:
        transaction.save(Changes(breaks=rows), len(rows), PartitionClock(claim.partition, T0))


@contextmanager
def receiving() -> Iterator[tuple[int, list[bytes]]]:
    """A receiver on the loopback: its port, and what came in."""
    came: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1]), came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True, slots=True)
class Result:
    """What left of one storm, what should have, and what it cost in CPU seconds and, for sending, wall seconds."""

    alerts: int
    sent: int
    wanted: int
    wrong: str
    routing_s: float
    sending_s: float


def run(alerts: int, seed: int, url: str) -> Result:
    """One storm through a store at a URL."""
    declared = catalog()
    coming = storm(alerts, seed)
    store = open_store(url, declared.moments)
    fill(store, coming)
    now = T0
    routing = Routing(store, lambda: declared, Money(), Pages("https://watch.example"), lambda: now)
    routed = 0.0
    left = list(coming)
    while now <= T0 + MINUTE + WAIT + INTERVAL:
        _tell(store, left, now)
        began = time.process_time()
        routing.turn()
        routed += time.process_time() - began
        now += TURN if left or now < T0 + 2 * MINUTE else 5 * SECOND
    with receiving() as (port, came):
        for name in declared.targets:
            os.environ[f"BENCHMARK_{name.upper()}"] = f"json://127.0.0.1:{port}/"
        notifier = AppriseNotifier(declared.targets, SenderSettings(allow_hosts=frozenset({"127.0.0.1"})))
        wall = time.perf_counter()
        sender = Sender(store, notifier, lambda: now)
        while sender.run_once():
            pass
        sending = time.perf_counter() - wall
    wanted = expected(coming)
    rows = store.outbox(limit=10 * alerts)
    wrong = _wrong(coming, Counter(str(row.notice.owner) for row in rows), wanted, [row.notice.about for row in rows])
    if len(came) != len(rows):
        wrong = wrong or f"{len(rows):,} messages made, {len(came):,} received"
    store.close()
    return Result(alerts, len(came), wanted.total(), wrong, routed, sending)


def _tell(store: Store, left: list[Alert], now: Micros) -> None:
    """Write what has come by now as the watch does: interruption and news in one transaction."""
    due = [alert for alert in left if alert.at <= now]
    del left[: len(due)]
    for moment in sorted({alert.it.moment for alert in due}):
        changes = tuple(Change("opened", a.at, a.it) for a in due if a.it.moment == moment)
        news = [found for change in changes if (found := news_of(change, None)) is not None]
        store.save_judgement(moment, store.judged(moment).tick, Judgement(now, changes), None, news)


def _wrong(coming: list[Alert], made: Counter[str], wanted: Counter[str], about: list[tuple[str, ...]]) -> str:
    """What did not go as the routes say; "" where everything did."""
    if made != wanted:
        return f"messages an owner: {dict(made)}; the routes say {dict(wanted)}"
    named = Counter(identity for one in about for identity in one)
    shown = {alert.it.id for alert in coming if alert.it.moment != HIDDEN}
    if set(named) != shown:
        return f"{len(shown - set(named)):,} told nowhere, {len(set(named) - shown):,} told that should be hidden"
    twice = sum(count > 1 for count in named.values())
    return f"{twice:,} told twice" if twice else ""


def main() -> int:
    """Run the storms and print the table; 1 where what left is not what the routes say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    results: list[Result] = []
    for n in range(told.runs):
        with tempfile.TemporaryDirectory() as folder:
            results.append(run(told.alerts, told.seed + n, f"sqlite:///{Path(folder) / 'alerts.db'}"))
    sent = [float(one.sent) for one in results]
    wanted = max(one.wanted for one in results)
    rows = [
        Row(f"messages of {told.alerts:,} alerts within a minute, as many as the routes say", sent, most=float(wanted)),
        Row("the same: CPU seconds of routing, words and figures included", [one.routing_s for one in results], "s"),
        Row("the same: seconds of sending them over HTTP", [one.sending_s for one in results], "s"),
    ]
    print(HEAD, *rows, sep="\n")
    for one in results:
        if one.wrong:
            print(one.wrong, file=sys.stderr)
    return int(any(one.wrong for one in results))


if __name__ == "__main__":
    sys.exit(main())
