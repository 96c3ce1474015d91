"""Streams that nobody would wish for, read by processes that are killed meanwhile."""

from functools import partial
from typing import Any

from service.core.event import MINUTE
from tests.faults.kills import kill_one
from tests.faults.rig import Outcome, Rig, World
from tests.faults.stream import live_begin

CHUNKS = 6
KILL_AT = ("ingest:commit", "", "watch:commit", "ingest:claim.after")
"""One after the other; the second wherever it is."""


def _shaped(shape: dict[str, Any], world: World, name: str, seed: int, kills: int) -> Outcome:
    """A stream of a shape on PostgreSQL, which takes less than SQLite does, under some sudden ends."""
    del kills
    # Larger than brokers take by themselves, so that what nobody should read gets there.
    topics = world.topics(configs={"max.message.bytes": "4000000"})
    with world.servers.postgres.database() as url, Rig(world, name, seed, topics, database=url, **shape) as rig:
        _killed(rig, CHUNKS)
        return rig.finish()


def _killed(rig: Rig, chunks: int) -> None:
    for turn, point in enumerate(KILL_AT):
        rig.more(chunks // len(KILL_AT) + (turn < chunks % len(KILL_AT)))
        kill_one(rig, point, 1)


def far_future(world: World, name: str, seed: int, kills: int) -> Outcome:
    """Events of the years to come, where time is the wall's: they are buried, and move no clock.

    All is there before anybody reads, so that no look at a partition's end closes windows over what is to come.
    """
    del kills
    with Rig(world, name, seed, world.topics(), live=True, far=0.1, at=live_begin(CHUNKS)) as rig:
        rig.more(CHUNKS)
        _killed(rig, 0)
        return rig.finish()


hot_key = partial(_shaped, {"hot": 0.95, "hot_key": 0.5})
duplicates = partial(_shaped, {"doubles": 0.5})
disorder = partial(_shaped, {"disorder": MINUTE, "doubles": 0.1})
poison = partial(_shaped, {"poison": 0.3, "dirt": 0.1})
