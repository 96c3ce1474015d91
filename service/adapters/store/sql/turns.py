"""A lock that is had in the order of asking: who lets go of it and asks again comes after those who wait."""

import threading
from collections import deque
from types import TracebackType


class Turns:
    """One at a time, first come, first served.

    A plain lock goes to whoever runs when it is free: a thread with a hundred transactions to do would have them all
    before another has one.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        # Opened by whoever goes; the turn is handed over, and never free in between.
        mine.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
