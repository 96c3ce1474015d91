"""One life of a kafka-python consumer: made, asked what it knows of topics and positions, and let go."""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    KafkaConfigurationError,
    KafkaError,
    LogTruncationError,
    OffsetOutOfRangeError,
    RetriableError,
    SaslAuthenticationFailedError,
    UnsupportedCodecError,
)
from kafka.net.compat import KafkaNetClient
from kafka.structs import OffsetAndMetadata

from service.adapters.kafka.kafka_python.ends import LogEnds
from service.adapters.kafka.kafka_python.hush import Hush
from service.adapters.kafka.kafka_python.options import CODECS, consumer_options, need_checksums
from service.adapters.kafka.kafka_python.unpack import Unpacked, unpack_lean
from service.adapters.kafka.settings import KafkaSettings
from service.adapters.kafka.transport import ClientFailed, News, NoAnswer, Polled, Records, Spot, Start
from service.core.event import Micros, Partition
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


class PythonTransport:
    """kafka-python, set up. Raises ImportError where the package for checksums is missing."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], clock: Callable[[], Micros]) -> None:
        need_checksums()
        self._settings = settings
        self._topics = topics
        self._clock = clock
        self._hush = Hush()

    @property
    def reason(self) -> str | None:
        """The client's last word on why brokers are away."""
        return self._hush.reason

    def connect(self) -> "PythonClient":
        """A consumer of its own. Raises SourceAway where no broker could be reached."""
        return PythonClient(self._settings, self._topics, self._clock, self._hush)

    def forget(self) -> None:
        """Forget the reason."""
        self._hush.forget()

    def close(self) -> None:
        """Let the client speak for itself again."""
        self._hush.lift()


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the base is untyped
    """Notes what a rebalance brought; called on the client's own thread, in the middle of the rebalance."""

    def __init__(self, consumer: KafkaConsumer, news: deque[News]) -> None:
        self._consumer = consumer
        self._news = news

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Hold what came until its position is known: otherwise the client would read from one of its own."""
        partitions = sorted(assigned)
        for partition in partitions:
            self._consumer.pause(partition)
            self._consumer.seek(partition, 0)
        self._news.append(("assigned", tuple(Spot(*partition) for partition in partitions)))

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Note what went."""
        self._news.append(("revoked", tuple(Spot(*partition) for partition in revoked)))

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Note what went while nobody asked."""
        self.on_partitions_revoked(lost)


class PythonClient:
    """A consumer that has reached a broker. Raises SourceAway where none could be reached."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], clock: Callable[[], Micros], hush: Hush) -> None:
        self.news: deque[News] = deque()
        self._settings = settings
        self._topics = topics
        self._made_at = time.monotonic()
        self.consumer = _reached(settings, hush)
        unpack_lean(self.consumer)
        self._cluster = self.consumer._cluster  # noqa: SLF001  # it has no other way to tell a topic's id
        self._coordinator = self.consumer._coordinator  # noqa: SLF001  # see `_poll`
        self._ends = LogEnds(self.consumer, clock)
        self.consumer.subscribe(topics=list(topics), listener=Listener(self.consumer, self.news))
        self._learn_topics()

    def _learn_topics(self) -> None:
        """Know the topics before joining: a leader that learns of them in the middle of it joins twice."""
        for _ in range(2):
            # The first answer may be to a question that was on its way before.
            with contextlib.suppress(NoAnswer):
                self.refresh(LEARN)
            if not self.missing():
                return

    def poll(self) -> Polled:
        """Wait a moment for records."""
        polled = Polled()
        try:
            found = self._poll()
        except OffsetOutOfRangeError as error:
            polled.beyond = {Spot(*spot): offset for spot, offset in error.args[0].items()}
        except LogTruncationError as error:
            polled.cut = {
                Spot(*spot): None if divergent is None else divergent.offset
                for spot, divergent in error.divergent_offsets.items()
            }
        except CorruptRecordError as error:
            # It may have been the wire. If it was the disk, the watchdog ends this.
            log.error("damaged in the log or on the way: %s", error)  # noqa: TRY400  # the stack says nothing
        except AuthorizationError as error:
            raise SourceAway(f"the brokers refuse {type(error).__name__}: {error}") from error
        except SaslAuthenticationFailedError as error:
            # A secret may have been changed: the next consumer reads it again.
            raise ClientFailed(f"the brokers do not let {self._settings.client_id} in: {error}") from error
        except UnsupportedCodecError as error:
            raise ClientFailed(f"{error}: {CODECS}") from error
        except RetriableError as error:
            log.debug("a poll failed and is made again: %s", error)
        except KafkaError as error:
            raise ClientFailed(f"the consumer failed and is made anew: {error or type(error).__name__}") from error
        else:
            polled.records = {Spot(*spot): self._records(spot, records) for spot, records in found.items()}
        return polled

    def _poll(self) -> Mapping[TopicPartition, Sequence[Unpacked]]:
        if not self._coordinator.rejoining:
            return cast("Mapping[TopicPartition, Sequence[Unpacked]]", self.consumer.poll(timeout_ms=POLL))
        # A poll that ends in the middle of a rebalance can make the client forget that there is one: where
        # partitions were added, it would stay without any. So it is reminded, and given time.
        self._coordinator.request_rejoin()
        return cast("Mapping[TopicPartition, Sequence[Unpacked]]", self.consumer.poll(timeout_ms=POLL_REBALANCING))

    def _records(self, spot: TopicPartition, found: Sequence[Unpacked]) -> Records:
        offsets, payloads, held = map(list, zip(*found, strict=True))
        headers = None
        if any(held):
            headers = [{name: value or b"" for name, value in each or ()} for each in held]
        return Records(offsets, payloads, max(offsets[-1] + 1, self.passed(Spot(*spot))), headers)

    def seek(self, positions: Mapping[Spot, int]) -> None:
        """Go on from there."""
        for spot, position in positions.items():
            # Not ours any more where this fails: a rebalance is under way, its news will be read next.
            with contextlib.suppress(ValueError, KeyError):
                self.consumer.seek(TopicPartition(*spot), position)
                self.consumer.resume(TopicPartition(*spot))

    def hold(self, spots: Collection[Spot]) -> None:
        """Pause them; what was fetched of them already stays where it is and is dropped by the seek to come."""
        for spot in spots:
            with contextlib.suppress(ValueError, KeyError):
                self.consumer.pause(TopicPartition(*spot))

    def passed(self, spot: Spot) -> int:
        """Where the client goes on; its own `position` may wait for a broker."""
        state = self.consumer._subscription.assignment.get(TopicPartition(*spot))  # noqa: SLF001
        return int(state.position.offset) if state is not None and state.position is not None else 0

    def find(self, spot: Spot, place: Start, timeout: float) -> int:
        """The offset of a place in a log."""
        partition, limit = TopicPartition(*spot), round(timeout * 1000)
        try:
            if isinstance(place, int):
                found = self.consumer.offsets_for_times({partition: max(0, place // 1000)}, timeout_ms=limit)[partition]
                if found is not None:
                    return int(found.offset)
            ask = self.consumer.beginning_offsets if place == "earliest" else self.consumer.end_offsets
            return int(ask([partition], timeout_ms=limit)[partition])
        except (KafkaError, KeyError, ValueError) as error:
            raise NoAnswer(f"{spot}: {error or type(error).__name__}") from error

    def readable(self, spot: Spot, timeout: float) -> int:
        """The last stable offset."""
        try:
            return self._ends.readable(TopicPartition(*spot), timeout)
        except KafkaError as error:
            raise NoAnswer(f"{spot}: {error or type(error).__name__}") from error

    def ask_ends(self, spots: Iterable[Spot]) -> None:
        """Ask each leader on its own."""
        self._ends.ask([TopicPartition(*spot) for spot in spots])

    def ends(self) -> list[tuple[Spot, int, Micros]]:
        """What the leaders answered."""
        return [(Spot(*spot), end, date) for spot, end, date in self._ends.answers()]

    def topic_id(self, topic: str) -> str:
        """As the last metadata have it."""
        found = self._cluster.topic_id(topic)
        return str(found) if found is not None and found != NO_ID else ""

    def known(self) -> tuple[Partition, ...]:
        """Every partition of the topics."""
        return tuple(
            Partition(topic, number, self.topic_id(topic))
            for topic in self._topics
            for number in sorted(self._cluster.partitions_for_topic(topic) or ())
        )

    def missing(self) -> set[str]:
        """The topics that no broker knows, by what they last said."""
        if not self._cluster.brokers():
            return set()
        return {topic for topic in self._topics if not self._cluster.partitions_for_topic(topic)}

    def led(self, spot: Spot) -> bool:
        """Whether a broker leads the partition."""
        leader = self._cluster.leader_for_partition(TopicPartition(*spot))
        return leader is not None and leader != -1

    def heard_at(self) -> float:
        """When a broker last told about the topics or about the ends of logs."""
        told: float = self._cluster._last_successful_refresh_ms / 1000  # noqa: SLF001
        return max(self._made_at, told, self._ends.heard_at or 0.0)

    def refresh(self, timeout: float) -> None:
        """Ask about the topics again, and wait for the answer."""
        manager = self.consumer._manager  # noqa: SLF001
        asked = self._cluster.request_update()
        try:
            # A missing topic fails the question, and is an answer all the same.
            manager.run(manager.wait_for, asked, round(timeout * 1000))
        except KafkaError as error:
            raise NoAnswer(str(error)) from error

    def commit(self, positions: Mapping[Spot, int], timeout: float | None = None) -> None:
        """Tell lag tools; in the middle of a rebalance nobody listens."""
        offsets = {TopicPartition(*spot): OffsetAndMetadata(offset, "", -1) for spot, offset in positions.items()}
        with contextlib.suppress(KafkaError):
            if timeout is None:
                self.consumer.commit_async(offsets)
            else:
                self.consumer.commit(offsets, timeout_ms=round(timeout * 1000))

    def close(self) -> None:
        """Leave the group."""
        with contextlib.suppress(KafkaError, OSError, RuntimeError):
            self.consumer.close(autocommit=False, timeout_ms=LET_GO)


def _reached(settings: KafkaSettings, hush: Hush) -> KafkaConsumer:
    """A consumer that has reached a broker. Raises SourceAway."""
    clients: list[Any] = []

    def client(**config: Any) -> Any:
        clients.append(KafkaNetClient(**config))
        return clients[-1]

    hush.forget()
    servers = ", ".join(settings.bootstrap_servers)
    try:
        return KafkaConsumer(
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
