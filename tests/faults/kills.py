"""Kill after kill: one process at a time over one store, ended at failpoints of every loop and at random times."""

from tests.faults.rig import Outcome, Rig, World
from tests.harness.process import HarnessError

LEARNT_FROM = 9
"""Chunks that the first process reads while it is learnt which points there are: trouble lies in them."""
AT_RANDOM = 0.25
"""The share of kills at no point of ours, so that nothing hangs on where points are."""
SOON_S = 2.5
PATIENCE_S = 4.0
"""So long a process may take to come by its point; then it is killed wherever it is."""


def points_of(rig: Rig) -> list[str]:
    """The points that a process comes by in an undisturbed stretch."""
    rig.more(LEARNT_FROM)
    life = rig.start()
    rig.settle([life])
    code = life.end()
    if code != 0:
        rig.problems.append(f"the first process ended with {code}: {life.tail()}")
    points = sorted(life.passed())
    if not points:
        raise HarnessError(f"no process came by any point: {life.tail()}")
    return points


def kill_one_after_another(world: World, name: str, seed: int, kills: int, database: str = "") -> Outcome:
    """`kills` processes that come to a sudden end, each with some more events to read, and one that ends the work."""
    with Rig(world, name, seed, world.topics(), database=database) as rig:
        points = points_of(rig)
        for _ in range(kills):
            rig.more()
            point = "" if rig.random.random() < AT_RANDOM else rig.random.choice(points)
            life = rig.start(point, rig.random.choice((1, 1, 2, 4)))
            if not life.ended(PATIENCE_S if point else rig.random.uniform(0.05, SOON_S)):
                life.kill()
            rig.killed(life)
        return rig.finish()
