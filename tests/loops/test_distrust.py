"""A source of which too much cannot be taken makes its moments blind, and holds their windows open."""

import logging
from dataclasses import replace

import pytest

from service.adapters.metrics.meter import Metrics, new_registry
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Source
from service.core.counting.changes import BlindSpan, Changes
from service.core.counting.watermark import PartitionClock
from service.core.event import HOUR, MINUTE, DeadLetter, Micros, Partition
from service.core.meter import NoMeter
from service.loops.blind import STILL, Blindness
from service.loops.distrust import EVERY
from service.loops.watch import Watch
from service.loops.watching import Watching
from tests.core.scripted import MOMENT, catalog
from tests.core.streams import BEGIN

PLACE = Partition("topic", 0, "id")
SOURCE = Source("s", "topic")
REASON = "dead letters: more than 20% of source s cannot be taken"


class World:
    """A wall clock moved by hand, and batches of which some records could not be taken."""

    def __init__(self, source: Source = SOURCE) -> None:
        self.catalog = replace(catalog(MOMENT), sources={"s": source})
        self.store = MemoryStore(self.catalog.moments)
        self.now: Micros = BEGIN
        self.registry = new_registry()
        self.meter = Metrics(self.registry)
        self.meter.loaded(self.catalog)
        self.claim = self.store.claim(PLACE)
        self.restart()

    def restart(self) -> None:
        self.blindness = Blindness(self.store, self.catalog, lambda: self.now, self.meter)

    def read(self, taken: int, dead: int) -> None:
        changes = Changes(dead=[DeadLetter(PLACE, n, "not_json", "no JSON", b"") for n in range(dead)])
        changes.counts.read = taken + dead
        changes.counts.accepted["arrives"] = taken
        changes.counts.dead["not_json"] = dead
        with self.store.ingest(self.claim, [], []) as transaction:
            position = (self.claim.position or 0) + taken + dead
            self.claim = transaction.save(changes, position, PartitionClock(PLACE, self.now, self.now))

    def minutes(self, number: int, taken: int, dead: int) -> None:
        """So many minutes, each with so much in it."""
        for _ in range(number):
            self.now += MINUTE
            self.read(taken, dead)
            self.blindness.tick(self.store.clocks())

    @property
    def spans(self) -> list[BlindSpan]:
        return self.store.blind("arrives", 0, BEGIN + 1000 * HOUR)

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"momentwatch_{name}", {"source": "s"})


def test_a_few_dead_letters_are_borne() -> None:
    world = World()
    world.minutes(90, 85, 15)
    assert world.spans == []
    assert world.metric("dead_letter_ratio") == pytest.approx(0.15)
    assert world.metric("source_distrusted") == 0


def test_too_many_make_blind_and_fewer_than_half_as_many_end_it(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.minutes(10, 100, 0)
    with caplog.at_level(logging.WARNING):
        world.minutes(2, 0, 100)
    [span] = world.spans
    assert (span.reason, span.until) == (REASON, None)
    assert "dlq list --topic topic" in caplog.text
    assert world.store.status("arrives").blind_reason == REASON
    assert world.metric("source_distrusted") == 1

    # Between the limit and its half nothing changes.
    world.minutes(20, 85, 15)
    assert world.spans == [span]
    world.minutes(7, 95, 5)
    assert world.spans == [BlindSpan("arrives", span.since, world.spans[0].until, REASON)]
    assert world.spans[0].until is not None
    assert world.metric("source_distrusted") == 0


def test_a_source_that_says_little_is_judged_over_an_hour() -> None:
    world = World()
    world.minutes(5, 0, 1)
    assert world.spans == []
    assert world.metric("dead_letter_ratio") == 0
    world.minutes(10, 0, 1)
    assert [span.reason for span in world.spans] == [REASON]


def test_the_limit_is_the_sources_own() -> None:
    world = World(replace(SOURCE, blind_above=0.9))
    world.minutes(30, 20, 80)
    assert world.spans == []


def test_what_was_taken_anew_counts_no_more() -> None:
    world = World()
    world.minutes(10, 100, 0)
    world.minutes(5, 10, 90)
    assert world.spans[0].until is None
    read, _ = world.store._rejected["topic"]
    world.store._rejected["topic"] = (read, 0)
    world.minutes(1, 100, 0)
    assert world.spans[0].until is not None


def test_a_restart_stays_blind_until_it_knows_better() -> None:
    world = World()
    world.minutes(10, 0, 100)
    began = world.spans[0].since
    world.restart()
    world.now += EVERY
    world.blindness.tick(world.store.clocks())
    assert world.spans == [BlindSpan("arrives", began, None, REASON)]
    assert world.blindness.held == {"arrives"}


def test_it_is_said_apart_from_time_that_stands_still() -> None:
    world = World()
    world.minutes(1, 100, 0)
    world.now += HOUR
    world.blindness.tick(world.store.clocks())
    assert [span.reason for span in world.spans] == [STILL]
    world.minutes(3, 0, 100)
    assert [(span.reason, span.until is None) for span in world.spans] == [(STILL, False), (REASON, True)]


def test_nothing_of_a_held_moment_closes_until_it_is_trusted_again() -> None:
    world = World()
    watch = Watch(world.store, world.catalog, lambda *_: [], lambda *_: None)  # type: ignore[arg-type]
    watching = Watching(watch, world.store, world.catalog, NoMeter(), lambda: world.now, blindness=world.blindness)
    world.minutes(10, 100, 0)
    watching.turn()
    before = world.store.status("arrives").closed_through
    assert before is not None

    for _ in range(10):
        world.now += MINUTE
        world.read(0, 100)
        watching.turn()
    held = world.store.status("arrives").closed_through
    assert held is not None
    assert held - before <= MINUTE

    for _ in range(10):
        world.now += MINUTE
        world.read(1000, 0)
        watching.turn()
    assert (world.store.status("arrives").closed_through or 0) >= world.now - 5 * MINUTE
