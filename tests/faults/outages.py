"""A database that goes away under a running process, and answers to its commits that are lost on their way."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from service.core.event import rfc3339
from tests.faults.proxy import Proxy
from tests.faults.rig import Outcome, Rig, World
from tests.faults.stream import CHUNK
from tests.harness.postgres import PostgresServer, own_postgres

AWAY_S = 2.0
LOST_COMMITS = 12


@contextmanager
def _behind(server: PostgresServer) -> Iterator[tuple[str, Proxy]]:
    url = make_url(server.create_database())
    with Proxy(int(url.port or 0)) as proxy:
        yield url.set(port=proxy.port).render_as_string(hide_password=False), proxy


def database_restart(world: World, name: str, seed: int, kills: int) -> Outcome:
    """PostgreSQL is restarted in order, killed, and frozen."""
    del kills

    def freeze(server: PostgresServer) -> None:
        server.pause()
        time.sleep(AWAY_S)
        server.resume()

    def kill(server: PostgresServer) -> None:
        server.kill()
        time.sleep(AWAY_S)
        server.start()

    ways: tuple[Callable[[PostgresServer], None], ...] = (PostgresServer.restart, kill, freeze)
    with closing(own_postgres()) as server:
        url = server.create_database()
        with Rig(world, name, seed, world.topics(), database=url) as rig:
            life = rig.begin()
            for way in ways:
                rig.more()
                way(server)
                rig.more()
            return rig.end(life)


def lost_commits(world: World, name: str, seed: int, kills: int) -> Outcome:
    """Answers to a COMMIT are lost, lines are slow and cut."""
    del kills
    with _behind(world.servers.postgres) as (via, proxy), Rig(world, name, seed, world.topics(), database=via) as rig:
        life = rig.begin()
        for turn in range(LOST_COMMITS):
            proxy.swallow = 1
            rig.more()
            _until_swallowed(rig, proxy, turn + 1)
        proxy.delay_s = 0.05
        rig.more()
        proxy.cut()
        proxy.delay_s = 0.0
        rig.harm["COMMIT answers lost"] = proxy.swallowed
        return rig.end(life)


def restored(world: World, name: str, seed: int, kills: int) -> Outcome:
    """The database is lost, and a copy takes its place that was made hours before: a SQLite file."""
    del kills
    with Rig(world, name, seed, world.topics()) as rig:
        file = Path(rig.database.removeprefix("sqlite:///"))
        copy = file.with_suffix(".copy")
        return _restored(rig, lambda: shutil.copy(file, copy), lambda: shutil.copy(copy, file))


def restored_postgres(world: World, name: str, seed: int, kills: int) -> Outcome:
    """The same, of `pg_dump`'s making."""
    del kills
    server = world.servers.postgres
    backups: list[bytes] = []
    with server.database() as url, Rig(world, name, seed, world.topics(), database=url) as rig:
        return _restored(rig, lambda: backups.append(server.dump(url)), lambda: server.load(url, backups[0]))


def _restored(rig: Rig, back_up: Callable[[], object], bring_back: Callable[[], object]) -> Outcome:
    """Nothing is told twice.

    What the targets heard after the copy was made, the copy knows nothing of; whoever restores it says until when the
    service lived.
    """
    life = rig.begin()
    life.end()
    back_up()
    rig.more(6)
    life = rig.start()
    rig.settle([life])
    life.end()
    before = len(rig.world.receiver.heard(rig.path))
    bring_back()
    rig.more(3)
    life = rig.start(arguments=["--told-until", rfc3339(rig.stream.at - 3 * CHUNK)])
    outcome = rig.end(life)
    if not before or outcome.notices <= before:
        outcome.problems.append(f"nobody was told before or after: {before} notices of {outcome.notices}")
    if outcome.repeated:
        outcome.problems.append(f"{outcome.repeated} notices were sent again")
    return outcome


def _until_swallowed(rig: Rig, proxy: Proxy, times: int) -> None:
    deadline = time.monotonic() + 30.0
    while proxy.swallowed < times:
        if time.monotonic() > deadline:
            rig.problems.append(f"no COMMIT came by: {proxy.swallowed} answers lost of {times}")
            return
        time.sleep(0.05)
