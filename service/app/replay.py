"""Builds what a replay needs: corrected events out of files or out of what the log still has, and the way in."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from service.adapters.clock import wall_clock
from service.adapters.decode import Decoder
from service.adapters.files import EventFiles
from service.adapters.kafka.configured import kafka_settings
from service.adapters.kafka.kafka_python.again import read_again
from service.adapters.kafka.settings import KafkaSettings
from service.adapters.store import open_sql_store
from service.adapters.store.sql.store import SqlStore
from service.app.dlq import decoders
from service.core.catalog import Catalog
from service.core.counting.identity import Pseudonyms
from service.core.event import HOUR, DeadLetter, Micros, Partition, Record
from service.core.ports import StoreRefused
from service.loops.restate import Restater
from service.settings import Kafka

Given = Iterator[tuple[Partition, Sequence[Record], Sequence[DeadLetter]]]


class Replaying:
    """A store to be corrected, with the catalogue that says how events are read."""

    def __init__(self, store: SqlStore, catalog: Catalog, minor_digits: int, names: Pseudonyms | None) -> None:
        self.restater = Restater(store, catalog, minor_digits, wall_clock, names)
        self._store = store
        self._catalog = catalog

    def of_files(self, files: Sequence[Path]) -> Given:
        """Events of files in the order of time. Raises EventFileError."""
        for chunk in EventFiles(files, Decoder(self._catalog)).chunks():
            pairs = zip(chunk.partitions, chunk.records, strict=True)
            for partition, run in groupby(pairs, key=lambda pair: pair[0]):
                yield partition, [record for _, record in run], ()
            for letter in chunk.dead:
                yield letter.partition, (), (letter,)

    def of_kafka(self, kafka: Kafka, moments: Collection[str], since: Micros, *, whole: bool) -> Given:
        """What the topics of some moments still have of it, up to where the store has read. Raises Gone, SourceAway."""
        topics = {source.topic: source for name in moments for source in self._catalog.sources_of(name)}
        upto = {place: at for place, at in self._store.positions().items() if place.topic in topics}
        if not upto:
            raise StoreRefused("nothing was ever read of the moments' topics; name a moment with a source")
        # A record is written after what it tells happened, but for the skew of clocks.
        skew = max(source.allowed_skew for source in topics.values())
        yield from self._decoded(kafka_settings(kafka), upto, since - skew, whole=whole)

    def span(self, kafka: Kafka, partition: Partition, offsets: tuple[int, int]) -> tuple[Micros, Micros]:
        """The whole hours that the records [first, last) of a partition touch. Raises as `of_kafka`."""
        first, last = offsets
        settings = kafka_settings(kafka)
        times = [
            record.at
            for _, records, _ in self._decoded(settings, {partition: last}, {partition: first}, whole=True)
            for record in records
        ]
        if not times:
            raise StoreRefused(f"{partition.topic}[{partition.number}]: no event lies from {first} to {last - 1}")
        return min(times) // HOUR * HOUR, max(times) // HOUR * HOUR + HOUR

    def partition(self, topic: str, number: int) -> Partition:
        """The partition as the store knows it. Raises StoreRefused."""
        for place in self._store.positions():
            if (place.topic, place.number) == (topic, number):
                return place
        raise StoreRefused(f"{topic}[{number}] was never read; momentwatch reconcile names what was")

    def _decoded(
        self,
        settings: KafkaSettings,
        upto: Mapping[Partition, int],
        since: Micros | Mapping[Partition, int],
        *,
        whole: bool,
    ) -> Given:
        decoder_for = decoders(self._catalog)
        for batch in read_again(settings, upto, since, whole=whole):
            decoded = decoder_for(batch.partition).decode(batch)
            yield batch.partition, decoded.records, decoded.dead


@contextmanager
def replaying(url: str, catalog: Catalog, minor_digits: int, names: Pseudonyms | None = None) -> Iterator[Replaying]:
    """A replay into the store at a URL; `names`: of customers. Raises StoreAway, StoreRefused."""
    store = open_sql_store(url, catalog.moments, make=False)
    try:
        yield Replaying(store, catalog, minor_digits, names)
    finally:
        store.close()
