"""Names: nothing is left of who was forgotten, and keys of pseudonyms rename everything once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select

from service.adapters.store.memory import MemoryStore
from service.adapters.store.sql.store import SqlStore
from service.adapters.store.sql.tables import metadata, salts
from service.core.counting.changes import Changes
from service.core.counting.identity import Identities, Pseudonyms
from service.core.event import DAY, HOUR, Complaint, DeadLetter, instant
from service.core.interruption import Impact
from service.core.people import AuditEntry, Client, Contact
from service.core.ports import StaleClaim
from tests.adapters.store.crowd import DELIVERED, IT, PAID, fill
from tests.adapters.store.scene import FOREVER, HERE, T0, Reader, close, every_break, outcome, promise, records

if TYPE_CHECKING:
    from service.core.ports import Store


@pytest.fixture
def hit(store: Store) -> Store:
    return fill(store)


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
    said = f"{erased.total} rows, 2 of them dead letters that are gone"
    assert told.audit() == [AuditEntry(T0 + DAY, "dpo", "", "forgot", erased.tombstone, said)]


def test_forgetting_takes_a_customer_out_of_the_operators_table_and_leaves_what_they_were_worth(told: Store) -> None:
    told.list_clients([Client("ann", "ideal", 100), Client("bob", "ideal", 7), Client("kim", "ideal")])

    erased = told.forget("ann", by="dpo", at=T0 + DAY)

    # Of the segment nothing is left on their row; that they were a customer, and of which value, events have said.
    rows = {row.customer: (row.segment, row.yearly) for row in told.hurt([PAID])}
    assert rows == {erased.tombstone: (None, 30_000), "bob": ("ideal", 7), "eve": (None, None)}
    found = {of.segment: (of.listed, of.customers) for of in told.segments([PAID], T0, FOREVER)}
    assert found == {"ideal": (2, 1), None: (0, 2)}
    assert told.known([PAID]) == (3, 2)


@pytest.mark.parametrize("keyed", [False, True])
def test_a_table_that_still_lists_who_was_forgotten_does_not_bring_them_back(store: Store, *, keyed: bool) -> None:
    names = Pseudonyms([b"k" * 32] if keyed else ())
    name = names if keyed else str
    store.adopt(names)
    Reader(store).take(outcome(T0, "broken", customer=name("ann")), outcome(T0, "broken", customer=name("bob")))
    erased = store.forget("ann", by="dpo", at=T0, known_as=name("ann"))

    assert store.list_clients([Client("ann", "ideal", 100), Client("bob", "ideal", 7)], name) == 1
    rows = {row.customer: row.segment for row in store.hurt([PAID])}
    assert rows == {erased.tombstone: None, name("bob"): "ideal"}
    assert store.known([PAID]) == (1, 1)


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
