"""How far event time has moved: a partition's clock, and the minimum over everything that carries a moment."""

from collections.abc import Iterable, Sequence

import msgspec

from service.core.columns import times_of
from service.core.event import Batch, Micros, Partition, Record


class PartitionClock(msgspec.Struct, frozen=True, gc=False):
    """How far one partition has shown time to be.

    `latest`: the latest event time of an accepted record. `looked_at`: the wall time of the last look that found
    nothing beyond what was read; only a live source has one. `ended`: nothing will ever follow.
    """

    partition: Partition
    latest: Micros | None = None
    looked_at: Micros | None = None
    ended: bool = False


def advanced(clock: PartitionClock, batch: Batch, records: Sequence[Record], now: Micros | None) -> PartitionClock:
    """The clock after a batch; `now` is the wall time for a live source and None for one on event time.

    Time never goes back. A live source's records cannot move it beyond the wall clock: one producer whose clock is
    ahead, within the allowed skew, must not make everybody else's events late.
    """
    latest = max(times_of(records), default=None)
    if latest is not None and now is not None:
        latest = min(latest, now)
    if latest is None or (clock.latest is not None and clock.latest > latest):
        latest = clock.latest
    looked = clock.looked_at
    if now is not None and batch.looked_at is not None:
        looked = batch.looked_at if looked is None else max(looked, batch.looked_at)
    return PartitionClock(clock.partition, latest, looked, clock.ended or batch.ended)


def partition_watermark(clock: PartitionClock) -> Micros | None:
    """The time before which this partition holds no more events; None while nothing is known."""
    known = [at for at in (clock.latest, clock.looked_at) if at is not None]
    return max(known) if known else None


def watermark(clocks: Iterable[PartitionClock]) -> Micros | None:
    """The minimum over partitions; ended ones no longer hold back the rest.

    None while any partition has shown nothing. When all have ended, the latest time that any of them has shown.
    """
    marks: list[Micros] = []
    ended: list[Micros] = []
    for clock in clocks:
        mark = partition_watermark(clock)
        if clock.ended:
            if mark is not None:
                ended.append(mark)
        elif mark is None:
            return None
        else:
            marks.append(mark)
    return min(marks) if marks else max(ended, default=None)
