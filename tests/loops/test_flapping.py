"""A condition that comes and goes every minute: `for` and `keep_firing_for` decide how often people are told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from service.core.catalog import Catalog, Moment, Owner, Rule, Source, Target, Threshold
from service.core.event import DAY, HOUR, MINUTE, Outcome, instant
from service.loops.announce import Announcer, Money
from service.loops.routing import Pages, Routing
from service.loops.watch import Watch
from tests.core.scripted import Pipeline, Scripted
from tests.core.streams import BEGIN

if TYPE_CHECKING:
    from service.core.event import Event, Micros

RULE = Rule("half-broken", ("arrives",), (Threshold("failure_rate", ">", 0.5, MINUTE),), level="high")
CATALOG = Catalog(
    owners={"ops": Owner("ops", targets=("pager",))},
    targets={"pager": Target("pager", page=True)},
    moments={"arrives": Moment("arrives", "ops")},
    sources={"events": Source("events", "events", clock="event")},
)


class Told:
    """What somebody's pager says of a stream that is bad for `steady` minutes, then every other one until `flaps`."""

    def __init__(self, rule: Rule, *, flaps: int = 60, steady: int = 0) -> None:
        declared = replace(CATALOG, rules={rule.name: rule})
        self.pipeline = Pipeline(declared)
        self.now = BEGIN
        store = self.pipeline.store
        # Nothing but the rule watches.
        self.pipeline.watch = Watch(
            store, declared, lambda *_: [], Scripted.load, Announcer(store, declared, lambda: self.now)
        )
        self.routing = Routing(store, lambda: declared, Money(), Pages("https://watch.example"), lambda: self.now)
        for minute in range(flaps + 60):
            self.minute(minute, bad=minute < steady or (minute < flaps and minute % 2 == 0))
        self.now += DAY
        self.routing.turn()

    def minute(self, number: int, *, bad: bool) -> None:
        start: Micros = BEGIN + number * MINUTE
        events: list[Event] = [
            Outcome(f"{number}-{i}", instant(start + i), "arrives", f"c{i}", "broken" if bad else "kept")
            for i in range(4)
        ]
        self.now = start + MINUTE
        self.pipeline.take(events)
        self.routing.turn()

    @property
    def reasons(self) -> list[str]:
        return [row.notice.reason for row in reversed(self.pipeline.store.outbox())]


def test_without_either_the_pager_goes_on_and_off_all_the_time() -> None:
    assert Told(RULE).reasons == ["opened", "resolved"] * 30


@pytest.mark.parametrize("wait", [2 * MINUTE, HOUR])
def test_for_keeps_what_does_not_last_from_ever_being_told(wait: Micros) -> None:
    assert Told(replace(RULE, hold=wait)).reasons == []


def test_keep_firing_for_makes_one_beginning_and_one_end_of_it() -> None:
    assert Told(replace(RULE, keep_firing=5 * MINUTE)).reasons == ["opened", "resolved"]


def test_gaps_are_bridged_of_what_fires_and_not_of_what_is_only_about_to() -> None:
    both = replace(RULE, hold=2 * MINUTE, keep_firing=5 * MINUTE)
    assert Told(both).reasons == []
    assert Told(both, steady=2).reasons == ["opened", "resolved"]
