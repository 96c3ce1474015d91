"""This machine's clock, in the unit of events."""

import time

from service.core.event import Micros


def wall_clock() -> Micros:
    """Microseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1000
