"""Room for arithmetic on wide windows that is made once."""

import math
import threading

import numpy as np

from detectors.frame import Singles


class Scratch(threading.local):
    """Room that each thread has for itself and keeps; it holds nothing from one use to the next.

    Fresh arrays of a wide window's size are pages that the system has to clear first, and gets back at once: that
    took as long as the arithmetic on them.

    >>> room = Scratch()
    >>> room.take(2, 3).shape, room.take(4).shape, np.shares_memory(room.take(2, 3), room.take(4))
    ((2, 3), (4,), True)
    """

    def __init__(self) -> None:
        self._room: Singles = np.empty(0, dtype=np.float32)

    def take(self, *shape: int) -> Singles:
        """An array of this shape with anything in it, good until the next one is taken."""
        size = math.prod(shape)
        if size > self._room.size:
            self._room = np.empty(size, dtype=np.float32)
        return self._room[:size].reshape(shape)
