"""Blind time: stretches of the wall clock in which a moment had no trustworthy data; grey, never green."""

from collections.abc import Callable, Sequence

from service.core.catalog import Catalog, Source
from service.core.counting.changes import BlindSpan
from service.core.counting.watermark import PartitionClock, watermark
from service.core.event import MINUTE, Micros
from service.core.meter import Meter, NoMeter
from service.core.ports import Store
from service.loops.distrust import Distrust

AFTER: Micros = 2 * MINUTE
"""A live moment whose time has stood still for so long, beyond its windows' delay, is blind."""
NOTHING = "nothing has been read yet"
STILL = "time stands still: source out of reach or far behind"


class Blindness:
    """Notes when live moments go blind and when they see again.

    `held`: those of which too much cannot be taken. None of their windows may close meanwhile: promises would break
    whose outcomes are among the dead letters, and silence would be found where somebody speaks another language.
    """

    def __init__(self, store: Store, catalog: Catalog, clock: Callable[[], Micros], meter: Meter | None = None) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._began = clock()
        self._since: dict[str, BlindSpan] = {}
        for name in catalog.moments:
            for span in store.blind(name, 0, self._began):
                if span.until is None:
                    self._since[name] = span
        reasons = {span.reason for span in self._since.values()}
        self._distrust = Distrust(store, catalog, clock, meter or NoMeter(), reasons)
        self.held: frozenset[str] = frozenset()

    def tick(self, clocks: Sequence[PartitionClock]) -> None:
        """Compare every live moment's watermark with the wall clock, and its sources with their dead letters.

        Writes what changed.
        """
        now = self._clock()
        since = dict(self._since)
        changed: list[BlindSpan] = []
        distrusted = self._distrust.look()
        held = set()
        for name in self._catalog.moments:
            sources = self._catalog.sources_of(name)
            if not sources or any(source.clock == "event" for source in sources):
                continue
            known = since.get(name)
            bad = [distrusted[source.name] for source in sources if source.name in distrusted]
            if bad:
                held.add(name)
            span = BlindSpan(name, now, None, bad[0]) if bad else self._still(name, sources, clocks, now)
            if known is not None and (span is None or (bad and known.reason not in bad)):
                changed.append(BlindSpan(name, known.since, now, known.reason))
                del since[name]
                known = None
            if span is not None and known is None:
                since[name] = span
                changed.append(span)
        self.held = frozenset(held)
        if changed:
            self._store.save_blind(changed)
            # Only now: what a store that is away did not take is tried again.
            self._since = since

    def _still(
        self, name: str, sources: Sequence[Source], clocks: Sequence[PartitionClock], now: Micros
    ) -> BlindSpan | None:
        """The span of a moment whose time stands still."""
        topics = {source.topic for source in sources}
        mark = watermark([clock for clock in clocks if clock.partition.topic in topics])
        seen_until = self._began if mark is None else mark
        if now - seen_until <= AFTER + self._catalog.delay_of(name):
            return None
        return BlindSpan(name, seen_until, None, NOTHING if mark is None else STILL)
