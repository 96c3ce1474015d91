"""Builds the service that `serve` runs: Kafka in, a database beneath, apprise out."""

import logging
import time
from dataclasses import replace
from urllib.parse import urlsplit

from service.adapters.customers import CustomersFileError
from service.adapters.kafka.configured import kafka_settings
from service.adapters.kafka.source import KafkaSource
from service.adapters.store import open_sql_store
from service.adapters.store.sql.store import SqlStore
from service.adapters.web.settings import LOOPBACK
from service.app.access import gate
from service.app.customers import contact_cost, prepare, pseudonyms
from service.app.digest import digesting
from service.app.guard import build_guard
from service.app.notifier import build_notifier
from service.app.service import Options, Service, wall_clock
from service.app.shown import shown
from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.ports import StoreAway, StoreRefused
from service.core.terms import edits
from service.loops.announce import Money
from service.loops.retaining import Retaining
from service.settings import Settings

_LOG = logging.getLogger(__name__)


def build(
    settings: Settings,
    catalog: Catalog,
    *,
    shadow: bool = False,
    learn_from: Micros | None = None,
    told_until: Micros = 0,
) -> Service:
    """The service of some settings. Waits for a database that is away; raises StoreRefused for one that will not do."""
    if settings.kafka is None:
        message = "serve needs kafka settings"
        raise ValueError(message)
    now = wall_clock()
    store = _store(settings, catalog)
    try:
        prepare(store, settings)
    except CustomersFileError as error:
        store.close()
        raise StoreRefused(str(error)) from None
    except BaseException:
        store.close()
        raise
    store.add_edits(list(edits(store.terms(), catalog, now)))
    first = all(store.judged(name).through is None for name in catalog.moments)
    start: Micros | None = now - learn_from if learn_from is not None else None
    kafka = kafka_settings(settings.kafka)
    source = KafkaSource(
        kafka,
        [source.topic for source in catalog.sources.values()],
        wall_clock,
        start=settings.kafka.start if start is None else start,
    )
    options = Options(
        money=Money(settings.currency.code, settings.currency.minor_digits),
        public_url=settings.public_url or f"http://{settings.web.host}:{settings.web.port}",
        host=settings.web.host,
        port=settings.web.port,
        hosts=("*",) if settings.web.insecure_bind or settings.web.login is not None else _hosts(settings.public_url),
        shadow=shadow,
        quiet_before=now if first else None,
        told_until=told_until,
        pseudonyms=pseudonyms(settings),
        ideal=tuple(settings.customers.ideal),
        contact_cost=contact_cost(settings),
        gate=gate(settings),
        mission=settings.digest.mission if settings.digest is not None else "",
        metrics_port=settings.web.metrics_port,
        emergency=tuple(settings.guard.emergency.to) if settings.guard.emergency else (),
        shown=shown(settings),
    )
    if all(source.clock == "event" for source in catalog.sources.values()) and catalog.sources:
        options = replace(options, live=False)
    retaining = Retaining(store.retention(), settings.retention.keep, wall_clock)
    notifier = build_notifier(settings.send, catalog.targets)
    # A replay's weeks are not the wall's: their pages are printed when asked for.
    weekly = digesting(store, catalog, settings, wall_clock) if options.live and not shadow else None
    return Service(
        catalog,
        store,
        source,
        notifier,
        options,
        weekly,
        guard=build_guard(settings, store, notifier),
        retaining=retaining,
        accounts=store.accounts,
    )


def _hosts(public_url: str) -> tuple[str, ...]:
    """The names that pages answer to: those of the loopback, and the one under which a proxy publishes them."""
    public = urlsplit(public_url).hostname
    return (*LOOPBACK, public) if public else LOOPBACK


def _store(settings: Settings, catalog: Catalog) -> SqlStore:
    """The database, waited for while it is away."""
    secret = settings.database.password
    pause = 0.5
    while True:
        try:
            return open_sql_store(settings.database.url, catalog.moments, password=secret.reveal if secret else None)
        except StoreAway as away:
            _LOG.warning("the database is away, waiting for it: %s", away)
            time.sleep(pause)
            pause = min(2 * pause, 15.0)
