"""Closing, judging and coming back, over a store in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pytest

from detectors.frame import Frame, Scores
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Moment, Rule, Source, Threshold
from service.core.counting.changes import Changes, Gap
from service.core.counting.closing import PART
from service.core.counting.tally import Window
from service.core.counting.watermark import PartitionClock
from service.core.event import DAY, HOUR, MINUTE, Event, Micros, Outcome, OutcomeWord, Partition, Promise, instant
from service.core.interruption import Change, Interruption
from service.core.judging.reconcile import FOUND, GONE
from service.core.judging.watcher import Watcher
from service.core.ports import StaleClaim
from service.core.telling.desk import News
from service.loops.watch import SNAPSHOT_EVERY, UNDECLARED, Watch
from tests.core.scripted import MOMENT, Pipeline, Scripted, catalog, scripted
from tests.core.streams import BEGIN

DELAY = 2 * MINUTE
FAR = BEGIN + 400 * DAY
QUARTER = 15 * MINUTE
CATALOG = catalog(MOMENT)
CHANGED = catalog(replace(MOMENT, false_alarm_interval=30 * DAY))


def minutes(first: int, last: int, word: OutcomeWord = "kept", region: str | None = None) -> list[Event]:
    """Four outcomes a minute, of four customers."""
    dimensions = {"region": region} if region else None
    return [
        Outcome(f"{region}{m}-{i}", instant(BEGIN + m * MINUTE + i), "arrives", f"c{i}", word, dimensions=dimensions)
        for m in range(first, last)
        for i in range(4)
    ]


def broken_from_the_second_quarter(last: int = 50) -> Pipeline:
    """What opens an interruption of everything at half past, its onset a quarter past."""
    pipeline = Pipeline(CATALOG)
    pipeline.take([*minutes(0, 15), *minutes(15, last, "broken")])
    return pipeline


def watch(store: MemoryStore, declared: Catalog = CATALOG, build: Any = scripted, **options: Any) -> Watch:
    return Watch(store, declared, build, Scripted.load, **options)


def one(store: MemoryStore) -> Interruption:
    [row] = store.interruptions()
    return row


class Deaf(Scripted):
    """Never holds anything broken."""

    def _after(self, frame: Frame) -> dict[str, int]:
        return {}


class Slow(Scripted):
    """Says so a frame after the fact."""

    def __init__(self) -> None:
        super().__init__()
        self.told: set[str] = set()

    def score(self, frame: Frame) -> Scores | None:
        scores = super().score(frame)
        assert scores is not None
        scores.breach[:] = [
            there and row in self.told for row, there in zip(scores.segments, scores.breach, strict=True)
        ]
        return scores

    def learn(self, frame: Frame) -> None:
        super().learn(frame)
        self.told = set(self.since)

    @classmethod
    def load(cls, state: Any) -> Self:
        made = super().load(state)
        made.told = set(made.since)
        return made


def made_of(kind: Callable[[], Scripted]) -> Any:
    def build(moment: Moment, rules: Sequence[Rule]) -> list[Watcher]:
        del moment, rules
        return [Watcher("failure_rate", "failure_rate", kind())]

    return build


def spoken(change: Change) -> News:
    """News of every change, named after it."""
    it = change.interruption
    return News(f"{it.id}/{change.what}/{change.at}", "resolved" if change.what == "resolved" else "opened", 0, it)


# --- closing ---


def test_what_is_never_settled_is_given_up_so_long_after_its_due_and_stays_broken() -> None:
    declared = catalog(replace(MOMENT, give_up_after=3 * DAY))
    pipeline = Pipeline(declared)
    due = BEGIN + HOUR
    pipeline.take([Promise("p", instant(BEGIN), "arrives", "c", "k", instant(due))])

    def harm() -> tuple[int, int, int, int]:
        found = pipeline.store.impact("arrives", (), BEGIN, BEGIN + 9 * DAY)
        return found.broken, found.customers, found.waiting, found.unknown

    pipeline.finish(due + 3 * DAY + DELAY)
    assert harm() == (1, 1, 1, 0)
    pipeline.finish(due + 3 * DAY + DELAY + MINUTE)
    assert harm() == (1, 1, 0, 1)
    # The catalogue of a later start says that there is more patience.
    pipeline.catalog = catalog(replace(MOMENT, give_up_after=5 * DAY))
    pipeline.start()
    assert harm() == (1, 1, 0, 1)
    pipeline.finish(due + 4 * DAY)
    assert harm() == (1, 1, 1, 0)


def test_a_minute_in_which_very_many_promises_expire_is_judged_when_all_of_them_have() -> None:
    pipeline = Pipeline(CATALOG)
    due, many = BEGIN + 30 * MINUTE, 2 * PART + 1
    pipeline.take([Promise(f"p{n}", instant(BEGIN), "arrives", f"c{n}", f"k{n}", instant(due)) for n in range(many)])
    told: list[tuple[int, bool]] = []

    def between() -> None:
        closed = (pipeline.store.status("arrives").closed_through or 0) > due
        told.append((pipeline.store.impact("arrives", (), 0, FAR).broken, closed))

    pipeline.watch.turned = between
    pipeline.finish(BEGIN + HOUR)

    assert told == [(PART, False), (2 * PART, False), (many, True)]
    assert (one(pipeline.store).opened, one(pipeline.store).kind) == (BEGIN + 45 * MINUTE, "failure_rate")
    [window] = [window for window in pipeline.store.windows("arrives", due, FAR) if window.start == due]
    assert sum(cell.broken for cell in window.cells.values()) == many


def test_a_promise_expires_when_the_windows_of_its_due_close_and_not_before() -> None:
    pipeline = Pipeline(CATALOG)
    due = BEGIN + 10 * MINUTE
    pipeline.take([Promise("p", instant(BEGIN), "arrives", "c", "k", instant(due))])
    # Due at 10:00: its window ends at 11:00, and is closed two minutes after.
    pipeline.finish(due + 3 * MINUTE - 1)
    assert pipeline.store.breaks("arrives", (), 0, due + HOUR) == []
    pipeline.finish(due + 3 * MINUTE)
    [row] = pipeline.store.breaks("arrives", (), 0, due + HOUR)
    assert (row.at, row.customer, row.late, row.promised) == (due, "c", False, True)


def test_what_is_closed_stays_closed_when_time_stands_still() -> None:
    pipeline = broken_from_the_second_quarter()
    through = pipeline.store.status("arrives").closed_through
    assert pipeline.watch.tick() == []
    assert pipeline.store.status("arrives").closed_through == through == BEGIN + 47 * MINUTE
    assert not pipeline.watch.has_more()


def test_a_moment_waits_for_the_slowest_partition_of_its_own_topics_and_for_no_other() -> None:
    declared = Catalog(
        CATALOG.owners,
        moments={"arrives": replace(MOMENT, sources=("a",)), "leaves": replace(MOMENT, name="leaves")},
        sources={"a": Source("a", "topic-a"), "b": Source("b", "topic-b")},
    )
    store = MemoryStore(declared.moments)
    for topic, number, minute in (("topic-a", 0, 30), ("topic-a", 1, 20), ("topic-b", 0, 10)):
        place = Partition(topic, number)
        with store.ingest(store.claim(place), [], []) as transaction:
            transaction.save(Changes(), 1, PartitionClock(place, BEGIN + minute * MINUTE))
    watch(store, declared).tick()
    assert store.status("arrives").closed_through == BEGIN + 18 * MINUTE
    assert store.status("leaves").closed_through == BEGIN + 8 * MINUTE


# --- judging ---


def test_an_interruption_is_detected_at_its_windows_end_and_the_delay_whenever_that_is_judged() -> None:
    late, soon = Pipeline(CATALOG), Pipeline(CATALOG)
    made = [*minutes(0, 15), *minutes(15, 50, "broken")]
    late.take(made)
    for event in made:
        soon.take([event])
    assert one(late.store) == one(soon.store)
    assert one(late.store).detected_at == BEGIN + 30 * MINUTE + DELAY
    assert one(late.store).onset == BEGIN + 15 * MINUTE


def test_nothing_opens_over_records_that_are_missing_and_learning_again_finds_the_same() -> None:
    """Where nothing is missing, it opens at half past; see above."""
    pipeline = Pipeline(CATALOG)
    gap = Gap(Partition("events", 0), 5, 9, 0, BEGIN + 16 * MINUTE, BEGIN + 20 * MINUTE)
    pipeline.store.apply(Changes(gaps=[gap, Gap(Partition("other", 0), 9, 5, 0, BEGIN, BEGIN + HOUR)]))
    pipeline.take([*minutes(0, 15), *minutes(15, 50, "broken")])
    assert one(pipeline.store).detected_at == BEGIN + 47 * MINUTE

    again = watch(pipeline.store, CHANGED)
    assert again.tick() == []
    assert one(pipeline.store).state == "open"


def test_a_new_process_goes_on_from_the_snapshot_and_the_windows_since() -> None:
    pipeline = broken_from_the_second_quarter()
    assert pipeline.store.judged("arrives").snapshot is not None
    back = watch(pipeline.store)
    assert back.tick() == []
    pipeline.watch = back
    pipeline.take(minutes(50, 110))
    assert one(pipeline.store).state == "resolved"
    assert one(pipeline.store).resolved_at == BEGIN + 75 * MINUTE + DELAY


def test_a_window_that_waits_for_the_rest_of_its_frame_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Micros] = []
    windows = MemoryStore.windows

    def noted(store: MemoryStore, moment: str, after: Micros | None, through: Micros) -> Iterator[Window]:
        for window in windows(store, moment, after, through):
            read.append(window.start)
            yield window

    monkeypatch.setattr(MemoryStore, "windows", noted)
    pipeline = Pipeline(CATALOG)
    for minute in range(50):
        pipeline.take(minutes(minute, minute + 1, "kept" if minute < 15 else "broken"))
    # The chronicle looks at the breach itself again; no frame of a quarter of an hour is read minute by minute.
    assert one(pipeline.store).detected_at == BEGIN + 30 * MINUTE + DELAY
    assert max(map(read.count, read)) <= 2


def test_a_snapshot_is_saved_at_first_and_then_every_six_hours() -> None:
    pipeline = Pipeline(CATALOG)
    marks = set()
    for hour in range(20):
        pipeline.take(minutes(60 * hour, 60 * hour + 1))
        snapshot = pipeline.store.judged("arrives").snapshot
        if snapshot is not None:
            marks.add(snapshot.through)
    found = sorted(marks)
    assert len(found) == 3
    assert all(SNAPSHOT_EVERY <= b - a <= SNAPSHOT_EVERY + HOUR for a, b in pairwise(found))


def test_a_replica_whose_memory_is_stale_is_refused_and_then_comes_back_from_the_store() -> None:
    pipeline = broken_from_the_second_quarter()
    other = watch(pipeline.store)
    other.tick()
    pipeline.watch, first = other, pipeline.watch
    pipeline.take(minutes(50, 80))
    with pytest.raises(StaleClaim):
        first.tick(BEGIN + 100 * MINUTE)
    first.tick(BEGIN + 130 * MINUTE)
    assert one(pipeline.store).state == "resolved"
    assert [entry.what for entry in pipeline.store.timeline(one(pipeline.store).id)].count("resolved") == 1


def test_a_rule_that_fired_ahead_of_its_frame_is_not_written_again_after_a_restart() -> None:
    rule = Rule("many", ("arrives",), (Threshold("broken", ">=", 3, 5 * MINUTE),))
    pipeline = Pipeline(catalog(MOMENT, rules=(rule,)))
    # The frame of the second quarter is not whole yet when the rule speaks.
    pipeline.take([*minutes(0, 15), *minutes(15, 22, "broken")])
    assert one(pipeline.store).rule == "many"
    pipeline.start()
    pipeline.take(minutes(22, 24))
    assert [entry.what for entry in pipeline.store.timeline(one(pipeline.store).id)] == ["opened"]


# --- learning again ---


def test_a_judge_that_learns_again_and_finds_the_same_changes_nothing() -> None:
    pipeline = broken_from_the_second_quarter()
    before = pipeline.store.interruptions()
    assert watch(pipeline.store, CHANGED).tick() == []
    assert pipeline.store.interruptions() == before


def test_what_is_no_longer_found_after_learning_again_is_resolved_and_told() -> None:
    pipeline = broken_from_the_second_quarter()
    again = watch(pipeline.store, CHANGED, made_of(Deaf), announce=spoken)
    [change] = again.tick()
    assert (change.what, change.note) == ("resolved", GONE)
    row = one(pipeline.store)
    assert row.state == "resolved"
    assert row.resolved_at == BEGIN + 45 * MINUTE + DELAY
    assert [news.what for news in pipeline.store.news(99)] == ["resolved"]
    assert [entry.note for entry in pipeline.store.timeline(row.id)][-1] == GONE


def test_what_only_the_new_judge_holds_open_is_opened_and_nobody_is_told() -> None:
    pipeline = Pipeline(CATALOG)
    pipeline.watch = watch(pipeline.store, build=made_of(Deaf))
    pipeline.take([*minutes(0, 15), *minutes(15, 50, "broken")])
    assert pipeline.store.interruptions() == []
    again = watch(pipeline.store, CHANGED, announce=spoken)
    [change] = again.tick()
    assert (change.what, change.note) == ("opened", FOUND)
    row = one(pipeline.store)
    assert (row.state, row.onset, row.detected_at) == ("open", BEGIN + QUARTER, BEGIN + 2 * QUARTER + DELAY)
    assert pipeline.store.news(99) == []
    # It is a full member: it resolves, and that is told.
    pipeline.watch = again
    pipeline.take(minutes(50, 110))
    assert one(pipeline.store).state == "resolved"
    assert [news.what for news in pipeline.store.news(99)] == ["resolved"]


def test_what_both_hold_open_goes_on_under_its_old_name() -> None:
    pipeline = broken_from_the_second_quarter()
    before = one(pipeline.store)
    pipeline.watch = watch(pipeline.store, CHANGED, made_of(Slow))
    assert pipeline.watch.tick() == []
    pipeline.take(minutes(50, 110))
    after = one(pipeline.store)
    assert (after.id, after.onset, after.state) == (before.id, before.onset, "resolved")


def test_what_seems_to_be_over_recovers_and_a_judge_that_learned_again_may_think_otherwise() -> None:
    class Easing(Scripted):
        """Takes what it holds for over already, from the third quarter on."""

        def score(self, frame: Frame) -> Scores | None:
            scores = super().score(frame)
            assert scores is not None
            return replace(scores, over=np.where(scores.breach, 3.0 * (frame.end > BEGIN + 3 * QUARTER), 0.0))

    pipeline = Pipeline(CATALOG)
    pipeline.watch = watch(pipeline.store, build=made_of(Easing))
    pipeline.take([*minutes(0, 15), *minutes(15, 65, "broken")])
    row = one(pipeline.store)
    assert (row.state, row.is_open, row.resolved_at) == ("recovering", True, None)
    pipeline.watch = watch(pipeline.store, CHANGED)
    assert pipeline.watch.tick() == []
    assert one(pipeline.store).state == "recovering"
    pipeline.take(minutes(65, 80, "broken"))
    assert one(pipeline.store).state == "open"
    told = [entry.what for entry in pipeline.store.timeline(row.id) if entry.what != "level"]
    assert told == ["opened", "recovering", "relapsed"]


def test_a_rule_that_turns_within_a_frame_is_written_once_however_often_the_process_comes_back() -> None:
    rule = Rule("many-broken", ("arrives",), (Threshold("broken", ">=", 3, 2 * MINUTE),), keep_firing=4 * MINUTE)
    once, often = Pipeline(catalog(MOMENT, rules=(rule,))), Pipeline(catalog(MOMENT, rules=(rule,)))
    # It fires, seems to be over, and fires again, all in one quarter.
    for minute in range(15):
        made = minutes(minute, minute + 1, "broken" if minute in {2, 6} else "kept")
        once.take(made)
        often.take(made)
        often.start()
    for pipeline in (once, often):
        pipeline.finish(BEGIN + HOUR)
    row = one(once.store)
    told = [entry.what for entry in once.store.timeline(row.id) if entry.what != "level"]
    assert told == ["opened", "recovering", "relapsed", "recovering", "resolved"]
    assert often.store.timeline(row.id) == once.store.timeline(row.id)


def test_what_was_over_and_is_open_for_the_new_judge_is_opened_again() -> None:
    class Never(Scripted):
        """Holds a breach for ever."""

        def _after(self, frame: Frame) -> dict[str, int]:
            return {**super()._after(frame), **self.since}

    pipeline = broken_from_the_second_quarter()
    pipeline.take(minutes(50, 110))
    assert one(pipeline.store).state == "resolved"
    [change] = watch(pipeline.store, CHANGED, made_of(Never)).tick()
    assert (change.what, change.note) == ("opened", FOUND)
    assert one(pipeline.store).is_open
    assert one(pipeline.store).resolved_at is None


def test_learning_again_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = broken_from_the_second_quarter()
    watch(pipeline.store, CHANGED, made_of(Deaf)).tick()
    snapshot = pipeline.store.judged("arrives").snapshot
    assert snapshot is not None
    read: list[Micros | None] = []
    windows = pipeline.store.windows

    def noted(moment: str, after: Micros | None, through: Micros) -> Iterator[Window]:
        read.append(after)
        return windows(moment, after, through)

    monkeypatch.setattr(pipeline.store, "windows", noted)
    watch(pipeline.store, CHANGED, made_of(Deaf)).tick()
    assert read
    assert None not in read


# --- order ---


NINE = [f"m{number}" for number in range(9)]


def nine_moments() -> Pipeline:
    rule = Rule("many-broken", tuple(NINE), (Threshold("broken", ">=", 6, 2 * MINUTE),))
    return Pipeline(catalog(*(replace(MOMENT, name=name) for name in NINE), rules=(rule,)))


def take(pipeline: Pipeline, minute: int, broken: dict[str, int]) -> None:
    """Eight outcomes of each of nine moments, of which so many broke."""
    start = BEGIN + minute * MINUTE
    words: dict[bool, OutcomeWord] = {True: "broken", False: "kept"}
    pipeline.take(
        [
            Outcome(f"{name}-{minute}-{i}", instant(start + i), name, "c", words[i < broken.get(name, 0)])
            for name in NINE
            for i in range(8)
        ]
    )


@pytest.mark.parametrize("restart", [None, 8])
def test_of_many_moments_those_of_which_more_broke_than_usual_are_judged_and_told_first(restart: int | None) -> None:
    """Also by a process that has only just begun: the store knows what was usual."""
    pipeline = nine_moments()
    for minute in range(11):
        if minute == restart:
            pipeline.start()
        take(pipeline, minute, {"m0": 4, "m7": 6} if minute == 6 else {"m0": 2})
    opened = [change.interruption.moment for change in pipeline.changes if change.what == "opened"]
    assert opened == ["m7", "m0"]


# --- withdrawing ---


def test_a_moment_that_is_no_longer_declared_has_its_open_interruptions_withdrawn_at_the_start() -> None:
    pipeline = broken_from_the_second_quarter()
    without = Catalog(owners=CATALOG.owners)
    [change] = watch(pipeline.store, without, announce=spoken).tick()
    assert (change.what, change.note) == ("withdrawn", UNDECLARED)
    row = one(pipeline.store)
    assert (row.state, row.is_open) == ("withdrawn", False)
    assert row.resolved_at is not None
    assert row.resolved_at >= row.detected_at
    # Whoever was told of it hears that nobody will say any more.
    assert [news.interruption.id for news in pipeline.store.news(99)] == [row.id]
    assert watch(pipeline.store, without).tick() == []


def test_a_moment_that_is_declared_again_is_watched_again_and_open_where_it_was() -> None:
    pipeline = broken_from_the_second_quarter()
    watch(pipeline.store, Catalog(owners=CATALOG.owners)).tick()
    pipeline.watch = watch(pipeline.store)
    [change] = pipeline.watch.tick()
    assert (change.what, change.note) == ("opened", FOUND)
    pipeline.take(minutes(50, 110))
    assert one(pipeline.store).state == "resolved"
