"""Builds the service that `serve` runs: Kafka in, a database beneath, apprise out; it reads before all is loaded."""

import logging
import threading
import time
from typing import TYPE_CHECKING

from service.adapters.clock import wall_clock
from service.adapters.customers import CustomersFileError
from service.adapters.kafka.configured import kafka_settings
from service.adapters.kafka.source import KafkaSource
from service.adapters.store import open_sql_store
from service.app.customers import prepare, pseudonyms
from service.app.reading import Reading
from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.ports import StoreAway, StoreRefused
from service.core.terms import edits
from service.settings import Settings

if TYPE_CHECKING:
    from service.adapters.store.sql.store import SqlStore
    from service.app.service import Service

_LOG = logging.getLogger(__name__)
_HEAD_START_S = 1.0
"""Pages and all else are not kept waiting longer than this by a group that takes its time."""


def build(
    settings: Settings,
    catalog: Catalog,
    *,
    shadow: bool = False,
    learn_from: Micros | None = None,
    told_until: Micros = 0,
) -> "Service":
    """The service of some settings, reading already; `close` it, whether it is started or not.

    Waits for a database that is away; raises StoreRefused for one that will not do, and CatalogError for a users' file.
    """
    if settings.kafka is None:
        message = "serve needs kafka settings"
        raise ValueError(message)
    now = wall_clock()
    source = KafkaSource(
        kafka_settings(settings.kafka),
        [source.topic for source in catalog.sources.values()],
        wall_clock,
        start=settings.kafka.start if learn_from is None else now - learn_from,
    )
    # Brokers answer while the database's library is loaded and its schema made; the group is joined with that done.
    threading.Thread(target=source.reach, name="reach", daemon=True).start()
    try:
        store = _store(settings, catalog)
    except BaseException:
        source.close()
        raise
    try:
        prepare(store, settings)
        store.add_edits(list(edits(store.terms(), catalog, now)))
        first = all(store.judged(name).through is None for name in catalog.moments)
    except BaseException as error:
        store.close()
        source.close()
        if isinstance(error, CustomersFileError):
            raise StoreRefused(str(error)) from None
        raise
    live = not catalog.sources or any(source.clock != "event" for source in catalog.sources.values())
    reading = Reading(
        catalog,
        store,
        source,
        live=live,
        minor_digits=settings.currency.minor_digits,
        pseudonyms=pseudonyms(settings),
    )
    reading.start()
    try:
        # Not before: it is as much as has been loaded so far, and the reader would wait for its turn all the time.
        reading.loop.begun.wait(_HEAD_START_S)
        from service.app.whole import around

        return around(
            reading,
            settings,
            catalog,
            store,
            source,
            live=live,
            shadow=shadow,
            quiet_before=now if first else None,
            told_until=told_until,
        )
    except BaseException:
        reading.threads.join()
        store.close()
        raise


def _store(settings: Settings, catalog: Catalog) -> "SqlStore":
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
