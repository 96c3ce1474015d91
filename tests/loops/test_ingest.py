from __future__ import annotations

import itertools
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.adapters.decode import Decoder
from service.adapters.memory_source import LineSource, MemoryLog, MemorySource
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Moment, Owner, Source
from service.core.event import SECOND, Batch, Idle, Lost, Micros, Partition, rfc3339
from service.core.meter import NoMeter
from service.core.ports import StaleClaim, StoreAway, StoreBusy, StoreRefused
from service.loops.ingest import Ingest, Pace, live_topics
from service.loops.writer import BURIALS_IN_A_ROW, halves, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from service.core.changes import Changes, Counts, PromiseKey
    from service.core.ports import Claim, IngestTransaction
    from service.core.tally import Tally
    from service.core.watermark import PartitionClock

CATALOG = Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops", dimensions=("region",))})
PLACE = Partition("events", 0, "id")
OTHER = Partition("events", 1, "id")
START: Micros = 1_700_000_000 * SECOND
AT_ONCE = Pace(gather=0, look=0, look_share=0, report=0, shortest_wait=0, longest_wait=0, stale_wait=0)


def outcome(number: int, **changed: object) -> bytes:
    event = {
        "id": f"e{number}",
        "time": rfc3339(START + number * SECOND),
        "type": "outcome",
        "moment": "m",
        "customer": f"c{number % 7}",
        "outcome": "broken" if number % 3 == 0 else "kept",
        "value": 1.5,
        "dimensions": {"region": "north" if number % 2 else "south"},
    }
    return json.dumps(event | changed).encode()


class FaultyStore(MemoryStore):
    """A store that meets the faults it is told of, one a call of save; None is a success."""

    def __init__(self, faults: Sequence[str | None] = (), poison: bytes = b"") -> None:
        super().__init__(CATALOG.moments)
        self.faults = list(faults)
        self.poison = poison
        self.saves = 0
        self.claims = 0

    def claim(self, partition: Partition) -> Claim:
        self.claims += 1
        if self.faults and self.faults[0] == "claim":
            self.faults.pop(0)
            raise StoreAway("told to be away")
        return super().claim(partition)

    @contextmanager
    def ingest(  # type: ignore[override]  # a transaction around the real one
        self, claim: Claim, moments: Sequence[str], keys: Sequence[PromiseKey]
    ) -> Iterator[IngestTransaction]:
        with super().ingest(claim, moments, keys) as transaction:
            yield Faulty(self, transaction)


@dataclass
class Faulty:
    store: FaultyStore
    inner: Any
    view: Any = field(init=False)

    def __post_init__(self) -> None:
        self.view = self.inner.view

    def save(self, changes: Changes, position: int, clock: PartitionClock) -> Claim:
        store = self.store
        store.saves += 1
        fault = store.faults.pop(0) if store.faults else None
        if fault == "away":
            raise StoreAway("told to be away")
        if fault == "busy":
            raise StoreBusy("told to give way")
        if fault == "stale":
            MemoryStore.claim(store, clock.partition)
        if fault == "bug":
            raise KeyError("a bug")
        if store.poison and any(store.poison.decode() in row.customer for row in changes.breaks.values() if row):
            raise StoreRefused("a character that the store\ndoes not keep")
        claim: Claim = self.inner.save(changes, position, clock)
        if fault == "lost answer":
            raise StoreAway("the answer was lost")
        return claim


class Counting(NoMeter):
    def __init__(self) -> None:
        self.batches: list[Counts] = []
        self.stale = 0
        self.failures = 0
        self.lag: dict[Partition, int | None] = {}

    def ingested(self, partition: Partition, counts: Counts, tally: Tally, seconds: float) -> None:
        self.batches.append(counts)

    def refused(self, partition: Partition) -> None:
        self.stale += 1

    def behind(self, partition: Partition, records: int | None) -> None:
        self.lag[partition] = records

    def failed(self, loop: str) -> None:
        self.failures += 1


def ingest(source: Any, store: MemoryStore, *, now: Callable[[], Micros] = lambda: START, **options: Any) -> Ingest:
    options.setdefault("pace", AT_ONCE)
    return Ingest(source, store, lambda _: Decoder(CATALOG), CATALOG, now, **options)


def run_lines(lines: Sequence[bytes], store: MemoryStore, batch: int = 100, **options: Any) -> Ingest:
    loop = ingest(LineSource(PLACE, lines, batch), store, **options)
    loop.run(threading.Event())
    return loop


def totals(store: MemoryStore) -> Any:
    return store.totals("m", START - 3600 * SECOND, START + 36_000 * SECOND, 39_600 * SECOND)


def sums(store: MemoryStore) -> tuple[int, int]:
    rows = [total for _, total in totals(store)]
    return sum(row.attempts for row in rows), sum(row.broken for row in rows)


LINES = [outcome(number) for number in range(300)]


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


class Live:
    """A source in memory that a test feeds between two steps of the loop."""

    def __init__(self, *places: Partition, **options: Any) -> None:
        self.now = START
        self.time = 0.0
        self.logs = {place: MemoryLog() for place in places}
        self.source = MemorySource(self.logs, lambda: self.now)
        self.store = FaultyStore()
        self.meter = Counting()
        pace = options.pop("pace", AT_ONCE)
        self.loop = ingest(
            self.source,
            self.store,
            now=lambda: self.now,
            meter=self.meter,
            live=lambda _: True,
            monotonic=lambda: self.time,
            pace=pace,
            **options,
        )
        self.arrivals = self.source.batches()

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and take what the source gives until it has nothing more for now."""
        self.time += seconds
        self.now += round(seconds * SECOND)
        for arrival in self.arrivals:
            self.loop.handle(arrival)
            if isinstance(arrival, Idle):
                return

    def clock(self, place: Partition = PLACE) -> PartitionClock:
        return next(clock for clock in self.store.clocks() if clock.partition == place)


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

    def test_the_clocks_of_a_topic_made_anew_hold_nothing_back(self) -> None:
        live = Live(PLACE, OTHER)
        live.turn()
        anew = Partition("events", 0, "another id")
        live.source.revoke([PLACE, OTHER])

        live.source.assign([anew])
        live.turn()

        assert [clock.partition for clock in live.store.clocks()] == [anew]

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
    from service.core.changes import Changes

    return Changes()
