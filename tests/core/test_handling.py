"""What people do with an interruption, and what does not fit."""

import msgspec
import pytest

from service.core.handling import UNTOUCHED, Action, Ask, Handling, Refused, fold, handle, noted


def action(verb: str, value: str = "", note: str = "", *, by: str = "ann", at: int = 1) -> Action:
    return Action("i", at, verb, by, value, note)  # type: ignore[arg-type]  # as the test says


def test_the_first_who_acknowledges_has_it() -> None:
    first = handle(UNTOUCHED, action("acknowledge"))
    assert (first.acknowledged_by, first.acknowledged_at) == ("ann", 1)
    assert handle(first, action("acknowledge", by="bob", at=2)) == first
    assert handle(first, action("unacknowledge")) == UNTOUCHED


def test_what_is_resolved_is_reopened_before_it_is_acknowledged() -> None:
    over = handle(handle(UNTOUCHED, action("acknowledge")), action("resolve", by="bob"))
    with pytest.raises(Refused, match="bob has resolved it already"):
        handle(over, action("acknowledge"))
    again = handle(over, action("reopen"))
    assert again == UNTOUCHED
    with pytest.raises(Refused, match="nothing to reopen"):
        handle(again, action("reopen"))


def test_a_level_needs_a_reason() -> None:
    assert handle(UNTOUCHED, action("level", "low", "a test order")).level == "low"
    with pytest.raises(Refused, match="needs a reason"):
        handle(UNTOUCHED, action("level", "low"))
    with pytest.raises(Refused, match="'huge' is not a level"):
        handle(UNTOUCHED, action("level", "huge", "so"))


def test_a_mark_is_one_of_three_and_may_be_changed() -> None:
    marked = handle(handle(UNTOUCHED, action("mark", "noise")), action("mark", "useful"))
    assert marked.mark == "useful"
    with pytest.raises(Refused, match="noise, useful, too_late"):
        handle(UNTOUCHED, action("mark", "great"))


def test_help_is_asked_of_somebody_for_something_and_answered_once() -> None:
    asked = handle(UNTOUCHED, action("ask", "depot", "count the vans"))
    assert asked.asks == (Ask("depot", "count the vans", None, "ann", 1),)
    by_five = msgspec.structs.replace(action("ask", "depot", "count the vans"), until=5)
    assert handle(UNTOUCHED, by_five).asks[0].until == 5
    done = handle(asked, action("answer", "depot", "nine", at=5))
    assert (done.asks[0].answered_at, done.asks[0].answer) == (5, "nine")
    for wrong in (action("answer", "depot", "ten"), action("ask", "", "x")):
        with pytest.raises(Refused):
            handle(done, wrong)


def test_the_audit_folds_into_the_handling_and_passes_over_what_did_not_fit() -> None:
    actions = [action("assign", "bob"), action("reopen"), action("annotate", note="calls from Rio"), action("resolve")]
    assert fold(actions) == Handling(assignee="bob", resolved_at=1, resolved_by="ann")
    assert [noted(one) for one in actions] == ["assigned to bob", "", "calls from Rio", ""]
    with pytest.raises(Refused, match="the note is empty"):
        handle(UNTOUCHED, action("annotate"))
