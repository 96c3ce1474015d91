"""What every source promises to the ingest loop; a mixin, run over each of them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import pytest

from service.core.event import Arrival, Assigned, Batch, Lost, Micros, Partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from service.core.ports import Source

PATIENCE_S = 30.0


class SourceUnderTest(ABC):
    """A source, and the hand that fills its logs."""

    @abstractmethod
    def open(self, partitions: int = 1) -> Source:
        """A new reader of new, empty logs of one topic."""

    @abstractmethod
    def append(self, number: int, payloads: Sequence[bytes], headers: Mapping[str, bytes] | None = None) -> None:
        """Put records at the end of a partition."""

    @abstractmethod
    def append_control(self, number: int) -> None:
        """Put at least one record at the end of a partition that readers never see."""

    @abstractmethod
    def now(self) -> Micros:
        """The source's wall clock."""


class Reading:
    """A consumer of a source that keeps what it was given."""

    def __init__(self, source: Source, start: int | None = None) -> None:
        self.source = source
        self.start = start
        self.partitions: dict[int, Partition] = {}
        self.batches: list[Batch] = []
        self.lost: list[Lost] = []
        self.known: tuple[Partition, ...] = ()
        self._arrivals: Iterator[Arrival] = source.batches()

    def until(self, seen: Callable[[], bool]) -> None:
        """Read on until something was seen; fail when it does not come."""
        deadline = time.monotonic() + PATIENCE_S
        while not seen():
            assert time.monotonic() < deadline, f"did not come: {self.batches[-3:]}"
            self._take(next(self._arrivals))

    def _take(self, arrival: Arrival) -> None:
        if isinstance(arrival, Assigned):
            self.known = arrival.known
            self.partitions |= {partition.number: partition for partition in arrival.partitions}
            self.source.seek(dict.fromkeys(arrival.partitions, self.start))
        elif isinstance(arrival, Batch):
            self.batches.append(arrival)
        elif isinstance(arrival, Lost):
            self.lost.append(arrival)

    def payloads(self, number: int = 0) -> list[bytes]:
        """Everything that was read of a partition, in order."""
        return [payload for batch in self._of(number) for payload in batch.payloads]

    def offsets(self, number: int = 0) -> list[int]:
        """The offsets of everything that was read of a partition, in order."""
        return [offset for batch in self._of(number) for offset in batch.offsets]

    def last(self, number: int = 0) -> Batch:
        """The last batch of a partition."""
        return list(self._of(number))[-1]

    def look(self, number: int = 0) -> Micros | None:
        """The time of the last look, while it stands at the end of what was read."""
        batches = list(self._of(number))
        return batches[-1].looked_at if batches else None

    def forget(self) -> None:
        """Begin counting anew."""
        self.batches.clear()

    def _of(self, number: int) -> Iterator[Batch]:
        return (batch for batch in self.batches if batch.partition.number == number)


class SourceContract:
    """The laws. A subclass gives a fixture `under_test`."""

    @pytest.fixture
    def under_test(self) -> SourceUnderTest:
        raise NotImplementedError

    @pytest.fixture
    def source(self, under_test: SourceUnderTest) -> Iterator[Source]:
        source = under_test.open()
        yield source
        source.close()

    def test_every_record_comes_once_and_in_order(self, under_test: SourceUnderTest, source: Source) -> None:
        sent = [b"%d" % number for number in range(2_500)]
        under_test.append(0, sent[:1_000])
        under_test.append(0, sent[1_000:])

        reading = Reading(source)
        reading.until(lambda: len(reading.payloads()) >= len(sent))

        assert sent == reading.payloads()
        assert sorted(set(reading.offsets())) == reading.offsets()

    def test_partitions_are_announced_before_anything_of_them_comes(
        self, under_test: SourceUnderTest, source: Source
    ) -> None:
        under_test.append(0, [b"x"])

        first = next(a for a in source.batches() if isinstance(a, Assigned | Batch))

        assert isinstance(first, Assigned)
        assert [partition.number for partition in first.partitions] == [0]
        assert set(first.partitions) <= set(first.known)

    def test_several_partitions_each_keep_their_order(self, under_test: SourceUnderTest) -> None:
        source = under_test.open(partitions=3)
        sent = {number: [b"%d-%d" % (number, i) for i in range(700)] for number in range(3)}
        for number, payloads in sent.items():
            under_test.append(number, payloads)

        reading = Reading(source)
        reading.until(lambda: sum(len(batch.offsets) for batch in reading.batches) >= 2_100)
        source.close()

        assert sent == {number: reading.payloads(number) for number in range(3)}
        assert {0, 1, 2} == {partition.number for partition in reading.known}

    def test_seeking_back_reads_again_from_there(self, under_test: SourceUnderTest, source: Source) -> None:
        sent = [b"%d" % number for number in range(100)]
        under_test.append(0, sent)
        reading = Reading(source)
        reading.until(lambda: len(reading.payloads()) >= 100)

        reading.forget()
        source.seek({reading.partitions[0]: 40})
        reading.until(lambda: len(reading.payloads()) >= 60)

        assert sent[40:] == reading.payloads()
        assert list(range(40, 100)) == reading.offsets()

    def test_a_new_reader_goes_on_where_it_is_told(self, under_test: SourceUnderTest, source: Source) -> None:
        under_test.append(0, [b"%d" % number for number in range(10)])

        reading = Reading(source, start=7)
        reading.until(lambda: len(reading.payloads()) >= 3)

        assert reading.payloads() == [b"7", b"8", b"9"]

    def test_the_next_offset_follows_the_last_record(self, under_test: SourceUnderTest, source: Source) -> None:
        under_test.append(0, [b"a", b"b", b"c"])

        reading = Reading(source)
        reading.until(lambda: reading.look() is not None)

        for batch in reading.batches:
            assert not batch.offsets or batch.next_offset > batch.offsets[-1]
            assert len(batch.offsets) == len(batch.payloads)
        assert reading.last().next_offset == 3
        assert reading.last().behind == 0

    def test_control_records_are_passed_over_and_counted_in_the_position(
        self, under_test: SourceUnderTest, source: Source
    ) -> None:
        under_test.append(0, [b"a"])
        under_test.append_control(0)

        reading = Reading(source)
        reading.until(lambda: reading.look() is not None)
        position = reading.last().next_offset
        reading.forget()
        source.seek({reading.partitions[0]: position})
        under_test.append(0, [b"b"])
        reading.until(lambda: bool(reading.payloads()))

        assert position >= 2
        assert reading.payloads() == [b"b"]
        assert reading.offsets()[0] >= position

    def test_a_look_is_dated_and_told_again_while_nothing_comes(
        self, under_test: SourceUnderTest, source: Source
    ) -> None:
        before = under_test.now()
        under_test.append(0, [b"a"])
        reading = Reading(source)
        reading.until(lambda: reading.look() is not None)
        first = reading.look()
        assert first is not None

        reading.until(lambda: (reading.look() or 0) > first)

        assert before <= first <= under_test.now()
        assert not reading.last().ended

    def test_a_partition_that_never_held_a_record_is_looked_at_too(
        self, under_test: SourceUnderTest, source: Source
    ) -> None:
        reading = Reading(source)

        reading.until(lambda: reading.look() is not None)

        assert reading.last().next_offset == 0
        assert reading.payloads() == []

    def test_a_large_record_comes_whole(self, under_test: SourceUnderTest, source: Source) -> None:
        large = b"x" * 900_000
        under_test.append(0, [b"before", large, b"after"])

        reading = Reading(source)
        reading.until(lambda: len(reading.payloads()) >= 3)

        assert [b"before", large, b"after"] == reading.payloads()

    def test_headers_come_with_their_records(self, under_test: SourceUnderTest, source: Source) -> None:
        under_test.append(0, [b"a"], {"ce_id": b"1"})
        under_test.append(0, [b"b"])

        reading = Reading(source)
        reading.until(lambda: len(reading.payloads()) >= 2)

        headers = [header for batch in reading.batches for header in batch.headers or [{} for _ in batch.offsets]]
        assert headers == [{"ce_id": b"1"}, {}]

    def test_what_is_read_by_nobody_starts_at_the_oldest_record(
        self, under_test: SourceUnderTest, source: Source
    ) -> None:
        under_test.append(0, [b"old"])

        reading = Reading(source, start=None)
        reading.until(lambda: bool(reading.payloads()))

        assert reading.payloads() == [b"old"]
