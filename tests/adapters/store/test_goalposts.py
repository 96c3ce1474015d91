"""What moves the goalposts, from every store: counted once whatever the batches, closings and restarts."""

from service.core.counting.reach import Reach
from service.core.event import DAY, HOUR, Micros, Outcome
from service.core.ports import Store
from service.core.reporting.goalposts import goalposts, said
from service.core.terms import Edit
from tests.adapters.store.scene import T0, Reader, close, outcome, promise

WEEK = 7 * DAY


def settled(at: Micros, word: str, key: str) -> Outcome:
    return outcome(at, word, moment="delivered", key=key, id=f"{word}{key}")


def test_re_promises_cancellations_and_padding_are_told_from_the_ledger(store: Store) -> None:
    reader = Reader(store)
    start = T0 - T0 % DAY + 40 * DAY
    for number in range(60):
        # Four weeks before, four days were given; now it is eight, and they are kept on the fifth.
        before, now = start - 20 * DAY + number * HOUR, start + number * HOUR
        reader.take(promise(before, f"a{number}", before + 4 * DAY), promise(now, f"b{number}", now + 8 * DAY))
        reader.take(settled(now + 5 * DAY, "kept", f"b{number}"))
    reader.take(promise(start, "again", start + 8 * DAY))
    reader.take(promise(start + HOUR, "again", start + 10 * DAY), settled(start + 9 * DAY, "kept", "again"))
    reader.take(promise(start, "sooner", start + 8 * DAY), promise(start + HOUR, "sooner", start + 7 * DAY))
    reader.take(promise(start, "away", start + 8 * DAY), settled(start + DAY, "cancelled", "away"))
    close(store, "delivered", start + 20 * DAY)

    found = goalposts(store, "delivered", start, start + 14 * DAY)
    assert (found.promised, found.redated_later, found.redated_sooner, found.kept_by_later) == (63, 1, 1, 1)
    assert (found.given_s, found.usual_s, found.cancelled) == (8 * 86400, 4 * 86400, 1)
    assert (found.by_padding, found.looked_at) == (60, 60)
    padding = (
        "customers are given 8.0 days on average, 4.0 days in the four weeks before (+100%): "
        "about 60 of 60 kept would have been late in the time given then"
    )
    assert said(found) == [
        padding,
        "1 promise was given a later day, 1 kept by the later day only, which count as broken",
        "1 promise was given an earlier day",
        "1 was cancelled by customers and count as neither kept nor broken",
    ]


def test_nothing_moved_says_nothing(store: Store) -> None:
    Reader(store).take(promise(T0, "k", T0 + DAY), settled(T0 + HOUR, "kept", "k"))
    assert said(goalposts(store, "delivered", T0 - DAY, T0 + WEEK)) == []


def test_terms_stand_as_they_were_written_last_and_edits_leave_out_what_was_first_seen(store: Store) -> None:
    first = Edit("delivered", "deadline", "", "5 d", looser=False, at=T0)
    then = Edit("delivered", "deadline", "5 d", "7 d", looser=True, at=T0 + DAY)
    store.add_edits([first])
    store.add_edits([then])
    assert store.terms() == {("delivered", "deadline"): "7 d"}
    assert store.edits(T0 - DAY, T0 + WEEK) == [then]
    assert store.edits(T0 + 2 * DAY, T0 + WEEK) == []
    assert said(goalposts(store, "delivered", T0, T0 + WEEK)) == ["its deadline became looser: 5 d to 7 d"]
    assert said(goalposts(store, "paid", T0, T0 + WEEK)) == []


def test_what_is_given_up_is_overdue_no_more_and_an_outcome_after_all_is_counted_once(store: Store) -> None:
    reader = Reader(store)
    reader.take(promise(T0, "k", T0 + DAY), promise(T0, "l", T0 + DAY))

    def overdue() -> int:
        sums = store.signals("delivered", 0, T0 + 400 * DAY)
        return sums.get("overdue", 0) - sums.get("caught_up", 0) - sums.get("given_up", 0)

    close(store, "delivered", T0 + 2 * DAY, 0)
    assert overdue() == 2
    close(store, "delivered", T0 + 70 * DAY, T0 + 10 * DAY)
    assert (overdue(), store.status("delivered").given_up_through) == (0, T0 + 10 * DAY)
    reader.take(settled(T0 + 71 * DAY, "kept", "k"))
    assert overdue() == 0
    # More patience takes back what was given up and is open still.
    close(store, "delivered", T0 + 72 * DAY, T0)
    assert overdue() == 1
    with store.closing("delivered") as closing:
        assert closing.reach == Reach(T0 + 72 * DAY, (T0, ""))
        rows, reached = closing.unsettled((T0 + 2 * DAY, ""), 10)
        assert ([row.key for row in rows], reached) == (["l"], (T0 + 2 * DAY, ""))
