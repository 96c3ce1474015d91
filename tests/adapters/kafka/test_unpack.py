"""What is read of a batch is what kafka-python reads of it, and what is damaged is said to be."""

import random
from typing import Any

import pytest
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from service.adapters.kafka.kafka_python.unpack import Unpacked, unpacked

SIZES = (0, 1, 63, 64, 127, 128, 8_191, 8_192, 300_000)
"""Around where a number takes a byte more."""


def batch(codec: int = 0, records: int = 60, seed: int = 1) -> bytes:
    """Records of all sizes, with and without keys, values and headers, and with holes as compaction leaves them."""
    draw = random.Random(seed)
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1 << 24)
    offset = 0
    for number in range(records):
        size = SIZES[number % len(SIZES)] if records > len(SIZES) else 5
        value = None if draw.random() < 0.1 else draw.randbytes(size)
        key = None if draw.random() < 0.4 else draw.randbytes(draw.choice(SIZES[:6]))
        headers = [
            (f"name-{i}", draw.choice([None, b"", draw.randbytes(200)])) for i in range(draw.choice([0, 0, 1, 9]))
        ]
        builder.append(offset, 1_767_571_200_000 + draw.choice([0, 1, 70, 9_000, -80, 1 << 40]), key, value, headers)
        offset += draw.choice([1, 1, 1, 70, 20_000])
    return bytes(builder.build())


def theirs(data: bytes) -> list[Unpacked]:
    """What kafka-python reads."""
    return [(each.offset, each.value or b"", each.headers or None) for each in DefaultRecordBatch(data)]


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4], ids=["plain", "gzip", "snappy", "lz4", "zstd"])
def test_the_same_is_read_as_by_kafka_python(codec: int) -> None:
    data = batch(codec)

    assert list(unpacked(DefaultRecordBatch(data))) == theirs(data)


def test_what_ends_too_soon_is_damaged_wherever_it_ends() -> None:
    data = batch(records=6)

    for end in range(DefaultRecordBatch.HEADER_STRUCT.size, len(data)):
        with pytest.raises(CorruptRecordError):
            list(unpacked(DefaultRecordBatch(data[:end])))


def test_whatever_the_bytes_are_they_are_records_or_damaged() -> None:
    data, draw, damaged = batch(records=6), random.Random(2), 0

    for _ in range(2_000):
        changed = bytearray(data)
        for _ in range(draw.randrange(1, 4)):
            changed[draw.randrange(DefaultRecordBatch.HEADER_STRUCT.size, len(data))] = draw.randrange(256)
        try:
            list(unpacked(DefaultRecordBatch(bytes(changed))))
        except CorruptRecordError:
            damaged += 1

    assert 0 < damaged < 2_000


def test_the_name_of_a_header_that_is_no_text_does_not_hold_the_partition_up() -> None:
    builder: Any = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 20)
    builder.append(0, 0, None, b"value", [("na-me", b"1")])
    data = bytes(builder.build()).replace(b"na-me", b"na\xffme")

    assert list(unpacked(DefaultRecordBatch(data))) == [(0, b"value", [("na\ufffdme", b"1")])]


def test_a_record_that_is_longer_or_shorter_than_it_says_is_damaged() -> None:
    data = bytearray(batch(records=6))
    data[DefaultRecordBatch.HEADER_STRUCT.size] += 2

    with pytest.raises(CorruptRecordError, match="not as long as it says"):
        list(unpacked(DefaultRecordBatch(bytes(data))))
