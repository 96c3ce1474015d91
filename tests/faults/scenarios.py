"""The scenarios by name, and the servers that they run against, each started when it is first asked for."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cached_property

from tests.faults.kills import kill_one_after_another
from tests.faults.outages import broker_away, database_away
from tests.faults.replicas import many_over_one_database
from tests.faults.rig import Outcome, World
from tests.harness.kafka import KafkaBroker, own_broker
from tests.harness.postgres import PostgresServer, own_postgres

Run = Callable[[World, str, int, int], Outcome]


@dataclass(frozen=True)
class Scenario:
    """What is run, and its share of the kills that were asked for."""

    run: Run
    share: float = 0.0

    def share_of(self, kills: int) -> int:
        """How many kills fall to it."""
        return round(kills * self.share)


class Servers:
    """A broker and a PostgreSQL that scenarios share as long as they leave them alone."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    @cached_property
    def broker(self) -> KafkaBroker:
        """One broker."""
        return self._stack.enter_context(closing(own_broker()))

    @cached_property
    def postgres(self) -> PostgresServer:
        """One server."""
        return self._stack.enter_context(closing(own_postgres()))

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
    "database-away": Scenario(database_away),
    "broker-away": Scenario(broker_away),
}
