"""The scenarios by name, and the servers that they run against, each started when it is first asked for."""

import math
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TypeVar

from tests.faults import brokers, outages, shapes
from tests.faults.kills import kill_one_after_another
from tests.faults.proxy import Proxy
from tests.faults.replicas import many_over_one_database, rolling_upgrade, zombies
from tests.faults.rig import Outcome, World
from tests.faults.targets import targets
from tests.harness.kafka import KafkaBroker, LocalBroker
from tests.harness.kafka_cluster import KafkaCluster
from tests.harness.postgres import PostgresServer, own_postgres
from tests.harness.process import LOOPBACK, free_port

MOST_KILLS = 50
"""In one history: a longer one takes longer to be judged anew each time than it teaches."""
Run = Callable[[World, str, int, int], Outcome]
T = TypeVar("T")


@dataclass(frozen=True)
class Scenario:
    """What is run, its share of the kills that were asked for, and the server that it harms."""

    run: Run
    share: float = 0.0
    harms: str = ""

    def shares(self, kills: int) -> list[int]:
        """How many kills fall to it, in parts that run side by side: each over a store and topics of its own."""
        mine = round(kills * self.share)
        parts = max(1, math.ceil(mine / MOST_KILLS))
        return [mine * (part + 1) // parts - mine * part // parts for part in range(parts)]


class Servers:
    """Brokers and a PostgreSQL that scenarios share; safe from any thread, as long as nobody harms what others use."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._made: dict[str, object] = {}
        self._locks = {name: threading.Lock() for name in ("broker", "postgres", "cluster")}

    def _once(self, name: str, make: Callable[[], T]) -> T:
        with self._locks[name]:
            if name not in self._made:
                self._made[name] = make()
            made: T = self._made[name]  # type: ignore[assignment]  # what `make` gave
            return made

    @property
    def broker(self) -> KafkaBroker:
        """One broker."""
        return self._front[0]

    @property
    def proxied(self) -> tuple[Proxy, str]:
        """A proxy before that broker, and the broker's address there."""
        _, proxy = self._front
        return proxy, f"{LOOPBACK}:{proxy.port}"

    @property
    def _front(self) -> tuple[KafkaBroker, Proxy]:
        def make() -> tuple[KafkaBroker, Proxy]:
            port = free_port()
            proxy = self._stack.enter_context(Proxy(port))
            broker = self._stack.enter_context(closing(LocalBroker(proxied=(port, proxy.port))))
            broker.start()
            return broker, proxy

        return self._once("broker", make)

    @property
    def postgres(self) -> PostgresServer:
        """One server."""
        return self._once("postgres", lambda: self._stack.enter_context(closing(own_postgres())))

    @property
    def cluster(self) -> KafkaCluster:
        """Three brokers."""

        def make() -> KafkaCluster:
            cluster = self._stack.enter_context(closing(KafkaCluster()))
            cluster.start()
            return cluster

        return self._once("cluster", make)

    def close(self) -> None:
        """End what was started."""
        self._stack.close()


def _sqlite(world: World, name: str, seed: int, kills: int) -> Outcome:
    return kill_one_after_another(world, name, seed, kills)


def _postgres(world: World, name: str, seed: int, kills: int) -> Outcome:
    with world.servers.postgres.database() as url:
        return kill_one_after_another(world, name, seed, kills, url)


SCENARIOS: dict[str, Scenario] = {
    "sqlite": Scenario(_sqlite, 0.4),
    "postgres": Scenario(_postgres, 0.4),
    "replicas": Scenario(many_over_one_database, 0.2),
    "rolling-upgrade": Scenario(rolling_upgrade),
    "rolling-restart": Scenario(brokers.rolling_restart, harms="cluster"),
    "broker-killed": Scenario(brokers.broker_killed, harms="cluster"),
    "all-brokers-away": Scenario(brokers.all_brokers_away, harms="cluster"),
    "lone-broker-away": Scenario(brokers.lone_broker_away),
    "behind-a-proxy": Scenario(brokers.behind_a_proxy),
    "more-partitions": Scenario(brokers.more_partitions),
    "topic-made-anew": Scenario(brokers.topic_made_anew),
    "out-of-range": Scenario(brokers.out_of_range),
    "zombies": Scenario(zombies),
    "database-restart": Scenario(outages.database_restart),
    "lost-commits": Scenario(outages.lost_commits),
    "restored": Scenario(outages.restored),
    "restored-postgres": Scenario(outages.restored_postgres),
    "targets": Scenario(targets),
    "far-future": Scenario(shapes.far_future),
    "hot-key": Scenario(shapes.hot_key),
    "duplicates": Scenario(shapes.duplicates),
    "disorder": Scenario(shapes.disorder),
    "poison": Scenario(shapes.poison),
}
