"""The reading half of the service: from a source to committed tallies, without anything of the rest.

It needs a third of what the whole service loads, so that `serve` reads while pages and senders are still being loaded:
joining a consumer group is waiting, for the most part. The shape not chosen, threads that each load a part, gains
nothing where one interpreter runs one of them at a time.
"""

import threading

from service.adapters.clock import steady_clock, wall_clock
from service.adapters.decode import Decoder
from service.adapters.metrics.meter import Metrics, new_registry
from service.app.threads import Threads
from service.core.catalog import Catalog
from service.core.counting.identity import Pseudonyms
from service.core.event import Partition
from service.core.ports import Source, Store
from service.loops.blind import Blindness
from service.loops.ingest import Ingest, live_topics


class Reading:
    """Reads a source into a store in a thread of its own; `threads` are those that the whole service shares.

    `live`: time is the wall's, else the events' own. `minor_digits`: of the reporting currency.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        source: Source,
        *,
        live: bool = True,
        minor_digits: int = 2,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self.threads = Threads()
        self.registry = new_registry()
        self.meter = Metrics(self.registry)
        self.meter.loaded(catalog)
        decoders = {source.topic: Decoder(catalog, source) for source in catalog.sources.values()}
        plain = Decoder(catalog)

        def decoder_for(partition: Partition) -> Decoder:
            return decoders.get(partition.topic, plain)

        self.loop = Ingest(
            source,
            store,
            decoder_for,
            catalog,
            wall_clock,
            self.meter,
            live=live_topics(catalog) if live else lambda _: False,
            minor_digits=minor_digits,
            pseudonyms=pseudonyms,
            monotonic=steady_clock,
        )
        self._store = store
        self.blindness = Blindness(store, catalog, wall_clock, self.meter) if live else None
        self.over = threading.Event()
        """The source has ended, and everything of it is written."""
        self._begun = False

    def start(self) -> None:
        """Begin, unless that was done already."""
        if not self._begun:
            self._begun = True
            if self.blindness is not None:
                # Before the first batch: a source that is read at full speed leaves no trace of the hours without it.
                self.blindness.tick(self._store.clocks())
            self.threads.start("ingest", self._run, self.loop.pulse)

    def _run(self) -> None:
        self.loop.run(self.threads.stop)
        self.over.set()
