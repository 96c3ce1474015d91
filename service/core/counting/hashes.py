"""A table of 64-bit hashes with a number each, asked and filled a batch at a time.

The hashes stand in the order of their numbers, and open addressing leads to a number: 4 bytes a place, two and a half
to four places a hash, and 8 for the hash itself. That is a fourth of what sets and queues of Python's numbers took,
and there are no objects. Hashes in the places themselves took twice as much, and while the table was laid out anew
twice that. Sorted arrays would have been smaller, and took longer to ask.
"""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]

_SMALLEST = 1024
_ROOM = 4
"""Places a hash after the table was laid out."""
_PLENTY = 200_000
"""As long as the table is small it has up to so many places more: few lookups then meet others' places."""
_FULL = 0.4
"""The share of places in use, by hashes that count no more too, at which it is laid out anew."""
_SPARE = 8
"""One in so many hashes is kept, or room for it, beyond what counts: they are moved when that is used up."""
_PART = 1 << 16
_HALF, _ONE = np.uint64(32), np.uint64(1)
_PRIMES = 2 * 3 * 5 * 7
_STRIDES = np.uint64(7)


class Hashes:
    """Says under which number a hash came last; numbers are given without gaps in ascending order, from 1.

    What is below a number counts no more once it is said so (`least` of `put`), and goes when room is needed.
    """

    __slots__ = ("_base", "_first", "_hashes", "_next", "_used", "_when")

    def __init__(self) -> None:
        self._base = 0
        """What is added to the numbers in the table, which are kept small."""
        self._first = self._next = 1
        """The numbers of the first hash that is kept, and of the one to come."""
        self._hashes: Numbers = np.zeros(_SMALLEST, dtype=np.uint64)
        """From the number `_first` on."""
        self._used = 0
        self._when: npt.NDArray[np.uint32]
        """At each place the number of a hash less `_base`; 0 where there is none."""
        self._empty(_SMALLEST)

    def _empty(self, places: int) -> None:
        # No multiple of 2, 3, 5 or 7, so that every stride leads through the whole table.
        self._when = np.zeros(max(places, _SMALLEST) // _PRIMES * _PRIMES + 1, dtype=np.uint32)

    def find(self, hashes: Numbers) -> tuple[Places, npt.NDArray[np.int64]]:
        """Where each of some hashes stands, or would; and the number under which it came last, 0 for never."""
        places = self._probe(hashes)
        when = self._when[places].astype(np.int64)
        return places, np.where(when == 0, 0, when + self._base)

    def put(self, hashes: Numbers, places: Places | None, first: int, least: int) -> None:
        """Remember hashes under the numbers from `first` on; of one that comes twice the later number.

        `places`: what `find` said of them, nothing having been put since; None: nobody asked. `least`: the numbers
        below count no more.
        """
        if self._used + len(hashes) > _FULL * len(self._when):
            self._lay_out(len(hashes), least)
            places = None
        self._keep(hashes, least)
        when = np.arange(first - self._base, self._next - self._base, dtype=np.uint32)
        self._insert(hashes, when, self._probe(hashes) if places is None else places)

    def _keep(self, hashes: Numbers, least: int) -> None:
        """Put hashes behind the others; those that count no more go where there is no room."""
        end = self._next - self._first
        if end + len(hashes) > len(self._hashes):
            gone = min(max(least - self._first, 0), end)
            wanted = end - gone + len(hashes)
            kept = np.empty(wanted + wanted // _SPARE, dtype=np.uint64)
            kept[: end - gone] = self._hashes[gone:end]
            self._hashes, self._first, end = kept, self._first + gone, end - gone
        self._hashes[end : end + len(hashes)] = hashes
        self._next += len(hashes)

    def _insert(self, hashes: Numbers, when: npt.NDArray[np.uint32], places: Places) -> None:
        self._used += len(hashes)
        while True:
            self._when[places] = when
            # Of several that found the same place empty the last has it; the others look on.
            lost = np.flatnonzero(self._when[places] != when)
            if lost.size:
                lost = lost[~self._same(self._when[places[lost]], hashes[lost])]
            if not lost.size:
                return
            hashes, when = hashes[lost], when[lost]
            places = self._probe(hashes)

    def _same(self, when: npt.NDArray[np.uint32], hashes: Numbers) -> npt.NDArray[np.bool_]:
        """Whether what came at some numbers, which may be kept no more, are these hashes."""
        kept = when.astype(np.int64)
        kept += self._base - self._first
        found: npt.NDArray[np.bool_] = self._hashes[np.maximum(kept, 0)] == hashes
        found &= kept >= 0
        return found

    def _probe(self, hashes: Numbers) -> Places:
        """For each hash its place, or the empty one where it would be put."""
        places = self._home(hashes)
        when = self._when[places]
        left = np.flatnonzero(when)
        left = left[~self._same(when[left], hashes[left])]
        wanted, here = hashes[left], places[left]
        strides = ((wanted & _STRIDES) + _ONE).astype(np.intp)
        while left.size:
            here += strides
            here[here >= len(self._when)] -= len(self._when)
            places[left] = here
            when = self._when[here]
            on = np.flatnonzero(when)
            on = on[~self._same(when[on], wanted[on])]
            left, wanted, here, strides = left[on], wanted[on], here[on], strides[on]
        return places

    def _home(self, hashes: Numbers) -> Places:
        """Where the search for each begins: the upper half of its bits as a share of the table."""
        return (((hashes >> _HALF) * np.uint64(len(self._when))) >> _HALF).astype(np.intp)

    def _lay_out(self, more: int, least: int) -> None:
        """Make room for some more, without those that count no more; by parts, to need little memory besides."""
        begin, end = max(least - self._first, 0), self._next - self._first
        begin = min(begin, end)
        self._base = self._first + begin - 1
        self._used = 0
        wanted = _ROOM * (end - begin + more)
        del self._when
        self._empty(wanted + min(wanted, _PLENTY))
        for start in range(begin, end, _PART):
            hashes = self._hashes[start : min(start + _PART, end)]
            first = start - begin + 1
            self._insert(hashes, np.arange(first, first + len(hashes), dtype=np.uint32), self._probe(hashes))
