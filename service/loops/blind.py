"""Blind time: stretches of the wall clock in which a moment had no trustworthy data; grey, never green."""

from collections.abc import Callable, Sequence

from service.core.catalog import Catalog
from service.core.event import MINUTE, Micros
from service.core.ports import BlindSpan, Store
from service.core.watermark import PartitionClock, watermark

AFTER: Micros = 2 * MINUTE
"""A live moment whose time has stood still for so long, beyond its windows' delay, is blind."""


class Blindness:
    """Notes when live moments go blind and when they see again."""

    def __init__(self, store: Store, catalog: Catalog, clock: Callable[[], Micros]) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._began = clock()
        self._since: dict[str, BlindSpan] = {}
        for name in catalog.moments:
            for span in store.blind(name, 0, self._began):
                if span.until is None:
                    self._since[name] = span

    def tick(self, clocks: Sequence[PartitionClock]) -> None:
        """Compare every live moment's watermark with the wall clock; write what changed."""
        now = self._clock()
        changed: list[BlindSpan] = []
        for name in self._catalog.moments:
            sources = self._catalog.sources_of(name)
            if not sources or any(source.clock == "event" for source in sources):
                continue
            topics = {source.topic for source in sources}
            mine = [clock for clock in clocks if clock.partition.topic in topics]
            mark = watermark(mine)
            seen_until = self._began if mark is None else mark
            known = self._since.get(name)
            if now - seen_until > AFTER + self._catalog.delay_of(name):
                if known is None:
                    reason = (
                        "nothing has been read yet"
                        if mark is None
                        else "time stands still: source out of reach or far behind"
                    )
                    changed.append(BlindSpan(name, seen_until, None, reason))
                    self._since[name] = changed[-1]
            elif known is not None:
                changed.append(BlindSpan(name, known.since, now, known.reason))
                del self._since[name]
        if changed:
            self._store.save_blind(changed)
