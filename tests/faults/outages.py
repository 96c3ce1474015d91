"""Servers that go away under a running process: the database killed and cut off, the broker killed and frozen."""

import time
from contextlib import closing

from sqlalchemy import make_url

from tests.faults.proxy import Proxy
from tests.faults.rig import Outcome, Rig, World
from tests.harness.kafka import own_broker
from tests.harness.postgres import own_postgres

TURNS = 4
AWAY_S = 2.0
LOST_COMMITS = 12


def database_away(world: World, name: str, seed: int, kills: int) -> Outcome:
    """PostgreSQL is killed and comes back, connections are cut, and answers to a COMMIT are lost on their way."""
    del kills
    with closing(own_postgres()) as server:
        url = make_url(server.create_database())
        with Proxy(int(url.port or 0)) as proxy:
            via = url.set(port=proxy.port).render_as_string(hide_password=False)
            with Rig(world, name, seed, world.topics(), database=via) as rig:
                rig.more(3)
                life = rig.start()
                rig.settle([life])
                for turn in range(LOST_COMMITS):
                    proxy.swallow = 1
                    rig.more()
                    _until_swallowed(rig, proxy, turn + 1)
                proxy.delay_s = 0.05
                rig.more()
                proxy.cut()
                proxy.delay_s = 0.0
                rig.more()
                server.kill()
                rig.more()
                time.sleep(AWAY_S)
                server.start()
                rig.settle([life])
                rig.points["COMMIT answers lost"] = proxy.swallowed
                life.end()
                return rig.finish()


def _until_swallowed(rig: Rig, proxy: Proxy, times: int) -> None:
    deadline = time.monotonic() + 30.0
    while proxy.swallowed < times:
        if time.monotonic() > deadline:
            rig.problems.append(f"no COMMIT came by: {proxy.swallowed} answers lost of {times}")
            return
        time.sleep(0.05)


def broker_away(world: World, name: str, seed: int, kills: int) -> Outcome:
    """The only broker is killed and frozen while a process reads from it."""
    del kills
    with closing(own_broker()) as broker:
        here = world.at(broker)
        with Rig(here, name, seed, here.topics()) as rig:
            rig.more(3)
            life = rig.start()
            rig.settle([life])
            for turn in range(TURNS):
                rig.more(2)
                if turn % 2:
                    broker.pause()
                    time.sleep(AWAY_S)
                    broker.resume()
                else:
                    broker.kill()
                    time.sleep(AWAY_S)
                    broker.start()
            rig.more()
            rig.settle([life])
            life.end()
            return rig.finish()
