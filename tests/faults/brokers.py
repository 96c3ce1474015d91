"""What happens to brokers, topics and the way to them while a process reads: each against the same oracle."""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

from sqlalchemy import text

from tests.e2e.running import until
from tests.faults.process import Life
from tests.faults.replicas import Crew
from tests.faults.rig import Outcome, Rig, World
from tests.faults.stored import engine_of
from tests.harness.kafka import KafkaBroker, own_broker
from tests.harness.kafka_cluster import KafkaCluster

AWAY_S = 2.0
TURNS = 4
"""Of the one broker that is killed and frozen."""

Harm = Callable[[Rig, KafkaCluster], None]


def lone_broker_away(world: World, name: str, seed: int, kills: int) -> Outcome:
    """The only broker is killed and frozen."""
    del kills
    with closing(own_broker()) as broker:
        here = world.at(broker)
        with Rig(here, name, seed, here.topics()) as rig:
            life = rig.begin()
            for turn in range(TURNS):
                rig.more(2)
                if turn % 2:
                    _freeze(broker)
                else:
                    broker.kill()
                    time.sleep(AWAY_S)
                    broker.start()
            return rig.end(life)


def _freeze(broker: KafkaBroker) -> None:
    broker.pause()
    time.sleep(AWAY_S)
    broker.resume()


def _on_the_cluster(harm: Harm, world: World, name: str, seed: int, kills: int) -> Outcome:
    """One process reads from three brokers, to which something is done, and which come together again."""
    del kills
    cluster = world.servers.cluster
    here = world.at(cluster)
    with Rig(here, name, seed, here.topics()) as rig:
        life = rig.begin()
        harm(rig, cluster)
        cluster.settle()
        return rig.end(life)


def _restart_each(rig: Rig, cluster: KafkaCluster) -> None:
    for node in cluster.nodes:
        rig.more()
        node.stop()
        rig.more()
        node.start()
        # As whoever rolls through a cluster does: the next one only when all copies are there.
        cluster.settle()
        rig.harm["brokers restarted"] += 1


def _kill_one(rig: Rig, cluster: KafkaCluster) -> None:
    for _ in range(2):
        node = rig.random.choice(cluster.nodes)
        rig.more()
        node.kill()
        rig.more(2)
        rig.harm["brokers killed"] += 1
        node.start()
        cluster.settle()
    node = rig.random.choice(cluster.nodes)
    _freeze(node)
    rig.harm["brokers frozen"] += 1
    rig.more()


def _all_away(rig: Rig, cluster: KafkaCluster) -> None:
    rig.more(2)
    cluster.kill()
    time.sleep(2 * AWAY_S)
    rig.harm["all brokers away"] += 1
    cluster.start()


rolling_restart = partial(_on_the_cluster, _restart_each)
broker_killed = partial(_on_the_cluster, _kill_one)
all_brokers_away = partial(_on_the_cluster, _all_away)


def more_partitions(world: World, name: str, seed: int, kills: int) -> Outcome:
    """Three partitions become six while two processes read them.

    What is put on a new partition before its readers know of it may come after windows have closed over it: nobody
    can wait for what nobody has heard of. So producers find the new ones when readers have.
    """
    del kills
    with world.servers.postgres.database() as url, Rig(world, name, seed, world.topics(), database=url) as rig:
        crew = Crew(rig)
        rig.more(3)
        for slot in ("a", "b"):
            crew.start(slot)
        rig.settle(crew.lives)
        orders, _ = rig.stream.orders
        rig.feed.grow(6)
        rig.more(2)
        until(lambda: _known(url, orders) == 6, "six partitions")
        rig.stream.orders = (orders, 6)
        rig.more(2)
        crew.kill("a")
        rig.more()
        crew.start("a")
        rig.more()
        rig.settle(crew.lives)
        for slot in ("a", "b"):
            crew.end(slot)
        return rig.judge()


def _known(url: str, topic: str) -> int:
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            query = text("SELECT COUNT(*) FROM partitions WHERE topic = :topic")
            return int(connection.scalar(query, {"topic": topic}) or 0)
    finally:
        engine.dispose()


def topic_made_anew(world: World, name: str, seed: int, kills: int) -> Outcome:
    """A topic is deleted and made anew: under a process that reads it, while none runs, and with records unread.

    Once as it was, and twice with fewer partitions than it had.
    """
    del kills
    with Rig(world, name, seed, world.topics()) as rig:
        life = rig.begin()
        orders, payments = rig.feed.topics
        rig.stream.orders = (orders, 2)
        rig.feed.make_anew(orders)
        rig.more(2)
        rig.settle([life])
        _end(rig, life)
        rig.feed.make_anew(payments)
        rig.more(2)
        life = rig.start()
        rig.settle([life])
        _end(rig, life)
        _lose_unread(rig, orders)
        rig.more(2)
        return rig.end(rig.start())


def _lose_unread(rig: Rig, topic: str) -> None:
    """A topic goes, and half an hour of it that nobody had read; as by a reader that had seen how far behind it is."""
    read = {number: position for (name, number), position in _positions(rig.database).items() if name == topic}
    rig.more(2)
    rig.stream.orders = (topic, 1)
    name = rig.feed.called(topic)
    ends = {raw.partition: raw.offset + 1 for raw in rig.feed.raw() if raw.topic == name}
    engine = engine_of(rig.database)
    with engine.begin() as connection:
        for number, end in ends.items():
            known = text(
                "UPDATE partitions SET log_end = :end WHERE topic = :topic AND number = :number AND NOT retired"
            )
            connection.execute(known, {"end": end, "topic": topic, "number": number})
    engine.dispose()
    rig.feed.make_anew(topic, read)
    rig.feed.lost += [(name, number, read[number], end) for number, end in sorted(ends.items())]
    rig.harm["records lost unread"] += sum(end - read[number] for number, end in ends.items())


def out_of_range(world: World, name: str, seed: int, kills: int) -> Outcome:
    """Records go before they are read: on one partition all that was there, on another the older ones."""
    del kills
    with Rig(world, name, seed, world.topics()) as rig:
        life = rig.begin()
        _end(rig, life)
        orders, payments = rig.feed.topics
        read = _positions(rig.database)
        rig.more(2)
        ends = {
            spot: offset + 1 for raw in rig.feed.raw() for spot, offset in [((raw.topic, raw.partition), raw.offset)]
        }
        rig.feed.retain(orders, 0, read[orders, 0], ends[orders, 0])
        middle = (read[payments, 1] + ends[payments, 1]) // 2
        rig.feed.retain(payments, 1, read[payments, 1], middle)
        return rig.end(rig.start())


def _positions(url: str) -> dict[tuple[str, int], int]:
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT topic, number, position FROM partitions WHERE NOT retired"))
            return {(topic, number): position for topic, number, position in found}
    finally:
        engine.dispose()


def _end(rig: Rig, life: Life) -> None:
    code = life.end()
    if code != 0:
        rig.problems.append(f"the process ended with {code}: {life.tail()}")


def behind_a_proxy(world: World, name: str, seed: int, kills: int) -> Outcome:
    """The way to the broker is slow, swallows what is sent, and is cut."""
    del kills
    proxy, address = world.servers.proxied
    with Rig(world, name, seed, world.topics(), via=address) as rig:
        life = rig.begin()
        proxy.delay_s = 0.2
        rig.more(2)
        proxy.cut()
        rig.more()
        proxy.mute = True
        rig.more(2)
        time.sleep(2 * AWAY_S)
        proxy.mute = False
        rig.more()
        proxy.cut()
        proxy.down = True
        rig.more()
        time.sleep(AWAY_S)
        proxy.down, proxy.delay_s = False, 0.0
        return rig.end(life)
