"""Bringing one file into the order of time: streamed where it is sorted, sorted on disk where it is not.

Whether a file is sorted is seen by a first pass that decodes nothing but the times; it takes a quarter of the
time that decoding takes, and saves a copy of the file. Who can begin anew need not wait for it: nearly all files are
sorted, and one that is not is found out on the way.
"""

import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

import msgspec

from service.adapters.decode import Decoder, bury
from service.adapters.decode.envelope import marked
from service.adapters.decode.faults import too_large
from service.adapters.files.lines import EventFile, EventFileError, Lines
from service.adapters.files.merge import merge
from service.core.columns import times_of
from service.core.event import Batch, DeadLetter, Micros, Record, When

RUN_BYTES = 64 * 1024 * 1024
"""Text sorted in memory at a time; a file that holds less is not spilled to disk."""

_RUN_BLOCK = 32 * 1024
_CUT = 4096
"""Rows of what was sorted in memory that are given at a time."""

_ROW = struct.Struct("<qqI")
_ROW_COST = 150
"""Bytes of memory that a row takes beside its text."""

# The decoder refuses what lies outside: such times must not make a sorted file look unsorted.
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)


class _Timed(msgspec.Struct, gc=False):
    time: When


Row = tuple[Micros, int, bytes]
"""Time, line number, text."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read: decoder and clock, bytes a block and a sorted run, and where dead letters go."""

    decoder: Decoder
    now: Micros | None
    block: int
    run: int = RUN_BYTES
    dead: list[DeadLetter] = field(default_factory=list)
    columns: bool = False
    """The events of a file that is in order may be Outcomes: nobody asks for each of them."""


class OutOfOrder(Exception):  # noqa: N818  # a property of the file, not a mistake
    """A file that was taken for sorted is not: what was given of it came too early."""


class OrderedFile:
    """One file on its way into the order of time.

    `trusting`: it is taken for sorted without a look; then `pieces` may raise OutOfOrder.
    `done` counts up to twice the file's size: once for the look at the order, once for the events.
    """

    def __init__(self, file: EventFile, reading: Reading, *, trusting: bool = False) -> None:
        self.file = file
        self._reading = reading
        self._trusting = trusting
        self._sorted = True
        self._tail: list[Row] = []
        self._spilled: list[tuple[int, int]] = []
        self._file: IO[bytes] | None = None
        self._rows = 0
        self._looked = 0
        self._given = 0

    @property
    def done(self) -> int:
        """Bytes passed so far, of twice the file's size."""
        return min(self._looked, self.file.size) + min(self._given, self.file.size)

    def prepare(self) -> Iterator[None]:
        """Look at the order, and sort what has none; yields now and then, dead letters may have come."""
        if self._trusting:
            self._looked = self.file.size
            return
        order = _Order(self._reading)
        for lines in self._blocks():
            self._looked = max(self._looked, self.file.position)
            if not order.holds(lines, self.file):
                self._sorted = False
                break
            yield
        if not self._sorted:
            yield from self._spill()
        self._looked = self.file.size

    def pieces(self) -> Iterator[tuple[list[Micros], Sequence[Record]]]:
        """The events in the order of (time, line), after `prepare`. Raises EventFileError, OutOfOrder."""
        return self._streamed() if self._sorted else self._merged()

    def close(self) -> None:
        """Remove what was written to disk."""
        if self._file is not None:
            self._file.close()

    def _blocks(self) -> Iterator[Lines]:
        return self.file.blocks(self._reading.block, self._reading.decoder.too_large)

    def _streamed(self) -> Iterator[tuple[list[Micros], Sequence[Record]]]:
        latest: Micros | None = None
        for lines in self._blocks():
            records = _decode(lines, self.file, self._reading, columns=self._reading.columns)
            times = times_of(records)
            self._given = self.file.position
            if times:
                if times != sorted(times) or (latest is not None and times[0] < latest):
                    if self._trusting:
                        raise OutOfOrder(self.file.name)
                    message = f"{self.file.name} changed while it was read: read a copy that nobody writes to"
                    raise EventFileError(message)
                latest = times[-1]
            yield times, records

    def _spill(self) -> Iterator[None]:
        rows, size = self._tail, 0
        for lines in self._blocks():
            self._looked = max(self._looked, self.file.position)
            texts = dict(zip(lines.numbers, lines.texts, strict=True))
            # A line may be several events: once for each time that it tells of.
            for at, number in dict.fromkeys(
                (record.at, record.offset) for record in _decode(lines, self.file, self._reading)
            ):
                text = texts[number]
                rows.append((at, number, text))
                size += len(text) + _ROW_COST
                self._rows += 1
            if size > self._reading.run:
                self._write()
                size = 0
            yield
        rows.sort()

    def _write(self) -> None:
        """Sort what is in memory and bring it to disk as one run; all runs share a file."""
        self._tail.sort()
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="momentwatch-")  # noqa: SIM115 - kept open for the merge
            start = self._file.tell()
            for at, number, text in self._tail:
                self._file.write(_ROW.pack(at, number, len(text)))
                self._file.write(text)
            self._file.flush()
            self._spilled.append((start, self._file.tell()))
        except OSError as error:
            raise self._no_room(error) from error
        self._tail.clear()

    def _no_room(self, error: OSError) -> EventFileError:
        where = tempfile.gettempdir()
        return EventFileError(
            f"{self.file.name} is not sorted by time, and sorting it in {where} failed: {error}: "
            f"make room there, set TMPDIR, or sort the file first"
        )

    def _merged(self) -> Iterator[tuple[list[Micros], Sequence[Record]]]:
        given = 0
        # The runs were cut from the file in its order: the lower run has the lower lines.
        runs = [_cut(self._tail)]
        if self._file is not None:
            block = max(_RUN_BLOCK, RUN_BYTES // 16 // len(self._spilled))
            runs = [_read_run(self._file, start, end, block) for start, end in self._spilled] + runs
        for piece in merge(runs):
            texts = {number: text for _, number, text in piece.items}
            records = _taken(list(texts), list(texts.values()), self.file, self._reading)
            given += len(piece.items)
            self._given = self.file.size * given // max(self._rows, 1)
            if len(records) == len(piece.items) == len(texts):
                yield piece.times, records
                continue
            mine = {(at, number) for at, number, _ in piece.items}
            records = sorted((each for each in records if (each.at, each.offset) in mine), key=lambda each: each.at)
            yield [record.at for record in records], records
        self._given = self.file.size


class _Order:
    """Whether what passes by is in the order of time."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._time = msgspec.json.Decoder(_Timed).decode
        self._latest = _FIRST

    def holds(self, lines: Lines, file: EventFile) -> bool:
        """Look at some more lines."""
        if self._reading.decoder.speaks_contract and not marked(lines.text):
            return self._plainly(lines.texts)
        # Times in envelopes and foreign fields: decode it all, and leave what is dead to the second pass.
        apart = Reading(self._reading.decoder, self._reading.now, self._reading.block)
        return all(self._passes(record.event.time) for record in _decode(lines, file, apart))

    def _plainly(self, texts: list[bytes]) -> bool:
        decode, latest = self._time, self._latest
        for text in texts:
            try:
                time = decode(text).time
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
            if time >= latest:
                if time < _LAST:
                    latest = time
            elif time >= _FIRST:
                return False
        self._latest = latest
        return True

    def _passes(self, time: datetime) -> bool:
        before, self._latest = self._latest, time
        return time >= before


def _decode(lines: Lines, file: EventFile, reading: Reading, *, columns: bool = False) -> Sequence[Record]:
    records = reading.decoder.decode_lines(lines.first, lines.text, lines.ends, reading.now, columns=columns)
    reading.dead.extend(
        bury(file.partition, line.number, too_large(line.size, reading.decoder.too_large), line.head)
        for line in lines.long
    )
    return _taken(list(lines.numbers), lines.texts, file, reading) if records is None else records


def _taken(numbers: list[int], texts: list[bytes], file: EventFile, reading: Reading) -> Sequence[Record]:
    decoded = reading.decoder.decode(
        Batch(file.partition, numbers, texts, numbers[-1] + 1 if numbers else 0), reading.now
    )
    reading.dead.extend(decoded.dead)
    return decoded.records


def _cut(rows: list[Row]) -> Iterator[tuple[list[Micros], list[Row]]]:
    for start in range(0, len(rows), _CUT):
        some = rows[start : start + _CUT]
        yield [time for time, _, _ in some], some


def _read_run(spill: IO[bytes], start: int, end: int, block: int) -> Iterator[tuple[list[Micros], list[Row]]]:
    """One sorted run, a block at a time; each run has its own place in the shared file."""
    place, rest = start, b""
    while place < end:
        spill.seek(place)
        data = rest + spill.read(min(block, end - place))
        place += len(data) - len(rest)
        rows: list[Row] = []
        at = 0
        while at + _ROW.size <= len(data):
            time, number, length = _ROW.unpack_from(data, at)
            stop = at + _ROW.size + length
            if stop > len(data):
                break
            rows.append((time, number, data[at + _ROW.size : stop]))
            at = stop
        rest = data[at:]
        yield [time for time, _, _ in rows], rows
