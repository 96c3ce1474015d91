"""A table of 64-bit hashes with a number each, asked and filled a batch at a time.

Open addressing over two numpy arrays: 12 bytes a place, two to five places a hash, less than half of what sets and
queues of Python's numbers took, and no objects. Sorted arrays would have been smaller, and took longer to ask.
"""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]

_SMALLEST = 1024
_ROOM = 3
"""Places a hash after the table was laid out."""
_PLENTY = 200_000
"""As long as the table is small it has up to so many places more: few lookups then meet others' places."""
_FULL = 0.55
"""The share of places in use, by hashes that count no more too, at which it is laid out anew."""
_PART = 1 << 16
_HALF, _ONE = np.uint64(32), np.uint64(1)
_PRIMES = 2 * 3 * 5 * 7
_STRIDES = np.uint64(7)


class Hashes:
    """Says under which number a hash came last; numbers are given in ascending order, from 1.

    What is below a number counts no more once it is said so (`least` of `put`), and goes when room is needed.
    """

    __slots__ = ("_base", "_keys", "_used", "_when")

    def __init__(self) -> None:
        self._base = 0
        """What is added to the numbers in the table, which are kept small."""
        self._used = 0
        self._keys: Numbers
        self._when: npt.NDArray[np.uint32]
        self._empty(_SMALLEST)

    def _empty(self, places: int) -> None:
        # No multiple of 2, 3, 5 or 7, so that every stride leads through the whole table.
        places = max(places, _SMALLEST) // _PRIMES * _PRIMES + 1
        self._keys = np.zeros(places, dtype=np.uint64)
        self._when = np.zeros(places, dtype=np.uint32)

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
        if self._used + len(hashes) > _FULL * len(self._keys):
            self._lay_out(len(hashes), least)
            places = None
        when = np.arange(first - self._base, first - self._base + len(hashes), dtype=np.uint32)
        self._insert(hashes, when, self._probe(hashes) if places is None else places)

    def _insert(self, hashes: Numbers, when: npt.NDArray[np.uint32], places: Places) -> None:
        self._used += len(hashes)
        while True:
            self._when[places] = when
            self._keys[places] = hashes
            # Of several that found the same place empty the last has it; the others look on.
            lost = np.flatnonzero((self._when[places] != when) & (self._keys[places] != hashes))
            if not lost.size:
                return
            hashes, when = hashes[lost], when[lost]
            places = self._probe(hashes)

    def _probe(self, hashes: Numbers) -> Places:
        """For each hash its place, or the empty one where it would be put."""
        keys, used = self._keys, self._when
        places = self._home(hashes)
        left = np.flatnonzero((keys[places] != hashes) & (used[places] != 0))
        wanted = hashes[left]
        strides = ((wanted & _STRIDES) + _ONE).astype(np.intp)
        here = places[left]
        while left.size:
            here += strides
            here[here >= len(keys)] -= len(keys)
            places[left] = here
            on = (keys[here] != wanted) & (used[here] != 0)
            left, wanted, here, strides = left[on], wanted[on], here[on], strides[on]
        return places

    def _home(self, hashes: Numbers) -> Places:
        """Where the search for each begins: the upper half of its bits as a share of the table."""
        return (((hashes >> _HALF) * np.uint64(len(self._keys))) >> _HALF).astype(np.intp)

    def _lay_out(self, more: int, least: int) -> None:
        """Make room for some more, without those that count no more; by parts, to need little memory besides."""
        keys, when = self._keys, self._when
        gone = max(least - 1 - self._base, 0)
        self._base += gone
        self._used = 0
        wanted = _ROOM * (int(np.count_nonzero(when > gone)) + more)
        self._empty(wanted + min(wanted, _PLENTY))
        for start in range(0, len(keys), _PART):
            part = slice(start, start + _PART)
            kept = when[part] > gone
            hashes = keys[part][kept]
            self._insert(hashes, when[part][kept] - np.uint32(gone), self._probe(hashes))
