"""One life of a librdkafka consumer: made, read from, and let go.

What the group assigns is not handed to librdkafka until its position is known: a partition that is read is
assigned with an offset of ours, one that waits is not assigned at all. So every seek is one assignment anew
of all that is read. It costs what was fetched ahead, is needed seldom, and unlike librdkafka's own `seek`
cannot come too early or too late.

librdkafka goes on in a topic that was deleted and made anew as if it were the old one. So what was polled is
given out only when the brokers, asked after it came, still name the same topic; asked in the background, this
costs a round trip of latency and hardly any time.
"""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from service.adapters.kafka.librdkafka.cluster import Cluster
from service.adapters.kafka.librdkafka.options import client_options, consumer_options, need_package
from service.adapters.kafka.librdkafka.remarks import Remarks
from service.adapters.kafka.settings import KafkaSettings
from service.adapters.kafka.transport import ClientFailed, News, NoAnswer, Polled, Records, Spot, Start
from service.core.event import Micros, Partition
from service.core.ports import SourceAway

log = logging.getLogger(__name__)

POLL = 0.2
"""Seconds that a poll waits for a first record; so often an idle source gives its reader a turn."""
CONFIRM = 0.1
"""Seconds that the brokers' word on the topics is waited for at a time."""
HELD = 8
"""So many polls may wait for it."""
GATHER = 0.02
"""Seconds that more are waited for once one came: at a low rate they come one by one."""
END_OF_LOG = KafkaError._PARTITION_EOF  # noqa: SLF001  # its name
OUT_OF_RANGE = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)  # noqa: SLF001
CUT = KafkaError._LOG_TRUNCATION  # noqa: SLF001
DAMAGED = (KafkaError._BAD_MSG, KafkaError.INVALID_MSG)  # noqa: SLF001
REFUSED = (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED)


class LibrdkafkaTransport:
    """librdkafka, set up."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], clock: Callable[[], Micros]) -> None:
        need_package()
        self._settings = settings
        self._topics = topics
        self._clock = clock
        self._remarks = Remarks()

    @property
    def reason(self) -> str | None:
        """The client's last word on why brokers are away."""
        return self._remarks.reason

    def connect(self) -> "LibrdkafkaClient":
        """A consumer of its own. Raises SourceAway where no broker could be reached."""
        self._remarks.forget()
        servers = ", ".join(self._settings.bootstrap_servers)
        try:
            return LibrdkafkaClient(self._settings, self._topics, self._clock, self._remarks)
        except (NoAnswer, KafkaException, OSError) as error:
            reason = self._remarks.reason or str(error) or type(error).__name__
            raise SourceAway(f"no broker of {servers} can be reached: {reason}") from error

    def forget(self) -> None:
        """Forget the reason."""
        self._remarks.forget()

    def close(self) -> None:
        """Nothing outlives the clients."""


class LibrdkafkaClient:
    """A consumer that has reached a broker. Raises NoAnswer, KafkaException or OSError where none could be."""

    def __init__(
        self, settings: KafkaSettings, topics: Sequence[str], clock: Callable[[], Micros], remarks: Remarks
    ) -> None:
        self.news: deque[News] = deque()
        self._settings = settings
        self._topics = topics
        self._joined = False
        self._remarks = remarks
        self._cluster = Cluster(client_options(settings) | remarks.options(), topics, settings.metadata_age, clock)
        self._cluster.refresh(settings.connect_timeout, lambda: remarks.refused)
        self._at: dict[Spot, int] = {}
        self._stale = False
        self._passed: dict[Spot, int] = {}
        self._held: deque[tuple[int, Polled, dict[Spot, int]]] = deque()
        self._failure: SourceAway | None = None
        self._told = 0
        self._consumer = Consumer(consumer_options(settings) | remarks.options() | {"on_commit": self._committed})

    def _join(self) -> None:
        if not self._joined:
            # librdkafka joins in the background, from this call on.
            taken, lost = self._assigned, self._revoked
            self._consumer.subscribe(list(self._topics), on_assign=taken, on_revoke=lost, on_lost=lost)
            self._joined = True

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign([])
        self._forget_all()
        self.news.append(("assigned", tuple(sorted(Spot(part.topic, part.partition) for part in partitions))))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.unassign()
        self._forget_all()
        self.news.append(("revoked", tuple(Spot(part.topic, part.partition) for part in partitions)))

    def _forget_all(self) -> None:
        self._at.clear()
        self._passed.clear()
        self._held.clear()
        self._stale = False

    def poll(self) -> Polled:
        """Wait a moment for records."""
        self._join()
        self._cluster.keep_up()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._stale:
            self._consumer.assign([TopicPartition(*spot, offset) for spot, offset in self._at.items()])
            self._stale = False
        if len(self._held) < HELD:
            messages = self._consumer.consume(self._settings.poll_records, 0)
            if not messages and not self._held:
                messages = self._awaited()
            self._sort_out(messages)
        if self._remarks.refused:
            # A secret may have been changed: the next consumer reads it again.
            reason = self._remarks.reason
            self._failure = ClientFailed(f"the brokers do not let {self._settings.client_id} in: {reason}")
        return self._confirmed()

    def _confirmed(self) -> Polled:
        """The oldest of what was polled, if the topics were still the same afterwards."""
        if not self._held:
            return Polled()
        number, polled, passed = self._held[0]
        if self._cluster.answered < number:
            self._cluster.keep_up(CONFIRM)
        if self._cluster.answered < number:
            return Polled()
        self._held.popleft()
        self._passed |= passed
        return polled

    def _awaited(self) -> list[Message]:
        """What comes next; `consume` alone would wait its whole time for more, however much there is."""
        first = self._consumer.poll(POLL)
        if first is None:
            return []
        return [first, *self._consumer.consume(max(1, self._settings.poll_records - 1), GATHER)]

    def _sort_out(self, messages: Iterable[Message]) -> None:
        """Hold what came until it is known to be of the topics that are read."""
        polled, passed = Polled(), dict[Spot, int]()
        found: dict[tuple[str, int], list[Message]] = {}
        damaged: set[tuple[str, int]] = set()
        for message in messages:
            spot = (message.topic(), message.partition())
            error = message.error()
            if error is not None and error.code() == END_OF_LOG:
                passed[Spot(*spot)] = message.offset()
            elif error is not None:
                self._heard(message, error, polled)
                if error.code() in DAMAGED:
                    damaged.add(spot)
            elif spot not in damaged:
                if spot in found:
                    found[spot].append(message)
                else:
                    found[spot] = [message]
        for named, records in found.items():
            spot = Spot(*named)
            # What was revoked in this very poll is not ours to give.
            if spot in self._at:
                polled.records[spot] = self._records(spot, records, passed.get(spot, 0))
        if polled.records or polled.beyond or polled.cut or passed:
            self._held.append((self._cluster.want(), polled, passed))

    def _records(self, spot: Spot, found: list[Message], passed: int) -> Records:
        headers = [message.headers() for message in found]
        offsets = [message.offset() for message in found]
        self._at[spot] = after = max(offsets[-1] + 1, passed)
        return Records(
            offsets,
            [message.value() or b"" for message in found],
            after,
            [{name: value or b"" for name, value in held or ()} for held in headers] if any(headers) else None,
        )

    def _heard(self, message: Message, error: KafkaError, polled: Polled) -> None:
        """Take what is no record. Failures wait for the next poll: what else came with them is given first."""
        topic, number, code = message.topic(), message.partition(), error.code()
        spot = Spot(topic or "", -1 if number is None else number)
        if code in OUT_OF_RANGE and spot in self._at:
            polled.beyond[spot] = self._at[spot]
            self._stale = True
        elif code == CUT and spot in self._at:
            polled.cut[spot] = None
            self._stale = True
        elif code in DAMAGED:
            # It may have been the wire. If it was the disk, the watchdog ends this.
            log.error("damaged in the log or on the way: %s: %s", spot, error.str())
            self._stale = True
        elif code in REFUSED:
            self._failure = SourceAway(f"the brokers refuse {error.name()}: {error.str()}")
        elif error.fatal():
            self._failure = ClientFailed(f"the consumer failed and is made anew: {error.str()}")
        else:
            log.debug("%s: %s", spot, error.str())
            self._cluster.hurry()

    def seek(self, positions: Mapping[Spot, int]) -> None:
        """Go on from there with the next poll."""
        for spot, position in positions.items():
            self._drop(spot)
            self._at[spot] = position
            self._stale = True

    def hold(self, spots: Collection[Spot]) -> None:
        """Leave them out of what is read."""
        for spot in spots:
            if self._at.pop(spot, None) is not None:
                self._stale = True
            self._drop(spot)

    def _drop(self, spot: Spot) -> None:
        """Forget what was polled of a partition and not given out."""
        self._passed.pop(spot, None)
        for _, polled, passed in self._held:
            for part in (polled.records, polled.beyond, polled.cut, passed):
                part.pop(spot, None)

    def passed(self, spot: Spot) -> int:
        """Where the log ended for readers of what is committed, when the client was there last."""
        return self._passed.get(spot, 0)

    def find(self, spot: Spot, place: Start, timeout: float) -> int:
        """The offset of a place in a log."""
        return self._cluster.find(spot, place, timeout)

    def readable(self, spot: Spot, timeout: float) -> int:
        """The last stable offset."""
        return self._cluster.readable(spot, timeout)

    def ask_ends(self, spots: Iterable[Spot]) -> None:
        """Ask each leader on its own."""
        self._cluster.ask_ends(spots)

    def ends(self) -> list[tuple[Spot, int, Micros]]:
        """What the leaders answered."""
        return self._cluster.ends()

    def topic_id(self, topic: str) -> str:
        """As it was last told."""
        return self._cluster.topic_id(topic)

    def known(self) -> tuple[Partition, ...]:
        """Every partition of the topics."""
        return self._cluster.known()

    def missing(self) -> set[str]:
        """The topics that no broker knows."""
        return self._cluster.missing()

    def led(self, spot: Spot) -> bool:
        """Whether a broker leads the partition."""
        return self._cluster.leader(spot) is not None

    def refresh(self, timeout: float) -> None:
        """Ask about the topics again, and wait for the answer."""
        self._cluster.refresh(timeout)

    def heard_at(self) -> float:
        """When a broker last told about the topics or about the ends of logs."""
        return self._cluster.heard_at

    def commit(self, positions: Mapping[Spot, int], timeout: float | None = None) -> None:
        """Tell lag tools; in the middle of a rebalance nobody listens."""
        offsets = [TopicPartition(*spot, offset) for spot, offset in positions.items()]
        before = self._told
        with contextlib.suppress(KafkaException):
            self._consumer.commit(offsets=offsets, asynchronous=True)
            until = time.monotonic() + (timeout or 0.0)
            while self._told == before and time.monotonic() < until:
                # Records that come meanwhile are read again by whoever is next.
                self._consumer.poll(GATHER)

    def _committed(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        del error, offsets
        self._told += 1

    def close(self) -> None:
        """Leave the group."""
        with contextlib.suppress(KafkaException, RuntimeError):
            self._consumer.close()
