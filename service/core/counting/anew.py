"""What is left unread when a topic is deleted and made anew, with as many partitions as before or with fewer."""

from collections.abc import Sequence

import msgspec

from service.core.counting.changes import Unread
from service.core.counting.watermark import PartitionClock, partition_watermark
from service.core.event import Partition

_FIRST = 0
"""The partition that every topic has."""


class Before(msgspec.Struct, frozen=True, gc=False):
    """A partition of a topic of some name, now or before; `superseded`: its topic was made anew since."""

    clock: PartitionClock
    position: int | None
    log_end: int | None
    superseded: bool


def left_unread(partition: Partition, known: Sequence[Before]) -> tuple[Unread, ...]:
    """What falls to a partition that is claimed, of all that were ever known of its topic's name, in order.

    It answers for what was in its place before, until it has shown a time. The first one answers for places that its
    topic does not have, too: else what they held unread would be nobody's.
    """
    topics = list(dict.fromkeys(one.clock.partition.topic_id for one in known))
    had = {(one.clock.partition.topic_id, one.clock.partition.number) for one in known}
    firsts = [one.clock.partition.topic_id for one in known if one.clock.partition.number == _FIRST and _moved(one)]
    here = {one.clock.partition.number for one in known if not one.superseded}
    found: dict[int, Unread] = {}
    for one in known:
        place, since = one.clock.partition, partition_watermark(one.clock)
        if one.superseded and one.position is not None and since is not None:
            found[place.number] = Unread(place, one.position, max(one.position, one.log_end or 0), since)
    left = []
    for number, unread in sorted(found.items()):
        later = topics[topics.index(unread.partition.topic_id) + 1 :]
        told = any(first in later and (first, number) not in had for first in firsts)
        mine = number == partition.number or (partition.number == _FIRST and number not in here)
        if mine and not told:
            left.append(unread)
    return tuple(left)


def _moved(one: Before) -> bool:
    return partition_watermark(one.clock) is not None
