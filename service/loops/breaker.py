"""A circuit breaker: a target that fails again and again is left alone for a while, then asked once."""

import threading

from service.core.event import Micros


class Breaker:
    """Opens after `limit` failures in a row, for `pause`; then one try decides. Safe from any thread."""

    def __init__(self, limit: int, pause: Micros) -> None:
        self._limit = limit
        self._pause = pause
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: Micros | None = None

    def opens_at(self, now: Micros) -> Micros | None:
        """When it may be tried again; None: now."""
        with self._lock:
            return self._open_until if self._open_until is not None and now < self._open_until else None

    def note(self, now: Micros, *, worked: bool) -> None:
        """Take an attempt's end in. A single failure after the pause opens it again."""
        with self._lock:
            if worked:
                self._failures, self._open_until = 0, None
                return
            self._failures += 1
            if self._failures >= self._limit:
                self._open_until = now + self._pause
