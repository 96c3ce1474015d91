"""Builds what the digest needs: a reader, a page, and the way to its targets."""

from collections.abc import Callable, Collection, Sequence
from datetime import time

from service.adapters.clock import wall_clock
from service.adapters.digest import notices
from service.adapters.store import open_store
from service.adapters.web.now import event_clock
from service.app.notifier import build_notifier
from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.outbox import Delivery, Leased
from service.core.ports import Reader, Store
from service.core.telling.route import Notice
from service.core.weekly.digest import Asked, digest
from service.core.weekly.page import Page
from service.core.weekly.week import Schedule, Week
from service.loops.digesting import Digesting
from service.loops.send import Sender
from service.settings import Digest, Settings


def schedule_of(settings: Digest) -> Schedule:
    """When the page is sent."""
    return Schedule(settings.iso_weekday, time(*settings.hour_minute), settings.zone)


def clock_of(reader: Reader, catalog: Catalog) -> Callable[[], Micros]:
    """The wall's time, or the events' own where no source is live."""
    sources = catalog.sources.values()
    if sources and all(source.clock == "event" for source in sources):
        return event_clock(reader, lambda: catalog.moments)
    return wall_clock


def asked(week: Week, settings: Settings) -> Asked:
    """A week in the words of the settings."""
    from zoneinfo import ZoneInfo

    zone, mission = ZoneInfo("UTC"), ""
    if settings.digest is not None:
        zone, mission = settings.digest.zone, settings.digest.mission
    return Asked(week, zone, mission, settings.currency.code, settings.currency.minor_digits)


def digesting(store: Store, catalog: Catalog, settings: Settings, clock: Callable[[], Micros]) -> Digesting | None:
    """The loop that sends the page every week; None where the settings have no digest."""
    if settings.digest is None:
        return None
    to = tuple(settings.digest.to)
    link = settings.public_url

    def make(week: Week, now: Micros) -> Sequence[Notice]:
        return notices(digest(store, catalog, asked(week, settings), now), to, link)

    return Digesting(store, schedule_of(settings.digest), tuple(catalog.moments), make, clock)


class Sent:
    """What became of a page's notices, by target: what happened now, or long before."""

    def __init__(self) -> None:
        self.now: dict[str, Delivery] = {}
        self.before: dict[str, str] = {}


def send(page: Page, settings: Settings, catalog: Catalog) -> Sent:
    """Put the page into the outbox once, and send what of it is due. Raises StoreRefused and StoreAway."""
    to = settings.digest.to if settings.digest is not None else []
    made = notices(page, to, settings.public_url)
    sent = Sent()
    store = open_store(settings.database.address, catalog.moments, make=False)
    try:
        store.enqueue(made, wall_clock())
        ours = _Ours(store, {notice.key for notice in made}, set(catalog.targets) - set(to), sent)
        Sender(ours, build_notifier(settings.send, catalog.targets), wall_clock).run_once()
        for row in store.outbox(limit=_MANY):
            if row.notice.key in {notice.key for notice in made} and row.notice.target not in sent.now:
                sent.before[row.notice.target] = row.state
    finally:
        store.close()
    return sent


_MANY = 10_000
"""A week's page is among so many of the newest notices, or was sent so long ago that it does not matter."""


class _Ours:
    """The outbox as if it held this page only: other notices are for the service to send."""

    def __init__(self, store: Store, keys: Collection[str], skip: Collection[str], sent: Sent) -> None:
        self._store = store
        self._keys = keys
        self._skip = skip
        self._sent = sent

    def lease(self, now: Micros, until: Micros, limit: int, skip: Collection[str] = ()) -> list[Leased]:
        mine = []
        for row in self._store.lease(now, until, limit, sorted({*skip, *self._skip})):
            if row.notice.key in self._keys:
                mine.append(row)
            else:
                self._store.release(row, now)
        return mine

    def release(self, leased: Leased, due_at: Micros) -> bool:
        return self._store.release(leased, due_at)

    def enqueue(self, notices: Sequence[Notice], now: Micros) -> int:
        return self._store.enqueue(notices, now)

    def delivered(self, leased: Leased, delivery: Delivery, now: Micros, next_at: Micros | None) -> bool:
        self._sent.now[leased.notice.target] = delivery
        return self._store.delivered(leased, delivery, now, next_at)
