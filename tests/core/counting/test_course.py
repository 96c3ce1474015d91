"""The course of a promise: way marks before its due, open past it, given up, moved; in whatever order it is told."""

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from service.core.catalog import Catalog, Moment
from service.core.counting.changes import Changes, View
from service.core.counting.course import way_marks
from service.core.counting.intake import Intake, expire
from service.core.counting.reach import Reach
from service.core.event import DAY, HOUR, MINUTE, Event, Micros, OutcomeWord
from tests.core.making import PLACE, at, outcome, promise, record

if TYPE_CHECKING:
    from service.core.counting.changes import PromiseKey
    from service.core.counting.ledger import Promised

MOMENT = Moment("arrives", "ops", dimensions=("region",), give_up_after=3 * DAY)
CATALOG = Catalog(moments={"arrives": MOMENT})
GOALPOSTS = {"promised", "given_s", "redated_later", "redated_sooner", "kept_by_later"}


class Ledger:
    """One moment's rows and all that they were counted as, through any number of batches and closings."""

    def __init__(self) -> None:
        self.rows: dict[PromiseKey, Promised] = {}
        self.reach = Reach(0)
        self.signals: dict[tuple[Micros, str], int] = {}
        self.late: dict[tuple[Micros, str], int] = {}

    def take(self, *events: Event) -> None:
        """A batch."""
        changes = Changes()
        view = View({"arrives": self.reach}, dict(self.rows))
        Intake(CATALOG).take(PLACE, [record(event, n) for n, event in enumerate(events)], view, changes)
        self._apply(changes)

    def close(self, through: Micros, given_up: Micros | None = None) -> None:
        """A closing, given up as the catalogue says unless told otherwise."""
        changes = Changes()
        rows = list(self.rows.values())
        now = Reach(through, (through - MOMENT.give_up_after if given_up is None else given_up, ""))
        low, high = sorted((self.reach.given_up[0], now.given_up[0]))
        unsettled = [row for row in rows if not (row.kept or row.broken or row.cancelled)]
        due = [row for row in rows if self.reach.closed <= (row.due or 0) < through]
        forsaken = [row for row in unsettled if low <= (row.due or 0) < high]
        expire(MOMENT, due, forsaken, (self.reach, now), changes)
        self._apply(changes)
        self.reach = now

    def _apply(self, changes: Changes) -> None:
        self.rows.update(changes.promises)
        for key, cell in changes.tally:
            side = self.late if key.late else self.signals
            for name, n in (cell.signals or {}).items():
                place = (key.window, name)
                side[place] = side.get(place, 0) + n

    def sums(self, *names: str) -> dict[str, int]:
        """Of all windows."""
        total: dict[str, int] = {}
        for side in (self.signals, self.late):
            for (_, name), n in side.items():
                if name in names or not names:
                    total[name] = total.get(name, 0) + n
        return {name: n for name, n in total.items() if n}


def told(*events: Event) -> Ledger:
    ledger = Ledger()
    ledger.take(*events)
    return ledger


# --- on its way ---


def test_a_promise_is_counted_at_half_and_three_quarters_of_its_time_before_anybody_looks() -> None:
    ledger = told(promise(0, 100))
    marks = {place: n for place, n in ledger.signals.items() if place[1] not in GOALPOSTS}
    # Steps of five minutes: twenty of them are given.
    assert marks == {
        (at(49), "reached_half"): 1,
        (at(49), "open_half"): 1,
        (at(74), "reached_most"): 1,
        (at(74), "open_most"): 1,
    }


@pytest.mark.parametrize(
    ("minute", "still_open"), [(49.9, {}), (50, {"open_half": 1}), (75, {"open_half": 1, "open_most": 1})]
)
@pytest.mark.parametrize("word", ["kept", "broken", "cancelled"])
def test_an_outcome_takes_it_out_of_the_marks_that_come_after(
    minute: float, still_open: dict[str, int], word: OutcomeWord
) -> None:
    ledger = told(promise(0, 100), outcome(minute, word))
    assert ledger.sums("open_half", "open_most") == still_open
    assert ledger.sums("reached_half", "reached_most") == {"reached_half": 1, "reached_most": 1}


def test_what_is_heard_of_a_mark_that_is_closed_amends_it() -> None:
    ledger = told(promise(0, 100))
    ledger.close(at(60))
    ledger.take(outcome(30, "kept"))
    assert ledger.signals[at(49), "open_half"] == 1
    assert ledger.late[at(49), "open_half"] == -1
    assert ledger.signals[at(74), "open_most"] == 0


def test_what_is_due_at_once_has_no_marks() -> None:
    assert told(promise(0, 7)).sums("reached_half") == {}
    assert told(promise(0, 8)).sums("reached_half") == {"reached_half": 1}


def test_the_order_of_arrival_changes_nothing_of_a_course() -> None:
    events: tuple[Event, ...] = (
        promise(0, 100),
        promise(5, 300),
        outcome(60, "kept"),
        promise(-30, 90, key="k"),
        outcome(120, "cancelled"),
    )
    found = []
    for order in permutations(events):
        ledger = Ledger()
        for event in order:
            ledger.take(event)
        ledger.close(at(400))
        found.append(({k: n for k, n in ledger.signals.items() if n}, {k: n for k, n in ledger.late.items() if n}))
    assert all(each == found[0] for each in found)
    assert any(name == "open_half" for _, name in found[0][0])


# --- given up ---


def overdue(ledger: Ledger) -> int:
    sums = ledger.sums()
    return sums.get("overdue", 0) - sums.get("caught_up", 0) - sums.get("given_up", 0)


def test_a_promise_made_after_its_due_is_overdue_from_when_it_was_made() -> None:
    ledger = Ledger()
    ledger.take(promise(30, 10))
    ledger.close(at(60))
    assert {place: n for place, n in ledger.signals.items() if place[1] == "overdue"} == {(at(30), "overdue"): 1}
    assert not any(name == "overdue" for _, name in ledger.late)


def test_the_first_of_two_outcomes_takes_a_promise_off_its_way() -> None:
    three: list[Event] = [promise(0, 100), outcome(30, "cancelled"), outcome(60, "kept")]
    for events in permutations(three):
        ledger = Ledger()
        for event in events:
            ledger.take(event)
        assert ledger.sums("reached_half", "open_half") == {"reached_half": 1}


@pytest.mark.parametrize("minutes", [1, 5, 10, 15, 30, 60])
@pytest.mark.parametrize("given", [240, 600, 1500, 6000, 30_000])
def test_a_way_mark_is_the_end_of_a_window_however_wide_these_are(minutes: int, given: int) -> None:
    width = minutes * MINUTE
    ledger = Ledger()
    ledger.take(promise(7, 7 + given))
    [row] = ledger.rows.values()
    marks = [mark for mark, _, _ in way_marks(row, width)]
    assert len(marks) == (2 if given >= 8 * minutes else 0)
    assert all(mark % width == 0 for mark in marks)


def test_what_is_overdue_and_heard_of_too_late_for_its_window_counts_in_the_first_that_is_open() -> None:
    ledger = Ledger()
    ledger.take(promise(1, 500, key="other"))
    ledger.close(at(60))
    ledger.take(promise(1, 10))
    assert {place: n for place, n in ledger.signals.items() if place[1] == "overdue"} == {(at(60), "overdue"): 1}


@pytest.mark.parametrize(("told", "word"), [(200, "redated_later"), (50, "redated_sooner"), (100, None)])
def test_a_promise_told_anew_is_moved_later_or_sooner(told: int, word: str | None) -> None:
    ledger = Ledger()
    ledger.take(promise(0, 100), promise(10, told))
    assert ledger.sums("redated_later", "redated_sooner") == ({word: 1} if word else {})


def test_a_promise_settled_at_its_very_due_was_never_overdue() -> None:
    ledger = Ledger()
    ledger.take(promise(1, 10), outcome(10, "kept"))
    ledger.close(at(60))
    assert ledger.sums("overdue", "caught_up") == {}


def test_what_is_given_up_is_overdue_no_more_and_in_the_window_where_patience_ended() -> None:
    ledger = told(promise(0, 100))
    ledger.close(at(100) + 2 * DAY)
    assert overdue(ledger) == 1
    ledger.close(at(100) + 9 * DAY)
    assert overdue(ledger) == 0
    assert ledger.signals[at(100) + 3 * DAY, "given_up"] == 1


def test_in_one_closing_or_in_many_it_is_given_up_in_the_same_window() -> None:
    whole, stepwise = told(promise(0, 100)), told(promise(0, 100))
    whole.close(at(0) + 9 * DAY)
    for step in range(1, 9 * 24 + 1):
        stepwise.close(at(0) + step * HOUR)
    assert {k: n for k, n in whole.signals.items() if n} == {k: n for k, n in stepwise.signals.items() if n}


@pytest.mark.parametrize("word", ["kept", "broken", "cancelled"])
def test_an_outcome_that_comes_after_all_is_counted_once(word: OutcomeWord) -> None:
    ledger = told(promise(0, 100))
    ledger.close(at(100) + 4 * DAY)
    late = (4 * DAY + 5 * MINUTE) // MINUTE + 100
    ledger.take(outcome(late, word))
    assert overdue(ledger) == 0
    assert ledger.sums("given_up", "caught_up") == {"caught_up": 1}


def test_more_patience_takes_it_back() -> None:
    ledger = told(promise(0, 100))
    ledger.close(at(100) + 4 * DAY)
    assert overdue(ledger) == 0
    ledger.close(at(100) + 4 * DAY + HOUR, given_up=at(100) - DAY)
    assert overdue(ledger) == 1


def test_a_promise_heard_of_after_it_would_have_been_given_up_is_never_overdue() -> None:
    ledger = Ledger()
    ledger.close(at(100) + 4 * DAY)
    ledger.take(promise(0, 100))
    assert overdue(ledger) == 0


# --- the goalposts ---


def test_how_long_was_given_and_what_was_told_anew_are_sums_by_the_day() -> None:
    ledger = told(promise(0, 100), promise(20, 160), promise(0, 50, key="other"), promise(9, 40, key="other"))
    assert ledger.sums(*GOALPOSTS) == {
        "promised": 2,
        "given_s": 150 * 60,
        "redated_later": 1,
        "redated_sooner": 1,
    }


def test_what_only_the_later_day_would_have_kept_is_counted_and_is_not_kept() -> None:
    ledger = told(promise(0, 100), promise(20, 160), outcome(130, "kept"))
    assert ledger.sums("kept_by_later") == {"kept_by_later": 1}
    assert told(promise(0, 100), promise(20, 160), outcome(90, "kept")).sums("kept_by_later") == {}
    assert told(promise(0, 100), promise(20, 160), outcome(170, "kept")).sums("kept_by_later") == {}


def test_no_detector_reads_of_moved_goalposts() -> None:
    assert not any(name in GOALPOSTS for _, name in told(promise(0, 100), promise(20, 160)).signals)
