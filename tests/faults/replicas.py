"""Several processes over one PostgreSQL: restarted in turn, killed, frozen past their session; the outcome is one's."""

import signal
import time
from collections import Counter
from collections.abc import Mapping

from tests.faults.kills import AT_RANDOM, LEARNT_FROM, chosen, come_by
from tests.faults.newer import NEXT
from tests.faults.process import GROUP, Life
from tests.faults.rig import Outcome, Rig, World
from tests.faults.stored import schema_of

SLOTS = ("a", "b", "c")
PAUSE_S = 1.0
SHORT_S = 3.0
"""A session that is soon over, where somebody has to be waited for to lose his."""


class Crew:
    """The processes by slot."""

    def __init__(self, rig: Rig, session_s: float = GROUP["session_timeout"]) -> None:
        self._rig = rig
        self._session_s = session_s
        self._lives: dict[str, Life] = {}

    @property
    def lives(self) -> list[Life]:
        """Those that run."""
        return list(self._lives.values())

    def start(
        self,
        slot: str,
        point: str = "",
        *,
        action: str = "kill",
        fixed: bool = False,
        nth: int | None = None,
        newer: bool = False,
    ) -> Life:
        """A process in a slot; `fixed`: it is the same member of the group after each start, else a new one.

        `newer`: of the next version.
        """
        group = {"instance_id": slot if fixed else None, "session_timeout": self._session_s}
        order = {"newer": str(self._rig.folder / "next")} if newer else {}
        nth = nth or self._rig.random.choice((1, 2, 4))
        life = self._rig.start(point, nth, slot=slot, action=action, group=group, **order)
        self._lives[slot] = life
        return life

    def end(self, slot: str) -> Life:
        """Ask one to end."""
        life = self._lives.pop(slot)
        code = life.end()
        # One that had only begun to start has nothing to finish.
        if code not in {0, -signal.SIGTERM}:
            self._rig.problems.append(f"replica {slot} ended with {code}: {life.tail()}")
        return life

    def kill(self, slot: str) -> None:
        """Kill one, wherever it is."""
        life = self._lives.pop(slot)
        life.kill()
        self._rig.killed(life)

    def reap(self, slot: str, life: Life) -> None:
        """One has come to its end at a failpoint."""
        del self._lives[slot]
        self._rig.killed(life)


def many_over_one_database(world: World, name: str, seed: int, kills: int) -> Outcome:
    """First start at once, rolling restart, and `kills` kills through rebalances."""
    with world.servers.postgres.database() as url, Rig(world, name, seed, world.topics(), database=url) as rig:
        crew = Crew(rig)
        rig.more(LEARNT_FROM)
        _start_at_once(rig, crew)
        passed: Counter[str] = Counter()
        for slot in SLOTS:
            passed.update(crew.end(slot).passed())
        points = {point: n // (len(SLOTS) * LEARNT_FROM) for point, n in sorted(passed.items())}
        for slot in SLOTS:
            crew.start(slot)
        for slot in SLOTS:
            rig.more()
            crew.end(slot)
            crew.start(slot, fixed=True)
        for _ in range(kills):
            _kill_one(rig, crew, points)
        rig.more()
        rig.settle(crew.lives)
        for slot in SLOTS:
            crew.end(slot)
        return rig.judge()


def _start_at_once(rig: Rig, crew: Crew) -> None:
    """A first start over a full log, in which one has its partitions and does not get around to claiming them."""
    lives = {
        slot: crew.start(slot, "ingest:claim.before" if slot == "b" else "", action="stop", nth=1) for slot in SLOTS
    }
    if not rig.idle(lambda: bool(lives["b"].died_at()), 60 * PAUSE_S):
        rig.problems.append(f"no partition came to the second replica: {lives['b'].tail()}")
    time.sleep(3 * PAUSE_S)
    lives["b"].signal(signal.SIGCONT)
    rig.settle(crew.lives)


def _kill_one(rig: Rig, crew: Crew, points: Mapping[str, int]) -> None:
    slot = rig.random.choice(SLOTS)
    fixed = rig.random.random() < 0.7  # the rest waits for sessions to run out
    rig.more()
    if rig.random.random() < AT_RANDOM:  # in the middle of whatever the three are at
        time.sleep(rig.random.uniform(0.0, PAUSE_S))
        crew.kill(slot)
    else:
        crew.end(slot)
        point, nth = chosen(rig, points)
        life = crew.start(slot, point, fixed=fixed, nth=nth)
        come_by(rig, life)
        crew.reap(slot, life)
    crew.start(slot, fixed=fixed)


def rolling_upgrade(world: World, name: str, seed: int, kills: int) -> Outcome:
    """Three processes become three of the next version, one after the other; one goes back, and forth again.

    Two versions are at work meanwhile, on a schema of the next one, and each judges what the other has judged so far.
    """
    del kills
    with world.servers.postgres.database() as url, Rig(world, name, seed, world.topics(), database=url) as rig:
        crew = Crew(rig)
        rig.more(9)
        for slot in SLOTS:
            crew.start(slot)
        rig.settle(crew.lives)
        for slot, newer in (("a", True), ("b", True), ("b", False), ("c", True), ("b", True)):
            rig.more(2)
            if newer:
                crew.end(slot)
            else:
                crew.kill(slot)
            crew.start(slot, newer=newer)
            rig.more(2)
            rig.settle(crew.lives)
            rig.harm["replicas of another version"] += 1
        for slot in SLOTS:
            crew.end(slot)
        if (version := schema_of(url)) != NEXT:
            rig.problems.append(f"the schema is at {version}: no next version was at work")
        return rig.judge()


def zombies(world: World, name: str, seed: int, kills: int) -> Outcome:
    """A process is frozen past its session in each of its loops; another takes over; then it wakes and writes on."""
    del kills
    with world.servers.postgres.database() as url, Rig(world, name, seed, world.topics(), database=url) as rig:
        crew = Crew(rig, SHORT_S)
        rig.more(9)
        crew.start("a")
        rig.settle(crew.lives)
        for point in ("ingest:commit", "watch:commit", "send:commit"):
            zombie = crew.start("b", point, action="stop", nth=1)
            rig.more()
            if not rig.idle(lambda: bool(zombie.died_at())):  # noqa: B023  # asked at once
                zombie.signal(signal.SIGSTOP)
            rig.points[zombie.died_at() or "at random"] += 1
            rig.harm["processes frozen past their session"] += 1
            rig.more(2)
            time.sleep(SHORT_S + 2 * PAUSE_S)
            zombie.signal(signal.SIGCONT)
            rig.more()
            rig.settle(crew.lives)
            crew.end("b")
        crew.end("a")
        return rig.finish()
