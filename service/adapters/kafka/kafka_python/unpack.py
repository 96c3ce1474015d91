"""Records out of what a broker sent: offset, value and headers, and nothing built of what nobody reads.

kafka-python makes two objects of seventeen fields for each record, and asks each for its own checksum; that is two
thirds of what reading costs. Here its fetcher is given other `PartitionRecords`, which take the framing, checksums,
compression and transactions from kafka-python and only walk the records of a batch themselves. Formats before 0.11
(magic 0 and 1) stay with kafka-python.
"""

from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel

_SEVEN_BITS = 127
Headers = list[tuple[str, bytes | None]]


Unpacked = tuple[int, bytes, Headers | None]
"""What is read of a record: offset, value, and headers where it has any."""


def unpack_lean(consumer: KafkaConsumer) -> None:
    """Have a consumer's polls give `Unpacked` records."""
    consumer._fetcher.PartitionRecords = LeanRecords  # noqa: SLF001  # there is no other way in


class LeanRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # the base is untyped
    """The records of one partition's answer to a fetch."""

    def _unpack_records(self, tp: Any, records: Any, *_deserializers: Any) -> Iterator[Unpacked]:
        """Walk the batches; `next_fetch_offset` is always what follows the record that was given last."""
        while (batch := records.next_batch()) is not None:
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(f"{tp.topic}[{tp.partition}]: wrong checksum at offset {batch.base_offset}")
            if batch.magic < 2:  # noqa: PLR2004  # the format's own number
                for record in batch:
                    if self.check_crcs and not record.validate_crc():
                        raise CorruptRecordError(f"{tp.topic}[{tp.partition}]: wrong checksum at {record.offset}")
                    self.next_fetch_offset = record.offset + 1
                    yield record.offset, record.value or b"", None
                continue
            self.leader_epoch = batch.leader_epoch
            if not self._hidden(batch):
                for record in unpacked(batch):
                    self.next_fetch_offset = record[0] + 1
                    yield record
            # Beyond what was compacted away at the end of it, or it would be fetched for ever.
            self.next_fetch_offset = batch.next_offset
        self.drain()

    def _maybe_skip_record(self, record: Unpacked) -> bool:
        """Whether a record lies before what was asked for: brokers send whole batches."""
        return record[0] < int(self.fetch_offset)

    def _hidden(self, batch: Any) -> bool:
        """Whether nobody is to see the records of a batch: marks of transactions, and what those took back."""
        aborted = False
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            else:
                aborted = self._is_batch_aborted(batch)
        return aborted or batch.is_control_batch


def unpacked(batch: Any) -> Iterator[Unpacked]:
    """The records of a batch of magic 2. Raises CorruptRecordError where they are not what their lengths say."""
    batch._maybe_uncompress()  # noqa: SLF001  # nor another way to what was compressed
    block, at, base = bytes(batch._buffer), batch._pos, batch.base_offset  # noqa: SLF001
    try:
        for _ in range(batch.records_count):
            # Nearly every number fits into one byte; calls are saved where it does.
            length, at = _number(block, at)
            end = at + (length >> 1)
            at += 2  # attributes, and the first byte of the time
            while block[at - 1] > _SEVEN_BITS:
                at += 1
            delta = block[at]
            if delta > _SEVEN_BITS:
                delta, at = _number(block, at)
            else:
                at += 1
            size = block[at]
            if size > _SEVEN_BITS:
                size, at = _number(block, at)
            else:
                at += 1
            if not size & 1:  # odd is negative: no key
                at += size >> 1
            size, at = _number(block, at)
            past = at if size & 1 else at + (size >> 1)
            value, headers = block[at:past], None
            if block[past]:
                headers, at = _headers(block, past)
            else:
                at = past + 1
            if at != end:
                raise CorruptRecordError(f"a record of the batch at offset {base} is not as long as it says")
            yield base + (delta >> 1), value, headers
    except IndexError as error:
        raise CorruptRecordError(f"the batch at offset {base} is cut off") from error
    if at != len(block):
        raise CorruptRecordError(f"{len(block) - at} bytes are left over of the batch at offset {base}")


def _number(block: bytes, at: int) -> tuple[int, int]:
    """A number of any length as it is written, sign last, and where the next begins."""
    number = block[at]
    if number <= _SEVEN_BITS:
        return number, at + 1
    more = block[at + 1]
    if more <= _SEVEN_BITS:
        return number + (more << 7) - 128, at + 2
    number &= _SEVEN_BITS
    shift = 0
    while more > _SEVEN_BITS:
        shift += 7
        at += 1
        number += (more & _SEVEN_BITS) << shift
        more = block[at + 1]
    return number + (more << shift + 7), at + 2


def _headers(block: bytes, at: int) -> tuple[Headers, int]:
    """The headers of a record, and where they end. A name that is no text is kept as near to it as can be."""
    count, at = _number(block, at)
    headers: Headers = []
    for _ in range(count >> 1):
        size, at = _number(block, at)
        name = block[at : at + (size >> 1)].decode(errors="replace")
        size, at = _number(block, at + (size >> 1))
        if size & 1:
            headers.append((name, None))
        else:
            headers.append((name, block[at : at + (size >> 1)]))
            at += size >> 1
    return headers, at
