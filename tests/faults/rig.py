"""A fault run's world: topics with a seeded stream, a database, a receiver, processes, and the question what is off."""

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self

import yaml
from sqlalchemy import exc, text

from service.core.event import HOUR, MINUTE
from tests.e2e.running import write_catalogue
from tests.faults.feed import Feed
from tests.faults.oracle import Raw, Watched, recount
from tests.faults.process import Forge, Life
from tests.faults.proxy import Proxy
from tests.faults.receiver import Receiver
from tests.faults.stored import Verdict, engine_of, own_books, stored
from tests.faults.stream import LATENESS, Item, Stream, catalogue
from tests.faults.undisturbed import differences, happened, plant_gaps, told
from tests.harness.kafka import KafkaBroker
from tests.harness.kafka_cluster import KafkaCluster
from tests.harness.postgres import PostgresServer
from tests.harness.process import free_port

PATIENCE_S = 120.0
STILL_S = 1.5
"""Two turns of the watch and more, on a machine that has nothing else to do; on a busy one, so many times more."""
LONGEST_FRAME = HOUR
"""So far may judging stay behind closing."""
LONGEST = 10
"""So many times its patience a run may take that gets on."""
Topics = tuple[tuple[str, int], tuple[str, int]]
"""Two topics' names, and how many partitions each has."""
ALLOWED_SKEW = 5 * MINUTE
"""The catalogue's default."""
DIMENSIONS = {"delivered": ("region", "carrier"), "checkout": ("region",)}


@dataclass
class Outcome:
    """What became of a scenario: a row of the table."""

    name: str
    kills: int
    events: int
    lost: int
    doubled: int
    notices: int
    repeated: int
    seconds: float
    problems: list[str] = field(default_factory=list)
    points: Counter[str] = field(default_factory=Counter)
    """Where processes were killed or frozen."""
    harm: Counter[str] = field(default_factory=Counter)
    """What else was done, and how often."""

    @classmethod
    def failed(cls, name: str, why: str) -> "Outcome":
        """One that came to no end."""
        return cls(name, 0, 0, 0, 0, 0, 0, 0.0, [why])


@dataclass(frozen=True)
class Standing:
    """How far reading, closing, judging and telling are; `done`: everything is read, closed and sent."""

    done: bool
    figures: tuple[object, ...]


def _reached(through: int | None, closable: int, live: bool) -> bool:  # said of the clock
    """Whether a moment is closed as far as it can be; where time is the wall's, it goes on."""
    return through is not None and (through >= closable if live else through == closable)


class Brokers(Protocol):
    """The servers that scenarios share."""

    @property
    def broker(self) -> KafkaBroker:
        """One broker."""
        ...

    @property
    def postgres(self) -> PostgresServer:
        """One server."""
        ...

    @property
    def cluster(self) -> KafkaCluster:
        """Three brokers, to which harm may be done by one scenario at a time."""
        ...

    @property
    def proxied(self) -> tuple[Proxy, str]:
        """A proxy before the one broker, and the address of the broker there."""
        ...


@dataclass(frozen=True)
class World:
    """What all scenarios share: servers, a receiver, the launcher, and a folder for everything else."""

    folder: Path
    servers: Brokers
    receiver: Receiver
    forge: Forge

    own: KafkaBroker | None = None
    """A scenario's own broker, which it may do harm to."""

    @property
    def broker(self) -> KafkaBroker:
        """The scenario's own broker, else the shared one."""
        return self.own or self.servers.broker

    @property
    def address(self) -> str:
        """Where the broker is."""
        return self.broker.bootstrap_servers

    def at(self, broker: KafkaBroker) -> "World":
        """The same world with a broker that is nobody else's."""
        return replace(self, own=broker)

    def topics(self, orders: int = 3, payments: int = 2, configs: Mapping[str, str] | None = None) -> Topics:
        """Two new topics, with some of Kafka's properties for topics."""
        broker = self.broker
        first, second = (broker.create_topic(partitions=n, configs=configs) for n in (orders, payments))
        return (first, orders), (second, payments)


class Rig:
    """One scenario's stream and store.

    `database`: a URL, or "" for a SQLite file of the rig's own. `via`: what the service is told the brokers'
    address is, and `receiver_port` where targets are, where a proxy stands in between. `live`: the wall's clock.
    """

    def __init__(  # what it stands on, each by name
        self,
        world: World,
        name: str,
        seed: int,
        topics: Topics,
        *,
        database: str = "",
        via: str = "",
        receiver_port: int = 0,
        live: bool = False,
        **shape: Any,
    ) -> None:
        self.world = world
        self.name = name
        self.live = live
        self.random = random.Random(seed)
        self.stream = Stream(seed, *topics, **shape)
        self.feed = Feed(world.broker, self.stream)
        self.folder = world.folder / name
        self.folder.mkdir()
        self.path = f"/{name}"
        self.database = database or f"sqlite:///{self.folder / 'momentwatch.db'}"
        self.via = via or world.address
        self.began = time.monotonic()
        self.began_at = time.time_ns() // 1000
        self.kills = 0
        self.points: Counter[str] = Counter()
        self.harm: Counter[str] = Counter()
        self.problems: list[str] = []
        self._lives = 0
        self._first = self.stream.at
        self._clock = "live" if live else "event"
        address = self.folder / "address"
        address.write_text(f"json://127.0.0.1:{receiver_port or world.receiver.port}{self.path}")
        self._rules = write_catalogue(self.folder / "rules", *catalogue(self.feed.topics, str(address), self._clock))
        self._config = self._write_config("momentwatch.yaml", self.database, self._rules)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.feed.forget()

    def _write_config(self, name: str, database: str, rules: Path, *, via: str = "") -> Path:
        settings = {
            "rules": str(rules),
            "database": {"url": database},
            "kafka": {"bootstrap_servers": (via or self.via).split(","), "group_id": f"{self.name}-{name}"},
            "web": {"port": free_port()},
            "send": {"allow_hosts": ["127.0.0.0/8"], "timeout": "2s"},
        }
        file = self.folder / name
        file.write_text(yaml.safe_dump(settings))
        return file

    # --- the stream ---

    def produce(self, items: Iterable[Item]) -> None:
        """Put records on the topics, and know that they are there."""
        self.feed.produce(items)

    def more(self, chunks: int = 1) -> None:
        """Let some event time happen."""
        self.feed.more(chunks)

    # --- processes ---

    def start(self, point: str = "", nth: int = 1, *, slot: str = "one", action: str = "kill", **order: Any) -> Life:
        """A process over this rig's store, with or without a failpoint."""
        self._lives += 1
        name = f"{slot}-{self._lives}"
        config = self._config
        if slot != "one":
            config = self._write_config(f"{slot}.yaml", self.database, self._rules)
        plan = {"point": point, "nth": nth, "action": action}
        # The same member after each restart: nobody has to wait for the killed one's session to run out.
        group = {"group_id": self.name, "instance_id": slot, **order.pop("group", {})}
        life = Life(
            self.world.forge, config, self.folder / f"{slot}.log", self.folder / name, plan=plan, group=group, **order
        )
        self._stack.callback(life.kill)
        return life

    def killed(self, life: Life) -> None:
        """Count the end of a process that was not asked to end."""
        code = life.code()
        if code != -9:
            self.problems.append(f"a process ended by itself with {code}: {life.tail()}")
        self.kills += 1
        self.points[life.died_at() or "at random"] += 1

    def standing(self, url: str | None = None) -> "Standing | None":
        """How far everything is; None where there is no telling."""
        try:
            return self._standing(url or self.database)
        except (exc.DBAPIError, sqlite3.Error):
            return None

    def _standing(self, url: str) -> "Standing | None":
        if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
            return None
        closable = (self.stream.at - LATENESS) // MINUTE * MINUTE
        engine = engine_of(url)
        try:
            with engine.connect() as connection:
                read = connection.scalar(text("SELECT SUM(n) FROM counts WHERE name = 'read'")) or 0
                closed = connection.execute(text("SELECT moment, closed_through FROM moments ORDER BY moment")).all()
                judged = connection.execute(
                    text("SELECT moment, tick, judged_through FROM judged ORDER BY moment")
                ).all()
                unsent = "SELECT COUNT(*) FROM outbox WHERE state IN ('waiting', 'attempting')"
                waiting = connection.scalar(text(unsent)) or 0
                unrouted = connection.scalar(text("SELECT COUNT(*) FROM news WHERE NOT routed")) or 0
        finally:
            engine.dispose()
        there = len(closed) == len(DIMENSIONS) and all(_reached(through, closable, self.live) for _, through in closed)
        # Closing and judging are two transactions, and a catch-up is judged in one that may take long.
        known = {moment: through or 0 for moment, _, through in judged}
        there = there and all(through - max(known.get(m, 0), self._first) <= LONGEST_FRAME for m, through in closed)
        done = there and read >= self.feed.expected_read and not (waiting or unrouted)
        return Standing(done, (read, *map(tuple, closed), *map(tuple, judged), waiting, unrouted))

    def settle(self, lives: Sequence[Life], url: str | None = None, patience_s: float = PATIENCE_S) -> None:
        """Wait until everything is done and stays so for some turns of the watch; name what gets nowhere."""
        before, since = None, time.monotonic()
        # A turn of the desk over all that a catch-up found takes so much longer on a machine that is busy.
        busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        still, patience_s = STILL_S * busy, patience_s * busy
        latest = since + LONGEST * patience_s
        while True:
            dead = [life for life in lives if life.ended()]
            if dead:
                self.problems.append(f"a process ended by itself: {dead[0].tail()}")
                return
            now = self.standing(url)
            if now != before:
                before, since = now, time.monotonic()
            elif now is not None and now.done and time.monotonic() - since > still:
                return
            if time.monotonic() > min(latest, since + patience_s):
                self.problems.append(f"not done, and no further for {patience_s:g} s: {now} {lives[0].tail()}")
                return
            time.sleep(0.15)

    def unsent(self) -> int:
        """How many notices wait."""
        engine = engine_of(self.database)
        try:
            with engine.connect() as connection:
                return int(connection.scalar(text("SELECT COUNT(*) FROM outbox WHERE state <> 'sent'")) or 0)
        finally:
            engine.dispose()

    def idle(self, seen: Callable[[], bool], still_s: float = STILL_S) -> bool:
        """Until something is seen: True; or everything is done and stays so, or nothing gets on any more: False."""
        before, since = None, time.monotonic()
        while not seen():
            now = self.standing()
            still = time.monotonic() - since
            if now is None or now != before:
                if now != before:
                    before, since = now, time.monotonic()
            elif now.done and still > still_s:
                return seen()
            if still > PATIENCE_S:
                return seen()
            time.sleep(0.1)
        return True

    def wait(self, seen: Callable[[], bool], what: str, patience_s: float = 30.0) -> None:
        """Until something is seen, as long as anything gets on; name what was not."""
        if not self.idle(seen, patience_s):
            self.problems.append(f"did not come: {what}")

    # --- the verdict ---

    def begin(self, chunks: int = 3) -> Life:
        """A process that has read some of the stream."""
        self.more(chunks)
        life = self.start()
        self.settle([life])
        return life

    def end(self, life: Life) -> Outcome:
        """Some more events, the end of a process that outlived everything, and the verdict."""
        self.more()
        self.settle([life])
        code = life.end()
        if code != 0:
            self.problems.append(f"the process ended with {code}: {life.tail()}")
        return self.judge()

    def finish(self) -> Outcome:
        """Let one process end the work, then compare: the log with the store, the run with an undisturbed one."""
        last = self.start()
        self.settle([last])
        code = last.end()
        # Where nothing was left to do, it had only begun to start.
        if code not in {0, -signal.SIGTERM}:
            self.problems.append(f"the last process ended with {code}: {last.tail()}")
        return self.judge()

    def judge(self) -> Outcome:
        """Compare what is stored with the oracle's count, and what happened with what ought to have."""
        feed, found = self.feed, stored(self.database)
        orders, payments = (feed.called(topic) for topic in feed.topics)
        watched = Watched(
            DIMENSIONS,
            {"delivered": (orders, payments), "checkout": (payments,)},
            LATENESS,
            found.closed if self.live else None,
            self.began_at + ALLOWED_SKEW if self.live else None,
        )
        records = feed.everything()
        expected = recount(records, watched)
        expected.lost = Counter(feed.lost)
        verdict = Verdict(expected, found)
        heard = self.world.receiver.taken(self.path)
        repeated, problems = told(self.database, heard)
        self.problems += [*verdict.problems, *problems, *own_books(self.database), *self._unlike_undisturbed(records)]
        return Outcome(
            self.name,
            self.kills,
            expected.read,
            verdict.lost,
            verdict.doubled,
            len(heard),
            repeated,
            time.monotonic() - self.began,
            self.problems,
            self.points,
            self.harm,
        )

    def _unlike_undisturbed(self, records: Sequence[Raw]) -> list[str]:
        """Run the same records through one process that nobody disturbs, and name what happened otherwise there."""
        name = f"{self.name}-undisturbed"
        url = f"sqlite:///{self.folder / 'undisturbed.db'}"
        address = self.folder / "undisturbed-address"
        address.write_text(f"json://127.0.0.1:{self.world.receiver.port}/{name}")
        topics = self.feed.topics
        if self.feed.gone:
            (orders, _), (payments, _) = self.feed.copied(records)
            plant_gaps(self.database, url, dict(zip(topics, (orders, payments), strict=True)))
            topics = (orders, payments)
        rules = write_catalogue(self.folder / "undisturbed", *catalogue(topics, str(address), self._clock))
        config = self._write_config("undisturbed.yaml", url, rules, via=self.world.address)
        log, note = self.folder / "undisturbed.log", self.folder / "undisturbed.note"
        life = Life(self.world.forge, config, log, note, group={"group_id": name})
        self.settle([life], url)
        life.end()
        until = self.stream.at if self.live else None
        return differences(happened(self.database, live_until=until), happened(url, live_until=until))
