"""Kill after kill: one process at a time over one store, ended at failpoints of every loop and at random times."""

from collections.abc import Mapping
from random import Random
from typing import Protocol

from tests.faults.points import loop_of
from tests.faults.process import Life
from tests.faults.rig import Outcome, Rig, World
from tests.harness.process import HarnessError

LEARNT_FROM = 9
"""Chunks that the first process reads while it is learnt which points there are: trouble lies in them."""
AT_RANDOM = 0.25
"""The share of kills at no point of ours, so that nothing hangs on where points are."""
SOON_S = 2.5
MORE = 2
"""So often a process that has nothing left to do gets some more, until it comes by its point."""


class Randomly(Protocol):
    """Whose choices come from a seed."""

    random: Random


def points_of(rig: Rig) -> dict[str, int]:
    """The points that a process comes by in an undisturbed stretch, and how often in each of its chunks."""
    rig.more(LEARNT_FROM)
    life = rig.start()
    rig.settle([life])
    code = life.end()
    if code != 0:
        rig.problems.append(f"the first process ended with {code}: {life.tail()}")
    points = {point: passed // LEARNT_FROM for point, passed in sorted(life.passed().items())}
    if not points:
        raise HarnessError(f"no process came by any point: {life.tail()}")
    return points


def chosen(rig: Randomly, points: Mapping[str, int]) -> tuple[str, int]:
    """A point and at which time a process is to end there: one that comes with little to do.

    First a loop, then one of its points: a loop that asks much has many.
    """
    loop = rig.random.choice(sorted({loop_of(point) for point in points}))
    point = rig.random.choice([point for point in points if loop_of(point) == loop])
    return point, min(rig.random.choice((1, 1, 2, 4)), max(1, points[point]))


def come_by(rig: Rig, life: Life) -> None:
    """Wait until a process has come to its point: as long as anything gets on, and with something more to do.

    Where it never does, as at a notice when nothing is wrong, it is killed wherever it is.
    """
    for turn in range(MORE + 1):
        if rig.idle(lambda: life.ended() or bool(life.died_at())):
            break
        if turn < MORE:
            rig.more()
    if not life.ended():
        life.kill()


def kill_one(rig: Rig, point: str, nth: int) -> None:
    """A process that comes to a sudden end: at a point, or where there is none, soon."""
    life = rig.start(point, nth)
    if point:
        come_by(rig, life)
    elif not life.ended(rig.random.uniform(0.05, SOON_S)):
        life.kill()
    rig.killed(life)


def kill_one_after_another(world: World, name: str, seed: int, kills: int, database: str = "") -> Outcome:
    """`kills` processes that come to a sudden end, each with some more events to read, and one that ends the work."""
    with Rig(world, name, seed, world.topics(), database=database) as rig:
        points = points_of(rig)
        for _ in range(kills):
            rig.more()
            kill_one(rig, *(("", 1) if rig.random.random() < AT_RANDOM else chosen(rig, points)))
        return rig.finish()
