"""Which edits of a catalogue let more pass than before."""

from dataclasses import replace
from datetime import date

import pytest

from service.core.catalog import Catalog, Deadline, Meaning, Moment, Objective, Rule, Source, Threshold, WorkingCalendar
from service.core.event import DAY, HOUR
from service.core.reporting.goalposts import Goalposts, said
from service.core.terms import GONE, READING, edits, looser, terms

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
        READING,
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


def test_other_days_off_are_told_and_the_same_ones_written_anew_are_not() -> None:
    def off(*days: date) -> Catalog:
        calendar = WorkingCalendar(holidays=tuple((day, day) for day in days))
        return catalog(replace(MOMENT, deadline=Deadline(5 * DAY, calendar)))

    christmas, boxing = off(date(2026, 12, 25)), off(date(2026, 12, 26))
    assert edited(christmas, boxing) == edited(boxing, christmas) == [("deadline", True)]
    assert edited(christmas, off(date(2026, 12, 25))) == []
    now = terms(christmas)["arrives", "deadline"]
    before = "5 d worked (MTWTF, 1 holidays; UTC)"
    assert not looser("deadline", before, now)
    assert looser("deadline", before.replace("1 h", "2 h"), now)
    assert looser("deadline", before.replace("MTWTF", "MTWT"), now)


def test_what_records_of_a_topic_are_taken_for_is_told_when_it_changes() -> None:
    def read(*events: Meaning, **mapping: str) -> Catalog:
        source = Source("orders", "shop.orders", mapping=mapping, events=events)
        return replace(catalog(), sources={"orders": source})

    begun, paid = Meaning("s == 'NEW'", "promise", "arrives"), Meaning("s == 'PAID'", "kept", "arrives")
    strict = read(begun, paid, time="at")
    for other in (
        read(begun, replace(paid, when="s == 'APPROVED'"), time="at"),
        read(begun, replace(paid, mapping={"time": "approved_at"}), time="at"),
        read(begun, paid, time="approved_at"),
        read(begun, paid, Meaning("s == 'LATE'", "cancelled", "arrives"), time="at"),
    ):
        assert edited(strict, other) == edited(other, strict) == [(READING, True)]
    # What says nothing of whether it was kept, and what another moment is told of.
    assert edited(strict, read(begun, paid, time="at", customer="who")) == []
    assert edited(strict, read(begun, paid, Meaning("s == 'NEW'", "promise", "else"), time="at")) == []
    found = tuple(edits(terms(strict), read(begun, paid, time="paid_at"), 7))
    same = "promise where s == 'NEW'; kept where s == 'PAID'; time from"
    assert said(Goalposts(edits=found)) == [f"its reading of records changed: {same} at to {same} paid_at"]


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
