"""The whole service, built from its parts: the one place that knows which store, source and sender are used."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from detectors.registry import load as load_detector
from service.adapters.clock import wall_clock
from service.adapters.metrics.collector import StoreCollector
from service.adapters.web.access.gate import Gate
from service.adapters.web.access.signing import Signer
from service.adapters.web.app import make_app, make_metrics
from service.adapters.web.now import event_clock
from service.adapters.web.server import WebServer
from service.adapters.web.settings import LOOPBACK, WebSettings
from service.app.reading import Reading
from service.core.catalog import Catalog
from service.core.counting.identity import Pseudonyms
from service.core.event import Micros
from service.core.judging.watchers import watchers
from service.core.keeping import Account
from service.core.ports import Notifier, Source, Store
from service.loops.announce import Announcer, Money
from service.loops.digesting import Digesting
from service.loops.guard import Guard, Pulse
from service.loops.marking import Marking
from service.loops.posting import Posting
from service.loops.recounting import Recounting
from service.loops.rekeying import Rekeying
from service.loops.retaining import Retaining
from service.loops.routing import Pages, Routing
from service.loops.send import Sender
from service.loops.standing_in import StandingIn
from service.loops.watch import Watch, silent
from service.loops.watching import Watching


@dataclass(frozen=True, slots=True)
class Options:
    """How the service is run.

    `live`: time is the wall's, else the events' own. `shadow`: everything but notices. `quiet_before`: wall time
    before which everything is the past that a first start reads. `hosts`: names that the pages answer to.
    """

    money: Money = field(default_factory=Money)
    public_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    hosts: tuple[str, ...] = LOOPBACK
    gate: Gate | None = None
    """Who is asked to say who they are; None: nobody, and whoever reaches the page may act."""
    metrics_port: int | None = None
    shown: tuple[tuple[str, str], ...] = ()
    """The settings, without secrets, for the page that shows them."""
    live: bool = True
    shadow: bool = False
    quiet_before: Micros | None = None
    told_until: Micros = 0
    """What happened before it was told after this database was copied."""
    watch_pause: float = 0.5
    pseudonyms: Pseudonyms | None = None
    mark_pause: float = 30.0
    ideal: tuple[str, ...] = ()
    contact_cost: int | None = None
    emergency: tuple[str, ...] = ()
    """Targets for when nobody else can be reached."""
    mission: str = ""


class Service:
    """Ingest, watch, route, send and the pages, each in a thread of its own, over one store.

    `reading`: what reads the source into the store, where that was begun before.
    """

    def __init__(  # noqa: PLR0913  # where everything that runs comes together
        self,
        catalog: Catalog,
        store: Store,
        source: Source,
        notifier: Notifier,
        options: Options,
        weekly: Digesting | None = None,
        *,
        reading: Reading | None = None,
        guard: Callable[[Mapping[str, Pulse]], Guard] | None = None,
        retaining: Retaining | None = None,
        accounts: Callable[[], Sequence[Account]] | None = None,
    ) -> None:
        self.store = store
        self._options = options
        self._reading = reading or Reading(
            catalog,
            store,
            source,
            live=options.live,
            minor_digits=options.money.minor_digits,
            pseudonyms=options.pseudonyms,
        )
        self._threads = self._reading.threads
        self._stop = self._threads.stop
        self._catalog = catalog
        clock = wall_clock if options.live else event_clock(store, lambda: catalog.moments)
        registry, self.meter, self.ingest = self._reading.registry, self._reading.meter, self._reading.loop
        registry.register(
            StoreCollector(
                store,
                lambda: catalog,
                clock,
                currency=options.money.code,
                minor_digits=options.money.minor_digits,
            )
        )
        gate = options.gate or Gate(Signer((secrets.token_bytes(32),)))
        pages = make_app(
            store,
            lambda: catalog,
            registry,
            self,
            WebSettings(
                currency=options.money.code,
                minor_digits=options.money.minor_digits,
                hosts=options.hosts,
                clock="live" if options.live else "event",
                ideal=options.ideal,
                contact_cost=options.contact_cost,
                metrics=options.metrics_port is None,
                shown=options.shown,
            ),
            now=clock,
            gate=gate,
        )
        self._keep_wall = pages.state.shelf.run
        self.web = WebServer(pages, options.host, options.port)
        self.metrics = None
        if options.metrics_port is not None:
            self.metrics = WebServer(make_metrics(registry, options.hosts), options.host, options.metrics_port)
        announcer = None
        if not options.shadow:
            live = wall_clock if options.live else None
            announcer = Announcer(store, catalog, live, options.quiet_before, options.told_until)
        self.watch = Watch(store, catalog, watchers, load_detector, announcer or silent, meter=self.meter)
        self.watching = Watching(
            self.watch,
            store,
            catalog,
            self.meter,
            wall_clock,
            announcer=announcer,
            blindness=self._reading.blindness,
            pause=options.watch_pause,
        )
        links = Pages(options.public_url, gate.signer.link, notifier.keeps_incidents)
        self.routing = Routing(
            store,
            lambda: catalog,
            options.money,
            links,
            wall_clock,
            replayed=None if options.live else clock,
            meter=self.meter,
        )
        self.watch.told = self.routing.stir
        self.sender = Sender(
            store,
            notifier,
            wall_clock,
            meter=self.meter,
            instead=StandingIn(store, lambda: catalog, links, options.emergency),
            told_until=options.told_until,
        )
        self.marking = Marking(store, lambda: catalog, self.meter, clock, pause=options.mark_pause)
        self._posting = None
        if options.live and not options.shadow:
            self._posting = Posting(
                store, lambda: catalog, self.meter, wall_clock, url=options.public_url, mission=options.mission
            )
        self._weekly = weekly
        self._pulses = {
            "ingest": self.ingest.pulse,
            "watch": self.watching.pulse,
            "route": self.routing.pulse,
            "send": self.sender.pulse,
        }
        self._retaining = retaining
        self._rekeying = Rekeying(store, options.pseudonyms, self.meter) if options.pseudonyms is not None else None
        self._recounting = Recounting(accounts, self.meter) if accounts is not None else None
        self._guard = (guard or partial(Guard, store))(self._pulses)

    def start(self) -> None:
        """Open the pages and start the loops."""
        self.web.start()
        if self.metrics is not None:
            self.metrics.start()
        self._reading.start()
        self._start("watch", lambda: self.watching.run(self._stop))
        self._start("route", lambda: self.routing.run(self._stop))
        self._start("send", lambda: self.sender.run(self._stop))
        self._start("mark", lambda: self.marking.run(self._stop))
        self._start("shelf", partial(self._keep_wall, self._stop))
        if self._posting is not None:
            self._start("post", partial(self._posting.run, self._stop))
        if self._weekly is not None:
            self._start("digest", partial(self._weekly.run, self._stop))
        if self._retaining is not None:
            self._start("retain", partial(self._retaining.run, self._stop))
        if self._rekeying is not None:
            self._start("rekey", partial(self._rekeying.run, self._stop))
        if self._recounting is not None:
            self._start("recount", partial(self._recounting.run, self._stop))
        self._start("guard", partial(self._guard.run, self._stop))

    def _start(self, name: str, work: Callable[[], None]) -> None:
        self._threads.start(name, work, self._pulses.get(name))

    def parts(self) -> Mapping[str, str | None]:
        """What must work for the service to be ready, each None while it is well."""
        try:
            self.store.clocks()
            database = None
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it is not ready
            database = type(error).__name__
        return {"database": database, "source": self.ingest.away, "catalogue": None}

    @property
    def read_to_the_end(self) -> bool:
        """A source that ends has ended, and everything of it is written."""
        return self._reading.over.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Until something ends the service; whether it has been ended."""
        return self._stop.wait(seconds)

    def stop(self) -> None:
        """End the loops: what is in hand is finished, nothing new is begun."""
        self._stop.set()

    def close(self) -> int:
        """Wait for the loops, close everything; the process's exit code."""
        self._threads.join()
        self.web.stop()
        if self.metrics is not None:
            self.metrics.stop()
        self.store.close()
        return 1 if self._threads.failed else 0
