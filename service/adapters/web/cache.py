"""Answers that are reused for a moment, so that many readers cost the store as much as one, and wait for nobody."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_SHARE = 10
"""What takes a second to make is kept for ten: at most a tenth of a core goes into one page."""
_OLD = 5
"""For so many times as long it is still shown, while a newer one is made beside."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """An answer that somebody else made: how old it is, and how long it took, in seconds."""

    answer: T
    age: float
    took: float


@dataclass(frozen=True, slots=True)
class Spare(Generic[T]):
    """For an answer that is looked after by `renew`: nobody waits for it as long as there is one that is not too old.

    `find`: where somebody else may have left one. `oldest`: the age at which it may still be shown, in seconds.
    `lately`: for so long after it was asked for it is renewed as often as what is asked for all the time. `slow`: what
    takes no longer to make is made when it is asked for.
    """

    find: Callable[[], Found[T] | None]
    oldest: float
    lately: float
    slow: float = -1.0


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

    def get(self, key: Hashable, make: Callable[[], T], spare: Spare[T] | None = None) -> T:
        """The answer for a key. Errors are not kept."""
        entry = self._entry(key)
        entry.asked_at = self._clock()
        if spare is not None and entry.answer is None:
            self._take(entry, spare)
        answer = entry.answer
        if answer is not None and self._seconds > 0:
            age, keep = self._clock() - entry.made_at, self._keep(entry)
            if age < keep:
                return answer[0]
            if age < max(keep * _OLD, spare.oldest if spare and entry.took > spare.slow else 0.0):
                self._renew(entry, make)
                return answer[0]
        with entry.lock:
            if entry.answer is None or self._clock() - entry.made_at >= self._keep(entry):
                self._make(entry, make)
            return entry.answer[0]  # type: ignore[index]  # it was made just now

    def renew(self, key: Hashable, make: Callable[[], T], spare: Spare[T], idle: tuple[float, float]) -> bool:
        """Make an answer before it is asked for, where it is due; whether it was made.

        `idle`: (seconds, times what it took) for which one is kept that nobody asked for lately. What somebody else
        made meanwhile is taken instead.
        """
        entry = self._entry(key)
        if entry.answer is not None and entry.took <= spare.slow:
            return False
        now = self._clock()
        seconds, times = idle
        unasked = now - entry.asked_at > spare.lately

        def due() -> bool:
            least = max(seconds, times * entry.took) if unasked else self._keep(entry)
            return entry.answer is None or self._clock() - entry.made_at >= least

        if not due():
            return False
        self._take(entry, spare)
        if not due() or not entry.lock.acquire(blocking=False):
            return False
        try:
            self._make(entry, make)
        finally:
            entry.lock.release()
        return True

    def drop(self, which: Callable[[Hashable], bool]) -> None:
        """Forget some answers: what they show has changed."""
        with self._lock:
            for key in [key for key in self._entries if which(key)]:
                del self._entries[key]

    def _entry(self, key: Hashable) -> "_Entry[T]":
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry()
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
            return entry

    def _take(self, entry: "_Entry[T]", spare: Spare[T]) -> None:
        found = spare.find()
        if found is None or found.age > spare.oldest:
            return
        made_at = self._clock() - found.age
        if entry.answer is None or made_at > entry.made_at:
            entry.answer, entry.made_at, entry.took = (found.answer,), made_at, found.took

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
        self.asked_at = float("-inf")
