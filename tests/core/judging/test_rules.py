"""YAML rules on trailing windows."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.catalog import BurnRate, BurnWindow, Rule, Standing, Threshold
from service.core.counting.tally import Cell, Values, Window
from service.core.event import MINUTE
from service.core.judging.rules import Firing, RuleWatch
from tests.core.making import at, window

Signal = Literal["failure_rate", "broken", "attempts", "arrivals"]
Op = Literal[">", ">=", "<", "<="]


def watch(detect: Threshold | BurnRate | Standing, **more: object) -> RuleWatch:
    rule = Rule("r", ("arrives",), (detect,), **more)  # type: ignore[arg-type]  # named as the rule has them
    return RuleWatch(rule, detect, ("region",))


def threshold(
    signal: Signal = "broken", op: Op = ">=", value: float = 3, minutes: int = 5, min_count: int = 0
) -> Threshold:
    return Threshold(signal, op, value, minutes * MINUTE, min_count)


def through(rule: RuleWatch, series: Sequence[tuple[int, int] | None], first: int = 0) -> list[list[Firing]]:
    """What fires minute by minute, given (attempts, broken) or an empty window."""
    return [
        rule.advance(at(n), at(n + 1), None if counts is None else window(n, {(None,): counts}))
        for n, counts in enumerate(series, first)
    ]


def fires(rule: RuleWatch, series: Sequence[tuple[int, int] | None]) -> list[int]:
    """The minutes in which it fires."""
    return [minute for minute, firing in enumerate(through(rule, series)) if firing]


@pytest.mark.parametrize(
    ("signal", "op", "value", "fired"),
    [
        ("broken", ">=", 3, True),
        ("broken", ">", 3, False),
        ("attempts", ">=", 8, True),
        ("attempts", ">", 8, False),
        ("failure_rate", ">=", 0.375, True),
        ("failure_rate", ">", 0.375, False),
        ("arrivals", ">=", 12, True),
        ("arrivals", ">", 12, False),
        ("broken", "<=", 3, True),
        ("broken", "<", 3, False),
        ("attempts", "<=", 8, True),
        ("attempts", "<", 8, False),
        ("failure_rate", "<=", 0.375, True),
        ("failure_rate", "<", 0.375, False),
        ("arrivals", "<=", 12, True),
        ("arrivals", "<", 12, False),
    ],
)
def test_a_threshold_compares_the_trailing_sum_or_share(signal: Signal, op: Op, value: float, *, fired: bool) -> None:
    rule = watch(threshold(signal, op, value, minutes=2))
    rule.advance(at(0), at(1), window(0, {(None,): (4, 1)}, arrivals=6))
    firing = rule.advance(at(1), at(2), window(1, {(None,): (4, 2)}, arrivals=6))
    assert bool(firing) is fired
    if fired:
        seen = {"broken": 3, "attempts": 8, "failure_rate": 0.375, "arrivals": 12}[signal]
        assert [(one.row, one.expected, one.seen) for one in firing] == [("", value, seen)]


def test_windows_that_ended_longer_ago_than_the_length_are_forgotten() -> None:
    series: list[tuple[int, int] | None] = [(5, 3), None, None, None, None, None, None]
    assert fires(watch(threshold(minutes=5)), series) == [0, 1, 2, 3, 4]


def test_too_few_attempts_say_nothing() -> None:
    series: list[tuple[int, int] | None] = [(2, 2), (2, 2), (2, 2)]
    assert fires(watch(threshold("failure_rate", ">", 0.5, min_count=5)), series) == [2]


def test_no_attempts_are_no_share() -> None:
    assert fires(watch(threshold("failure_rate", "<=", 1.0, minutes=1)), [None, (1, 0), None]) == [1]


def test_a_falling_threshold_says_nothing_before_its_window_is_full() -> None:
    assert fires(watch(threshold("arrivals", "<", 3, minutes=4)), [(1, 0)] * 3 + [None] * 3) == [4, 5]
    assert fires(watch(threshold("arrivals", "<", 3, minutes=4)), [None] * 6) == [3, 4, 5]


def test_a_rising_threshold_need_not_wait() -> None:
    assert fires(watch(threshold(minutes=60)), [(3, 3)])[0] == 0


def test_for_means_that_the_condition_holds_so_long_before_it_fires() -> None:
    rule = watch(threshold("broken", ">=", 1, minutes=1), hold=3 * MINUTE)
    series: list[tuple[int, int] | None] = [(1, 1), (1, 1), (1, 0), (1, 1), (1, 1), (1, 1), (1, 1), (1, 0)]
    found = through(rule, series)
    assert [n for n, firing in enumerate(found) if firing] == [5, 6]
    # The condition began to hold where its streak did.
    assert {firing[0].since for firing in found if firing} == {at(3)}


def test_keep_firing_for_bridges_gaps_up_to_its_length() -> None:
    rule = watch(threshold("broken", ">=", 1, minutes=1), keep_firing=2 * MINUTE)
    series: list[tuple[int, int] | None] = [(1, 1), None, (1, 0), (1, 1), None, None, None, None]
    found = through(rule, series)
    assert [n for n, firing in enumerate(found) if firing] == [0, 1, 2, 3, 4, 5]
    assert {firing[0].since for firing in found if firing} == {at(0)}
    assert math.isnan(found[1][0].seen)
    assert [firing[0].holds for firing in found if firing] == [True, False, False, True, False, False]


def test_a_rule_that_groups_watches_each_value_by_itself() -> None:
    rule = watch(threshold(), group_by=("region",))
    cells: dict[Values, tuple[int, int]] = {("north",): (5, 3), ("south",): (5, 2), (None,): (9, 9)}
    assert [one.row for one in rule.advance(at(0), at(1), window(0, cells))] == ["region=north"]
    assert [one.row for one in rule.advance(at(1), at(2), window(1, {("south",): (1, 1)}))] == [
        "region=north",
        "region=south",
    ]


def test_a_rule_that_does_not_group_counts_what_is_not_stated_too() -> None:
    rule = watch(threshold())
    assert rule.advance(at(0), at(1), window(0, {("north",): (5, 1), ("south",): (5, 1), (None,): (1, 1)}))


BURN = BurnRate(0.9, (BurnWindow(10 * MINUTE, 2 * MINUTE, 5.0),))
"""Fires while half or more breaks over ten minutes, and over the last two."""


def test_a_burn_rate_needs_the_long_window() -> None:
    # The short window burns at once, the long one after five of ten minutes.
    assert fires(watch(BURN), [(10, 0)] * 10 + [(10, 10)] * 6) == [14, 15]


def test_a_burn_rate_ends_with_the_short_window() -> None:
    assert fires(watch(BURN), [(10, 0)] * 10 + [(10, 10)] * 6 + [(10, 0)] * 4) == [14, 15, 16]


def test_a_burn_rate_says_how_fast_it_may_burn() -> None:
    [firing] = through(watch(BURN), [(10, 6)])[0]
    assert firing.expected == pytest.approx(0.5)
    assert firing.seen == 0.6


def test_any_pair_of_burn_windows_suffices() -> None:
    rate = BurnRate(0.9, (BurnWindow(60 * MINUTE, 5 * MINUTE, 9.9), BurnWindow(4 * MINUTE, MINUTE, 2.0)))
    assert fires(watch(rate), [(10, 0)] * 4 + [(10, 10)]) == [4]


def test_nothing_tried_burns_nothing() -> None:
    assert fires(watch(BURN), [None] * 20) == []


series = st.lists(
    st.one_of(st.none(), st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda p: (max(p), min(p)))),
    min_size=1,
    max_size=25,
)
rules = st.sampled_from(
    [
        lambda: watch(threshold()),
        lambda: watch(threshold("arrivals", "<", 4, minutes=3)),
        lambda: watch(threshold("failure_rate", ">", 0.5, minutes=3), hold=2 * MINUTE, keep_firing=3 * MINUTE),
        lambda: watch(threshold(value=1), group_by=("region",), keep_firing=MINUTE),
        lambda: watch(BURN),
    ]
)


def windows(found: list[tuple[int, int] | None]) -> list[Window | None]:
    """Every other one in the north."""
    return [None if c is None else window(n, {("north" if n % 2 else None,): c}) for n, c in enumerate(found)]


@settings(max_examples=60, deadline=None)
@given(rules, series, st.integers(0, 25))
def test_a_dump_anywhere_changes_nothing(
    make: Callable[[], RuleWatch], found: list[tuple[int, int] | None], cut: int
) -> None:
    whole, first = make(), make()
    said, again = [], []
    for n, one in enumerate(windows(found)):
        if n == cut:
            state = json.loads(json.dumps(first.dump()))
            first = make()
            first.load(state)
        said.append(repr(whole.advance(at(n), at(n + 1), one)))
        again.append(repr(first.advance(at(n), at(n + 1), one)))
    assert said == again


def said(minute: int, region: str | None = None, **signals: int) -> Window:
    """A window in which something besides outcomes was counted."""
    return Window(at(minute), at(minute + 1), {(region,): Cell(signals=dict(signals))})


def test_promises_open_past_their_due_stand_until_they_are_settled() -> None:
    rule = watch(Standing("overdue", 3))
    series = [said(0, overdue=2), said(1, overdue=1), None, said(3, overdue=1, caught_up=2), said(4, overdue=1)]
    firing = [rule.advance(at(n), at(n + 1), each) for n, each in enumerate(series)]
    assert [[(f.expected, f.seen) for f in found] for found in firing] == [[], [(3, 3)], [(3, 3)], [], [(3, 3)]]


def test_a_streak_ends_with_any_promise_kept() -> None:
    rule = watch(Standing("streak", 4))
    assert fires(rule, [(2, 2), None, (1, 1), (1, 1), (3, 2), (3, 3), (1, 1)]) == [3, 6]


def test_complaints_are_counted_within_a_stretch_by_segment() -> None:
    rule = watch(Threshold("complaints", ">=", 2, 2 * MINUTE), group_by=("region",))
    series = [said(0, "north", complaints=1), said(1, "south", complaints=1), said(2, "south", complaints=1), None]
    firing = [rule.advance(at(n), at(n + 1), each) for n, each in enumerate(series)]
    assert [[f.row for f in found] for found in firing] == [[], [], ["region=south"], []]


@pytest.mark.parametrize("detect", [Standing("overdue", 3), Standing("streak", 4)])
def test_a_standing_count_goes_on_from_a_dump(detect: Standing) -> None:
    one, other = watch(detect), watch(detect)
    found: list[Firing] = []
    series = [said(0, overdue=2), window(1, {(None,): (2, 2)}), said(2, overdue=1), window(3, {(None,): (2, 2)})]
    for n, each in enumerate(series):
        found = one.advance(at(n), at(n + 1), each)
        assert found == other.advance(at(n), at(n + 1), each)
        other, state = watch(detect), json.loads(json.dumps(other.dump()))
        other.load(state)
    assert found


def test_what_holds_waits_where_records_are_missing_and_a_falling_threshold_begins_anew() -> None:
    rising = watch(threshold("broken", ">=", 1, minutes=1), hold=3 * MINUTE)
    falling = watch(threshold("arrivals", "<", 3, minutes=4))
    for rule in (rising, falling):
        through(rule, [(4, 4)])
        for minute in range(1, 20):
            rule.pass_over(at(minute), at(minute + 1), None)

    # One of its three minutes was seen before, and the other two are yet to come.
    assert [bool(firing) for firing in through(rising, [(1, 1)] * 4, 20)] == [False, True, True, True]
    assert [bool(firing) for firing in through(falling, [None] * 5, 20)] == [False, False, False, True, True]


def test_what_stands_is_counted_where_records_are_missing() -> None:
    rule = watch(Standing("overdue", 2))
    rule.pass_over(at(0), at(1), said(0, overdue=2))
    assert [bool(rule.advance(at(1), at(2), None)), bool(rule.advance(at(2), at(3), said(2, caught_up=1)))] == [
        True,
        False,
    ]
