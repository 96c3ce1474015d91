"""One batch's records, and what they change."""

import random
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from service.core.catalog import Catalog
from service.core.counting.changes import Break, Changes, View, keys_of
from service.core.counting.intake import Intake, expire
from service.core.counting.ledger import Promised
from service.core.counting.reach import Reach
from service.core.counting.tally import Cell, Tally, duration_bucket
from service.core.event import Annotation, Complaint, CustomerChange, Event, Feedback, Micros, instant
from tests.core.making import PLACE, at, outcome, promise, record
from tests.core.scripted import MOMENT, Pipeline, catalog
from tests.core.streams import seeded, split

CATALOG = catalog(MOMENT)


def take(
    *events: Event,
    closed: float = 0,
    known: Sequence[Promised] = (),
    declared: Catalog = CATALOG,
    digits: int = 2,
) -> Changes:
    """What a batch changes while the moment is closed through a minute."""
    changes = Changes()
    changes.counts.read = len(events)
    view = View({"arrives": Reach(at(closed))}, {(row.moment, row.key): row for row in known})
    Intake(declared, digits).take(PLACE, [record(event, n) for n, event in enumerate(events)], view, changes)
    return changes


def cells(changes: Changes) -> dict[tuple[Micros, str | None, bool], Cell]:
    """Cells that hold something, by (window, region, late); what moves the goalposts has tests of its own."""
    return {
        (key.window, key.values[0], key.late): cell
        for key, cell in changes.tally
        if "promised" not in (cell.signals or {})
    }


def test_an_outcome_without_a_key_counts_where_it_stands() -> None:
    changes = take(outcome(3.5, "kept", key=None, value=2.5, dimensions={"region": "north", "carrier": "x"}))
    assert cells(changes) == {(at(3), "north", False): Cell(attempts=1, arrivals=1, value=250)}
    assert changes.breaks == {}
    assert changes.promises == {}


def test_a_broken_one_makes_a_break_row_with_all_its_dimensions() -> None:
    given = {"region": "north", "carrier": "x"}
    changes = take(outcome(3.5, "broken", key=None, value=2.5, reason="lost", dimensions=given))
    assert cells(changes) == {
        (at(3), "north", False): Cell(attempts=1, broken=1, arrivals=1, value=250, broken_value=250)
    }
    [(_, ref)] = changes.breaks
    assert ref.startswith("@events/0/0/")
    assert changes.breaks == {("arrives", ref): Break("arrives", ref, at(3.5), "c", 250, given, "lost")}


def test_a_cancelled_one_is_no_attempt() -> None:
    assert cells(take(outcome(3, "cancelled", key=None, value=5))) == {
        (at(3), None, False): Cell(cancelled=1, arrivals=1)
    }


@pytest.mark.parametrize(("digits", "value"), [(2, 1999), (0, 20), (3, 19990)])
def test_money_is_kept_in_minor_units_of_the_currency(digits: int, value: int) -> None:
    [cell] = cells(take(outcome(3, "kept", key=None, value=19.99), digits=digits)).values()
    assert cell.value == value


def test_money_that_goes_back_is_negative() -> None:
    [cell] = cells(take(outcome(3, "broken", key=None, value=-3))).values()
    assert (cell.value, cell.broken_value) == (-300, -300)


def test_durations_are_summed_in_milliseconds_and_counted_in_buckets() -> None:
    changes = take(
        outcome(3, "kept", key=None, duration_s=1.5),
        outcome(3, "kept", key=None, duration_s=1.5),
        outcome(3, "broken", key=None, duration_s=0.0),
        outcome(3, "kept", key=None),
    )
    [cell] = cells(changes).values()
    assert cell.duration_ms == 3000
    assert cell.durations == {duration_bucket(1500): 2, duration_bucket(0): 1}


def test_a_dimension_that_is_empty_or_missing_is_not_stated() -> None:
    changes = take(outcome(3, "kept", key=None, dimensions={"region": ""}), outcome(3, "kept", key=None, dimensions={}))
    assert cells(changes) == {(at(3), None, False): Cell(attempts=2, arrivals=2)}


def test_what_comes_for_a_closed_window_amends() -> None:
    changes = take(outcome(3, "broken", key=None), outcome(5, "kept", key=None), closed=5)
    assert cells(changes) == {
        (at(3), None, True): Cell(attempts=1, broken=1, arrivals=1),
        (at(5), None, False): Cell(attempts=1, arrivals=1),
    }
    assert changes.counts.late == {"arrives": 1}
    assert [row.late for row in changes.breaks.values() if row] == [True]


def test_a_promise_arrives_in_its_own_window_and_counts_in_none_yet() -> None:
    changes = take(promise(3, 10, dimensions={"region": "north"}))
    assert cells(changes) == {(at(3), "north", False): Cell(arrivals=1)}
    assert set(changes.promises) == {("arrives", "k")}


def test_kept_in_time_counts_at_its_due() -> None:
    changes = take(promise(3, 10, value=1), outcome(6, "kept"))
    assert cells(changes) == {
        (at(3), None, False): Cell(arrivals=1),
        (at(6), None, False): Cell(arrivals=1),
        (at(10), None, False): Cell(attempts=1, value=100),
    }


def test_a_promise_that_expires_is_judged_at_its_due_and_breaks_there() -> None:
    [made] = take(promise(3, 10.5, value=1)).promises.values()
    changes = Changes()
    expire(MOMENT, [made], (), (Reach(at(10)), Reach(at(11))), changes)
    broke = Cell(attempts=1, broken=1, value=100, broken_value=100, signals={"overdue": 1})
    assert cells(changes) == {(at(10), None, False): broke}
    [row] = changes.breaks.values()
    assert row is not None
    assert (row.ref, row.at, row.promised, row.late) == ("=k", at(10.5), True, False)


def test_a_promise_told_after_its_explicit_break_lets_its_customer_wait() -> None:
    told = take(outcome(5, "broken"))
    [row] = told.breaks.values()
    assert row is not None
    assert not row.promised
    # Of no other effect: it counts where and as what it did.
    changes = take(promise(3, 10), known=list(told.promises.values()))
    assert changes.breaks == {("arrives", "=k"): msgspec.structs.replace(row, promised=True)}
    assert cells(changes) == {(at(3), None, False): Cell(arrivals=1)}


def test_kept_in_time_and_heard_after_the_expiry_amends_the_break_away() -> None:
    [made] = take(promise(3, 10)).promises.values()
    changes = take(outcome(9, "kept"), closed=20, known=[made])
    assert cells(changes)[at(10), None, True] == Cell(broken=-1)
    assert changes.breaks == {("arrives", "=k"): None}
    assert changes.counts.late == {"arrives": 1}
    # What happens at the very end of what is closed is of the window that begins there.
    assert take(outcome(20, "kept"), closed=20, known=[made]).counts.late == {}


def test_a_late_keep_says_when_and_changes_no_count() -> None:
    [made] = take(promise(3, 10)).promises.values()
    changes = take(outcome(15, "kept"), closed=14, known=[made])
    assert cells(changes) == {(at(15), None, False): Cell(arrivals=1, signals={"caught_up": 1})}
    [row] = changes.breaks.values()
    assert row is not None
    assert (row.at, row.settled_at, row.late) == (at(10), at(15), False)


def test_a_promise_that_comes_after_its_outcome_moves_it_without_touching_what_was_judged() -> None:
    [made] = take(outcome(3, "broken", dimensions={"region": "south"})).promises.values()
    changes = take(promise(5, 10, dimensions={"region": "north"}), closed=4, known=[made])
    found = cells(changes)
    # It broke before its due, so that it stays where it broke; the promise's region counts.
    assert found[at(3), "south", True] == Cell(attempts=-1, broken=-1)
    assert found[at(3), "north", True] == Cell(attempts=1, broken=1)
    assert (at(3), "south", False) not in found


def test_the_same_event_again_changes_nothing_but_arrivals() -> None:
    kept = outcome(6, "kept")
    [made] = take(promise(3, 10), kept).promises.values()
    changes = take(kept, known=[made])
    assert cells(changes) == {(at(6), None, False): Cell(arrivals=1)}
    assert changes.promises == {}


def test_what_customers_say_is_kept_as_it_is() -> None:
    when = instant(at(3))
    voices: list[Event] = [
        Complaint("x", when, customer="c", moment="arrives"),
        Feedback("f", when, score=4),
        CustomerChange("j", when, "c", "joined"),
        Annotation("n", when, "released"),
    ]
    changes = take(*voices)
    assert [voice.event for voice in changes.voices] == voices
    assert changes.counts.accepted == {"arrives": 1, "": 3}
    assert cells(changes) == {(at(3), None, False): Cell(signals={"complaints": 1, "notes": 1})}


def test_the_keys_of_a_batch_are_those_of_its_promises_and_keyed_outcomes() -> None:
    events: list[Event] = [
        promise(3, 10),
        outcome(4, "kept", key=None),
        outcome(4, "kept", key="other"),
        Feedback("f", instant(at(3))),
    ]
    assert keys_of(record(event) for event in events) == {("arrives", "k"), ("arrives", "other")}


def test_what_is_read_is_accepted_duplicate_or_dead() -> None:
    pipeline = Pipeline(CATALOG)
    for seed in range(5):
        rng = random.Random(seed)
        for batch in split(seeded(rng), [rng.randrange(40) for _ in range(4)]):
            pipeline.take([*batch, *batch[:2]])
    counts = pipeline.store.counts()
    assert counts.balanced
    assert counts.duplicate > 0
    assert counts.read == counts.accepted.total() + counts.duplicate


def test_every_attempt_and_break_of_the_tallies_has_its_like_in_the_rows() -> None:
    pipeline = Pipeline(CATALOG)
    for batch in split(seeded(random.Random(5)), [3, 9, 20, 31]):
        pipeline.take(batch)
    pipeline.finish(at(300))
    totals = [sums for _, sums in pipeline.store.totals("arrives", at(0), at(300), at(300) - at(0))]
    rows = pipeline.store.breaks("arrives", (), at(0), at(300))
    assert sum(sums.broken for sums in totals) == len(rows) > 0
    assert sum(sums.broken_value for sums in totals) == sum(row.value for row in rows)


def test_windows_are_as_long_as_the_moment_says() -> None:
    wide = catalog(replace(MOMENT, window=5 * (at(1) - at(0))))
    assert list(cells(take(outcome(8, "kept", key=None), declared=wide))) == [(at(5), None, False)]


# --- tallies ---


def test_cells_add_up_in_any_order_and_take_away_again() -> None:
    some = [Cell(i, i % 2, 0, i, 10 * i, 5, 100, {i: 1, 7: 2}) for i in range(1, 5)]
    there, back = Cell(), Cell()
    for cell in some:
        there.add(cell)
    for cell in reversed(some):
        back.add(cell)
    assert there == back
    for cell in some:
        there.add(cell, -1)
    assert not there
    assert there == Cell()


def test_tallies_merge_cell_by_cell() -> None:
    one, other = Tally(), Tally()
    one.cell("arrives", at(0), (None,), late=False).attempts = 1
    other.cell("arrives", at(0), (None,), late=False).attempts = 2
    other.cell("arrives", at(0), (None,), late=True).broken = 1
    one.merge(other)
    assert {(key.late, cell.attempts, cell.broken) for key, cell in one} == {(False, 3, 0), (True, 0, 1)}


def test_neighbouring_duration_buckets_differ_by_two_per_cent() -> None:
    assert duration_bucket(0) == 0
    for milliseconds in (1, 10, 1234, 86_400_000):
        assert duration_bucket(milliseconds) <= duration_bucket(round(milliseconds * 1.01) + 1)
        assert duration_bucket(milliseconds * 2) - duration_bucket(milliseconds) in {35, 36}
