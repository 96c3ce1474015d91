"""Dead letters taken anew, counted once, and thrown away, on every store that lasts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from service.adapters.decode import Decoder
from service.adapters.store.sql.store import SqlStore
from service.adapters.store.sql.tables import dead_letters
from service.core.catalog import Catalog, Source
from service.core.counting.changes import Changes
from service.core.counting.duplicates import IdHorizon
from service.core.counting.intake import Intake
from service.core.event import HOUR, MINUTE, Batch, DeadLetter, Partition, rfc3339
from service.core.keeping import Which
from service.core.ports import StaleClaim, StoreRefused
from service.loops.exhume import Exhumation
from tests.adapters.store.scene import HERE, MOMENTS, T0, Reader, close, every_break, outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.event import Micros
    from service.core.ports import Store

CATALOG = Catalog(moments=MOMENTS, sources={"events": Source("events", "events")})


@pytest.fixture
def store(lasting_store: Store) -> SqlStore:
    assert isinstance(lasting_store, SqlStore)
    return lasting_store


def payload(number: int, **changed: object) -> bytes:
    event = {
        "id": f"e{number}",
        "time": rfc3339(T0 + number),
        "type": "outcome",
        "moment": "paid",
        "customer": f"c{number}",
        "outcome": "broken",
        "value": 2,
    }
    return json.dumps(event | changed).encode()


def bury(
    reader: Reader, *payloads: bytes, reason: str = "unknown_moment", headers: dict[str, bytes] | None = None
) -> None:
    """A batch of which nothing could be taken."""
    changes = Changes()
    first = reader.position
    for place, each in enumerate(payloads):
        changes.dead.append(DeadLetter(reader.partition, first + place, reason, "what is wrong", each, headers))
        changes.counts.dead[reason] += 1
    changes.counts.read = len(payloads)
    with reader.store.ingest(reader.claim, [], []) as transaction:
        reader.claim = transaction.save(changes, first + len(payloads), reader.claim.clock)


def exhumed(store: SqlStore, *, now: Micros = T0 + HOUR, live: bool = True) -> Exhumation:
    return Exhumation(store.graves(), lambda _: Decoder(CATALOG), Intake(CATALOG), lambda: now, lambda _: live)


def balanced(store: SqlStore) -> None:
    counts = store.counts()
    assert counts.balanced, counts
    assert counts.dead.total() == sum(group.letters for group in store.graves().groups(Which()))


def test_what_can_be_taken_now_is_counted_once_and_leaves_the_dead(store: SqlStore) -> None:
    reader = Reader(store)
    reader.take(outcome(T0, id="before"))
    bury(reader, payload(1), payload(2), b"\xff\x00not json")

    first, again = exhumed(store).run(Which()), exhumed(store).run(Which())

    assert (first.accepted["paid"], first.duplicate, first.still.total()) == (2, 0, 1)
    assert again.accepted.total() == 0
    assert [row.customer for row in every_break(store)] == ["c1", "c2"]
    assert (store.counts().read, store.counts().accepted["paid"], store.counts().dead.total()) == (4, 3, 1)
    assert [one.letter.offset for one in store.graves().buried(Which())] == [3]
    balanced(store)


def test_letters_are_found_by_when_they_were_buried(store: SqlStore) -> None:
    reader = Reader(store)
    bury(reader, payload(1), payload(2), payload(3))
    for number in (1, 2, 3):
        at = update(dead_letters).where(dead_letters.c.record == number - 1).values(buried_at=number * HOUR)
        store._database.write(lambda connection, at=at: connection.execute(at))  # type: ignore[misc]  # a default

    def found(**which: Micros) -> list[int]:
        return [one.letter.offset for one in store.graves().buried(Which(**which))]  # type: ignore[arg-type]  # times

    assert found(since=2 * HOUR) == [1, 2]
    assert found(until=2 * HOUR) == [0]
    assert found(since=2 * HOUR, until=3 * HOUR) == [1]


def test_two_letters_of_one_offset_are_both_taken(store: SqlStore) -> None:
    """A log that was cut back and read anew has them."""
    reader = Reader(store)
    bury(reader, payload(1))
    bury(reader, payload(2))
    store._database.write(lambda connection: connection.execute(update(dead_letters).values(record=0)))

    done = exhumed(store).run(Which())

    assert (done.read, done.accepted["paid"], done.still.total()) == (2, 2, 0)
    assert [row.customer for row in every_break(store)] == ["c1", "c2"]


def test_what_happened_in_a_closed_window_amends_and_was_not_judged(store: SqlStore) -> None:
    reader = Reader(store)
    reader.take(outcome(T0, id="before"))
    bury(reader, payload(1))
    close(store, "paid", T0 + 2 * MINUTE)

    done = exhumed(store).run(Which())

    assert done.late == 1
    assert [row.late for row in every_break(store)] == [True]
    judged = list(store.windows("paid", None, T0 + 2 * MINUTE))
    assert sum(cell.broken for window in judged for cell in window.cells.values()) == 0
    [(_, totals)] = store.totals("paid", T0, T0 + MINUTE, MINUTE)
    assert (totals.attempts, totals.broken, totals.customers) == (2, 1, 1)


def test_the_partition_stays_where_it_is_and_its_reader_claims_it_again(store: SqlStore) -> None:
    reader = Reader(store)
    reader.take(outcome(T0, id="before"))
    bury(reader, payload(1))
    clocks = store.clocks()

    exhumed(store).run(Which())

    with pytest.raises(StaleClaim):
        reader.take(outcome(T0 + 9))
    claim = store.claim(HERE)
    assert (claim.position, store.clocks()) == (2, clocks)
    horizon = IdHorizon()
    horizon.restore(claim.hashes)
    records = Decoder(CATALOG).decode(batch_of(payload(1), payload(2))).records
    # The id that was taken anew is known to the reader: sent once more it is a duplicate.
    assert [record.event.id for record in horizon.sift(records)] == ["e2"]


def batch_of(*payloads: bytes) -> Batch:
    return Batch(HERE, list(range(len(payloads))), list(payloads), len(payloads))


def test_an_id_that_came_in_time_after_all_is_a_duplicate(store: SqlStore) -> None:
    reader = Reader(store)
    bury(reader, payload(1), payload(1), payload(2))
    horizon = IdHorizon()
    horizon.sift(Decoder(CATALOG).decode(batch_of(payload(2))).records)
    reader.take(outcome(T0 + 2, "broken", id="e2"), changes=Changes(hashes=horizon.drain()))

    done = exhumed(store).run(Which())

    assert (done.accepted.total(), done.duplicate) == (1, 2)
    assert len(every_break(store)) == 2
    assert store.counts().duplicate == 2
    balanced(store)


def test_only_those_that_are_meant(store: SqlStore) -> None:
    reader, other = Reader(store), Reader(store, Partition("others", 0, "id-1"))
    bury(reader, payload(1))
    bury(reader, payload(2), reason="future")
    bury(other, payload(3))
    numbers = {one.letter.offset: one.number for one in store.graves().buried(Which(topics=("events",)))}

    assert exhumed(store).run(Which(reasons=("future",))).accepted.total() == 1
    assert exhumed(store).run(Which(numbers=(numbers[0] + 1000,))).read == 0
    assert exhumed(store).run(Which(topics=("others",), since=T0, until=T0 + 1)).accepted.total() == 1
    assert exhumed(store).run(Which(until=T0)).read == 0
    assert [row.customer for row in every_break(store)] == ["c2", "c3"]
    assert exhumed(store).run(Which(), dry=True).accepted.total() == 1
    assert store.counts().dead.total() == 1
    balanced(store)


def test_what_still_lies_ahead_of_the_clock_stays_dead_where_the_clock_is_the_walls(store: SqlStore) -> None:
    bury(Reader(store), payload(1, time=rfc3339(T0 + 2 * HOUR)), reason="future")

    assert exhumed(store).run(Which()).still == {"future": 1}
    assert exhumed(store, now=T0 + 2 * HOUR).run(Which()).accepted.total() == 1


def test_headers_that_carry_the_event_are_kept(store: SqlStore) -> None:
    headers = {"ce_specversion": b"1.0", "ce_id": b"from-the-header", "ce_time": rfc3339(T0).encode()}
    bare = json.dumps({"type": "outcome", "moment": "paid", "customer": "c", "outcome": "broken"}).encode()
    bury(Reader(store), bare, headers=headers)

    [kept] = store.graves().buried(Which())
    assert kept.letter.headers == headers
    assert exhumed(store).run(Which()).accepted.total() == 1


def test_one_that_the_store_refuses_stays_and_the_others_are_taken(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(Reader(store), *(payload(number) for number in range(5)))
    write = store.recorder.write

    def picky(connection: object, changes: Changes, *more: object) -> None:
        if any(row and row.customer == "c3" for row in changes.breaks.values()):
            raise StoreRefused("not this one")
        write(connection, changes, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(store.recorder, "write", picky)
    done = exhumed(store).run(Which())

    assert (done.accepted.total(), dict(done.still)) == (4, {"store_refused": 1})
    assert [row.customer for row in every_break(store)] == ["c0", "c1", "c2", "c4"]
    balanced(store)


def test_a_crash_before_the_commit_leaves_everything_as_it_was(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(Reader(store), payload(1))
    write = store.recorder.write

    def dies(*given: object) -> None:
        write(*given)  # type: ignore[arg-type]
        raise KeyError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(store.recorder, "write", dies)
        with pytest.raises(KeyError):
            exhumed(store).run(Which())
    assert (store.counts().accepted.total(), store.counts().dead.total()) == (0, 1)

    assert exhumed(store).run(Which()).accepted.total() == 1
    balanced(store)


def test_two_at_once_take_each_letter_once(store: SqlStore) -> None:
    bury(Reader(store), *(payload(number) for number in range(6)))
    slow = exhumed(store)
    seen = slow._there

    def late(records: Sequence[object], letters: object) -> object:
        there = seen(records, letters)  # type: ignore[arg-type]
        if there:
            # Between the look and the write another one takes half of them.
            numbers = tuple(letters[record.offset].number for record in there[::2])  # type: ignore[index]
            slow._there = seen  # type: ignore[method-assign]
            exhumed(store).run(Which(numbers=numbers))
        return there

    slow._there = late  # type: ignore[method-assign,assignment]
    done = slow.run(Which())

    assert (done.accepted.total(), done.gone) == (3, 3)
    assert len(every_break(store)) == 6
    balanced(store)


def test_a_customer_who_was_forgotten_stays_so_and_their_letters_are_counted_as_gone(store: SqlStore) -> None:
    reader = Reader(store)
    bury(reader, payload(1))
    erased = store.forget("c1", by="me", at=T0)
    assert store.graves().buried(Which()) == []
    reader = Reader(store)
    bury(reader, payload(1), payload(2))

    exhumed(store).run(Which())

    assert [row.customer for row in every_break(store)] == [erased.tombstone, "c2"]
    assert store.counts().balanced


def test_purged_letters_are_gone_and_the_counts_remember(store: SqlStore) -> None:
    reader = Reader(store)
    bury(reader, payload(1), payload(2))
    bury(reader, payload(3), reason="future")

    assert store.graves().purge(Which(reasons=("unknown_moment",)), 1) == {"unknown_moment": 1}
    assert store.graves().purge(Which(reasons=("unknown_moment",)), 9) == {"unknown_moment": 1}
    assert store.graves().purge(Which(reasons=("unknown_moment",)), 9) == {}

    assert [one.letter.reason for one in store.graves().buried(Which())] == ["future"]
    assert store.counts().dead == {"unknown_moment": 2, "future": 1}
    assert store.counts().balanced


def test_pages_go_both_ways(store: SqlStore) -> None:
    bury(Reader(store), *(payload(number) for number in range(5)))
    graves = store.graves()
    numbers = [one.number for one in graves.buried(Which())]

    assert numbers == sorted(numbers)
    assert [one.number for one in graves.buried(Which(), after=numbers[1], limit=2)] == numbers[2:4]
    assert [one.number for one in graves.buried(Which(), before=numbers[3], limit=2)] == [numbers[2], numbers[1]]
    [group] = graves.groups(Which())
    assert (group.topic, group.reason, group.letters, group.first_at) == ("events", "unknown_moment", 5, T0)
