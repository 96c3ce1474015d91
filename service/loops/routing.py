"""The route loop: news to the desk, and what the desk dispatches into the outbox, in words with today's figures."""

import logging
import threading
from collections.abc import Callable, Iterable

import msgspec

from service.core.catalog import Catalog, Moment
from service.core.event import DAY, Micros
from service.core.interruption import Interruption
from service.core.meter import Meter, NoMeter
from service.core.ports import StaleClaim, Store, StoreAway, StoreBusy
from service.core.telling.desk import Dispatch, Item, News
from service.core.telling.labels import accountable
from service.core.telling.message import Facts
from service.core.telling.route import Notice, notices
from service.core.telling.routing import URGENT, route
from service.core.telling.verdict import World
from service.loops.announce import Money, facts_of

_LOG = logging.getLogger(__name__)

BATCH = 2_000
"""News taken in by one turn: an alert storm is worked off in a few, each one transaction."""
NOISE_DAYS = 30
_PATIENCE = 20
_FACTS = 10
"""Interruptions of a message whose figures are gathered; more are not named in it."""


class Routing:
    """Runs the desk until it is told to stop; one thread, and any number of replicas: a stale turn is thrown away.

    `clock`: the wall time, from which the outbox reckons. `now`: the time that grouping and service hours go
    by, the wall's where it is not given, the events' own in a replay.
    """

    def __init__(  # what it stands on
        self,
        store: Store,
        catalog: Callable[[], Catalog],
        money: Money,
        public_url: str,
        clock: Callable[[], Micros],
        *,
        now: Callable[[], Micros] | None = None,
        meter: Meter | None = None,
        pause: float = 0.25,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._money = money
        self._public_url = public_url
        self._clock = clock
        self._now = now or clock
        self._meter = meter or NoMeter()
        self._pause = pause

    def run(self, stop: threading.Event) -> None:
        """Turn after turn. Raises when turns keep failing."""
        failures = 0
        while not stop.is_set():
            wait = self._pause
            try:
                if self.turn():
                    wait = 0.0
                failures = 0
            except (StaleClaim, StoreBusy):
                _LOG.debug("another replica routed meanwhile")
            except StoreAway as away:
                _LOG.warning("the store is away, news waits: %s", away)
                self._meter.failed("route")
                wait = 2.0
            except Exception:
                failures += 1
                self._meter.failed("route")
                if failures >= _PATIENCE:
                    raise
                _LOG.exception("routing failed, trying again")
                wait = min(2.0 * failures, 30.0)
            stop.wait(wait)

    def turn(self) -> bool:
        """Take in what is new and send what is due; whether there may be more at once."""
        at = self._store.desk()
        news = self._store.news(BATCH)
        if not news and not at.desk.groups:
            return False
        before = msgspec.json.encode(at.desk)
        world = self._world([one.interruption for one in news])
        turn = route(at.desk, news, world)
        made = [notice for dispatch in turn.dispatches for notice in self._worded(dispatch, world)]
        if news or made or turn.decisions or msgspec.json.encode(at.desk) != before:
            self._store.save_desk(at, [one.key for one in news], made, turn.decisions, self._clock())
        return len(news) == BATCH

    def _world(self, told: Iterable[Interruption]) -> World:
        now, catalog = self._now(), self._catalog()
        is_open = self._store.interruptions(open_only=True)
        identities = {one.id for one in is_open} | {one.id for one in told}
        return World(
            now,
            catalog,
            is_open,
            self._store.silences(now),
            self._store.handlings(identities),
            self._noise(catalog, self._clock() - NOISE_DAYS * DAY),
        )

    def _noise(self, catalog: Catalog, since: Micros) -> dict[str, int]:
        """Pages marked as noise, by owner; only asked for where somebody has a budget."""
        found: dict[str, int] = {}
        if all(owner.page_budget is None for owner in catalog.owners.values()):
            return found
        for identity in self._store.marked_noise(since):
            it = self._store.interruption(identity)
            moment = catalog.moments.get(it.moment) if it is not None else None
            if it is not None and moment is not None and it.level in URGENT:
                name = accountable(moment, it.segment, catalog).name
                found[name] = found.get(name, 0) + 1
        return found

    def _worded(self, dispatch: Dispatch, world: World) -> list[Notice]:
        facts = {item.interruption.id: self._facts(item, dispatch, world) for item in dispatch.items[:_FACTS]}
        return notices(dispatch, facts, world.catalog, self._public_url)

    def _facts(self, item: Item, dispatch: Dispatch, world: World) -> Facts:
        it, news = item.interruption, item.news
        moment = world.catalog.moments.get(it.moment) or Moment(it.moment, "")
        found = facts_of(self._store, moment, it, self._as_of(dispatch, it, news), self._money)
        before = news.level_before if news is not None else None
        return msgspec.structs.replace(found, level_before=before, escalates_at=dispatch.escalates_at)

    def _as_of(self, dispatch: Dispatch, it: Interruption, news: News | None) -> Micros:
        """When the figures are of: of the news itself where it goes out at once, else as far as was judged."""
        if news is not None and not dispatch.late:
            return news.at
        judged = self._store.status(it.moment).judged_through
        return max(news.at if news is not None else it.detected_at, judged or 0)
