"""The watch loop's turns: judge, mind the blind, tell late what a catch-up found, and wait out a store that is away."""

import logging
import threading
from collections.abc import Callable

from service.core.catalog import Catalog
from service.core.event import SECOND, Micros
from service.core.meter import Meter
from service.core.ports import StaleClaim, Store, StoreAway, StoreBusy
from service.loops.announce import LATE, Announcer
from service.loops.blind import Blindness
from service.loops.guard import Pulse
from service.loops.watch import Watch

_LOG = logging.getLogger(__name__)
_OFTEN = 0.05
"""Seconds between looks for a second after a window's end."""
_PATIENCE = 20
"""So many turns in a row that fail for no known reason end the process: something is wrong with it."""


class Watching:
    """Runs a watch until it is told to stop; one thread.

    `clock`: the wall time; `announcer` and `blindness` are left out where nobody is told and no clock is live.
    """

    def __init__(
        self,
        watch: Watch,
        store: Store,
        catalog: Catalog,
        meter: Meter,
        clock: Callable[[], Micros],
        *,
        announcer: Announcer | None = None,
        blindness: Blindness | None = None,
        pause: float = 0.5,
    ) -> None:
        self._watch = watch
        self._store = store
        self._catalog = catalog
        self._meter = meter
        self._clock = clock
        self._announcer = announcer
        self._blindness = blindness
        self._pause = pause
        self.pulse = Pulse()
        watch.turned = self.pulse.beat
        self._live = [name for name in catalog.moments if self._is_live(name)]
        self._behind: set[str] = set()
        """Live moments whose judging has not reached the wall clock since it last fell back."""

    def run(self, stop: threading.Event) -> None:
        """Turn after turn. Raises when turns keep failing."""
        failures = 0
        while not stop.is_set():
            try:
                self.turn()
                wait = self._rest()
                failures = 0
                self.pulse.beat()
            except (StaleClaim, StoreBusy):
                self._watch.forget()
                wait = self._pause
            except StoreAway as away:
                _LOG.warning("the store is away, waiting for it: %s", away)
                self._watch.forget()
                self._meter.failed("watch")
                self.pulse.beat(well=False)
                wait = 2.0
            except Exception:
                failures += 1
                self._meter.failed("watch")
                self.pulse.beat(well=False)
                if failures >= _PATIENCE:
                    raise
                _LOG.exception("judging failed, trying again")
                self._watch.forget()
                wait = min(2.0 * failures, 30.0)
            stop.wait(wait)

    def turn(self) -> None:
        """Close and judge what can be, then look after blindness and what was found late."""
        now = self._clock()
        self._behind |= {name for name in self._live if self._lags(name, now)}
        held: frozenset[str] = frozenset()
        if self._blindness is not None:
            self._blindness.tick(self._store.clocks())
            held = self._blindness.held
        self._watch.tick(held=held)
        if self._announcer is not None and self._behind:
            self._tell_late(self._announcer)

    def _rest(self) -> float:
        """Seconds until a look is worth while: often where a live moment's window is about to be closable.

        Event time passes its end a little after the clock does, when the batch that shows it is committed.
        """
        now = self._clock()
        ends = [
            through + self._catalog.moments[name].window + self._catalog.delay_of(name)
            for name in self._live
            if (through := self._watch.judged_through(name)) is not None
        ]
        coming = [end - now for end in ends if end > now - SECOND]
        if not coming:
            return self._pause
        return max(min(min(coming) / SECOND, self._pause), min(_OFTEN, self._pause))

    def _tell_late(self, announcer: Announcer) -> None:
        """Moments whose time has reached the wall clock's again: what is still open there is told once."""
        now = self._clock()
        there = [name for name in sorted(self._behind) if not self._lags(name, now)]
        if there:
            news = announcer.caught_up(there, now)
            if news:
                self._store.tell(news)
            self._behind.difference_update(there)

    def _lags(self, name: str, now: Micros) -> bool:
        """Whether what is judged next may be history by the wall clock, and so was told to nobody."""
        through = self._watch.judged_through(name)
        known = self._catalog.moments[name].window + self._catalog.delay_of(name)
        return through is None or now - through - known > LATE

    def _is_live(self, name: str) -> bool:
        sources = self._catalog.sources_of(name)
        return bool(sources) and all(source.clock == "live" for source in sources)
