"""The route loop: news to the desk, and what the desk dispatches into the outbox, in words with today's figures."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import msgspec

from service.core.catalog import Catalog, Moment
from service.core.event import DAY, SECOND, Micros
from service.core.interruption import Interruption
from service.core.meter import Meter, NoMeter
from service.core.ports import StaleClaim, Store, StoreAway, StoreBusy
from service.core.telling.desk import Decision, Dispatch, Item, News
from service.core.telling.labels import accountable
from service.core.telling.message import Facts
from service.core.telling.receivers import URGENT
from service.core.telling.route import Notice, notices
from service.core.telling.routing import route
from service.core.telling.upstream import moments_above
from service.core.telling.verdict import World
from service.loops.announce import Money, brief_of, facts_of
from service.loops.guard import Pulse

_LOG = logging.getLogger(__name__)

BATCH = 2_000
"""News taken in by one turn: an alert storm is worked off in a few, each one transaction."""
NOISE_DAYS = 30
LOOK: Micros = 2 * SECOND
"""How often what is remembered is looked at while there is no news and nothing is due: a storm may stay for hours."""
STORM = 10
"""So much news at once is told in the order of what cannot wait: what opens first."""
_OPENS = frozenset({"opened", "reopened"})
_PATIENCE = 20
_LOOK_AGAIN = 100
"""Turns with something to route, after which targets are looked at again."""
_FACTS = 10
"""Interruptions of a message whose figures are gathered; more are not named in it."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What notices lead to: where the pages are, "" nowhere; what signs a link that acknowledges, for each target.

    `keeps`: whether a target has incidents of its own, which are acknowledged with ours.
    """

    url: str = ""
    sign: Callable[[str, str], str] | None = None
    keeps: Callable[[str], bool] = lambda _: False


class Routing:
    """Runs the desk until it is told to stop; one thread, and any number of replicas: a stale turn is thrown away.

    `clock`: the wall time. `replayed`: where time is the events' own, how far it is: grouping and service hours
    go by it then, and by the wall's otherwise. `pages`: where notices link to.
    """

    def __init__(  # what it stands on
        self,
        store: Store,
        catalog: Callable[[], Catalog],
        money: Money,
        pages: Pages,
        clock: Callable[[], Micros],
        *,
        replayed: Callable[[], Micros] | None = None,
        meter: Meter | None = None,
        pause: float = 0.25,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._money = money
        self._pages = pages
        self._clock = clock
        self._replayed = replayed
        self._meter = meter or NoMeter()
        self._pause = pause
        self._stirred = threading.Event()
        self._turns = 0
        self._look_at: Micros = 0
        self._keep: frozenset[str] = frozenset()
        self.pulse = Pulse()

    def stir(self) -> None:
        """Look for news at once; whoever wrote some in this process calls this, in any thread."""
        self._stirred.set()

    def run(self, stop: threading.Event) -> None:
        """Turn after turn. Raises when turns keep failing."""
        failures = 0
        while not stop.is_set():
            wait = self._pause
            self._stirred.clear()
            try:
                if not self.turn():
                    self._stirred.wait(wait)
                wait = 0.0
                failures = 0
                self.pulse.beat()
            except (StaleClaim, StoreBusy):
                _LOG.debug("another replica routed meanwhile")
            except StoreAway as away:
                _LOG.warning("the store is away, news waits: %s", away)
                self._meter.failed("route")
                self.pulse.beat(well=False)
                wait = 2.0
            except Exception:
                failures += 1
                self._meter.failed("route")
                self.pulse.beat(well=False)
                if failures >= _PATIENCE:
                    raise
                _LOG.exception("routing failed, trying again")
                wait = min(2.0 * failures, 30.0)
            stop.wait(wait)

    def turn(self) -> bool:
        """Take in what is new and send what is due; whether there may be more at once."""
        if self._replayed is None and self._clock() < self._look_at and not self._store.news(1):
            return False
        at = self._store.desk()
        # First what is open, then the news: what ends in between is still open for this turn.
        is_open = self._store.interruptions(open_only=True)
        news = self._store.news(BATCH)
        if not news and not at.desk.groups:
            return False
        before = msgspec.json.encode(at.desk)
        made: list[Notice] = []
        decisions: list[Decision] = []
        all_of_it = len(news)
        if self._replayed is None:
            news = _first(news)
        more = all_of_it == BATCH or len(news) < all_of_it
        for now, some, whole in self._steps(news, more=more):
            world = self._world(now, is_open, some)
            turn = route(at.desk, some, world, whole=whole)
            made += [notice for dispatch in turn.dispatches for notice in self._worded(dispatch, world)]
            decisions += turn.decisions
        if news or made or decisions or msgspec.json.encode(at.desk) != before:
            self._store.save_desk(at, [one.key for one in news], made, decisions, self._clock())
        waits = [group.flush_at for group in at.desk.groups.values() if group.flush_at is not None]
        self._look_at = min([self._clock() + LOOK, *waits])
        return more

    def _steps(self, news: Sequence[News], *, more: bool) -> Iterator[tuple[Micros, Sequence[News], bool]]:
        """(time, news, whether that is all): one step, but in a replay one for each time that there was news.

        A replay judges hours at once; what opened and ended within them is told as it would have been.
        """
        if self._replayed is not None:
            for at, some in groupby(sorted(news, key=lambda one: one.at), key=lambda one: one.at):
                # What was waiting goes first, by what was known before.
                yield at, (), False
                yield at, tuple(some), False
            yield max([self._replayed(), *(one.at for one in news)]), (), not more
        else:
            yield self._clock(), news, not more

    def _world(self, now: Micros, is_open: Sequence[Interruption], news: Sequence[News]) -> World:
        catalog = self._catalog()
        identities = {one.id for one in is_open} | {one.interruption.id for one in news}
        return World(
            now,
            catalog,
            is_open,
            self._store.silences(now),
            self._store.handlings(identities),
            self._noise(catalog, self._clock() - NOISE_DAYS * DAY),
            keeps=self._keeping(catalog),
            judged=self._judged(catalog, [*is_open, *(one.interruption for one in news)]),
        )

    def _keeping(self, catalog: Catalog) -> frozenset[str]:
        """Looked up anew now and then: the address behind a target's name may change."""
        if self._turns % _LOOK_AGAIN == 0:
            self._keep = frozenset(target for target in catalog.targets if self._pages.keeps(target))
        self._turns += 1
        return self._keep

    def _judged(self, catalog: Catalog, told: Sequence[Interruption]) -> dict[str, Micros | None]:
        """How far the moments are judged that stand upstream of what may be told."""
        above = moments_above(catalog, [it.moment for it in told])
        return {name: self._store.status(name).judged_through for name in above if name in catalog.moments}

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
        with self._store.reading():
            facts = {item.interruption.id: self._facts(item, dispatch, world) for item in dispatch.items[:_FACTS]}
        return notices(dispatch, facts, world.catalog, self._pages.url, self._pages.sign)

    def _facts(self, item: Item, dispatch: Dispatch, world: World) -> Facts:
        it, news = item.interruption, item.news
        moment = world.catalog.moments.get(it.moment) or Moment(it.moment, "")
        now = self._as_of(dispatch, it, news)
        # One of several is a line: whom it hit, and what that is worth.
        tell = facts_of if len(dispatch.items) == 1 else brief_of
        found = tell(self._store, moment, it, now, self._money)
        before = news.level_before if news is not None else None
        owner = world.catalog.owners.get(dispatch.receiver) or accountable(moment, it.segment, world.catalog)
        return msgspec.structs.replace(
            found,
            level_before=before,
            escalates_at=dispatch.escalates_at,
            taken_by=dispatch.by,
            zone=owner.zone,
        )

    def _as_of(self, dispatch: Dispatch, it: Interruption, news: News | None) -> Micros:
        """When the figures are of: of the news itself where it goes out at once, else as far as was judged."""
        if news is not None and not dispatch.late:
            return news.at
        judged = self._store.status(it.moment).judged_through
        return max(news.at if news is not None else it.detected_at, judged or 0)


def _first(news: list[News]) -> list[News]:
    """Of much news what opens, and of what there is nothing else to be told; the rest is the next turn's, at once.

    A notice takes as long to be worded as a few moments to be judged: those who wait for the first word on a trouble
    should not wait for others' last.
    """
    if len(news) < STORM:
        return news
    more = {one.interruption.id for one in news if one.what not in _OPENS}
    return [one for one in news if one.interruption.id not in more] or news
