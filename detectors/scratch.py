"""Room for arithmetic on wide windows that is made once."""

import numpy as np

from detectors.frame import Singles


class Scratch:
    """Rooms that are lent to one user at a time and kept; nothing is read of what the last one left there.

    Fresh arrays of a wide window's size are pages that the system has to clear first, and gets back at once: that
    took as long as the arithmetic on them. There are as many rooms as threads ever asked at once: a list's `pop` and
    `append` are whole by themselves.

    >>> scratch = Scratch()
    >>> room, other = scratch.lend(6), scratch.lend(2)
    >>> room.size, np.shares_memory(room, other)
    (6, False)
    >>> scratch.back(room)
    >>> np.shares_memory(scratch.lend(4), room)
    True
    """

    __slots__ = ("_free",)

    def __init__(self) -> None:
        self._free: list[Singles] = []

    def lend(self, size: int) -> Singles:
        """At least so many numbers, with anything in them; a room that is not given back is forgotten."""
        try:
            room = self._free.pop()
        except IndexError:
            return np.empty(size, dtype=np.float32)
        return room if room.size >= size else np.empty(size, dtype=np.float32)

    def back(self, room: Singles) -> None:
        """Take a room back, of which no part is used any more."""
        self._free.append(room)
