"""Answers that are reused for a moment, so that many readers cost the store as much as one, and wait for nobody."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_SHARE = 10
"""What takes a second to make is kept for ten: at most a tenth of a core goes into one page."""
_OLD = 5
"""For so many times as long it is still shown, while a newer one is made beside."""


class Brief(Generic[T]):
    """Keeps each key's answer for some seconds, longer where it took long to make.

    Who asks first waits; who asks when it is too old gets it once more, while one thread makes it anew; who asks when
    it is far too old waits again. `seconds` 0: nothing is kept.
    """

    def __init__(self, seconds: float, most: int = 128, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = Lock()
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer for a key. Errors are not kept."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry()
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        answer = entry.answer
        if answer is not None and self._seconds > 0:
            age, keep = self._clock() - entry.made_at, self._keep(entry)
            if age < keep:
                return answer[0]
            if age < keep * _OLD:
                self._renew(entry, make)
                return answer[0]
        with entry.lock:
            if entry.answer is None or self._clock() - entry.made_at >= self._keep(entry):
                self._make(entry, make)
            return entry.answer[0]  # type: ignore[index]  # it was made just now

    def _keep(self, entry: "_Entry[T]") -> float:
        return max(self._seconds, _SHARE * entry.took) if self._seconds > 0 else 0.0

    def _make(self, entry: "_Entry[T]", make: Callable[[], T]) -> None:
        began = self._clock()
        entry.answer = (make(),)
        entry.made_at = self._clock()
        entry.took = entry.made_at - began

    def _renew(self, entry: "_Entry[T]", make: Callable[[], T]) -> None:
        if not entry.lock.acquire(blocking=False):
            return

        def work() -> None:
            try:
                self._make(entry, make)
            except Exception as error:  # noqa: BLE001  # whoever asks once it is far too old is told
                _LOG.warning("a page could not be made anew: %s", type(error).__name__)
            finally:
                entry.lock.release()

        Thread(target=work, name="page", daemon=True).start()


class _Entry(Generic[T]):
    def __init__(self) -> None:
        self.lock = Lock()
        self.answer: tuple[T] | None = None
        self.made_at = 0.0
        self.took = 0.0
