"""The marking loop: freezes each interruption's revenue at risk at its opening and its end, and 30 and 90 days on."""

import threading
from collections.abc import Callable

from service.core.catalog import Catalog
from service.core.event import DAY, Micros
from service.core.meter import Meter
from service.core.ports import Store
from service.core.reporting.risk import due_marks, mark
from service.loops.turning import turn_after_turn

_BACK = 120 * DAY
"""An interruption that ended longer ago has all its marks, or was never here to get them."""


class Marking:
    """Writes the marks that are missing. `clock`: the time of the events, which is the wall's where they are live."""

    def __init__(
        self,
        store: Store,
        catalog: Callable[[], Catalog],
        meter: Meter,
        clock: Callable[[], Micros],
        pause: float = 30.0,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._meter = meter
        self._clock = clock
        self._pause = pause

    def run(self, stop: threading.Event) -> None:
        """Turn after turn until it is told to stop. Raises when turns keep failing."""
        turn_after_turn(self.turn, stop, "mark", self._meter, self._pause)

    def turn(self) -> int:
        """Freeze what is due; how many marks were made."""
        now, moments = self._clock(), self._catalog().moments
        made = 0
        for it in self._store.interruptions(since=now - _BACK):
            moment = moments.get(it.moment)
            due = due_marks(it, now) if moment is not None else []
            if moment is None or not due:
                continue
            known = {each.what for each in self._store.marks(it.id)}
            for what, at in due:
                if what not in known:
                    made += self._store.save_mark(mark(self._store, moment, it, what, at))
        return made
