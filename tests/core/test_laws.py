"""The laws of the core: how events come must not matter, only what they say."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import service.core.counting.intake
from service.core.catalog import Catalog, Moment, Rule, Threshold
from service.core.counting.changes import Changes, View
from service.core.counting.duplicates import IdHorizon
from service.core.counting.intake import Intake
from service.core.counting.ledger import fold
from service.core.counting.reach import Reach
from service.core.counting.window import closable
from service.core.event import HOUR, MINUTE, Event, Outcome, Partition, Record, instant
from service.core.interruption import Change
from service.core.judging.judge import Judge
from service.loops.watch import Watch, _Mind
from tests.core.scripted import MOMENT, Parts, Pipeline, catalog, outcome, scripted
from tests.core.streams import BEGIN, LATENESS, drawn, seeded, shuffled, split

RULE = Rule(
    "many-broken",
    ("arrives",),
    (Threshold("broken", ">=", 3, 10 * MINUTE),),
    keep_firing=3 * MINUTE,
    group_by=("region",),
)
WATCHED = catalog(MOMENT, rules=(RULE,))

quick = settings(max_examples=30, deadline=None)
cutting = st.lists(st.integers(0, 40), max_size=8)


def run(batches: Sequence[Sequence[Event]], parts: Parts | None = None, restarts: Sequence[int] = ()) -> Pipeline:
    """A pipeline after some batches, with the process gone and back after some of them."""
    pipeline = Pipeline(WATCHED, parts or Parts())
    for number, batch in enumerate(batches):
        pipeline.take(batch)
        if number in restarts:
            pipeline.start()
    pipeline.finish(BEGIN + 4 * HOUR)
    return pipeline


# --- the laws ---


def batch_sizes_change_nothing(made: Sequence[Event], cuts: Sequence[int], parts: Parts | None = None) -> None:
    assert outcome(run([made], parts).store) == outcome(run(split(made, cuts), parts).store)


def stopping_and_resuming_changes_nothing(
    made: Sequence[Event], cuts: Sequence[int], restarts: Sequence[int], parts: Parts | None = None
) -> None:
    whole = run(split(made, cuts), parts)
    resumed = run(split(made, cuts), parts, restarts)
    assert outcome(whole.store) == outcome(resumed.store)
    assert whole.changes == resumed.changes


def order_within_the_lateness_changes_nothing(
    made: Sequence[Event], cuts: Sequence[int], delays: Sequence[int], parts: Parts | None = None
) -> None:
    assert outcome(run([made], parts).store) == outcome(run(split(shuffled(made, delays), cuts), parts).store)


def none_is_counted_twice(made: Sequence[Event], cuts: Sequence[int], again: int, parts: Parts | None = None) -> None:
    once = run(split(made, cuts), parts)
    # The last ones come again, as after a crash of a producer.
    tail = made[again % len(made) :]
    twice = run([*split(made, cuts), tail], parts)
    counts = twice.store.counts()
    assert counts.balanced
    assert counts.duplicate == len(tail)
    assert outcome(once.store) == outcome(twice.store)


@quick
@given(drawn(), cutting)
def test_batch_sizes_change_nothing(made: list[Event], cuts: list[int]) -> None:
    batch_sizes_change_nothing(made, cuts)


@quick
@given(drawn(), cutting, st.lists(st.integers(0, 8), min_size=1, max_size=4))
def test_stopping_and_resuming_anywhere_changes_nothing(
    made: list[Event], cuts: list[int], restarts: list[int]
) -> None:
    stopping_and_resuming_changes_nothing(made, cuts, restarts)


@quick
@given(drawn(), cutting, st.lists(st.integers(0, LATENESS - 1), min_size=1, max_size=40))
def test_order_of_arrival_within_the_lateness_changes_nothing(
    made: list[Event], cuts: list[int], delays: list[int]
) -> None:
    order_within_the_lateness_changes_nothing(made, cuts, delays)


@quick
@given(drawn(), cutting, st.integers(0, 40))
def test_every_event_is_accepted_or_a_duplicate_and_none_is_counted_twice(
    made: list[Event], cuts: list[int], again: int
) -> None:
    none_is_counted_twice(made, cuts, again)


# --- that the laws see anything ---


def noticed(law: Callable[[random.Random, list[Event]], None]) -> bool:
    """Whether a law fails for one of some streams made from seeds."""
    for seed in range(30):
        rng = random.Random(seed)
        try:
            law(rng, seeded(rng))
        except AssertionError:
            return True
    return False


def numbers(rng: random.Random, below: int, many: int = 8) -> list[int]:
    return [rng.randrange(below) for _ in range(many)]


def by_batches(parts: Parts | None = None) -> bool:
    return noticed(lambda rng, made: batch_sizes_change_nothing(made, numbers(rng, 40), parts))


def by_restarts(parts: Parts | None = None) -> bool:
    return noticed(lambda rng, made: stopping_and_resuming_changes_nothing(made, numbers(rng, 40), range(8), parts))


def by_order(parts: Parts | None = None) -> bool:
    return noticed(
        lambda rng, made: order_within_the_lateness_changes_nothing(
            made, numbers(rng, 40), numbers(rng, LATENESS, 40), parts
        )
    )


def by_doubles(parts: Parts | None = None) -> bool:
    return noticed(lambda rng, made: none_is_counted_twice(made, numbers(rng, 40), rng.randrange(40), parts))


def test_the_same_streams_break_no_law_of_the_sound_core() -> None:
    assert not by_batches()
    assert not by_restarts()
    assert not by_order()
    assert not by_doubles()


def test_a_ledger_in_which_the_last_event_wins_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def last_wins(row: Any, record: Record, moment: Any, scale: int) -> Any:
        fresh = fold(type(row)(row.moment, row.key), record, moment, scale)
        given = {name: entry for name in row.__struct_fields__[2:] if (entry := getattr(fresh, name)) is not None}
        return type(row)(**{**{name: getattr(row, name) for name in row.__struct_fields__}, **given})

    monkeypatch.setattr(service.core.counting.intake, "fold", last_wins)
    assert by_order()


class LateByBatch(Intake):
    """Takes for late whatever is older than the newest record of its own batch allows."""

    def take(self, partition: Partition, records: Any, view: View, changes: Changes) -> None:
        newest = max((record.at for record in records), default=0)
        through = max(view.reach("arrives").closed, closable(newest, MINUTE, LATENESS))
        super().take(partition, records, View({"arrives": Reach(through)}, view.promises), changes)


def test_lateness_taken_from_batches_is_noticed() -> None:
    assert by_batches(Parts(intake=LateByBatch))


class Amnesiac(Watch):
    """Goes on from where it was with a new judge: no snapshot, and no replay."""

    def _recall(self, moment: Moment) -> tuple[_Mind, list[Change]]:
        judged = self._store.judged(moment.name)
        mind = _Mind(Judge(moment, (RULE,), scripted(moment, ())), "", judged.tick, None)
        mind.judge.through = judged.through
        self._minds[moment.name] = mind
        return mind, []


def test_a_watch_that_forgets_its_snapshot_is_noticed() -> None:
    assert by_restarts(Parts(watch=Amnesiac))


class Forgetful(IdHorizon):
    """Knows no id beyond its batch."""

    def drain(self) -> bytes:
        blob = super().drain()
        self.__init__()  # type: ignore[misc]  # forgets everything
        return blob


def test_a_horizon_that_forgets_at_a_batchs_end_is_noticed() -> None:
    assert by_doubles(Parts(horizon=Forgetful))


class Resting(IdHorizon):
    """Starts anew after a restart."""

    def restore(self, blobs: Any) -> None:
        del blobs


def test_a_horizon_that_is_not_restored_is_noticed() -> None:
    def law(rng: random.Random, made: list[Event]) -> None:
        # A batch that was read again after a restart, as a source gives it that lost its place.
        batches = split(made, numbers(rng, 40))
        pipeline = run([*batches, batches[-1]], Parts(horizon=Resting), restarts=[len(batches) - 1])
        assert pipeline.store.counts().duplicate == len(batches[-1])

    assert noticed(law)


@pytest.mark.parametrize("kind", ["failure_rate", "rule"])
def test_the_streams_open_and_resolve_interruptions(kind: str) -> None:
    opened = resolved = 0
    for seed in range(30):
        rows = run([seeded(random.Random(seed))]).store.interruptions()
        opened += sum(row.kind == kind for row in rows)
        resolved += sum(row.kind == kind and row.state == "resolved" for row in rows)
    assert opened >= 5
    assert resolved >= 5


def test_the_script_opens_and_resolves_one_interruption() -> None:
    # A frame is a quarter of an hour long while nothing is known of the traffic.
    made: list[Event] = [
        Outcome(f"{m}-{i}", instant(BEGIN + m * MINUTE + i), "arrives", f"c{i}", "broken" if 15 <= m < 30 else "kept")
        for m in range(60)
        for i in range(6)
    ]
    pipeline = Pipeline(Catalog(WATCHED.owners, moments=WATCHED.moments))
    for batch in split(made, [50, 77, 120, 200, 250]):
        pipeline.take(batch)
    pipeline.finish(BEGIN + 3 * HOUR)
    assert [change.what for change in pipeline.changes if change.what != "level"] == ["opened", "resolved"]
    [found] = pipeline.store.interruptions()
    assert found.onset == BEGIN + 15 * MINUTE
    assert found.detected_at == BEGIN + 30 * MINUTE + LATENESS
    assert found.resolved_at == BEGIN + 45 * MINUTE + LATENESS
    assert pipeline.store.impact("arrives", (), BEGIN, BEGIN + HOUR).customers == 6
