"""Duplicate ids of one partition: what was seen within the last hour of event time or the last million ids.

An id is remembered from its arrival until the partition's latest event time has moved more than an hour past
what it was then, or until a million newer ids came, whichever is first. Both bounds move with each arrival,
so that neither batch sizes nor a stop and a resume change what counts as a duplicate.
"""

import struct
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np
from xxhash import xxh3_64_intdigest

from service.core.event import HOUR, Micros, Record

SPAN: Micros = HOUR
LIMIT = 1_000_000

_HEAD = struct.Struct("<IIq")
_RUNS = np.dtype([("mark", "<i8"), ("ids", "<u4")])
_HASH_BYTES = 8

BEFORE_TIME: Micros = -(1 << 63)
"""The latest event time of a partition that has shown none."""


def id_hash(event_id: str) -> int:
    """The 64 bits by which an id is remembered: XXH3 of its UTF-8 bytes."""
    return xxh3_64_intdigest(event_id.encode())


class _Stretch:
    """Some ids in the order in which they came, each with the watermark it came at; those before `start` are gone."""

    __slots__ = ("hashes", "marks", "start")

    def __init__(self, hashes: list[int], marks: list[Micros]) -> None:
        self.hashes = hashes
        # Packed, for there may be millions of them.
        self.marks = array("q", marks)
        self.start = 0


class IdHorizon:
    """The ids that one partition still remembers; about 90 bytes each.

    `watermark` is the partition's latest event time as this horizon was told. Ids are entered a batch at a time: what
    none of a batch's ids can be is a duplicate of one another or of anything still known when it began needs no closer
    look, since what is forgotten meanwhile is then of no account.
    """

    def __init__(self, *, span: Micros = SPAN, limit: int = LIMIT) -> None:
        self.watermark = BEFORE_TIME
        self._span = span
        self._limit = limit
        # The same ids twice: a set answers "seen?", a queue with the watermarks beside it says whose turn it
        # is to be forgotten. (A dict could do both, but finding its first key gets slow as keys are removed.)
        self._known: set[int] = set()
        self._queue: deque[_Stretch] = deque()
        self._fresh: list[_Stretch] = []

    def __len__(self) -> int:
        return len(self._known)

    def seen(self, hashed: int) -> bool:
        """Whether this id is remembered at the present watermark."""
        return hashed in self._known

    def add(self, hashed: int, watermark: Micros) -> None:
        """Remember an id that came when the latest event time, its own included, was `watermark`."""
        self._fresh.append(self._enter([hashed], [max(watermark, self.watermark)]))

    def advance(self, watermark: Micros) -> None:
        """Forget what the partition's latest event time has left behind; it never moves back."""
        if watermark <= self.watermark:
            return
        self.watermark = watermark
        oldest = watermark - self._span
        queue = self._queue
        while queue:
            first = queue[0]
            self._forget(first, bisect_left(first.marks, oldest, first.start) - first.start)
            if first.start < len(first.hashes):
                break
            queue.popleft()

    def sift(self, records: Sequence[Record]) -> list[Record]:
        """The records whose ids are new, in order, remembered; a duplicate's time moves nothing."""
        hashes = list(map(xxh3_64_intdigest, map(str.encode, [record.event.id for record in records])))
        kept: list[Record] = []
        start = 0
        for place in self._suspects(hashes):
            kept += self._take(records[start:place], hashes[start:place])
            start = place
            if hashes[place] in self._known:
                start += 1
        kept += self._take(records[start:], hashes[start:])
        return kept

    def _suspects(self, hashes: list[int]) -> list[int]:
        """The places of ids that came before; or may have, if they were not forgotten meanwhile."""
        known, once = self._known, set(hashes)
        if len(once) == len(hashes) and known.isdisjoint(once):
            return []
        met: set[int] = set()
        places = []
        for place, hashed in enumerate(hashes):
            if hashed in known or hashed in met:
                places.append(place)
            met.add(hashed)
        return places

    def _take(self, records: Sequence[Record], hashes: list[int]) -> Sequence[Record]:
        """Remember records whose ids are all new and different."""
        if hashes:
            marks = list(accumulate([record.at for record in records], max, initial=self.watermark))
            self._fresh.append(self._enter(hashes, marks[1:]))
        return records

    def skip(self) -> None:
        """Leave out of the next blob what was added so far: where nothing is stored, none is wanted."""
        self._fresh = []

    def drain(self) -> bytes:
        """What was added since the last call: a batch's blob, to be stored in that batch's transaction.

        Little-endian: the number of ids and of runs (two u32), the watermark (i64), the runs (watermark i64,
        ids u32), the hashes (u64).
        """
        hashes = np.array([hashed for stretch in self._fresh for hashed in stretch.hashes], dtype="<u8")
        marks = np.concatenate([np.zeros(0, dtype="<i8"), *(np.asarray(stretch.marks) for stretch in self._fresh)])
        self._fresh = []
        firsts = np.flatnonzero(np.diff(marks, prepend=marks[:1] - 1))
        runs = np.empty(len(firsts), dtype=_RUNS)
        runs["mark"] = marks[firsts]
        runs["ids"] = np.diff(firsts, append=len(marks))
        return _HEAD.pack(len(hashes), len(runs), self.watermark) + runs.tobytes() + hashes.tobytes()

    def restore(self, blobs: Iterable[bytes]) -> None:
        """Remember what earlier blobs hold, oldest first, as if nothing had stopped."""
        for blob in blobs:
            marks, hashes, watermark = _unpack(blob)
            start = 0
            for place in self._suspects(hashes):
                self._enter(hashes[start:place], marks[start:place])
                start = place
                if hashes[place] in self._known:
                    start += 1
            self._enter(hashes[start:], marks[start:])
            self.advance(watermark)

    def _enter(self, hashes: list[int], marks: list[Micros]) -> _Stretch:
        """Remember ids that are all new and different, and forget those whose turn it is."""
        stretch = _Stretch(hashes, marks)
        if hashes:
            self._queue.append(stretch)
            self._known.update(hashes)
            self.advance(marks[-1])
            while (excess := len(self._known) - self._limit) > 0:
                first = self._queue[0]
                self._forget(first, excess)
                if first.start == len(first.hashes):
                    self._queue.popleft()
        return stretch

    def _forget(self, stretch: _Stretch, count: int) -> None:
        end = min(stretch.start + count, len(stretch.hashes))
        self._known.difference_update(stretch.hashes[stretch.start : end])
        stretch.start = end


def extent(blob: bytes) -> tuple[int, Micros]:
    """How many ids a blob holds, and the watermark it ends with.

    A blob is not needed once the partition's watermark is more than SPAN past that, or LIMIT newer ids came.
    """
    count, _, watermark = _HEAD.unpack_from(blob)
    return count, watermark


def _unpack(blob: bytes) -> tuple[list[Micros], list[int], Micros]:
    count, runs, watermark = _HEAD.unpack_from(blob)
    start = _HEAD.size + runs * _RUNS.itemsize
    if len(blob) != start + count * _HASH_BYTES:
        message = f"a blob of {len(blob)} bytes cannot hold {count} ids in {runs} runs: it is cut or no blob of ids"
        raise ValueError(message)
    given = np.frombuffer(blob, _RUNS, runs, _HEAD.size)
    hashes = np.frombuffer(blob, "<u8", count, start)
    return np.repeat(given["mark"], given["ids"]).tolist(), hashes.tolist(), watermark
