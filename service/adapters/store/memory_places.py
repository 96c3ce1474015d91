"""The memory store's partitions: how far each was read, by whose turn, and what one that went left unread."""

from collections import deque
from collections.abc import Mapping

import msgspec

from service.core.counting.changes import Unread
from service.core.counting.watermark import PartitionClock, partition_watermark
from service.core.event import Partition


class Spot(msgspec.Struct):
    """How far a partition was read, and by whose turn."""

    clock: PartitionClock
    epoch: int = 0
    position: int | None = None
    log_end: int | None = None
    hashes: deque[bytes] = msgspec.field(default_factory=deque)
    ids: int = 0
    retired: bool = False
    superseded: bool = False


def unread_of(places: Mapping[Partition, Spot], partition: Partition) -> Unread | None:
    """What the partition that was in this place before it was made anew left unread."""
    for known, place in reversed(list(places.items())):
        since = partition_watermark(place.clock)
        if (known.topic, known.number) != (partition.topic, partition.number) or not place.superseded:
            continue
        if since is not None and place.position is not None:
            return Unread(known, place.position, max(place.position, place.log_end or 0), since)
    return None


def hashes_of(places: Mapping[Partition, Spot], partition: Partition) -> tuple[bytes, ...]:
    """The ids that came to a place, oldest first, whichever topic of that name they came with."""
    here = (partition.topic, partition.number)
    mine = [
        spot
        for known, spot in places.items()
        if known == partition or (spot.superseded and (known.topic, known.number) == here)
    ]
    return tuple(blob for spot in mine for blob in spot.hashes)
