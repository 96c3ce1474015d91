"""What time the pages take it to be: the wall's for live sources, the events' own for a replay."""

from collections.abc import Callable, Iterable

from service.adapters.clock import wall_clock
from service.core.counting.watermark import partition_watermark
from service.core.event import Micros
from service.core.ports import Reader


def event_clock(reader: Reader, moments: Callable[[], Iterable[str]] = tuple) -> Callable[[], Micros]:
    """How far any of the moments is judged; where none is, the latest time that any partition has shown.

    A replay reads a year ahead of its judge: pages at the reader's time would show what nobody has looked at yet.
    The wall's time while there is nothing at all.
    """

    def now() -> Micros:
        judged = (reader.status(name).judged_through for name in moments())
        marks = (partition_watermark(clock) for clock in reader.clocks())
        latest = max((at for at in judged if at is not None), default=0)
        return latest or max((at for at in marks if at is not None), default=0) or wall_clock()

    return now
