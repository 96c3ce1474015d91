"""A short fault run: real processes that end at failpoints of each loop lose nothing and double nothing."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from tests.faults.kills import chosen
from tests.faults.points import loop_of
from tests.faults.process import Forge
from tests.faults.proxy import Proxy
from tests.faults.receiver import receiving
from tests.faults.rig import Rig, World
from tests.harness.kafka import KafkaBroker
from tests.harness.kafka_cluster import KafkaCluster
from tests.harness.postgres import PostgresServer


@dataclass(frozen=True)
class Shared:
    broker: KafkaBroker

    @property
    def postgres(self) -> PostgresServer:
        raise AssertionError("no scenario here asks for it")

    @property
    def cluster(self) -> KafkaCluster:
        raise AssertionError("no scenario here asks for it")

    @property
    def proxied(self) -> tuple[Proxy, str]:
        raise AssertionError("no scenario here asks for it")


@pytest.fixture
def world(tmp_path: Path, kafka_broker: KafkaBroker) -> Iterator[World]:
    with receiving() as receiver, closing(Forge()) as forge:
        yield World(tmp_path, Shared(kafka_broker), receiver, forge)


def test_a_loop_of_few_points_is_killed_as_often_as_one_of_many() -> None:
    points = {f"route:asks-{number}": 9 for number in range(50)} | {"send:commit": 1, "ingest:commit": 3}
    chance = SimpleNamespace(random=Random(1))
    at = [chosen(chance, points) for _ in range(300)]
    loops = Counter(loop_of(point) for point, _ in at)
    assert all(80 < times < 120 for times in loops.values()), loops
    # Not at a time that never comes.
    assert {nth for point, nth in at if point == "send:commit"} == {1}


def test_a_kill_before_a_commit_and_one_after_a_send_lose_nothing_and_what_may_have_been_sent_says_so(
    world: World,
) -> None:
    points = ("ingest:commit", "notice:notifier.send.after")
    with Rig(world, "short", 3, world.topics()) as rig:
        # Trouble has begun and is not over.
        rig.more(7)
        for point in points:
            life = rig.start(point)
            assert life.ended(100), f"{point} was never reached: {life.tail()}"
            rig.killed(life)
        outcome = rig.finish()
    assert outcome.problems == []
    assert (outcome.lost, outcome.doubled, outcome.kills) == (0, 0, 2)
    assert set(outcome.points) == set(points)
    assert outcome.notices > 0
    assert outcome.repeated == 1
