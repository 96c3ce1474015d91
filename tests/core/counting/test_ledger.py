"""Promises and their outcomes, in any order: what each counts for, and when."""

from collections.abc import Sequence
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.catalog import Deadline, Moment
from service.core.counting.ledger import (
    Account,
    Contribution,
    Promised,
    account,
    contribution,
    due_of,
    fold,
    milliseconds,
    minor,
)
from service.core.counting.reach import Reach
from service.core.event import HOUR, MINUTE, Annotation, Event, instant
from tests.core.making import at, outcome, promise, record
from tests.core.streams import BEGIN

MOMENT = Moment("arrives", "ops", dimensions=("region",))
NEVER = 0
"""Nothing is closed."""


def row(events: Sequence[Event]) -> Promised:
    made = Promised("arrives", "k")
    for event in events:
        made = fold(made, record(event), MOMENT, 100)
    return made


def counts(*events: Event, closed: float | None = None) -> Contribution | None:
    """What events count for, the same in any order, while the moment is closed through a minute."""
    reach = Reach(NEVER if closed is None else at(closed))
    found = {repr(contribution(row(order), reach)) for order in permutations(events)}
    assert len(found) == 1
    return contribution(row(events), reach)


def told(*events: Event, closed: float | None = None) -> tuple[float, str]:
    """(minute, word) of the same."""
    found = counts(*events, closed=closed)
    assert found is not None
    word = "cancelled" if found.cancelled else "broken" if found.broken else "kept"
    return (found.at - BEGIN) / MINUTE, word


# --- each sentence of the design on promises ---


def test_a_promise_counts_for_nothing_before_its_due_has_passed() -> None:
    assert counts(promise(0, 10)) is None
    assert counts(promise(0, 10), closed=10) is None


def test_a_promise_kept_in_time_counts_once_in_the_window_of_its_due() -> None:
    assert told(promise(0, 10), outcome(4, "kept")) == (10, "kept")
    assert told(promise(0, 10), outcome(10, "kept")) == (10, "kept")


def test_unsettled_when_event_time_passes_its_due_it_is_broken_at_its_due() -> None:
    assert told(promise(0, 10), closed=11) == (10, "broken")


def test_kept_in_time_however_late_it_is_heard_amends_the_break_away() -> None:
    assert told(promise(0, 10), closed=500) == (10, "broken")
    assert told(promise(0, 10), outcome(9, "kept"), closed=500) == (10, "kept")


def test_a_late_keep_is_recorded_and_the_promise_stays_broken() -> None:
    found = counts(promise(0, 10), outcome(12, "kept"), closed=20)
    assert found is not None
    assert (found.at, found.broken, found.settled_at) == (at(10), True, at(12))


def test_a_late_keep_does_not_break_a_promise_before_its_due_has_passed() -> None:
    # Possible when a topic is read ahead of the others.
    assert counts(promise(0, 10), outcome(12, "kept"), closed=5) is None


def test_broken_after_expiry_adds_nothing() -> None:
    assert told(promise(0, 10), outcome(15, "broken"), closed=20) == (10, "broken")
    assert counts(promise(0, 10), outcome(15, "broken"), closed=20) == counts(promise(0, 10), closed=20)


def test_an_explicit_broken_counts_at_its_own_time() -> None:
    assert told(promise(0, 10), outcome(4, "broken")) == (4, "broken")


def test_broken_and_then_kept_in_time_was_kept() -> None:
    assert told(promise(0, 10), outcome(4, "broken"), outcome(8, "kept")) == (10, "kept")


def test_broken_and_then_kept_too_late_stays_broken_where_it_broke() -> None:
    found = counts(promise(0, 10), outcome(4, "broken"), outcome(12, "kept"), closed=20)
    assert found is not None
    assert (found.at, found.broken, found.settled_at) == (at(4), True, at(12))


def test_a_repeated_promise_keeps_the_first_due_and_the_newest_beside_it() -> None:
    events = (promise(0, 10), promise(2, 60), promise(5, 30))
    assert told(*events, closed=11) == (10, "broken")
    made = row(events)
    assert made.due == at(10)
    assert made.newest is not None
    assert made.newest.due == at(30)


def test_a_withdrawn_promise_counts_as_cancelled_at_its_own_time_and_never_breaks() -> None:
    assert told(promise(0, 10), outcome(4, "cancelled"), closed=500) == (4, "cancelled")


def test_withdrawn_after_its_due_it_was_broken_already() -> None:
    assert told(promise(0, 10), outcome(12, "cancelled"), closed=20) == (10, "broken")


def test_the_earlier_of_broken_and_cancelled_counts() -> None:
    assert told(promise(0, 10), outcome(4, "broken"), outcome(5, "cancelled")) == (4, "broken")
    assert told(promise(0, 10), outcome(5, "broken"), outcome(4, "cancelled")) == (4, "cancelled")


def test_a_keyed_outcome_without_a_promise_counts_at_its_own_time() -> None:
    assert told(outcome(4, "kept")) == (4, "kept")
    assert told(outcome(4, "broken")) == (4, "broken")


def test_a_promise_that_follows_moves_it() -> None:
    assert told(outcome(4, "kept"), promise(5, 10)) == (10, "kept")


def test_without_a_promise_the_first_word_counts() -> None:
    assert told(outcome(4, "kept"), outcome(5, "broken")) == (4, "kept")
    assert told(outcome(6, "kept"), outcome(5, "broken")) == (5, "broken")


def test_a_deadline_is_so_long_after_the_promise_was_made() -> None:
    moment = Moment("arrives", "ops", deadline=Deadline(HOUR))
    assert due_of(promise(3, None), at(3), moment) == at(63)
    assert due_of(promise(3, 10), at(3), moment) == at(10)
    with pytest.raises(ValueError, match="promise 'k' has no due and moment \"arrives\" no deadline"):
        due_of(promise(3, None), at(3), MOMENT)


# --- facts ---


def test_the_promise_gives_value_dimensions_and_customer_and_the_outcome_fills_gaps() -> None:
    found = counts(
        promise(0, 10, value=12.34, dimensions={"region": "north"}, customer="told"),
        outcome(4, "kept", value=99, dimensions={"region": "south", "carrier": "x"}, customer="served"),
    )
    assert found is not None
    assert (found.value, found.customer) == (1234, "told")
    assert found.dimensions == {"region": "north", "carrier": "x"}
    filled = counts(promise(0, 10), outcome(4, "kept", value=99, dimensions={"region": "south"}))
    assert filled is not None
    assert (filled.value, filled.dimensions) == (9900, {"region": "south"})


def test_what_expired_is_the_promise_as_it_was_known_then() -> None:
    before = counts(promise(0, 10), closed=20)
    after = counts(promise(0, 10), outcome(12, "kept", value=5, dimensions={"region": "south"}), closed=20)
    assert before is not None
    assert after is not None
    assert (after.value, after.dimensions) == (before.value, before.dimensions) == (0, {})


def test_money_and_durations_are_whole_numbers() -> None:
    assert minor(12.345, 100) == 1234
    assert minor(7.0, 1) == 7
    assert minor(None, 100) is None
    assert milliseconds(1.2345) == 1234
    found = counts(outcome(4, "kept", duration_s=2.5))
    assert found is not None
    assert found.duration_ms == 2500


def test_what_has_no_place_in_the_ledger_is_refused() -> None:
    with pytest.raises(TypeError, match="a Annotation has no place in the ledger"):
        fold(Promised("arrives", "k"), record(Annotation("a", instant(at(0)), "released")), MOMENT, 100)


# --- as judged and as amended ---


def judged(*events: Event, closed: float) -> tuple[list[tuple[float, bool, bool]], bool]:
    found: Account = account(row(events), Reach(at(closed)), MINUTE)
    return [((each.at - BEGIN) / MINUTE, each.broken, each.cancelled) for each in found.judged], found.amends


def test_what_is_known_in_time_is_judged_and_amends_nothing() -> None:
    assert judged(promise(0, 10), outcome(4, "kept"), closed=20) == ([(10, False, False)], False)
    assert judged(promise(0, 10), closed=20) == ([(10, True, False)], False)


def test_a_promise_made_after_its_due_window_amends_it() -> None:
    assert judged(promise(12, 10), closed=20) == ([], True)


def test_a_promise_made_after_its_outcome_moves_what_was_judged_there() -> None:
    assert judged(outcome(4, "kept"), promise(6, 10), closed=20) == ([(4, False, False), (10, False, False)], True)


def test_what_comes_with_the_very_beginning_of_the_next_window_was_not_known_before() -> None:
    """An outcome at one o'clock, and its promise in the instant in which the window ends."""
    assert judged(outcome(0.5, "kept"), promise(1, 5), closed=3) == ([(0.5, False, False), (5, False, False)], True)


def test_a_break_that_moved_to_another_window_was_not_judged_there() -> None:
    moved = account(row([outcome(10, "broken"), promise(4, 5)]), Reach(at(20)), MINUTE)
    assert moved.was_judged(MINUTE)
    late = account(row([outcome(10, "broken"), promise(11, 5)]), Reach(at(20)), MINUTE)
    assert (late.amended is not None and late.amended.at, late.was_judged(MINUTE)) == (at(5), False)


def test_within_one_window_the_order_of_events_does_not_matter() -> None:
    assert judged(outcome(4, "kept"), promise(4.5, 10), closed=20) == ([(10, False, False)], False)


def test_what_was_withdrawn_and_then_kept_in_time_was_judged_as_withdrawn() -> None:
    assert judged(promise(0, 10), outcome(4, "cancelled"), outcome(8, "kept"), closed=20) == (
        [(4, False, True), (10, False, False)],
        True,
    )


# --- the fold ---

some_events = st.lists(
    st.one_of(
        st.builds(promise, st.integers(0, 30), st.integers(0, 40), value=st.sampled_from([None, 1.0, 2.0])),
        st.builds(outcome, st.integers(0, 40), st.sampled_from(["kept", "broken", "cancelled"])),
    ),
    max_size=6,
)


@given(some_events, st.randoms(use_true_random=False))
def test_the_fold_is_commutative(events: list[Event], random: Random) -> None:
    mixed = list(events)
    random.shuffle(mixed)
    assert row(events) == row(mixed)


@given(some_events, st.data())
def test_the_fold_is_idempotent(events: list[Event], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    assert row(events) == row([*events, *again])


def joined(one: Promised, other: Promised) -> Promised:
    """The row of both halves: the earliest of each, and the newest promise."""

    def first(name: str) -> object:
        known = [entry for entry in (getattr(one, name), getattr(other, name)) if entry is not None]
        return min(known, key=lambda entry: entry.order, default=None)

    newest = max((e for e in (one.newest, other.newest) if e), key=lambda entry: entry.order, default=None)
    return Promised("arrives", "k", first("first"), newest, first("kept"), first("broken"), first("cancelled"))  # type: ignore[arg-type]  # entries


@given(some_events, some_events)
def test_the_fold_is_associative(some: list[Event], more: list[Event]) -> None:
    assert joined(row(some), row(more)) == row([*some, *more])


@given(some_events, st.integers(0, 60))
def test_a_row_counts_once_at_most(events: list[Event], closed: int) -> None:
    found = account(row(events), Reach(at(closed)), MINUTE)
    places = [each.at // MINUTE for each in found.judged]
    assert len(places) == len(set(places))
    if found.amended is not None and not found.amends:
        assert list(found.judged) == [found.amended]


def test_between_two_parts_of_a_closing_what_is_past_its_due_counts_as_once_it_is_closed() -> None:
    under_way, closed = Reach(at(5), expired=(at(5), "z")), Reach(at(6))
    told: list[Event] = [promise(0, 5), outcome(5.5, "kept"), outcome(5.7, "cancelled")]
    for events in permutations(told):
        found = account(row(events), under_way, MINUTE)
        assert (found, found.amends) == (account(row(events), closed, MINUTE), False)
        assert [(each.at, each.broken) for each in found.judged] == [(at(5), True)]
        # Its place comes after the part that is done.
        assert account(row(events), Reach(at(5), expired=(at(5), "a")), MINUTE) == Account()
