"""Duplicate ids of one partition: what was seen within the last hour of event time or the last million ids.

An id is remembered from its arrival until the partition's latest event time has moved more than an hour past
what it was then, or until a million newer ids came, whichever is first. Both bounds move with each arrival,
so that neither batch sizes nor a stop and a resume change what counts as a duplicate.
"""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import compress

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_digest, xxh3_64_intdigest

from service.core.columns import Outcomes, times_of
from service.core.counting.hashes import Hashes, Numbers
from service.core.event import HOUR, Micros, Record

SPAN: Micros = HOUR
LIMIT = 1_000_000

_HEAD = struct.Struct("<IIq")
_RUNS = np.dtype([("mark", "<i8"), ("ids", "<u4")])
_HASH_BYTES = 8
_ROOM = 4096
_SPARE = 8
"""So many watermarks of forgotten ids, or one in so many of all, are kept before they are cleared away."""

BEFORE_TIME: Micros = -(1 << 63)
"""The latest event time of a partition that has shown none."""


def id_hash(event_id: str) -> int:
    """The 64 bits by which an id is remembered: XXH3 of its UTF-8 bytes."""
    return xxh3_64_intdigest(event_id.encode())


class IdHorizon:
    """The ids that one partition still remembers; 35 to 45 bytes each.

    `watermark` is the partition's latest event time as this horizon was told. Ids have numbers in the order in which
    they were taken in; what is remembered are those from some number on, so that forgetting is counting. A batch is
    looked up and taken in as a whole; only where one of its ids may have come before is it gone through by one.
    """

    def __init__(self, *, span: Micros = SPAN, limit: int = LIMIT) -> None:
        self.watermark = BEFORE_TIME
        self._span = span
        self._limit = limit
        self._table = Hashes()
        self._next = self._oldest = 1
        self._marks = array("q")
        """The watermarks at which ids came, from the number `_first` on; they never fall."""
        self._first = 1
        self._fresh: list[tuple[Numbers, npt.NDArray[np.int64]]] = []

    def __len__(self) -> int:
        return self._next - self._oldest

    def seen(self, hashed: int) -> bool:
        """Whether this id is remembered at the present watermark."""
        _, numbers = self._table.find(np.array([hashed], dtype=np.uint64))
        return int(numbers[0]) >= self._oldest

    def add(self, hashed: int, watermark: Micros) -> None:
        """Remember an id that came when the latest event time, its own included, was `watermark`."""
        self._remember(np.array([hashed], dtype=np.uint64), np.array([watermark]))

    def advance(self, watermark: Micros) -> None:
        """Forget what the partition's latest event time has left behind; it never moves back."""
        if watermark > self.watermark:
            self.watermark = watermark
            self._forget()

    def sift(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records whose ids are new, in order, remembered; a duplicate's time moves nothing."""
        if isinstance(records, Outcomes):
            new = self._remember(_hashed(records.columns.ids), records.columns.ats)
            return records if new is None else records.chosen(np.flatnonzero(new))
        ats = np.array(times_of(records), dtype=np.int64)
        new = self._remember(_hashed(map(str.encode, [record.event.id for record in records])), ats)
        return records if new is None else list(compress(records, new))

    def skip(self) -> None:
        """Leave out of the next blob what was added so far: where nothing is stored, none is wanted."""
        self._fresh = []

    def drain(self) -> bytes:
        """What was added since the last call: a batch's blob, to be stored in that batch's transaction.

        Little-endian: the number of ids and of runs (two u32), the watermark (i64), the runs (watermark i64,
        ids u32), the hashes (u64).
        """
        hashes = np.concatenate([np.zeros(0, dtype="<u8"), *(hashes for hashes, _ in self._fresh)])
        marks = np.concatenate([np.zeros(0, dtype="<i8"), *(marks for _, marks in self._fresh)])
        self._fresh = []
        firsts = np.flatnonzero(np.diff(marks, prepend=marks[:1] - 1))
        runs = np.empty(len(firsts), dtype=_RUNS)
        runs["mark"] = marks[firsts]
        runs["ids"] = np.diff(firsts, append=len(marks))
        return _HEAD.pack(len(hashes), len(runs), self.watermark) + runs.tobytes() + hashes.astype("<u8").tobytes()

    def restore(self, blobs: Iterable[bytes]) -> None:
        """Remember what earlier blobs hold, oldest first, as if nothing had stopped."""
        fresh = self._fresh
        for blob in blobs:
            marks, hashes, watermark = _unpack(blob)
            self._remember(hashes, marks)
            self.advance(watermark)
        self._fresh = fresh

    def _remember(self, hashes: Numbers, ats: npt.NDArray[np.int64]) -> list[bool] | None:
        """Take in ids with the times that they came at; which of them were new, None for all."""
        places: npt.NDArray[np.intp] | None
        places, numbers = self._table.find(hashes)
        known = numbers >= self._oldest
        ordered = np.sort(hashes)
        new = None
        if known.any() or (ordered[1:] == ordered[:-1]).any():
            new = self._one_by_one(hashes.tolist(), ats.tolist(), np.where(known, numbers, 0).tolist())
            hashes, ats, places = hashes[new], ats[new], None
        if len(hashes):
            marks = np.maximum.accumulate(np.maximum(ats, self.watermark))
            self._take_in(hashes, marks, places)
        return new

    def _take_in(self, hashes: Numbers, marks: npt.NDArray[np.int64], places: npt.NDArray[np.intp] | None) -> None:
        """Remember ids that are new, and forget those whose turn it is."""
        self._fresh = [*self._fresh, (hashes, marks)]
        self._table.put(hashes, places, self._next, self._oldest)
        self._next += len(hashes)
        self._marks.frombytes(marks.tobytes())
        self.watermark = max(self.watermark, int(marks[-1]))
        self._forget()

    def _one_by_one(self, hashes: list[int], ats: list[Micros], numbers: list[int]) -> list[bool]:
        """The rule as it is said. `numbers`: of those that are remembered as the batch begins, else 0."""
        came = {hashed: number for hashed, number in zip(hashes, numbers, strict=True) if number}
        marks: list[Micros] = []
        watermark = self.watermark
        new: list[bool] = []
        for hashed, at in zip(hashes, ats, strict=True):
            number = came.get(hashed)
            if number is not None and self._next + len(marks) - number <= self._limit:
                mark = self._marks[number - self._first] if number < self._next else marks[number - self._next]
                if mark >= watermark - self._span:
                    new.append(False)
                    continue
            watermark = max(watermark, at)
            came[hashed] = self._next + len(marks)
            marks.append(watermark)
            new.append(True)
        return new

    def _forget(self) -> None:
        """Whatever came too long ago, or too many ids ago."""
        known = bisect_left(self._marks, self.watermark - self._span, self._oldest - self._first)
        self._oldest = max(self._first + known, self._next - self._limit)
        gone = self._oldest - self._first
        if gone > max(_ROOM, len(self._marks) // _SPARE):
            del self._marks[:gone]
            self._first = self._oldest


def _hashed(ids: Iterable[bytes]) -> Numbers:
    return np.frombuffer(b"".join(map(xxh3_64_digest, ids)), dtype=">u8").astype(np.uint64)


def extent(blob: bytes) -> tuple[int, Micros]:
    """How many ids a blob holds, and the watermark it ends with.

    A blob is not needed once the partition's watermark is more than SPAN past that, or LIMIT newer ids came.
    """
    count, _, watermark = _HEAD.unpack_from(blob)
    return count, watermark


def _unpack(blob: bytes) -> tuple[npt.NDArray[np.int64], Numbers, Micros]:
    count, runs, watermark = _HEAD.unpack_from(blob)
    start = _HEAD.size + runs * _RUNS.itemsize
    if len(blob) != start + count * _HASH_BYTES:
        message = f"a blob of {len(blob)} bytes cannot hold {count} ids in {runs} runs: it is cut or no blob of ids"
        raise ValueError(message)
    given = np.frombuffer(blob, _RUNS, runs, _HEAD.size)
    hashes = np.frombuffer(blob, "<u8", count, start)
    return np.repeat(given["mark"], given["ids"]), hashes.astype(np.uint64), watermark
