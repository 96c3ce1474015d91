"""What brokers know of the topics and where their logs end: asked while reading, and nobody waits for it.

The consumer's own questions wait for their answers one partition at a time, and the high watermark that it
keeps does not say when it was true; so an admin client beside it asks.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from typing import Any
from uuid import UUID

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from service.adapters.kafka.transport import NoAnswer, Spot, Start
from service.core.event import Micros, Partition

ASK_EVERY = 0.5
"""Seconds between two questions about ends to the same leader."""
OWED = 5.0
"""Seconds after which a leader owes no answer any more."""
TURN = 0.05
"""Seconds between two looks at what the client has to say while an answer is waited for."""
NOT_TO_BE_SEEN = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_EXCEPTION,
)
_Futures = dict[Any, "Future[Any]"]
_64_BITS = (1 << 64) - 1


class _Topic:
    """What was last said of a topic."""

    def __init__(self, description: Any) -> None:
        identity = description.topic_id
        high, low = identity.get_most_significant_bits(), identity.get_least_significant_bits()
        number = (high & _64_BITS) << 64 | low & _64_BITS
        # Written as the other client writes it: the database tells topics apart by it.
        self.id = str(UUID(int=number)) if number else ""
        self.leaders: dict[int, int | None] = {
            part.id: part.leader.id if part.leader is not None and part.leader.id >= 0 else None
            for part in description.partitions
        }


class Cluster:
    """Knows the topics, as young as `metadata_age` seconds; `clock` dates the questions about ends."""

    def __init__(
        self, options: dict[str, Any], topics: Sequence[str], metadata_age: float, clock: Callable[[], Micros]
    ) -> None:
        self._admin = AdminClient(options)
        self._names = topics
        self._age = metadata_age
        self._clock = clock
        self._topics: dict[str, _Topic] = {}
        self._missing: set[str] = set()
        self._question: _Futures = {}
        self._asked_at = 0.0
        self._asked = 0
        self._wanted = 0
        self.answered = 0
        """The number of the newest question about all topics that was answered."""
        self._ends: dict[int, tuple[_Futures, Micros]] = {}
        self._ends_asked_at = 0.0
        self.heard_at = time.monotonic()

    def keep_up(self, timeout: float = 0.0) -> None:
        """Take answers that came, waiting so long for one that is owed, and ask again what has grown old."""
        self._admin.poll(0)
        if self._question and timeout:
            wait(self._question.values(), timeout)
        if self._question and all(future.done() for future in self._question.values()):
            self._take(self._question, self._asked)
            self._question = {}
        due = time.monotonic() - self._asked_at >= self._age
        if not self._question and (due or self._wanted > self.answered):
            self._question = self._ask(OWED)

    def want(self) -> int:
        """Have the topics asked about from now on; the number of that question: it tells what is true after now."""
        self._wanted = self._asked + 1
        self.keep_up()
        return self._wanted

    def refresh(self, timeout: float, given_up: Callable[[], bool] = lambda: False) -> None:
        """Ask about the topics and wait for the answer; `given_up` ends that early. Raises NoAnswer."""
        self._question = self._ask(timeout)
        until = time.monotonic() + timeout
        while not all(future.done() for future in self._question.values()):
            self._admin.poll(TURN)
            if given_up() or time.monotonic() > until:
                raise NoAnswer("no broker has told about the topics")
        question, self._question = self._question, {}
        if not self._take(question, self._asked):
            raise NoAnswer("no broker has told about the topics")

    def hurry(self) -> None:
        """Ask about the topics soon: something that is known of them was wrong."""
        self._asked_at = min(self._asked_at, time.monotonic() - self._age + ASK_EVERY)

    def _ask(self, timeout: float) -> _Futures:
        self._asked_at = time.monotonic()
        self._asked += 1
        asked: _Futures = self._admin.describe_topics(TopicCollection(list(self._names)), request_timeout=timeout)
        return asked

    def _take(self, answers: _Futures, number: int) -> bool:
        """Remember what was answered; whether anything was."""
        heard = 0
        for name, future in answers.items():
            error = future.exception()
            if error is None:
                self._topics[name] = _Topic(future.result())
                self._missing.discard(name)
            elif _code(error) in NOT_TO_BE_SEEN:
                self._topics.pop(name, None)
                self._missing.add(name)
            else:
                continue
            heard += 1
        if heard:
            self.heard_at = time.monotonic()
        if heard == len(answers):
            self.answered = number
        return heard > 0

    def topic_id(self, topic: str) -> str:
        """See the client."""
        return self._topics[topic].id if topic in self._topics else ""

    def known(self) -> tuple[Partition, ...]:
        """See the client."""
        return tuple(
            Partition(name, number, self._topics[name].id)
            for name in self._names
            if name in self._topics
            for number in sorted(self._topics[name].leaders)
        )

    def missing(self) -> set[str]:
        """See the client."""
        return set(self._missing)

    def leader(self, spot: Spot) -> int | None:
        """The broker that leads a partition, None where none does."""
        topic = self._topics.get(spot.topic)
        return topic.leaders.get(spot.partition) if topic is not None else None

    def ask_ends(self, spots: Iterable[Spot]) -> None:
        """Ask each leader on its own: one that is away holds up no other's answer."""
        now = time.monotonic()
        if now - self._ends_asked_at < ASK_EVERY:
            return
        self._ends_asked_at = now
        leaders: dict[int, list[Spot]] = defaultdict(list)
        for spot in spots:
            leader = self.leader(spot)
            if leader is None:
                self.hurry()
            else:
                leaders[leader].append(spot)
        for leader, asked in leaders.items():
            if leader not in self._ends:
                # The date is taken before the question leaves: what is answered was true then or later. Not the
                # last stable offset: records of a transaction still open lie beyond it, and are no silence.
                date = self._clock()
                self._ends[leader] = (self._offsets(asked, OffsetSpec.latest(), OWED), date)

    def ends(self) -> list[tuple[Spot, int, Micros]]:
        """What leaders answered since the last call."""
        found = []
        for leader, (futures, date) in list(self._ends.items()):
            if not all(future.done() for future in futures.values()):
                continue
            del self._ends[leader]
            for partition, future in futures.items():
                if future.exception() is not None:
                    self.hurry()
                    continue
                self.heard_at = time.monotonic()
                found.append((Spot(partition.topic, partition.partition), future.result().offset, date))
        return found

    def find(self, spot: Spot, place: Start, timeout: float) -> int:
        """See the client."""
        if place == "earliest":
            return self._offset(spot, OffsetSpec.earliest(), timeout)
        if isinstance(place, int):
            found = self._offset(spot, OffsetSpec.for_timestamp(max(0, place // 1000)), timeout)
            if found >= 0:
                return found
        return self._offset(spot, OffsetSpec.latest(), timeout, IsolationLevel.READ_COMMITTED)

    def readable(self, spot: Spot, timeout: float) -> int:
        """See the client."""
        return self._offset(spot, OffsetSpec.latest(), timeout, IsolationLevel.READ_COMMITTED)

    def _offset(
        self, spot: Spot, spec: OffsetSpec, timeout: float, isolation: Any = IsolationLevel.READ_UNCOMMITTED
    ) -> int:
        [future] = self._offsets([spot], spec, timeout, isolation).values()
        wait([future], timeout)
        if not future.done():
            raise NoAnswer(f"{spot}: no answer in {timeout:g} s")
        error = future.exception()
        if error is not None:
            raise NoAnswer(f"{spot}: {error}")
        return int(future.result().offset)

    def _offsets(
        self, spots: Iterable[Spot], spec: OffsetSpec, timeout: float, isolation: Any = IsolationLevel.READ_UNCOMMITTED
    ) -> _Futures:
        asked = {TopicPartition(*spot): spec for spot in spots}
        answers: _Futures = self._admin.list_offsets(asked, isolation_level=isolation, request_timeout=timeout)
        return answers


def _code(error: BaseException) -> int | None:
    first = error.args[0] if isinstance(error, KafkaException) and error.args else None
    return first.code() if isinstance(first, KafkaError) else None
