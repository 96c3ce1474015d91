"""What a broker lets us do, tried out: reach it, see the topics, read them, be a member of the group."""

from collections.abc import Iterator, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    AuthorizationError,
    CoordinatorNotAvailableError,
    KafkaError,
    UnsupportedCodecError,
    for_code,
)
from kafka.protocol.consumer import HeartbeatRequest

from service.adapters.kafka.kafka_python.options import CODECS, consumer_options
from service.adapters.kafka.settings import KafkaSettings

_PATIENCE_MS = 5_000

Found = tuple[bool, str, str, str]
"""Whether it works, what was tried, what was seen, and what to do."""


def examine(settings: KafkaSettings, topics: Sequence[str]) -> Iterator[Found]:
    """One line a thing that was tried; nothing is committed and no group is joined."""
    servers = ", ".join(settings.bootstrap_servers)
    try:
        consumer = KafkaConsumer(**consumer_options(settings))
    except (KafkaError, OSError, ValueError) as error:
        remedy = "check kafka.bootstrap_servers, the network, and kafka.security (protocol, mechanism, password)"
        yield False, f"brokers {servers}", str(error) or type(error).__name__, remedy
        return
    try:
        yield True, f"brokers {servers}", "answer", ""
        for topic in topics:
            yield _topic(consumer, topic)
        yield _group(consumer, settings.group_id, topics)
    finally:
        consumer.close(autocommit=False)


def _topic(consumer: KafkaConsumer, topic: str) -> Found:
    what = f"topic {topic}"
    try:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            return False, what, "does not exist, or may not be seen", "create it, or allow DESCRIBE on it"
        spots = [TopicPartition(topic, number) for number in sorted(numbers)]
        ends = consumer.end_offsets(spots, timeout_ms=_PATIENCE_MS)
        starts = consumer.beginning_offsets(spots, timeout_ms=_PATIENCE_MS)
        consumer.assign(spots)
        for spot in spots:
            consumer.seek(spot, starts[spot])
        consumer.poll(timeout_ms=1_000, max_records=1)
    except AuthorizationError as error:
        return False, what, type(error).__name__, f"allow READ and DESCRIBE on topic {topic}"
    except UnsupportedCodecError as error:
        return False, what, str(error), CODECS
    except KafkaError as error:
        return False, what, str(error) or type(error).__name__, "see the broker's log; every partition needs a leader"
    records = sum(ends[spot] - starts[spot] for spot in spots)
    return True, what, f"{len(spots)} partitions, about {records:,} records, can be read", ""


def _group(consumer: KafkaConsumer, group: str, topics: Sequence[str]) -> Found:
    what = f"group {group}"
    try:
        for topic in topics[:1]:
            consumer.committed(TopicPartition(topic, 0), timeout_ms=_PATIENCE_MS)
        _ask_as_member(consumer, group)
    except AuthorizationError as error:
        return False, what, type(error).__name__, f"allow READ on group {group}"
    except KafkaError as error:
        return False, what, str(error) or type(error).__name__, "see the broker's log: the group has no coordinator"
    return True, what, "can be a member", ""


def _ask_as_member(consumer: KafkaConsumer, group: str) -> None:
    """What members may do is more than seeing where a group is; a heartbeat of nobody changes nothing.

    Raises KafkaError.
    """
    coordinator = consumer._coordinator  # noqa: SLF001  # the client asks this only once it has joined
    if not coordinator.ensure_coordinator_ready(timeout_ms=_PATIENCE_MS):
        raise CoordinatorNotAvailableError
    manager = consumer._manager  # noqa: SLF001  # as above
    request = HeartbeatRequest(group_id=group, generation_id=0, member_id="nobody", group_instance_id=None)

    async def question() -> Any:
        return await manager.wait_for(manager.send(request, node_id=coordinator.coordinator_id), _PATIENCE_MS)

    error = for_code(manager.run(question).error_code)
    if issubclass(error, AuthorizationError):
        raise error
