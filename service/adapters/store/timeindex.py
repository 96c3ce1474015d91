"""Keys in order of a time, kept in memory: sorted when somebody asks, not when something is added."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from service.core.event import Micros

_FEW = 32


class TimeIndex:
    """A set of (time, key) that is cheap to add to and quick to read by a range of times.

    >>> index = TimeIndex()
    >>> index.add(5, "b"), index.add(3, "a"), index.add(9, "c"), index.remove(5, "b")
    (None, None, None, None)
    >>> list(index.between(0, 9))
    ['a']
    """

    __slots__ = ("_fresh", "_gone", "_sorted")

    def __init__(self) -> None:
        self._sorted: list[tuple[Micros, str]] = []
        self._fresh: list[tuple[Micros, str]] = []
        # To take one out of a long list costs as much as the list is long; to remember it does not.
        self._gone: set[tuple[Micros, str]] = set()

    def add(self, at: Micros, key: str) -> None:
        """Put a key at a time; it must not be there."""
        if self._gone and (at, key) in self._gone:
            self._gone.discard((at, key))
        else:
            self._fresh.append((at, key))

    def remove(self, at: Micros, key: str) -> None:
        """Take a key that is there away from its time."""
        self._gone.add((at, key))

    def between(self, start: Micros, end: Micros) -> Iterator[str]:
        """Keys with start ≤ time < end, in order of (time, key)."""
        self._settle()
        rows, gone = self._sorted, self._gone
        for row in rows[bisect_left(rows, (start,)) : bisect_left(rows, (end,))]:
            if not gone or row not in gone:
                yield row[1]

    def _settle(self) -> None:
        fresh, rows = self._fresh, self._sorted
        if not fresh:
            return
        if len(fresh) <= _FEW < len(rows):
            for row in fresh:
                insort(rows, row)
        else:
            rows.extend(fresh)
            rows.sort()
        self._fresh = []
