from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from service.adapters.memory_source import MemoryLog, MemorySource
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Source
from service.core.counting.watermark import watermark
from service.core.event import SECOND, Assigned, Batch, Lost, Partition, Revoked, rfc3339
from service.core.ports import StaleClaim
from service.loops.ingest import Pace, live_topics
from service.loops.leap import BELIEVED_AFTER, LEAP
from service.loops.writer import halves, merged

if TYPE_CHECKING:
    from service.core.counting.changes import Changes

from tests.loops.ingesting import (
    CATALOG,
    LINES,
    OTHER,
    PLACE,
    START,
    Live,
    ingest,
    losing,
    outcome,
    run_lines,
    sums,
)


class TestTheClock:
    def test_looks_at_an_idle_end_move_it(self) -> None:
        live = Live(PLACE)
        live.turn()

        live.turn(60)

        assert live.clock().looked_at == START + 60 * SECOND

    def test_looks_are_written_no_more_often_than_told(self) -> None:
        live = Live(PLACE, pace=Pace(gather=0, look=1.0))
        live.turn()
        before = live.store.saves

        for _ in range(50):
            live.turn(0.1)

        assert 4 <= live.store.saves - before <= 6

    def test_it_waits_for_the_partitions_that_another_reader_has_not_claimed_yet(self) -> None:
        store = MemoryStore(CATALOG.moments)
        loop = ingest(MemorySource({PLACE: MemoryLog()}, lambda: START), store)

        loop.handle(Assigned((PLACE,), (PLACE, OTHER)))
        loop.handle(Batch(PLACE, [0], [outcome(0)], 1))
        loop.flush()

        assert store.counts().read == 1
        assert watermark(store.clocks()) is None

    def test_it_stands_still_while_the_source_is_away(self) -> None:
        live = Live(PLACE)
        live.turn(1)
        seen = live.clock().looked_at
        live.source.away = True
        stop = threading.Event()
        thread = threading.Thread(target=live.loop.run, args=(stop,))
        live.now += 3600 * SECOND

        thread.start()
        while not live.meter.failures:
            pass

        assert live.loop.away == "told to be away"
        stop.set()
        thread.join(5)
        assert live.clock().looked_at == seen
        assert live.source.closed

    def test_a_wall_clock_that_leaps_ahead_is_not_believed_at_once(self, caplog: pytest.LogCaptureFixture) -> None:
        """Windows would close an hour before their events come, and silence would be found in them."""
        live = Live(PLACE)
        live.turn()
        live.turn(LEAP / SECOND)
        seen = live.clock().looked_at

        live.now += 3600 * SECOND
        for _ in range(4):
            live.turn(60)
        assert live.clock().looked_at == seen == START + LEAP
        assert "the clock of this machine leapt ahead by 3600 s" in caplog.text
        live.now -= 3600 * SECOND
        live.turn(1)
        assert live.clock().looked_at == START + LEAP + 241 * SECOND

        live.now += 3600 * SECOND
        live.turn(1)
        live.turn(BELIEVED_AFTER / SECOND)
        assert live.clock().looked_at == live.now
        live.turn(1)
        assert live.clock().looked_at == live.now

    def test_a_duplicate_moves_it_no_more_than_a_dead_letter(self) -> None:
        live = Live(PLACE)
        live.now += 3600 * SECOND
        later = rfc3339(START + 60 * SECOND)
        live.logs[PLACE].append([outcome(0), outcome(0, time=later), outcome(1, time=later, moment="unknown")])
        live.turn()
        assert (live.store.counts().duplicate, live.store.counts().dead.total()) == (1, 1)
        assert live.clock().latest == START

    def test_records_are_taken_while_the_wall_clock_is_not_believed(self) -> None:
        live = Live(PLACE)
        live.turn()
        live.turn(1)
        live.now += 3600 * SECOND
        live.logs[PLACE].append([outcome(0)])
        live.turn(1)
        assert live.store.counts().read == 1
        assert live.clock().looked_at == START + SECOND

    def test_a_source_on_event_time_is_not_moved_by_looks(self) -> None:
        store = MemoryStore(CATALOG.moments)

        run_lines([outcome(5)], store, live=lambda _: False)

        [clock] = store.clocks()
        assert (clock.latest, clock.looked_at, clock.ended) == (START + 5 * SECOND, None, True)

    def test_sources_of_the_catalogue_say_whose_clock_is_live(self) -> None:
        sources = {"a": Source("a", "t-live"), "b": Source("b", "t-event", clock="event")}
        live = live_topics(Catalog(sources=sources), otherwise=False)

        assert [live(Partition(topic, 0)) for topic in ("t-live", "t-event", "other")] == [True, False, False]


class TestGathering:
    def test_small_batches_become_one_transaction(self) -> None:
        live = Live(PLACE, pace=Pace(gather=0.25))
        live.turn()
        before = live.store.saves

        for number in range(20):
            live.loop.handle(Batch(PLACE, [number], [outcome(number)], number + 1))

        assert live.store.saves == before
        live.loop.flush()
        assert live.store.saves == before + 1
        assert sums(live.store) == (20, 7)

    def test_the_oldest_record_waits_no_longer_than_told(self) -> None:
        live = Live(PLACE, pace=Pace(gather=0.25))
        live.turn()
        live.loop.handle(Batch(PLACE, [0], [outcome(0)], 1))

        live.time += 0.3
        live.loop.handle(Batch(PLACE, [1], [outcome(1)], 2))

        assert sums(live.store) == (2, 1)

    def test_full_hands_are_emptied_at_once(self) -> None:
        live = Live(PLACE, pace=Pace(records=3, gather=3600))
        live.turn()

        live.loop.handle(Batch(PLACE, [0, 1, 2], [outcome(n) for n in range(3)], 3))

        assert sums(live.store) == (3, 1)

    def test_bytes_are_bounded_over_all_partitions(self) -> None:
        live = Live(PLACE, OTHER, pace=Pace(bytes=300, gather=3600))
        live.turn()

        live.loop.handle(Batch(PLACE, [0], [outcome(0)], 1))
        live.loop.handle(Batch(OTHER, [0], [outcome(1)], 1))

        assert sums(live.store) == (2, 1)

    def test_merging_keeps_the_last_word_about_the_end(self) -> None:
        first = Batch(PLACE, [0], [b"a"], 1, looked_at=5)
        second = Batch(PLACE, [3], [b"b"], 7, headers=[{"h": b"1"}], looked_at=9, ended=True)

        assert merged([first, second]) == Batch(
            PLACE, [0, 3], [b"a", b"b"], 7, headers=[{}, {"h": b"1"}], looked_at=9, ended=True
        )

    def test_halves_leave_the_end_to_the_second(self) -> None:
        batch = Batch(PLACE, [2, 5, 6], [b"a", b"b", b"c"], 9, looked_at=3, ended=True)

        assert halves(batch) == (
            Batch(PLACE, [2], [b"a"], 5),
            Batch(PLACE, [5, 6], [b"b", b"c"], 9, looked_at=3, ended=True),
        )


class TestPartitionsThatComeAndGo:
    def test_what_another_reader_wrote_is_not_written_again(self) -> None:
        live = Live(PLACE)
        live.now += 3600 * SECOND
        live.logs[PLACE].append(LINES)
        live.turn()
        other = ingest(MemorySource(live.logs, lambda: live.now), live.store, now=lambda: live.now)
        others = other._source.batches()
        live.logs[PLACE].append([outcome(number) for number in range(300, 400)])
        other.handle(next(others))

        live.turn(1)
        live.turn(1)

        assert sums(live.store) == (400, 134)
        assert live.meter.stale == 1

    def test_a_revoked_partition_is_dropped_with_what_was_in_hand(self) -> None:
        live = Live(PLACE, pace=Pace(gather=3600))
        live.turn()
        live.loop.handle(Batch(PLACE, [0], [outcome(0)], 1, behind=3))
        assert live.meter.lag[PLACE] == 3

        live.source.revoke([PLACE])
        live.turn()
        live.loop.flush()

        assert sums(live.store) == (0, 0)
        assert live.meter.lag[PLACE] is None

    def test_a_partition_that_comes_back_is_read_from_where_the_store_is(self) -> None:
        live = Live(PLACE)
        live.logs[PLACE].append(LINES[:100])
        live.turn()
        live.source.revoke([PLACE])
        live.logs[PLACE].append(LINES[100:])

        live.source.assign([PLACE])
        live.turn()

        assert sums(live.store) == (300, 100)

    def test_a_partition_that_was_never_announced_is_claimed_all_the_same(self) -> None:
        store = MemoryStore(CATALOG.moments)
        run_lines(LINES[:2], store)
        source = MemorySource({PLACE: MemoryLog()}, lambda: START)
        loop = ingest(source, store)

        loop.handle(Batch(PLACE, [0, 1], LINES[:2], 2))
        loop.handle(Batch(PLACE, [2], [LINES[2]], 3))

        assert sums(store) == (3, 1)

    def test_the_source_is_told_how_far_the_store_is(self) -> None:
        live = Live(PLACE)
        live.logs[PLACE].append(LINES)

        live.turn()

        assert live.source.committed == {PLACE: 300}

    def test_lost_records_are_named(self, caplog: pytest.LogCaptureFixture) -> None:
        live = Live(PLACE)
        live.turn()

        live.loop.handle(Lost(PLACE, 10, 25))

        assert "events[0]: offsets 10 to 24 were gone before they were read, 15 in all" in caplog.text

    def test_lost_records_are_written_with_what_comes_after_them_and_make_the_moment_blind_meanwhile(self) -> None:
        loop, store = losing()

        assert store.gaps() == []
        loop.handle(Batch(PLACE, [25], [outcome(60)], 26))
        loop.flush()

        [gap] = store.gaps()
        assert (gap.partition, gap.first, gap.after, gap.records) == (PLACE, 3, 25, 22)
        assert (gap.since, gap.until) == (START + 2 * SECOND, START + 60 * SECOND)
        [span] = store.blind("m", START, START + 60 * SECOND)
        assert (span.since, span.until) == (START + 2 * SECOND + 1, START + 60 * SECOND)
        assert "22 records of events[0] were gone before they were read" in span.reason
        assert store.counts().read == 4

    def test_what_was_lost_is_not_written_twice_nor_by_one_who_lost_the_partition(self) -> None:
        loop, store = losing()
        loop.handle(Revoked((PLACE,)))
        loop.flush()
        assert store.gaps() == []

        # As whoever has it next finds out again, in two steps this time.
        loop.handle(Assigned((PLACE,)))
        loop.handle(Lost(PLACE, 3, 10))
        loop.handle(Lost(PLACE, 10, 25))
        loop.handle(Batch(PLACE, [], [], 25, looked_at=START + 90 * SECOND))
        loop.flush()
        loop.handle(Batch(PLACE, [25], [outcome(60)], 26))
        loop.flush()

        assert [(gap.first, gap.after, gap.until) for gap in store.gaps()] == [(3, 25, START + 30 * SECOND)]

    def test_a_log_that_was_cut_back_is_remembered_and_nobody_is_blind_for_it(self) -> None:
        loop, store = losing()
        loop.handle(Batch(PLACE, [25], [outcome(60)], 26))
        loop.handle(Lost(PLACE, 26, 20))
        loop.handle(Batch(PLACE, [20], [outcome(61)], 21))
        loop.flush()

        assert [(gap.first, gap.after, gap.records) for gap in store.gaps()] == [(26, 20, 0), (3, 25, 22)]
        assert len(store.blind("m", START, START + 90 * SECOND)) == 1
        assert store.counts().read == 5

    def test_what_comes_at_an_offset_for_the_second_time_takes_nobodys_place(self) -> None:
        """The records that a log has lost were read, and stay counted; others have their offsets now."""
        loop, store = losing()
        for first in (30, 60):
            lines = [outcome(number, outcome="broken", customer=f"c{number}") for number in range(first, first + 3)]
            loop.handle(Batch(PLACE, [25, 26, 27], lines, 28))
            loop.handle(Lost(PLACE, 28, 25))
        loop.handle(Batch(PLACE, [25], [outcome(30, outcome="broken", customer="c30")], 26))
        loop.flush()

        found = store.breaks("m", (), START + 30 * SECOND, START + 90 * SECOND)
        assert [row.customer for row in found] == ["c30", "c31", "c32", "c60", "c61", "c62"]
        assert sums(store)[1] == len(store.breaks("m", (), START, START + 90 * SECOND))
        assert store.counts().duplicate == 1

    def test_on_event_time_what_was_lost_waits_for_the_record_that_says_until_when(self) -> None:
        loop, store = losing(live=False)
        loop.handle(Batch(PLACE, [], [], 25, behind=9))
        loop.flush()
        assert store.gaps() == []
        assert store.claim(PLACE).position == 3
        loop.handle(Assigned((PLACE,)))
        loop.handle(Lost(PLACE, 3, 25))
        loop.handle(Batch(PLACE, [], [], 25))
        loop.handle(Batch(PLACE, [25], [outcome(60)], 26))
        loop.flush()

        assert [(gap.first, gap.until) for gap in store.gaps()] == [(3, START + 60 * SECOND)]

    def test_a_batch_that_is_halved_says_once_what_was_lost_before_it(self) -> None:
        headers = [{"ce_id": b"a"}, {"ce_id": b"b"}]
        batch = Batch(PLACE, [5, 6], [b"a", b"b"], 7, headers=headers, lost=(1, 5))
        assert [half.lost for half in halves(batch)] == [(1, 5), None]
        assert [half.headers for half in halves(batch)] == [headers[:1], headers[1:]]

    def test_a_stop_writes_what_is_in_hand(self) -> None:
        live = Live(PLACE, pace=Pace(gather=3600))
        live.turn()
        live.logs[PLACE].append(LINES)
        stop = threading.Event()
        handle = live.loop.handle

        def handle_and_stop(arrival: Any) -> None:
            handle(arrival)
            if isinstance(arrival, Batch) and arrival.offsets:
                stop.set()

        live.loop.handle = handle_and_stop  # type: ignore[method-assign]
        live.loop.run(stop)

        assert sums(live.store) == (300, 100)
        assert live.source.committed == {PLACE: 300}
        assert live.source.closed

    def test_a_stale_claim_is_no_error_of_the_test_store(self) -> None:
        store = MemoryStore(CATALOG.moments)
        old = store.claim(PLACE)
        store.claim(PLACE)

        with pytest.raises(StaleClaim), store.ingest(old, (), ()) as transaction:
            transaction.save(_empty(), 1, old.clock)


def _empty() -> Changes:
    from service.core.counting.changes import Changes

    return Changes()
