"""How often somebody may try: a bucket a caller that fills up again with time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST = 10_000
"""Callers remembered; beyond it the one longest unseen is forgotten, so that nobody fills the memory."""


class Throttle:
    """`burst` tries at once, and `per_minute` from then on, for each caller."""

    def __init__(self, burst: int, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._rate = per_minute / 60
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def takes(self, caller: str) -> bool:
        """Whether one more try is allowed now; it counts as one."""
        with self._lock:
            now = self._clock()
            left, at = self._left.pop(caller, (float(self._burst), now))
            left = min(float(self._burst), left + (now - at) * self._rate)
            allowed = left >= 1
            self._left[caller] = (left - 1 if allowed else left, now)
            while len(self._left) > _MOST:
                self._left.popitem(last=False)
            return allowed
