"""The watch loop's turns: what is told late, and what a store that is away does to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from service.adapters.store import open_store
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Owner, Source, Target
from service.core.counting.changes import Changes, keys_of
from service.core.counting.intake import Intake
from service.core.counting.watermark import PartitionClock
from service.core.event import (
    DAY,
    MINUTE,
    SECOND,
    Event,
    Micros,
    Outcome,
    OutcomeWord,
    Partition,
    Record,
    instant,
    micros,
)
from service.core.interruption import Change
from service.core.meter import NoMeter
from service.core.ports import StaleClaim, Store, StoreAway, StoreBusy
from service.loops.announce import Announcer
from service.loops.watch import Watch
from service.loops.watching import Watching
from tests.core.scripted import MOMENT, Scripted, scripted
from tests.core.streams import BEGIN

PLACE = Partition("topic", 0)
CATALOG = Catalog(
    owners={"ops": Owner("ops", targets=("desk",))},
    targets={"desk": Target("desk")},
    moments={"arrives": MOMENT},
    sources={"s": Source("s", "topic")},
)


class Failures(NoMeter):
    def __init__(self) -> None:
        self.failures = 0

    def failed(self, loop: str) -> None:
        assert loop == "watch"
        self.failures += 1


class World:
    """Watching over a store, in memory unless one is given, with a wall clock moved by hand."""

    def __init__(
        self, catalog: Catalog = CATALOG, learned_at: Micros | None = None, store: Store | None = None
    ) -> None:
        self.catalog = catalog
        self.now: Micros = BEGIN
        self.store: Store = store or MemoryStore(catalog.moments)
        self.claim = self.store.claim(PLACE)
        self.meter = Failures()
        self.announcer = Announcer(self.store, catalog, lambda: self.now, learned_at)
        self.watch = Watch(self.store, catalog, scripted, Scripted.load, self.announcer)
        self.watching = Watching(
            self.watch, self.store, catalog, self.meter, lambda: self.now, announcer=self.announcer, pause=0.0
        )

    def take(self, first: int, last: int, word: OutcomeWord = "kept") -> None:
        """Four outcomes a minute."""
        events: list[Event] = [
            Outcome(f"{m}-{i}", instant(BEGIN + m * MINUTE + i), "arrives", f"c{i}", word)
            for m in range(first, last)
            for i in range(4)
        ]
        records = [Record(n, micros(event.time), event) for n, event in enumerate(events)]
        changes = Changes()
        with self.store.ingest(self.claim, ["arrives"], sorted(keys_of(records))) as transaction:
            Intake(self.catalog).take(PLACE, records, transaction.view, changes)
            clock = PartitionClock(PLACE, BEGIN + last * MINUTE)
            self.claim = transaction.save(changes, (self.claim.position or 0) + 1, clock)

    def turn(self, minutes: float) -> None:
        self.now = BEGIN + round(minutes * MINUTE)
        self.watching.turn()

    @property
    def told(self) -> list[str]:
        return [news.what for news in self.store.news(99)]


def test_what_is_found_in_time_is_told_at_once() -> None:
    world = World()
    world.take(0, 15)
    world.turn(15)
    world.take(15, 33, "broken")
    world.turn(33)
    assert world.told == ["opened"]
    world.turn(34)
    assert world.told == ["opened"]


def test_what_was_judged_and_could_not_be_committed_is_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'watched.db'}", CATALOG.moments)
    world = World(store=store)
    world.take(0, 15)
    world.turn(15)
    world.take(15, 33, "broken")
    together, refusals = store.together, ["no room on the disk"]

    @contextmanager
    def without_room() -> Iterator[None]:
        with together():
            yield
            if refusals and store.news(1):
                raise StoreAway(refusals.pop())

    monkeypatch.setattr(store, "together", without_room)
    with pytest.raises(StoreAway):
        world.turn(33)
    assert (world.told, store.interruptions()) == ([], [])

    world.turn(34)
    assert (world.told, len(store.interruptions())) == (["opened"], 1)
    store.close()


def test_what_was_found_while_catching_up_is_told_once_when_it_is_there() -> None:
    world = World()
    world.take(0, 15)
    world.take(15, 40, "broken")
    world.turn(6 * 60)
    assert world.told == []
    world.take(40, 6 * 60, "broken")
    world.turn(6 * 60 + 1)
    assert world.told == ["found_late"]
    world.turn(6 * 60 + 2)
    assert world.told == ["found_late"]


def test_what_opened_and_ended_while_catching_up_is_one_quiet_notice() -> None:
    world = World()
    world.take(0, 15)
    world.take(15, 40, "broken")
    world.take(40, 90)
    world.turn(6 * 60)
    assert world.told == ["was_open_while_away"]


def test_what_was_over_before_a_first_start_is_told_to_nobody() -> None:
    world = World(learned_at=BEGIN + 30 * DAY)
    world.take(0, 15)
    world.take(15, 40, "broken")
    world.take(40, 90)
    world.turn(30 * 24 * 60)
    assert [row.state for row in world.store.interruptions()] == ["resolved"]
    assert world.told == []


def test_falling_back_again_is_told_again_when_it_is_there() -> None:
    world = World()
    world.take(0, 15)
    world.turn(16)
    # Away for hours; what opened meanwhile is told once time is there again.
    world.take(15, 40, "broken")
    world.turn(5 * 60)
    assert world.told == []
    world.take(40, 5 * 60, "broken")
    world.turn(5 * 60 + 1)
    assert world.told == ["found_late"]


def test_where_time_is_the_events_own_nothing_is_late() -> None:
    world = World(replace(CATALOG, sources={"s": Source("s", "topic", clock="event")}))
    world.watch.announce = Announcer(world.store, world.catalog)
    world.take(0, 15)
    world.take(15, 40, "broken")
    world.turn(1000 * 60)
    assert world.told == ["opened"]


@pytest.mark.parametrize(("error", "counted"), [(StaleClaim, 0), (StoreBusy, 0), (StoreAway, 1), (KeyError, 1)])
def test_after_a_failure_it_goes_on_from_the_store(
    error: type[Exception], counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    stop = _Stop(3)
    calls: list[str] = []

    def ticking(reached: Micros | None = None, **_: object) -> list[Change]:
        assert reached is None
        calls.append("tick")
        if len(calls) == 1:
            raise error("once")
        return []

    monkeypatch.setattr(world.watch, "tick", ticking)
    monkeypatch.setattr(world.watch, "forget", lambda: calls.append("forget"))
    world.watching.run(stop)
    assert calls == ["tick", "forget", "tick", "tick"]
    assert world.meter.failures == counted


def test_what_keeps_failing_for_no_known_reason_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def failing(reached: Micros | None = None, **_: object) -> list[Change]:
        raise KeyError(reached)

    monkeypatch.setattr(world.watch, "tick", failing)
    with pytest.raises(KeyError):
        world.watching.run(_Stop(1000))
    assert world.meter.failures == 20


class _Stop(threading.Event):
    """Set after so many turns; nobody waits."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self._turns = turns

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self._turns -= 1
        if not self._turns:
            self.set()
        return self.is_set()


def test_a_look_is_worth_while_when_a_window_is_about_to_end_and_often_for_a_second_after_it() -> None:
    world = World()
    world.watching._pause = 0.5
    assert world.watching._rest() == 0.5, "nothing was judged yet"
    world.take(0, 10)
    world.turn(10)
    end = world.watch.judged_through("arrives")
    assert end is not None
    end += MINUTE + CATALOG.delay_of("arrives")

    def rest(seconds: float) -> float:
        world.now = end + round(seconds * SECOND)
        return world.watching._rest()

    assert [rest(-30), rest(-0.5), rest(-0.2), rest(0), rest(0.9), rest(1.1)] == [0.5, 0.5, 0.2, 0.05, 0.05, 0.5]


def test_the_desk_is_told_when_there_is_news_and_after_it_was_written() -> None:
    world = World()
    seen: list[int] = []
    world.watch.told = lambda: seen.append(len(world.store.news(10)))
    world.take(0, 15)
    world.turn(15)
    assert seen == []

    world.take(15, 33, "broken")
    world.turn(33)
    assert seen == [1]
