from __future__ import annotations

from service.core.event import SECOND, Assigned, Batch, Partition
from tests.loops.ingesting import ANEW, FAR, LINES, OTHER, PLACE, START, Live, losing, outcome, replace_id


def test_what_a_topic_held_unread_when_it_was_made_anew_is_written_with_the_new_ones_first_time() -> None:
    loop, store = losing(behind=19)
    loop.handle(Assigned((ANEW,), (ANEW,)))
    loop.handle(Batch(ANEW, [], [], 0))
    assert store.gaps() == []
    loop.handle(Batch(ANEW, [0], [outcome(60)], 1))
    loop.flush()
    loop.handle(Batch(ANEW, [1], [outcome(61)], 2))
    loop.flush()

    [gap] = store.gaps()
    assert (gap.partition, gap.first, gap.after, gap.records) == (PLACE, 3, 22, 19)
    assert (gap.since, gap.until) == (START + 2 * SECOND, START + 60 * SECOND)
    [span] = store.blind("m", START, START + 60 * SECOND)
    assert "19 records of events[0] was left unread" in span.reason
    assert store.counts().read == 5


def test_a_topic_made_anew_of_which_nobody_knows_the_end_blinds_where_nobody_looked_for_long() -> None:
    for seconds, live, unheard in ((60, True, False), (200, True, True), (200, False, False)):
        loop, store = losing(live=live, behind=0)
        loop.handle(Assigned((ANEW,), (ANEW,)))
        loop.handle(Batch(ANEW, [0], [outcome(seconds)], 1))
        loop.flush()

        assert [(gap.first, gap.after) for gap in store.gaps()] == [(3, 3)] * unheard
        assert len(store.blind("m", START, START + 900 * SECOND)) == unheard


def test_what_a_topic_that_was_made_anew_holds_again_is_a_duplicate() -> None:
    loop, store = losing(behind=0)
    loop.handle(Assigned((ANEW,), (ANEW,)))
    loop.handle(Batch(ANEW, [0, 1], [LINES[2], outcome(20)], 2))
    loop.flush()
    assert (store.counts().read, store.counts().duplicate) == (5, 1)


def test_all_partitions_of_a_topic_made_anew_are_waited_for_from_when_the_first_is_found() -> None:
    loop, store = losing()
    loop.handle(Assigned((OTHER,), (PLACE, OTHER)))
    other = replace_id(OTHER)
    loop.handle(Assigned((ANEW,), (ANEW, other)))
    assert [clock.partition for clock in store.clocks()] == [ANEW, other]


def test_what_a_partition_held_unread_that_is_no_more_is_written_by_the_first_one() -> None:
    loop, store = losing(behind=0)
    loop.handle(Assigned((PLACE, OTHER)))
    loop.handle(Batch(OTHER, [0], [outcome(2)], 1, behind=7))
    loop.flush()
    loop.handle(Assigned((ANEW,), (ANEW,)))
    assert [clock.partition for clock in store.clocks()] == [ANEW]
    loop.handle(Batch(ANEW, [0], [outcome(60)], 1))
    loop.flush()

    [gap] = store.gaps()
    assert (gap.partition, gap.first, gap.after, gap.until) == (OTHER, 1, 8, START + 60 * SECOND)
    assert ["7 records of events[1] was left" in span.reason for span in store.blind("m", START, FAR)] == [True]


def test_the_clocks_of_a_topic_made_anew_hold_nothing_back() -> None:
    live = Live(PLACE, OTHER)
    live.turn()
    anew = Partition("events", 0, "another id")
    live.source.revoke([PLACE, OTHER])

    live.source.assign([anew])
    live.turn()

    assert [clock.partition for clock in live.store.clocks()] == [anew]
