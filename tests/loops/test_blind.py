"""Blind time: when no trustworthy data comes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Source
from service.core.counting.changes import BlindSpan
from service.core.counting.watermark import PartitionClock
from service.core.event import HOUR, MINUTE, SECOND, Micros, Partition
from service.core.ports import StoreAway
from service.loops.blind import AFTER, NOTHING, STILL, Blindness, nothing_of, still_at
from tests.core.scripted import MOMENT, catalog
from tests.core.streams import BEGIN

DELAY = 2 * MINUTE
PLACE = Partition("topic", 0)


def declared(clock: str = "live") -> Catalog:
    return replace(catalog(MOMENT), sources={"s": Source("s", "topic", clock=clock)})  # type: ignore[arg-type]  # a word


class World:
    """A wall clock moved by hand, and what a partition has shown."""

    def __init__(self, of: Catalog | None = None) -> None:
        self.catalog = of or declared()
        self.store = MemoryStore(self.catalog.moments)
        self.now: Micros = BEGIN
        self.blindness = Blindness(self.store, self.catalog, lambda: self.now)

    def tick(self, minutes: float, looked_at: float | None) -> None:
        self.now = BEGIN + round(minutes * MINUTE)
        looked = None if looked_at is None else BEGIN + round(looked_at * MINUTE)
        self.blindness.tick([PartitionClock(PLACE, None, looked)])

    def tick_all(self, minutes: float, *looked_at: float | None) -> None:
        """As `tick`, of as many partitions as there are looks."""
        self.now = BEGIN + round(minutes * MINUTE)
        looks = (None if at is None else BEGIN + round(at * MINUTE) for at in looked_at)
        self.blindness.tick([PartitionClock(Partition("topic", n), None, looked) for n, looked in enumerate(looks)])

    @property
    def spans(self) -> list[BlindSpan]:
        return self.store.blind("arrives", 0, BEGIN + 1000 * HOUR)


def test_an_idle_topic_that_is_looked_at_is_not_blind() -> None:
    world = World()
    for minute in range(60):
        world.tick(minute, minute)
    assert world.spans == []


def test_when_time_stands_still_it_is_blind_since_what_was_seen_last() -> None:
    world = World()
    world.tick(10, 10)
    world.tick(14, 10)
    assert world.spans == []
    world.tick(14 + 1 / 60, 10)
    world.tick(30, 10)
    assert world.spans == [BlindSpan("arrives", BEGIN + 10 * MINUTE, None, STILL)]
    assert AFTER + DELAY == 4 * MINUTE


def test_it_ends_when_time_moves_again() -> None:
    world = World()
    world.tick(30, 10)
    world.tick(31, 31)
    world.tick(40, 40)
    assert world.spans == [BlindSpan("arrives", BEGIN + 10 * MINUTE, BEGIN + 31 * MINUTE, STILL)]


def test_where_nothing_was_ever_read_it_is_blind_since_the_start() -> None:
    world = World()
    world.tick(5, None)
    assert world.spans == [BlindSpan("arrives", BEGIN, None, NOTHING)]


def test_a_partition_that_holds_back_the_others_is_named(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.tick_all(30, 30, 10, 29)
    place = Partition("topic", 1)
    assert world.spans == [BlindSpan("arrives", BEGIN + 10 * MINUTE, None, still_at([place]))]
    assert "blind: arrives: time stands still at topic[1]: out of reach or far behind" in caplog.text
    world.tick_all(31, 31, 31, 31)
    assert "no longer blind: arrives" in caplog.text
    world.tick_all(60, 31, 31, 31)
    assert world.spans[-1].reason == STILL

    world = World()
    world.tick_all(30, 30, None, None, None, None)
    assert [span.reason for span in world.spans] == [nothing_of([Partition("topic", n) for n in (1, 2, 3, 4)])]
    assert "nothing has been read yet of topic[1], topic[2], topic[3] and 1 more" in caplog.text


@pytest.mark.parametrize("first", [None, 5], ids=["not read yet", "old records first"])
def test_what_was_seen_stays_seen_when_a_partition_is_added(first: float | None) -> None:
    """Else all hours since the process began, or since the oldest record of the new one, would count as blind."""
    world = World()
    for minute in range(0, 600, 2):
        world.tick(minute, minute)
    world.tick_all(600, 600, first)
    assert world.spans == []
    world.tick_all(603, 603, first)
    assert [span.since for span in world.spans] == [BEGIN + 598 * MINUTE]


def test_another_topic_that_stands_still_makes_nobody_else_blind() -> None:
    world = World()
    shown = [PartitionClock(PLACE, None, BEGIN + 60 * MINUTE), PartitionClock(Partition("another", 0), None, BEGIN)]
    world.now = BEGIN + 60 * MINUTE
    world.blindness.tick(shown)
    assert world.spans == []


def test_a_source_whose_time_is_its_events_is_never_blind() -> None:
    world = World(declared("event"))
    world.tick(500, None)
    assert world.spans == []


def test_a_new_process_goes_on_with_what_was_blind() -> None:
    world = World()
    world.tick(30, 10)
    world.blindness = Blindness(world.store, world.catalog, lambda: world.now)
    world.tick(40, 10)
    world.tick(50, 50)
    assert world.spans == [BlindSpan("arrives", BEGIN + 10 * MINUTE, BEGIN + 50 * MINUTE, STILL)]


def test_what_a_store_that_is_away_did_not_take_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def away(spans: Sequence[BlindSpan]) -> None:
        raise StoreAway(f"{len(spans)} spans")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "save_blind", away)
        with pytest.raises(StoreAway):
            world.tick(30, 10)
    world.tick(30 + SECOND / MINUTE, 10)
    assert [span.until for span in world.spans] == [None]
