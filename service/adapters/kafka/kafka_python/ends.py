"""Where logs end: the brokers are asked while reading, each leader on its own, and nobody waits for them.

With `client.py` the only place that reaches below kafka-python's surface. Its own `end_offsets` waits for
all leaders together and gives up on all when one is away, and the high watermark that it keeps does not say
when it was true.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import LeaderNotAvailableError
from kafka.protocol.consumer import IsolationLevel, ListOffsetsRequest, OffsetSpec

from service.core.event import Micros

ASK_EVERY = 0.5
"""Seconds between two questions to the same leader."""


class LogEnds:
    """Asks leaders for the ends of logs; `clock` is the wall clock that dates the questions.

    `heard_at`: when, on the monotonic clock, any leader last answered.
    """

    def __init__(self, consumer: KafkaConsumer, clock: Callable[[], Micros]) -> None:
        self._manager = consumer._manager  # noqa: SLF001  # see above
        self._cluster = consumer._cluster  # noqa: SLF001
        self._clock = clock
        self._waiting: dict[Any, tuple[Any, Micros]] = {}
        self._asked_at = -ASK_EVERY
        self.heard_at: float | None = None

    def ask(self, partitions: Iterable[TopicPartition]) -> None:
        """Ask for the ends of some logs, unless that was done just now or the leader still owes an answer."""
        now = time.monotonic()
        if now - self._asked_at < ASK_EVERY:
            return
        self._asked_at = now
        leaders: dict[Any, list[TopicPartition]] = defaultdict(list)
        for partition in partitions:
            leader = self._cluster.leader_for_partition(partition)
            if leader is None or leader == -1:
                self._cluster.request_update()
            else:
                leaders[leader].append(partition)
        for leader, asked in leaders.items():
            if leader not in self._waiting:
                # The date is taken before the question leaves: what is answered was true then or later.
                date = self._clock()
                self._waiting[leader] = (self._manager.call_soon(self._question, leader, asked), date)

    async def _question(self, leader: Any, partitions: list[TopicPartition]) -> Any:
        # Not the last stable offset: records of a transaction still open lie beyond it, and are no silence.
        return await self._manager.send(_request(partitions, IsolationLevel.READ_UNCOMMITTED), node_id=leader)

    def answers(self) -> list[tuple[TopicPartition, int, Micros]]:
        """What was answered since the last call: a log, where it ended, and a time at which that was so."""
        found = []
        for leader, (future, date) in list(self._waiting.items()):
            if not future.is_done:
                continue
            del self._waiting[leader]
            if not future.succeeded():
                self._cluster.request_update()
                continue
            self.heard_at = time.monotonic()
            for partition, end in _ends(future.value):
                if end is None:
                    self._cluster.request_update()
                else:
                    found.append((partition, end, date))
        return found

    def readable(self, partition: TopicPartition, timeout: float) -> int:
        """The offset up to which a log can be read now (open transactions hold it back). Raises KafkaError."""
        leader = self._cluster.leader_for_partition(partition)
        if leader is None or leader == -1:
            raise LeaderNotAvailableError

        async def question() -> Any:
            request = _request([partition], IsolationLevel.READ_COMMITTED)
            return await self._manager.wait_for(self._manager.send(request, node_id=leader), round(timeout * 1000))

        end = next((end for _, end in _ends(self._manager.run(question))), None)
        if end is None:
            raise LeaderNotAvailableError
        return end


def _request(partitions: Iterable[TopicPartition], isolation: IsolationLevel) -> ListOffsetsRequest:
    topics: dict[str, list[Any]] = defaultdict(list)
    for partition in partitions:
        topics[partition.topic].append(
            ListOffsetsRequest.ListOffsetsTopic.ListOffsetsPartition(
                partition_index=partition.partition, current_leader_epoch=-1, timestamp=int(OffsetSpec.LATEST)
            )
        )
    return ListOffsetsRequest(isolation_level=isolation, topics=list(topics.items()), min_version=2)


def _ends(response: Any) -> Iterable[tuple[TopicPartition, int | None]]:
    for topic in response.topics:
        for answer in topic.partitions:
            known = answer.error_code == 0 and answer.offset >= 0
            yield TopicPartition(topic.name, answer.partition_index), answer.offset if known else None
