"""The laws of the core: how events come must not matter, only what they say."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.event import HOUR, MINUTE, Event, Outcome, Promise, instant, micros
from tests.core.scripted import MOMENT, Pipeline, catalog, outcome

BEGIN = 1_365_000_000_000_000 - 1_365_000_000_000_000 % HOUR
LATENESS = 2 * MINUTE

seconds = st.integers(0, 40 * 60)
regions = st.sampled_from([None, {"region": "north"}, {"region": "south"}])


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Outcomes and promises of 40 minutes, in order of time, with a stretch in which everything breaks."""
    made: list[Event] = []
    broken_from, broken_to = sorted(draw(st.tuples(st.integers(0, 40), st.integers(0, 40))))
    for number in range(draw(st.integers(10, 60))):
        second = draw(seconds)
        time = instant(BEGIN + second * 1_000_000)
        bad = broken_from * 60 <= second < broken_to * 60
        sort = draw(st.integers(0, 9))
        customer = f"c{draw(st.integers(0, 12))}"
        dimensions = draw(regions)
        value = draw(st.one_of(st.none(), st.integers(0, 50)))
        key = f"k{draw(st.integers(0, 15))}"
        if sort < 6:
            word = "broken" if bad or draw(st.integers(0, 15)) == 0 else "kept"
            made.append(
                Outcome(str(number), time, "arrives", customer, word, value=value, dimensions=dimensions)  # type: ignore[arg-type]
            )
        elif sort < 8:
            due = time + timedelta(seconds=draw(st.integers(-900, 1200)))
            made.append(Promise(str(number), time, "arrives", customer, key, due, value, dimensions))
        else:
            word = draw(st.sampled_from(["kept", "kept", "broken", "cancelled"]))
            made.append(Outcome(str(number), time, "arrives", customer, word, key, dimensions=dimensions))  # type: ignore[arg-type]
    return sorted(made, key=lambda e: (e.time, e.id))


def split(made: Sequence[Event], cuts: Sequence[int]) -> list[Sequence[Event]]:
    """The events in batches that end at the cuts."""
    places = sorted({c % (len(made) + 1) for c in cuts} | {0, len(made)})
    return [made[a:b] for a, b in pairwise(places)]


def run(batches: Sequence[Sequence[Event]], restarts: Sequence[int] = ()) -> Pipeline:
    """The outcome of some batches, with the process gone and back after some of them."""
    pipeline = Pipeline(catalog(MOMENT))
    for number, batch in enumerate(batches):
        pipeline.take(batch)
        if number in restarts:
            pipeline.start()
    pipeline.finish(BEGIN + 3 * HOUR)
    return pipeline


@settings(max_examples=25, deadline=None)
@given(events(), st.lists(st.integers(0, 100), max_size=12))
def test_batch_sizes_change_nothing(made: list[Event], cuts: list[int]) -> None:
    assert outcome(run([made]).store) == outcome(run(split(made, cuts)).store)


@settings(max_examples=25, deadline=None)
@given(events(), st.lists(st.integers(0, 100), min_size=1, max_size=12), st.lists(st.integers(0, 12), min_size=1))
def test_stopping_and_resuming_anywhere_changes_nothing(
    made: list[Event], cuts: list[int], restarts: list[int]
) -> None:
    whole = run(split(made, cuts))
    resumed = run(split(made, cuts), restarts)
    assert outcome(whole.store) == outcome(resumed.store)
    assert whole.changes == resumed.changes


@settings(max_examples=25, deadline=None)
@given(events(), st.lists(st.integers(0, 100), max_size=6), st.randoms(use_true_random=False))
def test_order_of_arrival_within_the_lateness_changes_nothing(
    made: list[Event],
    cuts: list[int],
    random: st.randoms,  # type: ignore[valid-type]
) -> None:
    # An event may be overtaken by those that happened less than the lateness after it, and by no others.
    shuffled = sorted(made, key=lambda e: micros(e.time) + random.randint(0, LATENESS - 1))  # type: ignore[attr-defined]
    assert outcome(run([made]).store) == outcome(run(split(shuffled, cuts)).store)


@settings(max_examples=25, deadline=None)
@given(events(), st.lists(st.integers(0, 100), max_size=6), st.integers(0, 100))
def test_every_event_is_accepted_or_a_duplicate_and_none_is_counted_twice(
    made: list[Event], cuts: list[int], again: int
) -> None:
    once = run(split(made, cuts))
    # A redelivery of the last batch's tail, as after a crash of a producer.
    tail = made[again % len(made) :]
    twice = Pipeline(catalog(MOMENT))
    for batch in [*split(made, cuts), tail]:
        twice.take(batch)
    twice.finish(BEGIN + 3 * HOUR)
    counts = twice.store.counts()
    assert counts.balanced
    assert counts.duplicate == len(tail)
    assert outcome(once.store) == outcome(twice.store)


def test_the_script_does_open_and_resolve_an_interruption() -> None:
    made: list[Event] = [
        Outcome(f"{m}-{i}", instant(BEGIN + m * MINUTE + i), "arrives", f"c{i}", "broken" if 10 <= m < 20 else "kept")
        for m in range(40)
        for i in range(6)
    ]
    pipeline = run(split(made, [50, 77, 120]))
    assert [change.what for change in pipeline.changes if change.what != "level"] == ["opened", "resolved"]
    found = pipeline.store.interruptions()[0]
    assert found.detected_at > BEGIN + 10 * MINUTE
    assert pipeline.store.impact("arrives", (), BEGIN, BEGIN + HOUR).customers == 6
