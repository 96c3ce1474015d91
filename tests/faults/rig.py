"""A fault run's world: topics with a seeded stream, a database, a receiver, processes, and the question what is off."""

import json
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self

import yaml
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from sqlalchemy import exc, text

from service.core.event import MINUTE
from tests.e2e.running import write_catalogue
from tests.faults.oracle import Expected, Raw, Watched, recount
from tests.faults.process import Forge, Life
from tests.faults.receiver import Receiver
from tests.faults.stored import Verdict, engine_of, stored
from tests.faults.stream import LATENESS, Item, Stream, catalogue
from tests.harness.kafka import KafkaBroker
from tests.harness.postgres import PostgresServer
from tests.harness.process import free_port

PATIENCE_S = 120.0
STILL_S = 1.5
"""Two turns of the watch and more."""
Topics = tuple[tuple[str, int], tuple[str, int]]
"""Two topics' names, and how many partitions each has."""
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

    def topics(self, orders: int = 3, payments: int = 2) -> Topics:
        """Two new topics."""
        broker = self.broker
        first, second = (broker.create_topic(partitions=n) for n in (orders, payments))
        return (first, orders), (second, payments)


class Rig:
    """One scenario's stream and store.

    `database`: a URL, or "" for a SQLite file of the rig's own. `via`: what the service is told the brokers'
    address is, where a proxy stands in between.
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
        **shape: Any,
    ) -> None:
        self.world = world
        self.name = name
        self.random = random.Random(seed)
        self.stream = Stream(seed, *topics, **shape)
        self.folder = world.folder / name
        self.folder.mkdir()
        self.path = f"/{name}"
        self.database = database or f"sqlite:///{self.folder / 'momentwatch.db'}"
        self.via = via or world.address
        self.topics = [topic for topic, _ in topics]
        self.began = time.monotonic()
        self.kills = 0
        self.points: Counter[str] = Counter()
        self.problems: list[str] = []
        self.expected_read = 0
        self.gone: list[Raw] = []
        """Records of topics that were deleted since, as they were read before."""
        self._lives = 0
        address = self.folder / "address"
        address.write_text(f"json://127.0.0.1:{world.receiver.port}{self.path}")
        self._rules = write_catalogue(self.folder / "rules", *catalogue((self.topics[0], self.topics[1]), str(address)))
        self._config = self._write_config("momentwatch.yaml", self.database, self._rules)
        self._producer: Any = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        if self._producer is not None:
            self._producer.close(timeout=5)

    def _write_config(self, name: str, database: str, rules: Path, port: int | None = None) -> Path:
        settings = {
            "rules": str(rules),
            "database": {"url": database},
            "kafka": {"bootstrap_servers": self.via.split(","), "group_id": f"{self.name}-{name}"},
            "web": {"port": free_port() if port is None else port},
            "send": {"allow_hosts": ["127.0.0.0/8"], "timeout": "2s"},
        }
        file = self.folder / name
        file.write_text(yaml.safe_dump(settings))
        return file

    # --- the stream ---

    def produce(self, items: Iterable[Item]) -> None:
        """Put records on the topics, and know that they are there."""
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self.world.address.split(","), linger_ms=5, max_block_ms=60_000, acks="all"
            )
        sent = [self._producer.send(item.topic, item.payload, partition=item.partition) for item in items]
        self._producer.flush()
        for future in sent:
            future.get(60)
        self.expected_read += len(sent)

    def more(self, chunks: int = 1) -> None:
        """Let some event time happen."""
        for _ in range(chunks):
            self.produce(self.stream.next())

    def raw(self) -> list[Raw]:
        """Every record of the topics as the brokers give it now, partition by partition."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.world.address.split(","),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        try:
            spots = [
                TopicPartition(topic, number)
                for topic in self.topics
                for number in sorted(consumer.partitions_for_topic(topic))
            ]
            consumer.assign(spots)
            consumer.seek_to_beginning(*spots)
            ends = consumer.end_offsets(spots)
            found: dict[Any, list[Raw]] = {spot: [] for spot in spots}
            while any(consumer.position(spot) < end for spot, end in ends.items()):
                for spot, records in consumer.poll(timeout_ms=500).items():
                    found[spot] += [Raw(spot.topic, spot.partition, r.offset, r.value) for r in records]
        finally:
            consumer.close()
        return [raw for records in found.values() for raw in records]

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

    def standing(self, url: str | None = None) -> object | None:
        """How far judging is, once everything is read, closed and sent as far as the store says; None before."""
        try:
            return self._standing(url or self.database)
        except (exc.DBAPIError, sqlite3.Error):
            return None

    def _standing(self, url: str) -> object | None:
        if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
            return None
        closable = (self.stream.at - LATENESS) // MINUTE * MINUTE
        engine = engine_of(url)
        try:
            with engine.connect() as connection:
                read = connection.scalar(text("SELECT SUM(n) FROM counts WHERE name = 'read'")) or 0
                closed = connection.execute(text("SELECT moment, closed_through FROM moments")).all()
                ticks = connection.execute(text("SELECT moment, tick FROM judged ORDER BY moment")).all()
                unsent = "SELECT COUNT(*) FROM outbox WHERE state IN ('waiting', 'attempting')"
                waiting = connection.scalar(text(unsent))
                unrouted = connection.scalar(text("SELECT COUNT(*) FROM news WHERE NOT routed"))
        finally:
            engine.dispose()
        there = len(closed) == len(DIMENSIONS) and all(through == closable for _, through in closed)
        return list(map(tuple, ticks)) if there and read >= self.expected_read and not (waiting or unrouted) else None

    def settle(self, lives: Sequence[Life], url: str | None = None, patience_s: float = PATIENCE_S) -> None:
        """Wait until everything is done and stays so for some turns of the watch; name what was not."""
        deadline = time.monotonic() + patience_s
        before, since = None, time.monotonic()
        while True:
            dead = [life for life in lives if life.ended()]
            if dead:
                self.problems.append(f"a process ended by itself: {dead[0].tail()}")
                return
            now = self.standing(url)
            if now is None or now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > STILL_S:
                return
            if time.monotonic() > deadline:
                self.problems.append(f"not done after {patience_s:g} s: {lives[0].tail()}")
                return
            time.sleep(0.15)

    # --- the verdict ---

    def finish(self, expected: Expected | None = None) -> Outcome:
        """Let one process end the work, then compare: the log with the store, the run with an undisturbed one."""
        last = self.start()
        self.settle([last])
        code = last.end()
        # Where nothing was left to do, it had only begun to start.
        if code not in {0, -signal.SIGTERM}:
            self.problems.append(f"the last process ended with {code}: {last.tail()}")
        return self.judge(expected)

    def judge(self, expected: Expected | None = None) -> Outcome:
        """Compare what is stored with the oracle's count, and what happened with what ought to have."""
        if expected is None:
            watched = Watched(DIMENSIONS, {"delivered": tuple(self.topics), "checkout": (self.topics[1],)}, LATENESS)
            expected = recount([*self.gone, *self.raw()], watched)
        verdict = Verdict(expected, stored(self.database))
        self.problems += verdict.problems
        repeated = self._undisturbed()
        return Outcome(
            self.name,
            self.kills,
            expected.read,
            verdict.lost,
            verdict.doubled,
            len(self.world.receiver.taken(self.path)),
            repeated,
            time.monotonic() - self.began,
            self.problems,
            self.points,
        )

    def _undisturbed(self) -> int:
        """Run the same topics through one process that nobody disturbs; how many notices came twice here."""
        name = f"{self.name}-undisturbed"
        url = f"sqlite:///{self.folder / 'undisturbed.db'}"
        address = self.folder / "undisturbed-address"
        address.write_text(f"json://127.0.0.1:{self.world.receiver.port}/{name}")
        rules = write_catalogue(self.folder / "undisturbed", *catalogue((self.topics[0], self.topics[1]), str(address)))
        config = self._write_config("undisturbed.yaml", url, rules)
        log, note = self.folder / "undisturbed.log", self.folder / "undisturbed.note"
        life = Life(self.world.forge, config, log, note, group={"group_id": name})
        self.settle([life], url)
        life.end()
        self._compare("interruptions", happened(self.database), happened(url))
        return self._told()

    def _told(self) -> int:
        """What was sent reached its target once, or says that it is a repeat; how many came twice."""
        engine = engine_of(self.database)
        try:
            with engine.connect() as connection:
                rows = connection.execute(text("SELECT key, state, body FROM outbox")).all()
        finally:
            engine.dispose()
        states = {key: state for key, state, _ in rows}
        heard = self.world.receiver.taken(self.path)
        unheard = [key for key, state in states.items() if state == "sent" and key not in heard]
        surplus = heard.keys() - states.keys()
        if unheard or surplus:
            self.problems.append(f"notices: {len(unheard)} sent and not heard, {len(surplus)} heard and not sent")
        for key, came in heard.items():
            unflagged = [h.title for h in came[1:] if not h.repeat]
            if unflagged:
                self.problems.append(f"notice {key} came {len(came)} times and did not say so: {unflagged[0]}")
        told = Counter((n["interruption"], n["reason"]) for n in (json.loads(body) for _, _, body in rows))
        twice = [what for what, n in told.items() if n > 1 and what[1] in {"opened", "resolved"}]
        if twice:
            self.problems.append(f"told in two notices: {twice[:3]}")
        return sum(len(came) - 1 for came in heard.values())

    def _compare(self, what: str, got: Sequence[Any], wanted: Sequence[Any]) -> None:
        if list(got) != list(wanted):
            surplus = [row for row in got if row not in wanted]
            missing = [row for row in wanted if row not in got]
            self.problems.append(f"{what} differ from an undisturbed run: surplus {surplus[:2]}, missing {missing[:2]}")


def happened(url: str) -> list[tuple[Any, ...]]:
    """Interruptions with their timelines, and the news made of them.

    Not the notices: what is told together, or is over before it is told, depends on when the desk looks.
    """
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            found = [
                tuple(row)
                for query in (
                    "SELECT id, moment, segment, rule, is_open, detected_at, resolved_at, body FROM interruptions",
                    "SELECT interruption, at, what, note, author FROM timeline",
                    "SELECT key, routed FROM news",
                )
                for row in connection.execute(text(query))
            ]
    finally:
        engine.dispose()
    return sorted(found, key=repr)
