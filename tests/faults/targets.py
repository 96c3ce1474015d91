"""A target that is down, slow, too busy, broken, or answers by halves, while there is something to tell it."""

from tests.faults.proxy import Proxy
from tests.faults.receiver import Manner
from tests.faults.rig import Outcome, Rig, World

MANNERS: tuple[Manner, ...] = ("busy", "slow", "broken", "half", "hang_up")
CHUNKS = 4
"""An hour of event time has trouble in it, and so something to tell."""


def targets(world: World, name: str, seed: int, kills: int) -> Outcome:
    """An hour of trouble for each of its ways; in the end it is well, and must have heard everything."""
    del kills
    receiver = world.receiver
    with (
        Proxy(receiver.port) as proxy,
        Rig(world, name, seed, world.topics(), receiver_port=proxy.port) as rig,
    ):
        receiver.slow_s = 2.5
        life = rig.begin()
        proxy.down = True
        rig.more(CHUNKS)
        rig.wait(lambda: rig.unsent() > 0, "a notice for a target that is down")
        proxy.down = False
        for manner in MANNERS:
            _answer(rig, manner)
        del receiver.manners[rig.path]
        return rig.end(life)


def _answer(rig: Rig, manner: Manner) -> None:
    receiver = rig.world.receiver
    before = len(receiver.heard(rig.path))
    receiver.manners[rig.path] = manner
    rig.more(CHUNKS)
    rig.wait(lambda: len(receiver.heard(rig.path)) > before, f"a notice to be answered: {manner}")
    rig.harm[f"answered: {manner}"] += len(receiver.heard(rig.path)) - before
