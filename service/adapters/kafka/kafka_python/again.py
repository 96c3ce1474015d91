"""Reading what a log still has once more, outside the group: nobody's position moves."""

from collections.abc import Iterable, Iterator, Mapping

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from service.adapters.kafka.kafka_python.client import NO_ID
from service.adapters.kafka.kafka_python.options import consumer_options, need_checksums
from service.adapters.kafka.settings import KafkaSettings
from service.core.event import Batch, Micros, Partition
from service.core.ports import SourceAway

_POLL_MS = 500
_PATIENCE = 40
"""So many polls in a row may give nothing before the brokers count as away."""


class Gone(Exception):  # noqa: N818  # a state of the world, not a mistake
    """The log no longer has what was to be read."""


def read_again(
    settings: KafkaSettings,
    upto: Mapping[Partition, int],
    since: Micros | Mapping[Partition, int],
    *,
    whole: bool,
) -> Iterator[Batch]:
    """The records of some partitions up to a position, from the first written at `since` or later or from an offset.

    A log is written in about the order of time; where that does not hold, begin earlier. `whole`: raises Gone where
    a log was cut off behind that time already. Raises SourceAway where brokers do not answer.
    """
    need_checksums()
    options = consumer_options(settings) | {"group_id": None, "group_instance_id": None}
    try:
        consumer = KafkaConsumer(**options)
    except (KafkaError, OSError) as error:
        servers = ", ".join(settings.bootstrap_servers)
        raise SourceAway(f"no broker of {servers} can be reached: {error or type(error).__name__}") from error
    try:
        yield from _read(consumer, upto, since, whole=whole)
    except KafkaError as error:
        raise SourceAway(f"the brokers failed: {error or type(error).__name__}") from error
    finally:
        consumer.close(autocommit=False)


def _read(
    consumer: KafkaConsumer, upto: Mapping[Partition, int], since: Micros | Mapping[Partition, int], *, whole: bool
) -> Iterator[Batch]:
    places = {TopicPartition(place.topic, place.number): place for place in upto}
    ends = {spot: upto[place] for spot, place in places.items()}
    consumer.assign(list(places))
    firsts = consumer.beginning_offsets(list(places))
    _need_same(consumer, upto)
    starts = _starts(consumer, places, ends, since)
    open_ = set()
    for spot, start in starts.items():
        gone = start < firsts[spot] if isinstance(since, Mapping) else start == firsts[spot] > 0
        if whole and gone and start < ends[spot]:
            raise Gone(
                f"{spot.topic}[{spot.partition}]: the log begins at offset {firsts[spot]}, and what was written before "
                "may belong to the stretch; replay it from files, or say --partial"
            )
        if start < ends[spot]:
            consumer.seek(spot, max(start, firsts[spot]))
            open_.add(spot)
        else:
            consumer.pause(spot)
    empty = 0
    while open_:
        given = consumer.poll(timeout_ms=_POLL_MS)
        empty = 0 if given else empty + 1
        if empty > _PATIENCE:
            named = ", ".join(f"{spot.topic}[{spot.partition}]" for spot in sorted(open_))
            raise SourceAway(f"nothing comes of {named}")
        for spot, records in given.items():
            mine = [record for record in records if record.offset < ends[spot]]
            headers = None
            if any(record.headers for record in mine):
                headers = [{name: value or b"" for name, value in record.headers} for record in mine]
            offsets, payloads = [record.offset for record in mine], [record.value or b"" for record in mine]
            yield Batch(places[spot], offsets, payloads, ends[spot], headers=headers)
        for spot in list(open_):
            if consumer.position(spot) >= ends[spot]:
                open_.discard(spot)
                consumer.pause(spot)


def _need_same(consumer: KafkaConsumer, places: Iterable[Partition]) -> None:
    """Raises Gone where a topic is another one than was read: its offsets stand for other records."""
    for place in places:
        now = consumer._cluster.topic_id(place.topic)  # noqa: SLF001  # there is no other way to tell a topic's id
        if place.topic_id and now is not None and now != NO_ID and str(now) != place.topic_id:
            raise Gone(f"{place.topic} was deleted and made anew since it was read; replay it from files")


def _starts(
    consumer: KafkaConsumer,
    places: Mapping[TopicPartition, Partition],
    ends: Mapping[TopicPartition, int],
    since: Micros | Mapping[Partition, int],
) -> dict[TopicPartition, int]:
    if isinstance(since, Mapping):
        return {spot: since[place] for spot, place in places.items()}
    found = consumer.offsets_for_times(dict.fromkeys(places, max(0, since // 1000)))
    return {spot: ends[spot] if found[spot] is None else found[spot].offset for spot in places}
