"""The topics of a fault run: a seeded stream is put on them, and what they hold is read back as the brokers give it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from tests.e2e.running import until
from tests.faults.oracle import Raw
from tests.faults.stream import Item, Stream, mark
from tests.harness.kafka import KafkaBroker

LIFE = "~"
"""Between a topic's name and how often it was made anew, in what is read back: one that was is another topic."""


class Feed:
    """A stream and the topics that it goes to, which may grow, lose records, and be deleted and made anew.

    `gone`: records that the service has read and that no broker has any more; `lost`: (topic, partition, first,
    next) of those that were gone before anybody read them. `expected_read`: how many it has to read.
    """

    def __init__(self, broker: KafkaBroker, stream: Stream) -> None:
        self.stream = stream
        self.expected_read = 0
        self.gone: list[Raw] = []
        self.lost: list[tuple[str, int, int, int]] = []
        self._broker = broker
        self._lives: dict[str, int] = {}
        self._most = dict([stream.orders, stream.payments])
        """How many partitions each topic ever had."""
        self._producer: Any = None

    @property
    def topics(self) -> tuple[str, str]:
        """Their names."""
        return self.stream.orders[0], self.stream.payments[0]

    def called(self, topic: str) -> str:
        """What a topic is called in what is read back."""
        life = self._lives.get(topic, 0)
        return f"{topic}{LIFE}{life}" if life else topic

    def produce(self, items: Iterable[Item]) -> None:
        """Put records on the topics, and know that they are there."""
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self._broker.bootstrap_servers.split(","),
                linger_ms=5,
                max_block_ms=60_000,
                max_request_size=2_000_000,
                acks="all",
            )
        sent = [self._producer.send(item.topic, item.payload, partition=item.partition) for item in items]
        self._producer.flush()
        for future in sent:
            future.get(60)
        self.expected_read += len(sent)

    def more(self, chunks: int = 1) -> None:
        """Let some event time happen."""
        for _ in range(chunks):
            self.produce(self.stream.next())

    def forget(self) -> None:
        """Let the producer go: the next one asks anew what topics there are."""
        if self._producer is not None:
            self._producer.close(timeout=5)
            self._producer = None

    def raw(self) -> list[Raw]:
        """Every record of the topics as the brokers give it now, partition by partition."""
        consumer = KafkaConsumer(
            bootstrap_servers=self._broker.bootstrap_servers.split(","),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        try:
            spots = [
                TopicPartition(topic, number)
                for topic in self.topics
                for number in sorted(consumer.partitions_for_topic(topic))
            ]
            consumer.assign(spots)
            consumer.seek_to_beginning(*spots)
            ends = consumer.end_offsets(spots)
            found: dict[Any, list[Raw]] = {spot: [] for spot in spots}
            while any(consumer.position(spot) < end for spot, end in ends.items()):
                for spot, records in consumer.poll(timeout_ms=500).items():
                    name = self.called(spot.topic)
                    found[spot] += [Raw(name, spot.partition, r.offset, r.value) for r in records]
        finally:
            consumer.close()
        return [raw for records in found.values() for raw in records]

    def everything(self) -> list[Raw]:
        """What the service has to have read: what is gone since, and what is there."""
        there = self.raw()
        known = {(raw.topic, raw.partition, raw.offset) for raw in there}
        return [*(raw for raw in self.gone if (raw.topic, raw.partition, raw.offset) not in known), *there]

    def make_anew(self, topic: str, read: Mapping[int, int] | None = None) -> None:
        """Delete a topic and make another one of its name, with as many partitions as the stream has for it now.

        `read`: what was read of the old one's partitions; None: all.
        """
        name = self.called(topic)
        for raw in self.raw():
            if raw.topic != name:
                continue
            if read is None or raw.offset < read[raw.partition]:
                self.gone.append(raw)
            else:
                self.expected_read -= 1
        partitions = dict([self.stream.orders, self.stream.payments])[topic]
        self.forget()
        self._broker.delete_topic(topic)

        def made() -> bool:
            try:
                self._broker.create_topic(topic, partitions=partitions)
            except KafkaError:
                # The old one takes a moment to go.
                return False
            return True

        until(made, f"topic {topic} anew")
        self._lives[topic] = self._lives.get(topic, 0) + 1

    def retain(self, topic: str, partition: int, read: int, first: int) -> None:
        """Let the records of a partition below `first` go, of which those below `read` were read."""
        name = self.called(topic)
        there = [raw for raw in self.raw() if (raw.topic, raw.partition) == (name, partition)]
        self.gone += [raw for raw in there if raw.offset < read]
        self._broker.delete_records({(topic, partition): first})
        self.lost.append((name, partition, read, first))
        self.expected_read -= sum(read <= raw.offset < first for raw in there)

    def grow(self, partitions: int) -> None:
        """Let the first topic have more partitions; the stream uses them from `use_all` on."""
        self._broker.add_partitions(self.topics[0], partitions)
        self._most[self.topics[0]] = partitions
        self.forget()

    def copied(self, records: Sequence[Raw]) -> tuple[tuple[str, int], tuple[str, int]]:
        """The same records, in the same order, on two topics where nothing ever went; their names and sizes."""
        sizes = (self.stream.orders, self.stream.payments)
        names = {topic: self._broker.create_topic(partitions=self._most[topic]) for topic, _ in sizes}

        def plain(raw: Raw) -> str:
            return raw.topic.split(LIFE, maxsplit=1)[0]

        before = self.expected_read
        in_order = sorted(records, key=lambda raw: (plain(raw), raw.partition))
        for (topic, partition), some in groupby(in_order, key=lambda raw: (plain(raw), raw.partition)):
            self.produce(Item(names[topic], partition, raw.value) for raw in some)
        # Here, time waits for the partitions, too, that their topic no longer has.
        for topic, size in sizes:
            self.produce(mark(names[topic], number, self.stream.at) for number in range(size, self._most[topic]))
        self.expected_read = before
        orders, payments = sizes
        return (names[orders[0]], orders[1]), (names[payments[0]], payments[1])
