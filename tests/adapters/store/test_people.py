"""The questions about customers: distinct ones counted, never summed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.core.counting.changes import Changes
from service.core.counting.reach import Reach
from service.core.event import DAY, HOUR, Complaint, CustomerChange, instant
from service.core.interruption import Impact
from service.core.marks import Mark, Risk, Share
from service.core.people import AuditEntry, Client, Contact, Place, Repeat, SegmentHarm, Unfolding, all_hurt
from service.core.reporting.risk import compared
from tests.adapters.store.crowd import DELIVERED, IN_RJ, IT, NOT_IN_RJ, PAID, fill
from tests.adapters.store.scene import FOREVER, T0, Reader, close, outcome, promise

if TYPE_CHECKING:
    from service.core.ports import Store


@pytest.fixture
def hit(store: Store) -> Store:
    return fill(store)


def test_customers_of_several_places_are_counted_once(hit: Store) -> None:
    assert hit.harm([PAID]) == Impact(4, 3, 4200, 0, 0)
    assert hit.harm([PAID, PAID, IN_RJ]) == Impact(4, 3, 4200, 0, 0)
    assert hit.harm([PAID, DELIVERED]) == Impact(7, 4, 13200, 2, 1)
    assert hit.harm([]) == Impact()
    assert hit.harm([Place("paid", (), T0 + DAY, FOREVER)]) == Impact()
    # From the first moment of the period, and up to its end, which is of the next one.
    [first, *_, last] = hit.breaks("paid", (), T0, FOREVER)
    assert hit.harm([Place("paid", (), first.at, last.at)]).broken == 3
    assert hit.harm([Place("paid", (), last.at, last.at + 1)]).broken == 1


def test_a_place_can_leave_segments_out(hit: Store) -> None:
    assert hit.harm([IN_RJ]) == Impact(2, 2, 1500, 0, 0)
    # Eve's region is not stated: not in Rio, and so with the rest.
    assert hit.harm([NOT_IN_RJ]) == Impact(2, 2, 2700, 0, 0)
    assert hit.harm([IN_RJ, NOT_IN_RJ]) == hit.harm([PAID])


def test_who_waits_and_who_was_served_late_are_different_people(hit: Store) -> None:
    assert hit.harm([DELIVERED]) == Impact(3, 3, 9000, 2, 1)
    rows = {row.customer: row for row in hit.hurt([DELIVERED])}
    assert {name: (row.waiting, row.settled_late) for name, row in rows.items()} == {
        "ann": (True, False),
        "zoe": (True, False),
        "bob": (False, True),
    }
    # A late keep ends the waiting of one promise, not of another one.
    Reader(hit).take(
        promise(T0, "y", T0 + DAY, customer="ann"),
        outcome(T0 + 3 * DAY, "kept", moment="delivered", key="y", customer="ann"),
    )
    assert hit.harm([DELIVERED]) == Impact(4, 3, 9000, 2, 1)


def test_newly_hit_counts_everybody_in_their_first_hour(hit: Store) -> None:
    found = hit.unfolding([PAID], HOUR)
    assert (found.impact, found.newly) == (hit.harm([PAID]), ((T0, 1), (T0 + 2 * HOUR, 2)))
    both = [PAID, DELIVERED]
    found = hit.unfolding(both, DAY)
    assert (found.impact, found.newly) == (hit.harm(both), ((T0 - T0 % DAY, 3), (T0 - T0 % DAY + DAY, 1)))
    assert hit.unfolding([], DAY) == Unfolding(Impact())


def test_the_recovery_list_has_who_waits_first_and_then_by_value(hit: Store) -> None:
    rows = hit.hurt([PAID, DELIVERED], IT)

    assert [(row.customer, row.broken, row.value) for row in rows] == [
        ("ann", 3, 7000),
        ("zoe", 1, 0),
        ("bob", 2, 5500),
        ("eve", 1, 700),
    ]
    assert [row.state for row in rows] == ["to_contact"] * 4
    ann = rows[0]
    assert (ann.first_at, ann.last_at, ann.complained_at) == (T0, T0 + DAY, T0 + HOUR)
    assert (ann.yearly, rows[2].yearly) == (30_000, None)
    assert hit.hurt([PAID, DELIVERED], IT, limit=2, offset=1) == rows[1:3]
    assert list(all_hurt(hit, [PAID, DELIVERED], IT, page=3)) == rows


def test_only_a_complaint_after_the_break_and_about_the_moment_counts(hit: Store) -> None:
    Reader(hit).take(Complaint("c5", instant(T0 + HOUR), "eve", "paid"))
    heard = {row.customer: row.complained_at for row in hit.hurt([PAID])}

    # Bob first spoke before his break, then again about nothing in particular; Eve only before, and of something else.
    assert heard == {"ann": T0 + HOUR, "bob": T0 + 3 * HOUR, "eve": None}
    assert hit.unfolding([PAID], DAY).complained == 2
    assert hit.unfolding([PAID, DELIVERED], DAY).complained == 3


def test_contacts_are_appended_and_the_last_one_stands(hit: Store) -> None:
    first = Contact(IT, "ann", "contacted", T0 + DAY, "kim@care", "called; =1+1")
    second = Contact(IT, "ann", "made_good", T0 + 2 * DAY, "kim@care")
    hit.add_contacts([first, Contact("another", "eve", "contacted", T0, "x")])
    hit.add_contacts([second, Contact(IT, "bob", "contacted", T0 + DAY, "lee")])

    assert hit.contacts(IT, "ann") == [first, second]
    assert {row.customer: row.contact for row in hit.hurt([PAID], IT)}["ann"] == second
    assert hit.contact_counts([PAID], IT) == {"to_contact": 1, "contacted": 1, "made_good": 1}
    assert [row.customer for row in hit.hurt([PAID], IT, state="to_contact")] == ["eve"]
    assert [row.customer for row in hit.hurt([PAID], IT, state="contacted")] == ["bob"]
    # Who is no longer counted, because an amendment took the break away, is nobody to contact.
    assert hit.contact_counts([DELIVERED], "another") == {"to_contact": 3, "contacted": 0, "made_good": 0}


def test_where_customers_were_hit_first_and_who_was_hit_again_later(hit: Store) -> None:
    assert hit.first_breaks([PAID, DELIVERED]) == {"paid": 3, "delivered": 1}
    assert hit.hit_later([PAID], [DELIVERED]) == 2
    assert hit.hit_later([DELIVERED], [PAID]) == 0
    assert hit.promised_to(["delivered", "paid"], T0, FOREVER) == 4
    assert hit.promised_to(["delivered"], T0 + DAY + 1, FOREVER) == 1
    assert hit.promised_to([], T0, FOREVER) == 0


def test_repeat_harm_is_ranked_by_what_a_customer_is_worth(hit: Store) -> None:
    places = [PAID, DELIVERED]
    assert hit.repeats(places) == {1: 2, 2: 1, 3: 1}
    assert hit.repeaters(places, 2) == [
        Repeat("ann", 3, 2, 7000, T0 + DAY, 30_000),
        Repeat("bob", 2, 2, 5500, T0 + DAY),
    ]
    hit.list_clients([Client("bob", "ideal", 99_000), Client("kim", "ideal", 5), Client("ann", "other")])
    assert [(row.customer, row.worth, row.segment) for row in hit.repeaters(places, 2)] == [
        ("bob", 99_000, "ideal"),
        ("ann", 30_000, "other"),
    ]
    assert hit.repeaters(places, 2, limit=1)[0].customer == "bob"
    assert hit.worth(places) == (2, 129_000)


def test_customer_segments_with_those_whose_segment_nobody_told(hit: Store) -> None:
    hit.list_clients([Client("ann", "ideal", 1), Client("bob", "other"), Client("kim", "ideal")])

    assert hit.segments([PAID], T0, FOREVER) == [
        SegmentHarm("ideal", 2, 1, 2, 3000, 1, 1),
        SegmentHarm("other", 1, 1, 1, 500, 0, 2),
        SegmentHarm(None, 0, 1, 1, 700, 0, 1),
    ]
    # The table replaces what it listed before, and leaves what customers' events told.
    assert hit.list_clients([Client("eve", "other")]) == 1
    assert [(row.segment, row.listed) for row in hit.segments([PAID], T0, FOREVER)] == [("other", 1), (None, 0)]
    assert {row.customer: row.yearly for row in hit.hurt([PAID])} == {"ann": 30_000, "bob": None, "eve": None}


def test_the_newest_word_on_a_yearly_value_stands_in_whatever_order_it_came(store: Store) -> None:
    reader = Reader(store)
    reader.take(outcome(T0, "broken", customer="ann"), CustomerChange("b", instant(T0 + 2), "ann", "grew", 20))
    reader.take(
        CustomerChange("a", instant(T0 + 1), "ann", "joined", 10), CustomerChange("n", instant(T0 + 3), "ann", "grew")
    )
    assert store.worth([PAID]) == (1, 2000)
    reader.take(CustomerChange("c", instant(T0 + 2), "ann", "grew", 30))
    assert store.worth([PAID]) == (1, 3000)


def test_the_audit_is_appended(store: Store) -> None:
    first, second = (AuditEntry(T0 + i, "kim", "care", "exported", IT, f"{i} rows") for i in (1, 2))
    store.add_audit(first)
    store.add_audit(second)
    assert store.audit() == [second, first]
    assert store.audit(limit=1) == [second]


def test_marks_are_kept_once_in_every_store(store: Store) -> None:
    risk = Risk(2, 3, 3550, 1, 100_000, "customers", 0.1, 10_000)
    first = Mark("it", "day30", T0, risk, compared(Share(100, 15), Share(400, 20), 100_000))
    assert store.save_mark(first)
    assert not store.save_mark(Mark("it", "day30", T0 + 1, risk))
    opened_mark = Mark("it", "opened", T0 - 1, risk)
    assert store.save_mark(opened_mark)
    assert store.marks("it") == [opened_mark, first]
    assert store.marks("another") == []


def test_what_nobody_ever_settled_is_given_up_and_counted_apart(store: Store) -> None:
    """Ann's promises were never heard of; Bob waits for a newer one too; the others' outcomes are known."""
    due = T0 + DAY
    reader = Reader(store)
    reader.take(
        promise(T0, "a", due, customer="ann"),
        promise(T0, "b", due, customer="bob"),
        promise(T0, "b2", due + 30 * DAY, customer="bob"),
        promise(T0, "k", due, customer="kim"),
        promise(T0, "x", due, customer="eve"),
        outcome(T0 + 1, "broken", moment="delivered", key="x", customer="eve"),
        promise(T0, "l", due, customer="zoe"),
        promise(T0, "w", due, customer="max"),
    )
    close(store, "delivered", due + 40 * DAY)
    reader.take(
        outcome(due + DAY, moment="delivered", key="l", customer="zoe"),
        outcome(due + DAY, "cancelled", moment="delivered", key="w", customer="max"),
    )
    # Max withdrew after his due had passed: it stays broken, and he waits for nothing any more.
    assert store.harm([DELIVERED]) == Impact(7, 6, 0, 4, 1, 0)

    def give_up(through: int) -> None:
        with store.closing("delivered") as closing:
            closing.save(Changes(), Reach(through, (through - 40 * DAY, "")))

    give_up(due + 40 * DAY)
    # At its due it broke: it is not longer ago than that.
    assert store.harm([DELIVERED]).unknown == 0
    give_up(due + 40 * DAY + 1)
    # Still seven broken of six customers: Bob and Eve wait; of Ann and Kim nothing will be known.
    assert store.harm([DELIVERED]) == Impact(7, 6, 0, 2, 1, 2)
    assert store.harm([Place("delivered", (), due + 1, FOREVER)]) == Impact(1, 1, 0, 1, 0, 0)
    rows = {row.customer: row for row in store.hurt([DELIVERED])}
    assert {name for name, row in rows.items() if row.unknown} == {"ann", "kim"}
    assert {name for name, row in rows.items() if row.waiting} == {"bob", "eve"}
    assert {name for name, row in rows.items() if row.settled_late} == {"zoe"}
    close(store, "delivered", due + 41 * DAY)
    assert store.harm([DELIVERED]).unknown == 2

    # An outcome after all takes it out again.
    reader.take(outcome(due + 41 * DAY, moment="delivered", key="a", customer="ann"))
    assert store.harm([DELIVERED]) == Impact(7, 6, 0, 2, 2, 1)
