"""Which edits of a catalogue let more pass than before."""

from dataclasses import replace

import pytest

from service.core.catalog import Catalog, Deadline, Moment, Objective, Rule, Threshold, WorkingCalendar
from service.core.event import DAY, HOUR
from service.core.terms import GONE, edits, terms

RULE = Rule("many", ("arrives",), (Threshold("broken", ">=", 3, HOUR),))
MOMENT = Moment(
    "arrives", "ops", deadline=Deadline(5 * DAY), objectives=(Objective(0.95, 28 * DAY),), loss_probability=0.1
)


def catalog(moment: Moment = MOMENT, *rules: Rule) -> Catalog:
    return Catalog(moments={"arrives": moment}, rules={rule.name: rule for rule in rules})


def edited(before: Catalog, after: Catalog) -> list[tuple[str, bool]]:
    return [(edit.what, edit.looser) for edit in edits(terms(before), after, 7)]


def test_what_is_seen_first_is_written_down_and_is_no_looser_than_anything() -> None:
    found = list(edits({}, catalog(), 7))
    assert {edit.what for edit in found} == {
        "deadline",
        "objectives",
        "loss probability",
        "false alarm interval",
        "rules",
    }
    assert not any(edit.looser or edit.was for edit in found)
    assert edited(catalog(), catalog()) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"deadline": Deadline(7 * DAY)}, "deadline"),
        ({"deadline": None}, "deadline"),
        ({"deadline": Deadline(5 * DAY, WorkingCalendar())}, "deadline"),
        ({"objectives": (Objective(0.9, 28 * DAY),)}, "objectives"),
        ({"objectives": ()}, "objectives"),
        ({"loss_probability": 0.05}, "loss probability"),
        ({"false_alarm_interval": 365 * DAY}, "false alarm interval"),
    ],
)
def test_an_edit_that_lets_more_pass_is_looser_and_its_reverse_is_not(change: dict[str, object], what: str) -> None:
    changed = catalog(replace(MOMENT, **change))  # type: ignore[arg-type]  # fields by name
    assert edited(catalog(), changed) == [(what, True)]
    # Between days and working days nobody can say which is longer: either is told.
    calendar = isinstance(change.get("deadline"), Deadline) and changed.moments["arrives"].deadline != Deadline(7 * DAY)
    assert edited(changed, catalog()) == [(what, calendar)]


def test_a_rule_that_is_gone_or_only_on_trial_is_looser_and_a_new_one_is_not() -> None:
    assert edited(catalog(MOMENT, RULE), catalog()) == [("rules", True)]
    assert edited(catalog(MOMENT, RULE), catalog(MOMENT, replace(RULE, status="experimental"))) == [("rules", True)]
    assert edited(catalog(), catalog(MOMENT, RULE)) == [("rules", False)]


def test_a_moment_that_is_gone_is_looser_once() -> None:
    found = list(edits(terms(catalog()), Catalog(), 7))
    assert {(edit.now, edit.looser) for edit in found} == {(GONE, True)}
    known = {(edit.moment, edit.what): edit.now for edit in found}
    assert list(edits(known, Catalog(), 8)) == []
    assert not any(edit.looser for edit in edits(known, catalog(), 8))
