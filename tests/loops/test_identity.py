"""Customers who were forgotten, or are known by pseudonyms only, never reach the store under their ids."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b32encode
from typing import TYPE_CHECKING

import msgspec

from service.adapters.store.memory import MemoryStore
from service.core.counting.identity import PSEUDONYM, Forgetting, Identities, Pseudonyms
from service.core.event import SECOND, Event, Outcome, Promise, Record, instant
from service.core.people import Place
from tests.loops.ingesting import CATALOG, LINES, PLACE, START, Live, outcome, run_lines, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from service.core.counting.changes import PromiseKey
    from service.core.people import Hurt
    from service.core.ports import Claim

FAR = START * 2
KEYS = (b"k" * 32, b"n" * 32)


def hurt(store: MemoryStore) -> dict[str, Hurt]:
    return {row.customer: row for row in store.hurt([Place("m", (), 0, FAR)])}


def test_a_replay_honours_the_list() -> None:
    store = MemoryStore(CATALOG.moments)
    run_lines(LINES[:150], store)
    before = hurt(store)["c3"].broken
    gone = store.forget("c3", by="dpo", at=START).tombstone

    bad = json.dumps({"id": "x", "type": "outcome", "moment": "m", "customer": "c3"}).encode()
    # The whole log once more, without the store's memory of it, as after its partition was made anew.
    run_lines([*LINES, bad, b"{", bad.replace(b"c3", b"c4")], store, deduplicate=False)

    rows = hurt(store)
    assert "c3" not in rows
    assert rows[gone].broken > before
    assert sum(row.broken for row in rows.values()) == 100
    assert sums(store)[1] >= 100
    assert [letter.payload for _, letter in store.dead_letters()] == [bad.replace(b"c3", b"c4"), b"{", b""]


def test_a_batch_in_hand_does_not_bring_the_id_back(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(PLACE)
    live.now = START + 1000 * SECOND
    store = live.store
    write = store.ingest

    def forget_first(claim: Claim, moments: Sequence[str], keys: Sequence[PromiseKey]) -> object:
        """Somebody forgets a customer between a batch's decoding and its writing."""
        if not store.audit():
            store.forget("c3", by="dpo", at=START)
        return write(claim, moments, keys)

    monkeypatch.setattr(store, "ingest", forget_first)
    live.logs[PLACE].append(LINES)
    for _ in range(4):
        live.turn(1.0)

    assert live.meter.stale == 1
    assert "c3" not in hurt(store)
    assert sums(store) == (300, 100)


def test_with_pseudonyms_a_customer_is_one_customer_and_no_id_is_kept() -> None:
    plain, store = MemoryStore(CATALOG.moments), MemoryStore(CATALOG.moments)
    names = Pseudonyms(KEYS[:1])
    run_lines(LINES, plain)
    run_lines([*LINES, b'{"customer": "c1"}'], store, pseudonyms=names)

    assert {row.customer: row.broken for row in hurt(store).values()} == {
        names(name): row.broken for name, row in hurt(plain).items()
    }
    assert all(name.startswith(PSEUDONYM) for name in hurt(store))
    [(_, letter)] = store.dead_letters()
    assert letter.payload == b""


def test_a_pseudonym_is_the_id_s_hmac_so_that_without_the_key_nobody_finds_it() -> None:
    key, other = b"k" * 32, b"l" * 32
    digest = hmac.new(key, b"ann", hashlib.sha256).digest()[:20]
    assert Pseudonyms([key])("ann") == PSEUDONYM + b32encode(digest).decode().lower()
    assert Pseudonyms([key])("ann") != Pseudonyms([other])("ann")


def test_with_pseudonyms_no_key_of_a_promise_is_kept_and_its_outcome_still_finds_it() -> None:
    names, identities = Pseudonyms(KEYS), Identities(Forgetting(), Pseudonyms(KEYS))
    made = Promise("p", instant(START), "m", "ann", "order-7", instant(START + SECOND))
    kept = Outcome("o", instant(START), "m", "ann", "kept", "order-7")
    plain = Outcome("q", instant(START), "m", "ann", "kept")

    told: list[Event] = [made, kept, plain]
    found = [one.event for one in identities.named([Record(n, START, e) for n, e in enumerate(told)])]

    assert [getattr(event, "key", None) for event in found] == [names("order-7"), names("order-7"), None]
    # A tombstone goes first: whose id it is was forgotten.
    listed = Forgetting(b"salt", {Forgetting(b"salt").mark("order-7"): "forgotten-1"})
    [one] = Identities(listed, names).named([Record(0, START, made)])
    assert one.event == msgspec.structs.replace(made, customer=names("ann"), key="forgotten-1")


def test_a_forgotten_customer_has_a_tombstone_and_no_pseudonym() -> None:
    store = MemoryStore(CATALOG.moments)
    names = Pseudonyms(KEYS)
    run_lines(LINES[:150], store, pseudonyms=names)
    gone = store.forget("c3", by="dpo", at=START, known_as=names("c3")).tombstone
    run_lines(LINES, store, pseudonyms=names, deduplicate=False)

    assert names("c3") not in hurt(store)
    assert hurt(store)[gone].broken > 0


def test_a_key_that_is_added_goes_on_from_the_names_before() -> None:
    old, new = Pseudonyms(KEYS[:1]), Pseudonyms(KEYS)

    assert new("ann") == new(old("ann"), since=1) != old("ann")
    assert new("ann") != new("bob")
    # What is a pseudonym already, as in a dead letter that is read again, stays as it is.
    assert new(new("ann")) == new("ann")
    assert new.fingerprints[:1] == old.fingerprints
    assert new("forgotten-1") == "forgotten-1"


def test_customers_are_found_in_payloads_as_words_only() -> None:
    store = MemoryStore(CATALOG.moments)
    run_lines([outcome(3, customer="ann", moment="x"), outcome(4, customer="ann-lee", moment="x"), b"ann;x"], store)
    store.forget("ann", by="dpo", at=START)
    assert [letter.offset for _, letter in store.dead_letters()] == [1]
