"""What time the pages take it to be: the wall's for live sources, the events' own for a replay."""

import time
from collections.abc import Callable

from service.core.event import Micros
from service.core.ports import Reader
from service.core.watermark import partition_watermark


def wall_clock() -> Micros:
    """Microseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1000


def event_clock(reader: Reader) -> Callable[[], Micros]:
    """The latest time that any partition has shown; the wall's while none has shown any."""

    def now() -> Micros:
        marks = (partition_watermark(clock) for clock in reader.clocks())
        return max((mark for mark in marks if mark is not None), default=0) or wall_clock()

    return now
