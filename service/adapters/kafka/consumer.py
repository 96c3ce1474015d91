"""One life of a kafka-python consumer: made, asked what it knows of topics and positions, and let go."""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import KafkaConfigurationError, KafkaError
from kafka.net.compat import KafkaNetClient

from service.adapters.kafka.settings import Hush, KafkaSettings, consumer_options
from service.core.event import Partition
from service.core.ports import SourceAway

log = logging.getLogger(__name__)

LET_GO = 5_000
"""Milliseconds that leaving the group may take."""
POLL = 200
"""Milliseconds that a poll waits for records; so often an idle source gives its reader a turn."""
POLL_REBALANCING = 1_000
"""The same, while the group is being put together."""
LEARN = 3.0
"""Seconds that a first word about the topics is waited for."""
CUT_OFF = "socket disconnected"
"""All that the client knows where a broker hangs up: on a wrong password, or on another protocol than its own."""
NO_ID = UUID(int=0)

News = tuple[Literal["assigned", "revoked"], tuple[TopicPartition, ...]]


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the base is untyped
    """Notes what a rebalance brought; called on the client's own thread, in the middle of the rebalance."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self.news: deque[News] = deque()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Hold what came until its position is known: otherwise the client would read from one of its own."""
        partitions = tuple(sorted(assigned))
        for partition in partitions:
            self._consumer.pause(partition)
            self._consumer.seek(partition, 0)
        self.news.append(("assigned", partitions))

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Note what went."""
        self.news.append(("revoked", tuple(revoked)))

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Note what went while nobody asked."""
        self.news.append(("revoked", tuple(lost)))


class Connected:
    """A consumer that has reached a broker. Raises SourceAway where none could be reached."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], hush: Hush) -> None:
        self.topics = topics
        self.made_at = time.monotonic()
        clients: list[Any] = []

        def client(**config: Any) -> Any:
            clients.append(KafkaNetClient(**config))
            return clients[-1]

        hush.forget()
        servers = ", ".join(settings.bootstrap_servers)
        try:
            self.consumer = KafkaConsumer(
                **consumer_options(settings),
                # Every assignment is claimed anew in the database: nothing is gained by keeping partitions.
                partition_assignment_strategy=[RoundRobinPartitionAssignor, RangePartitionAssignor],
                kafka_client=client,
            )
        except KafkaConfigurationError:
            raise
        except (KafkaError, OSError) as error:
            # The constructor leaves its thread behind when it fails.
            for made in clients:
                made.close()
            reason = hush.reason or str(error) or type(error).__name__
            if CUT_OFF in reason:
                reason += ": check kafka.security (protocol, mechanism, username, password)"
            raise SourceAway(f"no broker of {servers} can be reached: {reason}") from error
        self.listener = Listener(self.consumer)
        self._cluster = self.consumer._cluster  # noqa: SLF001  # it has no other way to tell a topic's id
        self._coordinator = self.consumer._coordinator  # noqa: SLF001  # see `poll`
        self.consumer.subscribe(topics=list(topics), listener=self.listener)
        self._learn_topics()

    def _learn_topics(self) -> None:
        """Know the topics before joining: a leader that learns of them in the middle of it joins twice."""
        for _ in range(2):
            # The first answer may be to a question that was on its way before.
            with contextlib.suppress(KafkaError):
                self.refresh(LEARN)
            if not self.missing():
                return

    def poll(self) -> Mapping[TopicPartition, Sequence[Any]]:
        """Wait a moment for records. Raises KafkaError."""
        if not self._coordinator.rejoining:
            return cast("Mapping[TopicPartition, Sequence[Any]]", self.consumer.poll(timeout_ms=POLL))
        # A poll that ends in the middle of a rebalance can make the client forget that there is one: where
        # partitions were added, it would stay without any. So it is reminded, and given time.
        self._coordinator.request_rejoin()
        return cast("Mapping[TopicPartition, Sequence[Any]]", self.consumer.poll(timeout_ms=POLL_REBALANCING))

    def topic_id(self, topic: str) -> str:
        """The id that tells a topic made anew from the old one of that name; "" while it is not known."""
        found = self._cluster.topic_id(topic)
        return str(found) if found is not None and found != NO_ID else ""

    def known(self) -> tuple[Partition, ...]:
        """Every partition of the topics."""
        return tuple(
            Partition(topic, number, self.topic_id(topic))
            for topic in self.topics
            for number in sorted(self._cluster.partitions_for_topic(topic) or ())
        )

    def missing(self) -> set[str]:
        """The topics that no broker knows, by what they last said."""
        if not self._cluster.brokers():
            return set()
        return {topic for topic in self.topics if not self._cluster.partitions_for_topic(topic)}

    def heard_at(self) -> float:
        """When, on the monotonic clock, a broker last told about the topics."""
        told: float = self._cluster._last_successful_refresh_ms / 1000  # noqa: SLF001
        return max(self.made_at, told)

    def refresh(self, timeout: float) -> None:
        """Ask about the topics again, and wait for the answer. Raises KafkaError."""
        manager = self.consumer._manager  # noqa: SLF001
        asked = self._cluster.request_update()
        # A missing topic fails the question, and is an answer all the same.
        manager.run(manager.wait_for, asked, round(timeout * 1000))

    def position(self, partition: TopicPartition) -> int | None:
        """Where the client goes on; its own `position` may wait for a broker."""
        state = self.consumer._subscription.assignment.get(partition)  # noqa: SLF001
        return state.position.offset if state is not None and state.position is not None else None

    def leader(self, partition: TopicPartition) -> int | None:
        """The broker that leads a partition, None where none does."""
        leader = self._cluster.leader_for_partition(partition)
        return leader if leader is not None and leader != -1 else None

    def close(self) -> None:
        """Leave the group, in vain where it cannot be reached."""
        with contextlib.suppress(KafkaError, OSError, RuntimeError):
            self.consumer.close(autocommit=False, timeout_ms=LET_GO)
