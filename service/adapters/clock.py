"""This machine's clocks: the one that is set, in the unit of events, and one that nobody sets."""

import time

from service.core.event import Micros


def wall_clock() -> Micros:
    """Microseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1000


def steady_clock() -> float:
    """Seconds since some time; where the system has such a clock, those that it slept are among them."""
    return time.clock_gettime(_STEADY)


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
