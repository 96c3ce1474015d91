"""What stands around the reading: pages, watching, routes and senders, as the settings ask for them."""

from urllib.parse import urlsplit

from service.adapters.clock import wall_clock
from service.adapters.store.sql.store import SqlStore
from service.adapters.web.settings import LOOPBACK
from service.app.access import gate
from service.app.customers import contact_cost, pseudonyms
from service.app.digest import digesting
from service.app.guard import build_guard
from service.app.notifier import build_notifier
from service.app.reading import Reading
from service.app.service import Options, Service
from service.app.shown import shown
from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.ports import Source
from service.loops.announce import Money
from service.loops.retaining import Retaining
from service.settings import Settings


def around(  # noqa: PLR0913  # where everything that runs comes together
    reading: Reading,
    settings: Settings,
    catalog: Catalog,
    store: SqlStore,
    source: Source,
    *,
    live: bool,
    shadow: bool,
    quiet_before: Micros | None,
    told_until: Micros,
) -> Service:
    """The whole service around what reads already. Raises CatalogError where the users' file is wrong."""
    options = Options(
        money=Money(settings.currency.code, settings.currency.minor_digits),
        public_url=settings.public_url or f"http://{settings.web.host}:{settings.web.port}",
        host=settings.web.host,
        port=settings.web.port,
        hosts=("*",) if settings.web.insecure_bind or settings.web.login is not None else _hosts(settings.public_url),
        live=live,
        shadow=shadow,
        quiet_before=quiet_before,
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
    notifier = build_notifier(settings.send, catalog.targets)
    return Service(
        catalog,
        store,
        source,
        notifier,
        options,
        # A replay's weeks are not the wall's: their pages are printed when asked for.
        digesting(store, catalog, settings, wall_clock) if live and not shadow else None,
        reading=reading,
        guard=build_guard(settings, store, notifier),
        retaining=Retaining(store.retention(), settings.retention.keep, wall_clock),
        accounts=store.accounts,
    )


def _hosts(public_url: str) -> tuple[str, ...]:
    """The names that pages answer to: those of the loopback, and the one under which a proxy publishes them."""
    public = urlsplit(public_url).hostname
    return (*LOOPBACK, public) if public else LOOPBACK
