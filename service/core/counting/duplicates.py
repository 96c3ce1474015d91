"""Duplicate ids of one partition: what was seen within the last hour of event time or the last million ids.

An id is remembered from its arrival until the partition's latest event time has moved more than an hour past
what it was then, or until a million newer ids came, whichever is first. Both bounds move with each arrival,
so that neither batch sizes nor a stop and a resume change what counts as a duplicate.
"""

import struct
from collections import deque
from collections.abc import Iterable, Sequence

from xxhash import xxh3_64_intdigest

from service.core.event import HOUR, Micros, Record

SPAN: Micros = HOUR
LIMIT = 1_000_000

_HEAD = struct.Struct("<IIq")
_RUN = struct.Struct("<qI")
_HASH_BYTES = 8

BEFORE_TIME: Micros = -(1 << 63)
"""The latest event time of a partition that has shown none."""


def id_hash(event_id: str) -> int:
    """The 64 bits by which an id is remembered: XXH3 of its UTF-8 bytes."""
    return xxh3_64_intdigest(event_id.encode())


class IdHorizon:
    """The ids that one partition still remembers; about 110 bytes each.

    `watermark` is the partition's latest event time as this horizon was told.
    """

    def __init__(self, *, span: Micros = SPAN, limit: int = LIMIT) -> None:
        self.watermark = BEFORE_TIME
        self._span = span
        self._limit = limit
        # The same ids twice: a set answers "seen?", a queue with the watermarks beside it says whose turn it
        # is to be forgotten. (A dict could do both, but finding its first key gets slow as keys are removed.)
        self._known: set[int] = set()
        self._queue: deque[int] = deque()
        self._marks: deque[Micros] = deque()
        self._fresh: list[int] = []
        # Two lists of numbers, not one of pairs: nothing here for the garbage collector to walk.
        self._run_marks: list[Micros] = []
        self._run_sizes: list[int] = []

    def __len__(self) -> int:
        return len(self._queue)

    def seen(self, hashed: int) -> bool:
        """Whether this id is remembered at the present watermark."""
        return hashed in self._known

    def add(self, hashed: int, watermark: Micros) -> None:
        """Remember an id that came when the latest event time, its own included, was `watermark`."""
        self.advance(watermark)
        self._remember(hashed)
        self._fresh.append(hashed)
        if self._run_marks and self._run_marks[-1] == self.watermark:
            self._run_sizes[-1] += 1
        else:
            self._run_marks.append(self.watermark)
            self._run_sizes.append(1)

    def advance(self, watermark: Micros) -> None:
        """Forget what the partition's latest event time has left behind; it never moves back."""
        if watermark <= self.watermark:
            return
        self.watermark = watermark
        marks = self._marks
        oldest = watermark - self._span
        while marks and marks[0] < oldest:
            self._forget()

    def sift(self, records: Sequence[Record]) -> list[Record]:
        """The records whose ids are new, in order, remembered; a duplicate's time moves nothing."""
        kept: list[Record] = []
        known, queue, marks, fresh = self._known, self._queue, self._marks, self._fresh
        run_marks, run_sizes = self._run_marks, self._run_sizes
        span, limit, watermark = self._span, self._limit, self.watermark
        for record in records:
            hashed = xxh3_64_intdigest(record.event.id.encode())
            if hashed in known:
                continue
            # The same as `add`, written out: this runs for every event.
            at = record.at
            if at > watermark:
                watermark = at
                oldest = at - span
                while marks and marks[0] < oldest:
                    marks.popleft()
                    known.remove(queue.popleft())
                run_marks.append(at)
                run_sizes.append(1)
            elif run_marks:
                run_sizes[-1] += 1
            else:
                run_marks.append(watermark)
                run_sizes.append(1)
            known.add(hashed)
            queue.append(hashed)
            marks.append(watermark)
            fresh.append(hashed)
            if len(marks) > limit:
                marks.popleft()
                known.remove(queue.popleft())
            kept.append(record)
        self.watermark = watermark
        return kept

    def drain(self) -> bytes:
        """What was added since the last call: a batch's blob, to be stored in that batch's transaction.

        Little-endian: the number of ids and of runs (two u32), the watermark (i64), the runs (watermark i64,
        ids u32), the hashes (u64).
        """
        hashes = self._fresh
        blob = b"".join(
            (
                _HEAD.pack(len(hashes), len(self._run_marks), self.watermark),
                *map(_RUN.pack, self._run_marks, self._run_sizes),
                struct.pack(f"<{len(hashes)}Q", *hashes),
            )
        )
        self._fresh, self._run_marks, self._run_sizes = [], [], []
        return blob

    def restore(self, blobs: Iterable[bytes]) -> None:
        """Remember what earlier blobs hold, oldest first, as if nothing had stopped."""
        for blob in blobs:
            runs, hashes, watermark = _unpack(blob)
            at = 0
            for mark, count in runs:
                self.advance(mark)
                for hashed in hashes[at : at + count]:
                    self._remember(hashed)
                at += count
            self.advance(watermark)

    def _remember(self, hashed: int) -> None:
        if hashed in self._known:
            return
        self._known.add(hashed)
        self._queue.append(hashed)
        self._marks.append(self.watermark)
        if len(self._marks) > self._limit:
            self._forget()

    def _forget(self) -> None:
        self._marks.popleft()
        self._known.remove(self._queue.popleft())


def extent(blob: bytes) -> tuple[int, Micros]:
    """How many ids a blob holds, and the watermark it ends with.

    A blob is not needed once the partition's watermark is more than SPAN past that, or LIMIT newer ids came.
    """
    count, _, watermark = _HEAD.unpack_from(blob)
    return count, watermark


def _unpack(blob: bytes) -> tuple[list[tuple[Micros, int]], tuple[int, ...], Micros]:
    count, runs, watermark = _HEAD.unpack_from(blob)
    start = _HEAD.size + runs * _RUN.size
    if len(blob) != start + count * _HASH_BYTES:
        message = f"a blob of {len(blob)} bytes cannot hold {count} ids in {runs} runs: it is cut or no blob of ids"
        raise ValueError(message)
    marks = list(_RUN.iter_unpack(blob[_HEAD.size : start]))
    return marks, struct.unpack_from(f"<{count}Q", blob, start), watermark
