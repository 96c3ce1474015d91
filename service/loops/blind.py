"""Blind time: stretches of the wall clock in which a moment had no trustworthy data; grey, never green."""

from collections.abc import Callable, Sequence

from service.core.catalog import Catalog
from service.core.counting.watermark import PartitionClock, watermark
from service.core.event import MINUTE, Micros
from service.core.ports import BlindSpan, Store

AFTER: Micros = 2 * MINUTE
"""A live moment whose time has stood still for so long, beyond its windows' delay, is blind."""
NOTHING = "nothing has been read yet"
STILL = "time stands still: source out of reach or far behind"


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
        since = dict(self._since)
        changed: list[BlindSpan] = []
        for name in self._catalog.moments:
            sources = self._catalog.sources_of(name)
            if not sources or any(source.clock == "event" for source in sources):
                continue
            topics = {source.topic for source in sources}
            mark = watermark([clock for clock in clocks if clock.partition.topic in topics])
            seen_until = self._began if mark is None else mark
            known = since.get(name)
            if now - seen_until > AFTER + self._catalog.delay_of(name):
                if known is None:
                    reason = NOTHING if mark is None else STILL
                    since[name] = BlindSpan(name, seen_until, None, reason)
                    changed.append(since[name])
            elif known is not None:
                changed.append(BlindSpan(name, known.since, now, known.reason))
                del since[name]
        if changed:
            self._store.save_blind(changed)
            # Only now: what a store that is away did not take is tried again.
            self._since = since
