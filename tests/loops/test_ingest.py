from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.adapters.decode import alike
from service.adapters.memory_source import LineSource, MemoryLog, MemorySource
from service.adapters.store.memory import MemoryStore
from service.core.event import Assigned, Batch
from service.core.ports import StoreRefused
from service.loops.ingest import Pace
from service.loops.writer import BURIALS_IN_A_ROW
from tests.loops.ingesting import (
    CATALOG,
    LINES,
    PLACE,
    START,
    FaultyStore,
    ingest,
    outcome,
    run_lines,
    sums,
    totals,
)


@pytest.fixture
def expected() -> tuple[int, int]:
    return 300, 100


class TestWhatBecomesOfRecords:
    def test_every_record_is_accepted_a_duplicate_or_dead(self) -> None:
        store = MemoryStore(CATALOG.moments)
        lines = [*LINES[:10], b"{", LINES[3], b"\xff", LINES[3], outcome(400, moment="x"), LINES[11]]

        run_lines(lines, store, batch=4)

        counts = store.counts()
        assert (counts.read, counts.accepted["m"], counts.duplicate) == (16, 11, 2)
        assert counts.dead == {"not_json": 1, "bad_text": 1, "unknown_moment": 1}
        assert counts.balanced

    @settings(max_examples=40, deadline=None)
    @given(batch=st.integers(1, 400), gather=st.integers(1, 500))
    def test_batch_sizes_change_nothing(self, batch: int, gather: int) -> None:
        store = MemoryStore(CATALOG.moments)
        lines = [*LINES, *LINES[100:200], b"[]"]

        run_lines(lines, store, batch, pace=Pace(records=gather, gather=3600))

        assert sums(store) == (300, 100)
        counts = store.counts()
        assert (counts.read, counts.duplicate, counts.dead.total()) == (401, 100, 1)

    @pytest.mark.parametrize("deduplicate", [True, False])
    def test_what_is_read_by_columns_is_written_as_what_is_not(
        self, monkeypatch: pytest.MonkeyPatch, deduplicate: bool
    ) -> None:
        lines = [outcome(number) for number in [*range(500), *range(100, 200), 900]]
        columns, records = MemoryStore(CATALOG.moments), MemoryStore(CATALOG.moments)

        run_lines(lines, columns, 601, deduplicate=deduplicate, pace=Pace(gather=3600))
        monkeypatch.setattr(alike, "_MANY", 1_000)
        run_lines(lines, records, 601, deduplicate=deduplicate, pace=Pace(gather=3600))

        assert columns.counts() == records.counts()
        assert columns.counts().accepted["m"] == (501 if deduplicate else 601)
        assert totals(columns) == totals(records)
        assert columns.clocks() == records.clocks()
        assert columns._breaks == records._breaks
        assert columns.claim(PLACE).hashes == records.claim(PLACE).hashes

    @settings(max_examples=40, deadline=None)
    @given(stops=st.lists(st.integers(0, 12), max_size=6), batch=st.integers(1, 90))
    def test_stop_and_resume_anywhere_change_nothing(self, stops: list[int], batch: int) -> None:
        store = MemoryStore(CATALOG.moments)
        lines = [*LINES, *LINES[100:200]]
        for arrivals in stops:
            source = LineSource(PLACE, lines, batch)
            loop = ingest(source, store, pace=Pace(gather=3600))
            for arrival in itertools.islice(source.batches(), arrivals):
                loop.handle(arrival)
            # Killed: what is in hand is gone with the process.

        run_lines(lines, store, batch)

        assert sums(store) == (300, 100)
        counts = store.counts()
        assert (counts.read, counts.duplicate) == (400, 100)

    def test_without_deduplication_every_record_counts(self) -> None:
        store = MemoryStore(CATALOG.moments)

        run_lines([LINES[0], LINES[0]], store, deduplicate=False)

        assert sums(store) == (2, 2)


class TestFaultsOfTheStore:
    @pytest.mark.parametrize(
        "faults",
        [
            ["away"],
            ["away", "claim", "away", None, "away"],
            ["lost answer"],
            ["lost answer", "claim", "lost answer"],
            ["busy", "busy"],
            ["busy"] * 50,
            ["stale"],
            [None, "stale", "lost answer", "busy", "away"],
            ["bug"],
            ["claim", "claim"],
        ],
        ids=lambda faults: "-".join(fault or "ok" for fault in faults),
    )
    def test_nothing_is_lost_and_nothing_counted_twice(
        self, faults: list[str | None], expected: tuple[int, int]
    ) -> None:
        store = FaultyStore(faults)

        run_lines(LINES, store, batch=64)

        assert sums(store) == expected
        assert store.counts().read == 300
        assert store.counts().duplicate == 0

    @settings(max_examples=60, deadline=None)
    @given(
        faults=st.lists(st.sampled_from([None, "away", "busy", "stale", "lost answer", "claim"]), max_size=30),
        batch=st.integers(20, 120),
    )
    def test_any_faults_in_any_order_change_nothing(self, faults: list[str | None], batch: int) -> None:
        store = FaultyStore(faults)
        lines = [*LINES, *LINES[250:]]

        run_lines(lines, store, batch)

        assert sums(store) == (300, 100)
        assert (store.counts().read, store.counts().duplicate) == (350, 50)

    def test_one_record_that_the_store_refuses_is_buried_and_the_rest_written(self) -> None:
        store = FaultyStore(poison=b"poison")
        lines = [*LINES[:100], outcome(900, customer="poison", outcome="broken"), *LINES[100:]]

        run_lines(lines, store, batch=500)

        assert sums(store) == (300, 100)
        [(_, letter)] = store.dead_letters()
        assert (letter.offset, letter.reason) == (100, "store_refused")
        assert letter.detail == "StoreRefused: a character that the store"
        assert letter.payload == lines[100]
        assert store.counts().balanced
        # The halves were written in their order: whoever comes next begins where all of it ends.
        assert store.claim(PLACE).position == len(lines)

    def test_a_last_record_that_is_buried_ends_its_partition_as_any_other(self) -> None:
        store = FaultyStore(poison=b"poison")

        loop = ingest(MemorySource({PLACE: MemoryLog()}, lambda: START), store)
        loop.handle(Assigned((PLACE,)))
        loop.handle(Batch(PLACE, [0], [outcome(900, customer="poison", outcome="broken")], 1, ended=True))

        assert [clock.ended for clock in store.clocks()] == [True]
        assert store.counts().dead == {"store_refused": 1}

    def test_records_that_are_to_blame_among_others_do_not_end_it_however_many(self) -> None:
        store = FaultyStore(poison=b"poison")
        lines = [outcome(n, outcome="broken", customer="poison" if n % 2 else "c1") for n in range(250)]

        run_lines(lines, store, batch=50)

        assert store.counts().dead == {"store_refused": 125}
        assert BURIALS_IN_A_ROW < 125
        assert sums(store) == (125, 125)

    def test_a_duplicate_is_known_after_its_batch_was_halved(self) -> None:
        store = FaultyStore(poison=b"poison")
        lines = [LINES[0], outcome(900, customer="poison", outcome="broken"), LINES[0], LINES[1], LINES[1]]

        run_lines(lines, store)

        assert store.counts().duplicate == 2
        assert sums(store) == (2, 1)

    def test_a_store_that_refuses_everything_is_an_error_and_no_matter_of_records(self) -> None:
        store = FaultyStore(poison=b"c")
        lines = [outcome(number, outcome="broken") for number in range(BURIALS_IN_A_ROW + 10)]

        with pytest.raises(StoreRefused):
            run_lines(lines, store, batch=500)

    def test_a_stop_while_the_store_is_away_ends_the_loop(self) -> None:
        store = FaultyStore(["away"] * 1_000)
        source = LineSource(PLACE, LINES)
        stop = threading.Event()
        loop = ingest(source, store, pace=Pace(gather=0, shortest_wait=30))
        thread = threading.Thread(target=loop.run, args=(stop,))
        thread.start()
        while not store.saves:
            pass

        stop.set()
        thread.join(5)

        assert not thread.is_alive()
        assert store.counts().read == 0
