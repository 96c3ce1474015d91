"""The questions about customers: distinct ones counted, never summed, and nothing left of who was forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select

from service.adapters.store.memory import MemoryStore
from service.adapters.store.sql.store import SqlStore
from service.adapters.store.sql.tables import metadata, salts
from service.core.counting.changes import Changes
from service.core.counting.identity import Identities, Pseudonyms
from service.core.counting.reach import Reach
from service.core.event import DAY, HOUR, Complaint, CustomerChange, DeadLetter, instant
from service.core.interruption import Impact
from service.core.marks import Mark, Risk, Share
from service.core.people import AuditEntry, Client, Contact, Place, Repeat, SegmentHarm, Unfolding, all_hurt
from service.core.ports import StaleClaim
from service.core.reporting.risk import compared
from tests.adapters.store.scene import FOREVER, HERE, T0, Reader, close, every_break, outcome, promise, records

if TYPE_CHECKING:
    from service.core.ports import Store

RJ, SP = {"region": "RJ"}, {"region": "SP"}
PAID, DELIVERED = Place("paid", (), T0, FOREVER), Place("delivered", (), T0, FOREVER)
IN_RJ = Place("paid", (("region", ("RJ",)),), T0, FOREVER)
NOT_IN_RJ = Place("paid", (), T0, FOREVER, but=((("region", ("RJ",)),),))
IT = "interruption-1"


@pytest.fixture
def hit(store: Store) -> Store:
    return fill(store)


def fill(store: Store) -> Store:
    """Ann was let down three times in two moments, Bob once in each, Eve once, Zoe waits; Kim was not."""
    reader = Reader(store)
    reader.take(
        outcome(T0, "broken", customer="ann", value=10, dimensions=RJ),
        outcome(T0 + 1, "broken", customer="ann", value=20, dimensions=SP),
        outcome(T0 + 2 * HOUR, "broken", customer="bob", value=5, dimensions=RJ),
        outcome(T0 + 2 * HOUR + 1, "broken", customer="eve", value=7),
        outcome(T0 + 2 * HOUR + 2, "kept", customer="kim"),
        promise(T0, "a", T0 + DAY, customer="ann", value=40),
        promise(T0, "b", T0 + DAY, customer="bob", value=50),
        promise(T0, "z", T0 + DAY + 1, customer="zoe"),
        promise(T0, "k", T0 + DAY, customer="kim"),
        outcome(T0 + HOUR, "kept", moment="delivered", key="k", customer="kim"),
        Complaint("c1", instant(T0 + HOUR), "ann", "paid"),
        Complaint("c2", instant(T0 + HOUR), "bob", "paid"),
        Complaint("c3", instant(T0 + 3 * HOUR), "eve", "delivered"),
        Complaint("c4", instant(T0 + 3 * HOUR), "bob"),
        CustomerChange("v1", instant(T0), "ann", "joined", 100.0),
        CustomerChange("v2", instant(T0 + 5), "ann", "grew", 300.0),
        CustomerChange("v3", instant(T0 + 1), "bob", "joined"),
    )
    close(store, "delivered", T0 + 2 * DAY)
    # Kept after all, a day late.
    reader.take(outcome(T0 + 2 * DAY, "kept", moment="delivered", key="b", customer="bob"))
    return store


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


# --- forgetting ---


@pytest.fixture
def told(hit: Store) -> Store:
    return fill_with_ann(hit)


def fill_with_ann(hit: Store) -> Store:
    """The same with the id in every other place where it can stand."""
    letters = [
        DeadLetter(HERE, 100, "missing_field", "x", b'{"customer": "ann", "id": 1}'),
        DeadLetter(HERE, 101, "missing_field", "x", b'{"customer": "anna", "note": "joanne"}'),
        DeadLetter(HERE, 102, "not_json", "x", b"2013;ann;broken"),
        DeadLetter(HERE, 103, "not_json", "x", b"2013;ann-marie;\xff"),
    ]
    changes = Changes(dead=letters)
    Reader(hit).take(
        outcome(T0 + 9, "broken", customer="ann", dimensions={"region": "RJ", "login": "ann"}),
        outcome(T0 + HOUR, "kept", moment="delivered", key="z", customer="ann"),
        Complaint("c9", instant(T0 + HOUR), "ann", "paid", text="My name is Ann Example"),
        changes=changes,
    )
    hit.add_contacts([Contact(IT, "ann", "contacted", T0 + DAY, "kim", "Ann wants flowers")])
    hit.list_clients([Client("ann", "ideal", 100)])
    return hit


def test_forgetting_leaves_the_counts_and_nothing_of_the_id(told: Store) -> None:
    places = [PAID, DELIVERED]
    before = (told.unfolding(places, HOUR), told.repeats(places), told.counts())

    erased = told.forget("ann", by="dpo", at=T0 + DAY)

    assert (told.unfolding(places, HOUR), told.repeats(places), told.counts()) == before
    assert (erased.breaks, erased.promises, erased.contacts, erased.dead_letters) == (4, 2, 1, 2)
    assert erased.voices == 4
    rows = {row.customer: row for row in told.hurt(places, IT)}
    assert "ann" not in rows
    assert rows[erased.tombstone].broken == 4
    assert rows[erased.tombstone].contact == Contact(IT, erased.tombstone, "contacted", T0 + DAY, "kim")
    assert [letter.offset for _, letter in told.dead_letters()] == [103, 101]
    assert {row.dimensions.get("login") for row in every_break(told)} == {None, erased.tombstone}
    [entry] = told.audit()
    assert (entry.by, entry.what, entry.subject) == ("dpo", "forgot", erased.tombstone)


def test_no_table_holds_a_forgotten_id(lasting_store: Store) -> None:
    assert isinstance(lasting_store, SqlStore)
    fill_with_ann(fill(lasting_store))
    lasting_store.forget("ann", by="dpo", at=T0 + DAY)

    for table in metadata.sorted_tables:
        with lasting_store._database.read() as connection:
            for row in connection.execute(select(table)):
                for text in (
                    bytes(value).decode("latin-1") if isinstance(value, bytes) else str(value) for value in row
                ):
                    assert not any(each in text for each in ('"ann"', ";ann;", "Ann ")), table.name
                    assert text != "ann", table.name


def test_an_id_that_is_a_promise_s_key_is_forgotten_as_one(store: Store) -> None:
    reader = Reader(store)
    reader.take(
        promise(T0, "ann", T0 + DAY, customer="ann"),
        promise(T0, "eve", T0 + DAY, customer="ann"),
        promise(T0 + 1, "ann-marie", T0 + DAY, customer="ann-marie"),
    )
    close(store, "delivered", T0 + 2 * DAY)

    erased = store.forget("ann", by="dpo", at=T0 + 2 * DAY)
    gone = store.forget("eve", by="dpo", at=T0 + 2 * DAY)

    keys = {row.key for row in store.lives("delivered", T0, T0 + 2 * DAY, limit=9)}
    assert keys == {erased.tombstone, gone.tombstone, "ann-marie"}
    assert {row.ref for row in every_break(store, "delivered")} == {"=" + key for key in keys}
    # What comes of it later, under the id or not, settles the same promise.
    claim = store.claim(HERE)
    events = [outcome(T0 + 3 * DAY, moment="delivered", key=key, customer="ann", id=key) for key in ("ann", "eve")]
    named = Identities(claim.forgetting).named(records(events))
    reader.take(*(record.event for record in named), claim=claim)
    assert {row.ref for row in every_break(store, "delivered") if row.settled_at is None} == {"=ann-marie"}
    close(store, "delivered", T0 + 90 * DAY, T0 + 30 * DAY)


def test_forgetting_makes_claims_stale_and_the_next_claim_knows(store: Store) -> None:
    reader = Reader(store)
    reader.take(outcome(T0, "broken", customer="ann"))

    erased = store.forget("ann", by="dpo", at=T0)

    with pytest.raises(StaleClaim):
        reader.take(outcome(T0 + 1, "broken", customer="ann"))
    claim = store.claim(HERE)
    assert claim.forgetting.tombstone("ann") == erased.tombstone
    assert claim.forgetting.tombstone("anna") is None
    assert store.forget("ann", by="dpo", at=T0 + 1).tombstone == erased.tombstone
    assert store.forget("bob", by="dpo", at=T0 + 1).tombstone != erased.tombstone


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
    assert store.harm([DELIVERED]) == Impact(7, 6, 0, 5, 1, 0)

    def give_up(through: int) -> None:
        with store.closing("delivered") as closing:
            closing.save(Changes(), Reach(through, (through - 40 * DAY, "")))

    give_up(due + 40 * DAY)
    # At its due it broke: it is not longer ago than that.
    assert store.harm([DELIVERED]).unknown == 0
    give_up(due + 40 * DAY + 1)
    # Still seven broken of six customers: Bob, Eve and Max wait; of Ann and Kim nothing will be known.
    assert store.harm([DELIVERED]) == Impact(7, 6, 0, 3, 1, 2)
    assert store.harm([Place("delivered", (), due + 1, FOREVER)]) == Impact(1, 1, 0, 1, 0, 0)
    rows = {row.customer: row for row in store.hurt([DELIVERED])}
    assert {name for name, row in rows.items() if row.unknown} == {"ann", "kim"}
    assert {name for name, row in rows.items() if row.waiting} == {"bob", "eve", "max"}
    assert {name for name, row in rows.items() if row.settled_late} == {"zoe"}
    close(store, "delivered", due + 41 * DAY)
    assert store.harm([DELIVERED]).unknown == 2

    # An outcome after all takes it out again.
    reader.take(outcome(due + 41 * DAY, moment="delivered", key="a", customer="ann"))
    assert store.harm([DELIVERED]) == Impact(7, 6, 0, 3, 2, 1)


def test_a_claim_says_what_the_names_are_made_with(store: Store) -> None:
    names = Pseudonyms([b"k" * 32])
    before = store.claim(HERE)
    store.adopt(names)
    with_key = store.claim(HERE).forgetting.keys
    store.adopt(Pseudonyms([b"k" * 32, b"n" * 32]))
    with_both = store.claim(HERE).forgetting.keys

    if isinstance(store, MemoryStore):
        # It ends with its process, and with the process's keys.
        assert (with_key, with_both) == (None, None)
        return
    assert (before.forgetting.keys, with_key) == ((), names.fingerprints)
    assert with_both is not None
    assert (with_both[:1], len(with_both)) == (names.fingerprints, 2)
    with pytest.raises(StaleClaim), store.ingest(before, [], []) as transaction:
        transaction.save(Changes(), 1, before.clock)


def test_keys_are_renamed_with_the_customers_once_for_each_key_that_is_added(lasting_store: Store) -> None:
    store = lasting_store
    assert isinstance(store, SqlStore)
    reader = Reader(store)
    # One key looks as if it were moved away, one as if it were a pseudonym.
    many = ["+k", *(f"order-{n}" for n in range(3)), "mw1.x"]
    reader.take(*(promise(T0, key, T0 + DAY, customer="ann") for key in many))
    reader.take(outcome(T0, "broken", customer="bob"))
    close(store, "delivered", T0 + 2 * DAY)
    one, both = Pseudonyms([b"k" * 32]), Pseudonyms([b"k" * 32, b"n" * 32])

    def kept() -> list[tuple[str, str]]:
        return [(row.customer, row.ref) for row in every_break(store, "delivered")]

    assert store.adopt(one) > 0
    assert sorted(kept()) == sorted((one("ann"), "=" + one(key)) for key in many)
    assert store.adopt(one) == 0
    assert store.adopt(both) > 0
    assert sorted(kept()) == sorted((both("ann"), "=" + both(one(key), since=1)) for key in many)
    assert [row.ref[0] for row in every_break(store, "paid")] == ["@"]

    # Outcomes find their promises by the new names; so does whoever forgets.
    reader = Reader(store)
    named = [both(one(key), since=1) for key in many]
    settled = (outcome(T0 + 3 * DAY, moment="delivered", key=key, customer=both("ann")) for key in named)
    reader.take(*settled)
    assert store.harm([DELIVERED]) == Impact(5, 1, 0, 0, 1, 0)
    gone = store.forget("order-1", by="dpo", at=T0, known_as=both("order-1"))
    assert (gone.promises, gone.breaks) == (1, 1)
    assert ("=" + gone.tombstone) in {ref for _, ref in kept()}


def test_keys_that_an_older_version_kept_as_sent_are_renamed_and_customers_not_twice(lasting_store: Store) -> None:
    store, names = lasting_store, Pseudonyms([b"k" * 32])
    assert isinstance(store, SqlStore)
    store.adopt(names)
    store._database.write(lambda c: c.execute(delete(salts).where(salts.c.name == "pseudonyms of keys")))
    Reader(store).take(promise(T0, "order-1", T0 + DAY, customer=names("ann")))

    assert store.adopt(names) == 1
    close(store, "delivered", T0 + 2 * DAY)
    assert [(row.customer, row.ref) for row in every_break(store, "delivered")] == [
        (names("ann"), "=" + names("order-1"))
    ]
