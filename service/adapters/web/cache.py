"""Answers that are reused for a moment, so that many readers cost the store as much as one."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Brief(Generic[T]):
    """Keeps each key's answer for some seconds; who asks meanwhile waits for the one making of it."""

    def __init__(self, seconds: float, most: int = 128, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = Lock()
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer for a key, made anew when the one at hand is too old. Errors are not kept."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry()
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        with entry.lock:
            if entry.answer is None or self._clock() - entry.made_at >= self._seconds:
                entry.answer = (make(),)
                entry.made_at = self._clock()
            return entry.answer[0]


class _Entry(Generic[T]):
    def __init__(self) -> None:
        self.lock = Lock()
        self.answer: tuple[T] | None = None
        self.made_at = 0.0
