"""The memory store's partitions: how far each was read, by whose turn, and what one that went left unread."""

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec

from service.core.counting.anew import Before, left_unread
from service.core.counting.changes import Unread
from service.core.counting.watermark import PartitionClock
from service.core.event import Partition


class Spot(msgspec.Struct):
    """How far a partition was read, and by whose turn; `superseded`: its topic was made anew since."""

    clock: PartitionClock
    epoch: int = 0
    position: int | None = None
    log_end: int | None = None
    hashes: deque[bytes] = msgspec.field(default_factory=deque)
    ids: int = 0
    retired: bool = False
    superseded: bool = False


Places = dict[Partition, Spot]


def replaced(places: Places, partition: Partition) -> bool:
    """Whether a partition's topic is known to have been made anew since."""
    return any(
        place.superseded and (known.topic, known.topic_id) == (partition.topic, partition.topic_id)
        for known, place in places.items()
    )


def begin(places: Places, partition: Partition) -> Spot:
    """A re-created topic's partition begins anew, and nobody may write the old one's any more."""
    begun = Spot(PartitionClock(partition))
    for known, place in list(places.items()):
        if (known.topic, known.number) != (partition.topic, partition.number):
            continue
        if known.topic_id:
            supersede(place)
        else:
            # It had no id when it was first read and has one now: the same topic, better known.
            begun = places.pop(known)
            begun.clock = msgspec.structs.replace(begun.clock, partition=partition)
    places[partition] = begun
    return begun


def supersede(place: Spot) -> None:
    """Nobody may write it any more."""
    place.retired = place.superseded = True
    place.epoch += 1


def expect(places: Places, partitions: Sequence[Partition]) -> None:
    """Begin those in whose places nothing was ever known."""
    known = {(place.topic, place.number) for place in places}
    ids = {partition.topic: partition.topic_id for partition in partitions}
    current = {at for at, place in places.items() if not place.superseded}
    others = {at.topic for at in current if at.topic_id not in {"", ids.get(at.topic)}}
    for partition in partitions:
        if partition.topic not in others and (partition.topic, partition.number) not in known:
            places[partition] = Spot(PartitionClock(partition))


def retire(places: Places, gone: Sequence[Partition], known: Sequence[Partition]) -> None:
    """Forget the clocks of what is gone; begin what is in its place."""
    instead = {(partition.topic, partition.number): partition for partition in known}
    ids = {partition.topic: partition.topic_id for partition in known}
    for partition in gone:
        place = places.get(partition)
        told = instead.get((partition.topic, partition.number), partition)
        anew = ids.get(partition.topic, partition.topic_id)
        if place is None or replaced(places, Partition(partition.topic, partition.number, anew)):
            continue
        place.retired = True
        if told not in places:
            begin(places, told)
        elif anew != partition.topic_id:
            supersede(place)


def unread_of(places: Mapping[Partition, Spot], partition: Partition) -> tuple[Unread, ...]:
    """What the partition that was in this place before it was made anew left unread, and those that have no heir."""
    of_topic = [place for known, place in places.items() if known.topic == partition.topic]
    return left_unread(
        partition, [Before(place.clock, place.position, place.log_end, place.superseded) for place in of_topic]
    )


def hashes_of(places: Mapping[Partition, Spot], partition: Partition) -> tuple[bytes, ...]:
    """The ids that came to a place, oldest first, whichever topic of that name they came with."""
    here = (partition.topic, partition.number)
    mine = [
        spot
        for known, spot in places.items()
        if known == partition or (spot.superseded and (known.topic, known.number) == here)
    ]
    return tuple(blob for spot in mine for blob in spot.hashes)
