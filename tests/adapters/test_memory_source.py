from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from service.adapters.memory_source import LineSource, MemoryLog, MemorySource
from service.core.event import Assigned, Batch, Idle, Lost, Partition
from tests.adapters.source_contract import Reading, SourceContract, SourceUnderTest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLACE = Partition("lines", 0, "lines")


class MemoryUnderTest(SourceUnderTest):
    def __init__(self) -> None:
        self.logs: list[MemoryLog] = []
        self.clock = itertools.count(1_000)

    def open(self, partitions: int = 1) -> MemorySource:
        self.logs = [MemoryLog() for _ in range(partitions)]
        places = {Partition("memory", number, "memory"): log for number, log in enumerate(self.logs)}
        return MemorySource(places, self.now, batch=300)

    def append(self, number: int, payloads: Sequence[bytes], headers: Mapping[str, bytes] | None = None) -> None:
        self.logs[number].append(payloads, headers)

    def append_control(self, number: int) -> None:
        self.logs[number].control()

    def now(self) -> int:
        return next(self.clock)


class TestMemorySource(SourceContract):
    @pytest.fixture
    def under_test(self) -> MemoryUnderTest:
        return MemoryUnderTest()

    def test_records_gone_before_they_were_read_are_reported(self, under_test: MemoryUnderTest) -> None:
        source = under_test.open()
        under_test.append(0, [b"a", b"b", b"c"])
        under_test.logs[0].forget(before=2)

        reading = Reading(source, start=0)
        reading.until(lambda: bool(reading.payloads()))

        assert [Lost(reading.partitions[0], 0, 2)] == reading.lost
        assert reading.payloads() == [b"c"]


def read(source: LineSource, start: int | None = None) -> list[Batch]:
    batches = []
    for arrival in source.batches():
        assert not isinstance(arrival, Idle)
        if isinstance(arrival, Assigned):
            source.seek({PLACE: start})
        elif isinstance(arrival, Batch):
            batches.append(arrival)
    return batches


class TestLineSource:
    def test_the_last_batch_says_that_nothing_follows(self) -> None:
        batches = read(LineSource(PLACE, [b"a", b"b", b"c"], batch=2))

        assert [(batch.offsets, batch.ended) for batch in batches] == [([0, 1], False), ([2], True)]
        assert batches[-1].next_offset == 3

    def test_lines_that_fill_the_last_batch_end_with_an_empty_one(self) -> None:
        batches = read(LineSource(PLACE, [b"a", b"b"], batch=2))

        assert [(batch.offsets, batch.ended) for batch in batches] == [([0, 1], False), ([], True)]

    def test_no_lines_at_all_end_too(self) -> None:
        assert [(batch.offsets, batch.ended) for batch in read(LineSource(PLACE, []))] == [([], True)]

    def test_no_line_is_looked_at_by_the_wall_clock(self) -> None:
        assert [batch.looked_at for batch in read(LineSource(PLACE, [b"a"]))] == [None]

    def test_it_goes_on_at_a_line(self) -> None:
        assert [batch.payloads for batch in read(LineSource(PLACE, [b"a", b"b", b"c"]), start=2)] == [[b"c"]]

    def test_an_iterator_can_be_sought_forward(self) -> None:
        batches = read(LineSource(PLACE, iter([b"a", b"b", b"c"])), start=1)

        assert [batch.payloads for batch in batches] == [[b"b", b"c"]]

    def test_lines_can_be_read_again_where_they_can_be_walked_again(self) -> None:
        source = LineSource(PLACE, [b"a", b"b", b"c"], batch=2)
        batches = read(source)
        source.seek({PLACE: 1})

        again = [arrival for arrival in source.batches() if isinstance(arrival, Batch)]

        assert [payload for batch in batches for payload in batch.payloads] == [b"a", b"b", b"c"]
        assert [payload for batch in again for payload in batch.payloads] == [b"b", b"c"]

    def test_an_iterator_cannot_be_sought_back_and_says_so(self) -> None:
        source = LineSource(PLACE, iter([b"a", b"b"]))
        read(source)

        with pytest.raises(ValueError, match="lines: line 0 has passed"):
            source.seek({PLACE: 0})
