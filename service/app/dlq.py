"""Builds what it takes to take dead letters anew: the catalogue's decoders, the intake, the store's own way back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.adapters.clock import wall_clock
from service.adapters.decode import Decoder
from service.adapters.store import open_sql_store
from service.core.catalog import Catalog
from service.core.counting.identity import Pseudonyms
from service.core.counting.intake import Intake
from service.core.event import Partition
from service.loops.exhume import Exhumation
from service.loops.ingest import live_topics


def decoders(catalog: Catalog) -> Callable[[Partition], Decoder]:
    """Each topic's decoder as its source declares it; the plain contract where none does."""
    declared = {source.topic: Decoder(catalog, source) for source in catalog.sources.values()}
    plain = Decoder(catalog)
    return lambda partition: declared.get(partition.topic, plain)


@contextmanager
def exhuming(url: str, catalog: Catalog, minor_digits: int, names: Pseudonyms | None = None) -> Iterator[Exhumation]:
    """The way back for a store's dead letters; `names`: of customers. Raises StoreAway, StoreRefused."""
    store = open_sql_store(url, catalog.moments, make=False)
    try:
        intake = Intake(catalog, minor_digits)
        live = live_topics(catalog, otherwise=False)
        yield Exhumation(store.graves(), decoders(catalog), intake, wall_clock, live, names)
    finally:
        store.close()
