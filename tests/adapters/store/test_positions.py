"""Whose turn it is to write a partition, and how far it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.adapters.store import memory
from service.adapters.store.sql import positions
from service.core.counting.changes import BlindSpan, Changes, Gap, Unread
from service.core.counting.duplicates import IdHorizon, id_hash
from service.core.counting.watermark import PartitionClock
from service.core.event import HOUR, MINUTE, Partition
from service.core.ports import StaleClaim
from tests.adapters.store.scene import HERE, T0, Reader, every_break, outcome

if TYPE_CHECKING:
    from service.core.ports import Claim, Store

RECREATED = Partition("events", 0, "id-2")


def test_a_partition_nobody_read_has_no_position_and_an_unknown_clock(store: Store) -> None:
    claim = store.claim(HERE)

    assert (None, PartitionClock(HERE), ()) == (claim.position, claim.clock, claim.hashes)
    assert [PartitionClock(HERE)] == store.clocks()


def test_a_claim_goes_on_where_the_last_batch_ended(store: Store) -> None:
    first = Reader(store)
    first.take(outcome(T0), outcome(T0 + MINUTE))
    first.take(outcome(T0 + HOUR))

    claim = store.claim(HERE)

    assert (claim.position, claim.clock.latest) == (3, T0 + HOUR)
    assert claim.epoch > first.claim.epoch


def test_a_clock_is_kept_whole(store: Store) -> None:
    clock = PartitionClock(HERE, T0, T0 + 1, ended=True)
    with store.ingest(store.claim(HERE), [], []) as transaction:
        transaction.save(Changes(), 7, clock)

    assert [clock] == store.clocks()
    assert clock == store.claim(HERE).clock


def test_what_was_lost_is_kept_with_the_batch_after_it_and_blinds(store: Store) -> None:
    gone = [Gap(HERE, 3, 9, T0 + HOUR, T0, T0 + MINUTE), Gap(HERE, 12, 10, T0 + HOUR, None, T0)]
    span = BlindSpan("paid", T0 + 1, T0 + MINUTE, "6 records were gone")
    stale = store.claim(HERE)
    claim = store.claim(HERE)
    with pytest.raises(StaleClaim), store.ingest(stale, [], []) as transaction:
        transaction.save(Changes(gaps=gone, blind=[span]), 10, stale.clock)
    assert store.gaps() == []

    with store.ingest(claim, [], []) as transaction:
        transaction.save(Changes(gaps=gone, blind=[span]), 10, claim.clock)

    assert store.gaps() == gone[::-1]
    assert [gap.records for gap in gone] == [6, 0]
    assert store.blind("paid", T0, T0 + HOUR) == [span]


def test_an_earlier_claim_is_refused_and_leaves_no_trace(store: Store) -> None:
    stale = Reader(store)
    stale.take(outcome(T0, "broken"))
    current = Reader(store)

    with pytest.raises(StaleClaim):
        stale.take(outcome(T0 + 1, "broken"))

    current.take(outcome(T0 + 2, "broken"))
    assert [row.at for row in every_break(store)] == [T0, T0 + 2]
    assert store.counts().read == 2


def test_the_same_batch_is_not_taken_twice(store: Store) -> None:
    reader = Reader(store)
    before = reader.claim
    reader.take(outcome(T0))

    with pytest.raises(StaleClaim):
        reader.take(outcome(T0), claim=before)

    assert store.counts().read == 1


def test_a_batch_that_is_not_saved_changes_nothing(store: Store) -> None:
    reader = Reader(store)
    with store.ingest(reader.claim, ["paid"], []):
        pass
    with pytest.raises(KeyError), store.ingest(reader.claim, ["paid"], []):
        raise KeyError

    reader.take(outcome(T0))
    assert store.counts().read == 1


def feed(reader: Reader, n: int, claim: Claim | None = None) -> None:
    reader.take(*(outcome(T0 + i, id=f"{i}") for i in range(n)), claim=claim)


def test_a_recreated_topic_starts_anew_and_its_stale_writer_is_refused(store: Store) -> None:
    # 100 read of the old topic; the new one holds 400. With the offset alone as the condition, a writer of
    # the old topic's records 100 to 199 would be let in while the new one stands at 100: 600 instead of 500.
    old = Reader(store)
    feed(old, 100)
    zombie = old.claim
    new = Reader(store, RECREATED)
    assert new.claim.position is None
    feed(new, 100)

    with pytest.raises(StaleClaim):
        feed(old, 100, claim=zombie)
    with pytest.raises(StaleClaim):
        store.claim(HERE)

    feed(new, 300)
    assert store.counts().accepted["paid"] == 500
    assert [clock.partition for clock in store.clocks()] == [RECREATED]


def test_what_a_topic_that_was_made_anew_left_unread_is_known_until_the_new_one_has_shown_a_time(store: Store) -> None:
    old = store.claim(HERE)
    with store.ingest(old, [], []) as transaction:
        old = transaction.save(Changes(log_end=40), 7, PartitionClock(HERE, T0, T0 + MINUTE))
    with store.ingest(old, [], []) as transaction:
        # Nobody asked meanwhile where it ends.
        transaction.save(Changes(), 12, old.clock)

    # One that was never read left nothing.
    assert store.claim(Partition("events", 0, "id-1b")).unread == (Unread(HERE, 12, 40, T0 + MINUTE),)
    claim = store.claim(RECREATED)
    assert claim.unread == (Unread(HERE, 12, 40, T0 + MINUTE),)
    with store.ingest(claim, [], []) as transaction:
        claim = transaction.save(Changes(), 0, claim.clock)
    assert store.claim(RECREATED).unread == (Unread(HERE, 12, 40, T0 + MINUTE),)

    claim = store.claim(RECREATED)
    gap = Gap(HERE, 12, 40, T0 + HOUR, T0 + MINUTE, T0 + HOUR)
    with store.ingest(claim, [], []) as transaction:
        transaction.save(Changes(gaps=[gap]), 1, PartitionClock(RECREATED, T0 + HOUR))
    assert store.claim(RECREATED).unread == ()
    assert store.gaps() == [gap]


def test_a_topic_that_was_read_to_no_end_that_is_known_left_nothing_that_is_known(store: Store) -> None:
    Reader(store).take(outcome(T0))
    assert store.claim(RECREATED).unread == (Unread(HERE, 1, 1, T0),)


def test_time_waits_at_once_for_all_that_is_in_the_places_of_what_is_retired(store: Store) -> None:
    places = [Partition("events", number, "id-1") for number in range(3)]
    for place in places:
        Reader(store, place).take(outcome(T0))
    stale = store.claim(HERE)

    store.retire(places, [RECREATED, Partition("events", 1, "id-2")])

    # There are only two now.
    assert [(clock.partition.number, clock.partition.topic_id) for clock in store.clocks()] == [
        (0, "id-2"),
        (1, "id-2"),
    ]
    with pytest.raises(StaleClaim), store.ingest(stale, [], []) as transaction:
        transaction.save(Changes(), 2, stale.clock)
    with pytest.raises(StaleClaim):
        store.claim(HERE)
    assert store.claim(RECREATED).unread[0] == Unread(HERE, 1, 1, T0)


def of_topic(name: str, count: int) -> list[Partition]:
    return [Partition("events", number, name) for number in range(count)]


def test_the_first_partition_answers_for_what_lay_in_places_that_a_topic_made_anew_no_longer_has(store: Store) -> None:
    old, new, newest = of_topic("id-1", 4), of_topic("id-2", 2), of_topic("id-3", 1)
    for place in old[:3]:
        Reader(store, place).take(outcome(T0 + place.number))
    store.retire(old, new)

    left = [Unread(place, 1, 1, T0 + place.number) for place in old]
    assert store.claim(new[1]).unread == (left[1],)
    # Nobody read the fourth.
    assert store.claim(new[0]).unread == (left[0], left[2])

    Reader(store, new[1]).take(outcome(T0 + HOUR))
    # The first one has not been read so far: what lay in the third place is still nobody's.
    store.retire(new, newest)
    assert store.claim(newest[0]).unread == (left[0], Unread(new[1], 1, 1, T0 + HOUR), left[2])


def test_what_lay_in_places_that_are_no_more_is_told_by_one_topic_only(store: Store) -> None:
    old, new, newest = of_topic("id-1", 2), of_topic("id-2", 1), of_topic("id-3", 2)
    for place in old:
        Reader(store, place).take(outcome(T0))
    store.retire(old, new)
    Reader(store, new[0]).take(outcome(T0 + HOUR))
    store.retire(new, newest)
    assert store.claim(newest[0]).unread == (Unread(new[0], 1, 1, T0 + HOUR),)
    # Nor by one that has such a place again.
    assert store.claim(newest[1]).unread == ()


def test_nobody_brings_back_a_place_that_a_topic_made_anew_no_longer_has(store: Store) -> None:
    old, new = of_topic("id-1", 3), of_topic("id-2", 2)
    stale = [Reader(store, place) for place in old]
    store.retire(old, new)

    with pytest.raises(StaleClaim):
        stale[2].take(outcome(T0))
    # Nor who thinks that it has more places than were ever heard of.
    for place in of_topic("id-1", 5):
        with pytest.raises(StaleClaim):
            store.claim(place)
    store.expect(of_topic("id-1", 5))
    assert [clock.partition for clock in store.clocks()] == new


def test_who_has_not_heard_that_a_topic_was_made_anew_takes_nothing_away(store: Store) -> None:
    old, new = of_topic("id-1", 2), of_topic("id-2", 3)
    for place in old:
        store.claim(place)
    store.retire(old, new)
    store.expect(new)
    claim = store.claim(new[0])

    store.retire(new, old)

    assert [clock.partition for clock in store.clocks()] == new
    with store.ingest(claim, [], []) as transaction:
        transaction.save(Changes(), 1, claim.clock)


def test_a_topic_whose_id_becomes_known_goes_on(store: Store) -> None:
    Reader(store, Partition("events", 0, "")).take(outcome(T0))

    claim = store.claim(HERE)

    assert (claim.position, claim.clock.partition) == (1, HERE)
    assert [clock.partition for clock in store.clocks()] == [HERE]


def test_retired_partitions_hold_no_clock_until_they_are_claimed_again(store: Store) -> None:
    other = Partition("events", 1, "id-1")
    Reader(store).take(outcome(T0))
    store.claim(other)

    store.retire([HERE, Partition("events", 9, "never seen")])
    assert [other] == [clock.partition for clock in store.clocks()]

    assert store.claim(HERE).position == 1
    assert [HERE, other] == [clock.partition for clock in store.clocks()]


def blob_of(horizon: IdHorizon, *ids: str, at: int) -> Changes:
    for one in ids:
        horizon.add(id_hash(one), at)
    return Changes(hashes=horizon.drain())


def test_ids_come_back_with_the_claim_until_they_are_out_of_the_horizon(store: Store) -> None:
    reader, horizon = Reader(store), IdHorizon()
    for step, name in enumerate("abcd"):
        at = T0 + step * 25 * MINUTE
        reader.take(outcome(at, id=name), changes=blob_of(horizon, name, at=at))

    again = IdHorizon()
    hashes = store.claim(HERE).hashes
    again.restore(hashes)

    # 75 minutes after the first id only the horizon's hour is left, and the store keeps no blob beyond it.
    assert [again.seen(id_hash(name)) for name in "abcd"] == [False, True, True, True]
    assert len(hashes) == 3


def test_ids_are_known_by_their_place_whichever_topic_of_its_name_they_came_with(store: Store) -> None:
    old, new = Reader(store), IdHorizon()
    old.take(outcome(T0, id="a"), changes=blob_of(new, "a", at=T0))
    reader = Reader(store, RECREATED)
    reader.take(outcome(T0 + 1, id="b"), changes=blob_of(new, "b", at=T0 + 1))

    again, elsewhere = IdHorizon(), IdHorizon()
    again.restore(store.claim(RECREATED).hashes)
    elsewhere.restore(store.claim(Partition("events", 1, "id-2")).hashes)
    assert [again.seen(id_hash(name)) for name in "abc"] == [True, True, False]
    assert not elsewhere.seen(id_hash("a"))


def test_a_saved_claim_carries_no_hashes(store: Store) -> None:
    reader = Reader(store)
    assert reader.take(outcome(T0), changes=blob_of(IdHorizon(), "a", at=T0)).hashes == ()


def test_a_blob_without_ids_is_not_kept(store: Store) -> None:
    reader = Reader(store)
    reader.take(outcome(T0), changes=Changes(hashes=IdHorizon().drain()))
    assert store.claim(HERE).hashes == ()


def test_enough_newer_ids_push_a_blob_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LIMIT", 10)
    monkeypatch.setattr(positions, "LIMIT", 10)
    reader, horizon = Reader(store), IdHorizon()
    reader.take(outcome(T0), changes=blob_of(horizon, "old", at=T0))
    for part in range(2):
        names = [f"{part}-{number}" for number in range(5)]
        reader.take(outcome(T0), changes=blob_of(horizon, *names, at=T0))

    assert len(store.claim(HERE).hashes) == 2


def test_time_waits_for_a_partition_that_is_there_and_that_nobody_has_claimed(store: Store) -> None:
    elsewhere = Partition("events", 1, "id-1")
    store.expect([HERE, elsewhere])
    store.expect([HERE, elsewhere])
    first = Reader(store)
    first.take(outcome(T0))

    assert [clock.latest for clock in store.clocks()] == [T0, None]
    assert store.claim(elsewhere).position is None
    assert len(store.clocks()) == 2


def test_nothing_is_expected_where_a_topic_is_known_under_another_id(store: Store) -> None:
    store.claim(HERE)
    store.claim(RECREATED)
    store.expect([HERE])

    assert [PartitionClock(RECREATED)] == store.clocks()
