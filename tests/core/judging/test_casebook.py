"""Which breaches open an interruption, which are evidence in one, and which end it."""

import json
from itertools import pairwise

import msgspec
import pytest

from service.core.event import DAY, HOUR, MINUTE, Micros
from service.core.interruption import Interruption, Kind, Segment, interruption_id
from service.core.judging.casebook import STALE_AFTER, Breach, Casebook, Decision
from tests.core.making import at
from tests.core.scripted import MOMENT

QUARTER = 15 * MINUTE
WHOLE: Segment = ()


def breach(row: str, watcher: str = "failure_rate", onset: float = 0, **more: object) -> Breach:
    fields: dict[str, object] = {
        "watcher": watcher,
        "kind": "rule" if "rule" in more else "failure_rate",
        "row": row,
        "onset": at(onset),
        "evidence": 1.0,
    } | more
    return Breach(**fields)  # type: ignore[arg-type]  # named as the struct has them


def contrast(row: str, evidence: float = 1.0, onset: float = 0) -> Breach:
    return breach(row, "contrast", onset, contrast=True, evidence=evidence)


class Run:
    """A casebook a quarter of an hour at a time; the cases that are open, by segment."""

    def __init__(self) -> None:
        self.book = Casebook(MOMENT)
        self.now: Micros = at(0)
        self.open: dict[str, Decision] = {}

    def step(self, *breaches: Breach, arrived: bool = True, length: Micros = QUARTER) -> list[tuple[str, Segment]]:
        """What was decided, pulses left out."""
        end = self.now + length
        decisions = self.book.advance(self.now, end, breaches, arrived=arrived)
        self.now = end
        for decision in decisions:
            if decision.what == "open":
                self.open[decision.id] = decision
            elif decision.what == "resolve":
                del self.open[decision.id]
        return [(decision.what, decision.segment) for decision in decisions if decision.what != "pulse"]


def segment(dimension: str, *values: str) -> Segment:
    return ((dimension, values),)


NORTH, SOUTH = segment("region", "north"), segment("region", "south")


# --- opening and ending ---


def test_a_breach_opens_one_interruption_and_its_end_resolves_it() -> None:
    run = Run()
    assert run.step() == []
    assert run.step(breach("")) == [("open", WHOLE)]
    assert run.step(breach("")) == []
    assert run.step() == [("resolve", WHOLE)]
    assert run.step() == []


def test_its_id_is_made_of_moment_segment_and_the_end_of_its_opening_window() -> None:
    run = Run()
    run.step()
    run.step(breach("region=north", onset=3))
    [opening] = run.open.values()
    assert opening.id == interruption_id("arrives", NORTH, at(30))
    assert (opening.window, opening.at, opening.onset) == (at(15), at(30), at(3))


def test_its_onset_is_never_after_its_window() -> None:
    run = Run()
    run.step(breach("", onset=10))
    [opening] = run.open.values()
    assert opening.onset == at(0)


def test_segments_of_one_dimension_that_break_together_are_one_interruption() -> None:
    run = Run()
    assert run.step(breach("region=south"), breach("region=north", onset=-4)) == [
        ("open", segment("region", "north", "south"))
    ]
    [opening] = run.open.values()
    assert opening.onset == at(-4)
    # Its segment was fixed at its opening: one of them keeps it open.
    assert run.step(breach("region=north")) == []
    assert run.step() == [("resolve", segment("region", "north", "south"))]


def test_another_value_that_breaks_later_opens_its_own() -> None:
    run = Run()
    run.step(breach("region=north"))
    assert run.step(breach("region=north"), breach("region=south")) == [("open", SOUTH)]


def test_the_same_segment_by_another_kind_is_evidence_and_keeps_it_open() -> None:
    run = Run()
    silent = breach("", "silence", kind="silence")
    run.step(breach(""))
    assert run.step(breach(""), silent) == [("evidence", WHOLE)]
    assert run.step(silent) == []
    assert run.step() == [("resolve", WHOLE)]


def test_two_watchers_of_one_kind_are_no_news() -> None:
    run = Run()
    run.step(breach("region=north"))
    assert run.step(breach("region=north"), contrast("region=north")) == []


# --- one cause, one interruption ---


def test_everything_and_a_segment_of_it_are_one_cause() -> None:
    run = Run()
    assert run.step(breach(""), breach("region=north", evidence=9.0)) == [("open", WHOLE)]


def test_a_segment_that_follows_everything_is_covered_until_that_ends() -> None:
    run = Run()
    run.step(breach(""))
    assert run.step(breach(""), breach("region=north")) == [("locate", WHOLE)]
    assert run.step(breach("region=north")) == [("resolve", WHOLE)]
    # What still stands then opens its own.
    assert run.step(breach("region=north")) == [("open", NORTH)]


def test_where_everything_is_found_to_be_later_is_told_once_for_each_segment() -> None:
    book = Casebook(MOMENT)
    told = []
    for number, broken in enumerate(
        (("",), ("", "region=north"), ("", "region=north", "region=south"), ("", "region=north"))
    ):
        if number == 3:
            book = Casebook.load(MOMENT, json.loads(json.dumps(book.dump())))
        decisions = book.advance(at(15 * number), at(15 * number + 15), [breach(row) for row in broken], arrived=True)
        told.append([decision.located for decision in decisions if decision.what == "locate"])
        assert all(decision.segment == WHOLE for decision in decisions)
    # The north went on, came to an end and came again.
    book.advance(at(60), at(75), [breach("")], arrived=True)
    assert not book.advance(at(75), at(90), [breach(""), breach("region=north")], arrived=True)
    assert told == [[], [NORTH], [SOUTH], []]


def test_segments_that_break_with_everything_are_no_later_news() -> None:
    run = Run()
    assert run.step(breach(""), breach("region=north")) == [("open", WHOLE)]
    assert run.step(breach(""), breach("region=north")) == []


def test_a_segment_that_is_worse_than_the_rest_opens_its_own_inside_everything() -> None:
    run = Run()
    run.step(breach(""))
    assert run.step(breach(""), contrast("region=north")) == [("open", NORTH)]


def test_what_set_a_segment_apart_long_before_is_told_inside_everything_and_opens_after_it() -> None:
    run, before = Run(), -DAY // MINUTE
    run.step(breach("", onset=0))
    apart = contrast("region=north", onset=before - 1)
    assert run.step(breach(""), apart) == [("locate", WHOLE)]
    assert run.step(breach(""), apart, contrast("region=south", onset=before)) == [("open", SOUTH)]
    assert run.step(apart) == [("resolve", WHOLE), ("resolve", SOUTH)]
    assert run.step(apart) == [("open", NORTH)]


def test_everything_opens_its_own_after_a_segment() -> None:
    run = Run()
    run.step(breach("region=north"))
    assert run.step(breach("region=north"), breach("")) == [("open", WHOLE)]


def test_of_two_dimensions_that_break_together_the_stronger_names_the_cause() -> None:
    run = Run()
    assert run.step(breach("region=north", evidence=1.1), breach("carrier=a", evidence=3.0)) == [
        ("open", segment("carrier", "a"))
    ]


def test_a_contrast_names_it_before_a_rate_does() -> None:
    run = Run()
    assert run.step(breach("carrier=a", evidence=9.0), contrast("region=north", evidence=1.0)) == [("open", NORTH)]


def test_another_dimension_is_covered_only_if_it_began_before() -> None:
    run = Run()
    run.step(breach("region=north"))
    assert run.step(breach("region=north"), breach("carrier=a", onset=12)) == [("locate", NORTH)]
    later = breach("carrier=b", onset=40)
    assert run.step(breach("region=north"), later) == [("open", segment("carrier", "b"))]


def test_a_covered_breach_keeps_nothing_open() -> None:
    run = Run()
    run.step(breach("region=north", evidence=2.0), breach("carrier=a"))
    assert run.step(breach("carrier=a")) == [("resolve", NORTH)]


# --- rules ---


def test_a_rule_on_the_same_segment_is_evidence_with_its_level() -> None:
    run = Run()
    run.step(breach(""))
    decisions = run.book.advance(
        run.now, run.now + MINUTE, [breach(""), breach("", "rule:r:0", rule="r", level="critical")], arrived=True
    )
    assert [(d.what, d.kind, d.level) for d in decisions] == [("evidence", "rule", "critical")]


def test_a_detector_opens_before_a_rule_does() -> None:
    run = Run()
    assert run.step(breach("", "rule:r:0", rule="r", evidence=99.0), breach("")) == [
        ("open", WHOLE),
        ("evidence", WHOLE),
    ]
    [opening] = run.open.values()
    assert (opening.kind, opening.rule) == ("failure_rate", None)


def test_an_experimental_rule_neither_hides_nor_joins_a_real_interruption() -> None:
    run = Run()
    tried = breach("", "rule:r:0", rule="r", trial=True)
    assert run.step(tried) == [("open", WHOLE)]
    [opening] = run.open.values()
    assert not opening.notifies
    assert run.step(tried, breach("")) == [("open", WHOLE)]
    assert len({decision.id for decision in run.open.values()}) == 2
    assert run.step(breach("")) == [("resolve", WHOLE)]
    assert [decision.notifies for decision in run.open.values()] == [True]


def test_two_rules_on_trial_know_nothing_of_each_other() -> None:
    run = Run()
    one = breach("", "rule:r:0", rule="r", trial=True)
    other = breach("", "rule:s:0", rule="s", trial=True)
    assert run.step(one, other) == [("open", WHOLE), ("open", WHOLE)]


# --- time ---


def test_a_week_without_data_makes_it_stale_and_not_resolved() -> None:
    run = Run()
    run.step(breach(""))
    assert run.step(breach(""), arrived=False, length=STALE_AFTER - QUARTER) == []
    assert run.step(breach(""), arrived=False) == [("stale", WHOLE)]
    assert run.step(breach(""), arrived=False) == []
    assert len(run.open) == 1


def test_data_that_comes_back_makes_it_open_again() -> None:
    run = Run()
    run.step(breach(""))
    run.step(breach(""), arrived=False, length=STALE_AFTER)
    assert run.step(breach("")) == [("return", WHOLE)]
    assert run.step(breach("")) == []
    assert run.step(breach(""), arrived=False, length=STALE_AFTER) == [("stale", WHOLE)]


def test_data_puts_staleness_off() -> None:
    run = Run()
    run.step(breach(""))
    run.step(breach(""), length=6 * DAY)
    assert run.step(breach(""), arrived=False, length=6 * DAY) == []


def test_what_is_likely_over_recovers_until_it_goes_on_or_ends() -> None:
    run = Run()
    told = [
        run.step(breach("", over=over), breach("", "duration", over=3.0))
        for over in (0.0, 1.9, 2.0, 9.0, 1.0, 0.9, 1.9, 2.5)
    ]
    assert told[1:] == [[], [("recover", WHOLE)], [], [], [("relapse", WHOLE)], [], [("recover", WHOLE)]]
    assert run.step() == [("resolve", WHOLE)]


def test_all_that_keeps_it_open_has_to_be_likely_over() -> None:
    run = Run()
    run.step(breach("region=north"), breach("region=south"))
    assert run.step(breach("region=north", over=9.0), breach("region=south")) == []
    # What is merely covered keeps nothing open.
    both, carrier = segment("region", "north", "south"), breach("carrier=a")
    assert run.step(breach("region=north", over=9.0), carrier) == [("locate", both), ("recover", both)]


def test_those_that_go_on_under_known_names_keep_their_order() -> None:
    run = Run()
    run.step(breach("region=north"))
    run.step(breach("region=north"), breach("region=south", onset=16))
    first, second = run.open.values()
    known = Interruption(
        "known", "arrives", first.segment, first.kind, (first.kind,), None, "low", "recovering", at(0), at(0), at(0)
    )
    run.book.adopt(first.id, known)
    assert [opening.id for opening, *_ in run.book.standing()] == ["known", second.id]


def test_nothing_recovers_while_it_is_stale() -> None:
    run = Run()
    run.step(breach(""))
    assert run.step(breach(""), arrived=False, length=STALE_AFTER) == [("stale", WHOLE)]
    assert run.step(breach("", over=9.0), arrived=False) == []
    assert run.step(breach("", over=9.0)) == [("return", WHOLE), ("recover", WHOLE)]


def test_its_level_is_looked_at_ever_more_seldom() -> None:
    run = Run()
    run.step(breach(""))
    pulses = []
    while run.now < at(0) + 10 * DAY:
        end = run.now + HOUR
        pulses += [d.at for d in run.book.advance(run.now, end, [breach("")], arrived=True) if d.what == "pulse"]
        run.now = end
    gaps = [(b - a) // HOUR for a, b in pairwise(pulses)]
    assert gaps == sorted(gaps)
    assert gaps[0] == 1
    assert gaps[-1] > 40
    assert len(pulses) < 30


# --- what it accounts for ---


def test_a_failing_segment_accounts_for_its_own_breaks_with_what_is_usual_there() -> None:
    run = Run()
    run.step(breach("region=north", expected=0.1), breach("region=south", expected=0.2))
    [account] = run.book.explained()
    assert (account.dimension, account.usual) == ("region", {"north": 0.1, "south": 0.2})


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [("failure_rate", "", 0.1), ("silence", "region=north", 3.0), ("failure_rate", "r=n", None)],
)
def test_nothing_else_accounts_for_anything(kind: Kind, row: str, expected: float | None) -> None:
    run = Run()
    run.step(breach(row, kind=kind, expected=expected))
    assert run.book.explained() == []


def test_a_segment_accounts_for_nothing_while_everything_breaks() -> None:
    """Beside one that is taken to be as usual every other row would seem to break by itself."""
    run, north = Run(), breach("region=north", expected=0.1)
    run.step(north)
    run.step(north, breach("", expected=0.1))
    assert run.book.explained() == []
    run.step(north)
    assert [account.dimension for account in run.book.explained()] == ["region"]
    run.step(north, breach("", "silence", kind="silence", expected=3.0))
    assert [account.dimension for account in run.book.explained()] == ["region"]


def test_a_dump_anywhere_changes_nothing() -> None:
    story: list[list[Breach]] = [
        [],
        [breach("region=north", expected=0.1), breach("carrier=a")],
        [breach("region=north"), breach("carrier=a"), breach("", "rule:r:0", rule="r", trial=True)],
        [breach(""), breach("region=north"), contrast("carrier=b")],
        [breach(""), breach("", "silence", kind="silence")],
        [breach("carrier=a")],
        [breach("carrier=a")],
        [],
    ]
    for cut in range(len(story)):
        whole, resumed = Casebook(MOMENT), Casebook(MOMENT)
        for n, breaches in enumerate(story):
            if n == cut:
                resumed = Casebook.load(MOMENT, json.loads(json.dumps(resumed.dump())))
            span = (at(15 * n), at(15 * n + 15))
            assert whole.advance(*span, breaches, arrived=True) == resumed.advance(*span, breaches, arrived=True)
            assert whole.explained() == resumed.explained()
            assert msgspec.json.encode(whole.dump()) == msgspec.json.encode(resumed.dump())
