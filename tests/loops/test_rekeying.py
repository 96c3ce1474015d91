"""A key for pseudonyms that is added while the service runs: nobody is counted twice, whoever hears of it first."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from service.adapters.memory_source import LineSource
from service.adapters.store import open_store
from service.core.counting.identity import Forgetting, Identities, Pseudonyms, WrongKeys
from service.core.event import Assigned, Batch, Partition
from service.core.meter import NoMeter
from service.core.people import Place
from service.core.ports import StoreAway
from service.loops.rekeying import Rekeying
from service.settings.customers import Customers
from tests.loops.ingesting import CATALOG, LINES, PLACE, START, ingest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.core.ports import Store

OLD, NEW = "k" * 32, "n" * 32
FAR = START * 2


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path}/store.db", CATALOG.moments, clock=lambda: START)
    yield made
    made.close()


class Keys:
    """A file of keys, and the names of the settings that name it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.write(OLD)
        self.settings = Customers.model_validate({"pseudonym_keys": [{"file": str(file)}]})
        self.names = Pseudonyms(self.settings.keys)

    def write(self, *keys: str) -> None:
        self.file.write_text("\n".join(keys) + "\n")


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


def hurt(store: Store) -> dict[str, int]:
    return {row.customer: row.broken for row in store.hurt([Place("m", (), 0, FAR)])}


def test_a_key_that_is_added_while_events_come_leaves_every_customer_one(store: Store, keys: Keys) -> None:
    store.adopt(keys.names)
    rekeying = Rekeying(store, keys.names, NoMeter())
    loop = ingest(LineSource(PLACE, [], 1), store, pseudonyms=keys.names)
    loop.handle(Assigned((PLACE,)))
    loop.handle(Batch(PLACE, list(range(150)), LINES[:150], 150))
    loop.flush()
    before = hurt(store)
    rekeying.turn()

    keys.write(OLD, NEW)
    # Until the store's names have the new key, nothing is written with it.
    loop.handle(Batch(PLACE, list(range(150, 200)), LINES[150:200], 200))
    loop.flush()
    assert hurt(store).keys() == before.keys()
    assert rekeying.turn() == 0
    assert rekeying.turn() > 0
    assert hurt(store).keys() == {Pseudonyms([OLD.encode(), NEW.encode()])(f"c{n}") for n in range(7)}

    for _ in range(3):
        loop.handle(Batch(PLACE, list(range(200, 300)), LINES[200:], 300))
        loop.flush()
    assert store.counts().read == 300
    assert len(hurt(store)) == 7
    assert sum(hurt(store).values()) == 100


def test_a_replica_that_has_not_heard_of_the_key_waits_for_it_and_says_so(
    store: Store, keys: Keys, tmp_path: Path
) -> None:
    store.adopt(Pseudonyms([OLD.encode(), NEW.encode()]))
    loop = ingest(LineSource(PLACE, LINES, 100), store, pseudonyms=keys.names)
    with pytest.raises(StoreAway, match=r"made with 2 keys, and .* here, 1 of them, does not begin"):
        loop._writer(PLACE)

    reading = threading.Thread(target=loop.run, args=(threading.Event(),))
    reading.start()
    keys.write(OLD, NEW)
    reading.join(30)
    assert not reading.is_alive()
    assert (store.counts().read, len(hurt(store))) == (300, 7)


@pytest.mark.parametrize("lines", [(NEW,), (NEW, OLD), (OLD, "short"), (OLD, OLD), ()])
def test_keys_that_will_not_do_are_named_and_nothing_is_renamed(
    store: Store, keys: Keys, lines: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store.adopt(keys.names)
    rekeying = Rekeying(store, keys.names, NoMeter())
    keys.write(*lines)
    assert [rekeying.turn() for _ in range(4)] == [0] * 4
    assert caplog.records
    assert not any(secret in caplog.text for secret in (OLD, NEW))
    assert store.claim(Partition("other", 0)).forgetting.keys == Pseudonyms([OLD.encode()]).fingerprints


def test_names_are_made_with_the_keys_in_force_alone() -> None:
    both, old = Pseudonyms([b"a" * 16, b"b" * 16]), Pseudonyms([b"a" * 16])
    assert both.in_force(old.fingerprints)("ann") == old("ann")
    assert Identities(Forgetting(keys=()), both).idle
    for names in (None, old, Pseudonyms([b"b" * 16, b"a" * 16])):
        with pytest.raises(WrongKeys):
            Identities(Forgetting(keys=both.fingerprints), names)
