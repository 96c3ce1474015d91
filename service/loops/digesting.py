"""The week's page on its schedule: enqueued once a week on the wall clock, caught up when it was missed."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from service.core.counting.changes import Counts
from service.core.event import DAY, HOUR, SECOND, Micros
from service.core.ports import StoreAway, StoreBusy
from service.core.standing import MomentStatus
from service.core.telling.route import Notice
from service.core.weekly.week import Schedule, Week

_LOG = logging.getLogger(__name__)

CATCH_UP: Micros = 3 * DAY
"""A page missed longer ago than this is old news."""
PATIENCE: Micros = 2 * HOUR
"""So long a page waits for the rest of its week to be read; then it says what was not seen."""
_LOOK: Micros = 30 * SECOND


class Outbox(Protocol):
    """What this loop needs of the store."""

    def enqueue(self, notices: Sequence[Notice], now: Micros) -> int:
        """See `Store`."""
        ...

    def status(self, moment: str) -> MomentStatus:
        """See `Reader`."""
        ...

    def counts(self) -> Counts:
        """See `Reader`."""
        ...


class Digesting:
    """Makes the page when it is due. Its notices' keys are the week's, so that doubles of any origin drop out."""

    def __init__(
        self,
        store: Outbox,
        schedule: Schedule,
        moments: Sequence[str],
        make: Callable[[Week, Micros], Sequence[Notice]],
        clock: Callable[[], Micros],
    ) -> None:
        self._store = store
        self._schedule = schedule
        self._moments = moments
        self._make = make
        self._clock = clock
        self._began = clock()
        self._done: Week | None = None

    def tick(self) -> int:
        """Enqueue what is due; how many notices were new. Raises StoreAway."""
        now = self._clock()
        due = self._schedule.last(now)
        week = self._schedule.page(due)
        if week == self._done or now - due > CATCH_UP or not self._is_read(week, due, now):
            return 0
        made = self._store.enqueue(self._make(week, now), now)
        self._done = week
        if made:
            _LOG.info("the page of %s is on its way to %d targets", week, made)
        return made

    def _is_read(self, week: Week, due: Micros, now: Micros) -> bool:
        """Everything of the week is in, or has been waited for; a store that never read anything has no page."""
        end = week.end(self._schedule.zone)
        closed = [self._store.status(name).closed_through for name in self._moments]
        known = [at for at in closed if at is not None]
        if known and min(known) >= end:
            return True
        return now - max(due, self._began) >= PATIENCE and self._store.counts().read > 0

    def run(self, stop: threading.Event) -> None:
        """Look every half minute until told to stop."""
        while not stop.is_set():
            try:
                self.tick()
            except (StoreAway, StoreBusy) as away:
                _LOG.warning("the week's page waits for the store: %s", away)
            except Exception:  # noqa: BLE001  # logged; see below
                # A page that cannot be made must not end the watch; the next look tries again.
                _LOG.exception("the week's page could not be made")
            stop.wait(_LOOK / SECOND)
