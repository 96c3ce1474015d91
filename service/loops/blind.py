"""Blind time: stretches of the wall clock in which a moment had no trustworthy data; grey, never green."""

import logging
from collections.abc import Callable, Iterable, Sequence

from service.core.catalog import Catalog, Source
from service.core.counting.changes import BlindSpan
from service.core.counting.watermark import PartitionClock, partition_watermark, watermark
from service.core.event import MINUTE, Micros, Partition
from service.core.meter import Meter, NoMeter
from service.core.ports import Store
from service.loops.distrust import Distrust

_LOG = logging.getLogger(__name__)
_NAMED = 3
AFTER: Micros = 2 * MINUTE
"""A live moment whose time has stood still for so long, beyond its windows' delay, is blind."""
NOTHING = "nothing has been read yet"
STILL = "time stands still: source out of reach or far behind"


def nothing_of(places: Sequence[Partition]) -> str:
    """Some partitions were never read, while others are: mostly another service of the same group has them."""
    return f"nothing has been read yet of {_listed(places)}"


def still_at(places: Sequence[Partition]) -> str:
    """Some partitions hold back the others, which go on."""
    return f"time stands still at {_listed(places)}: out of reach or far behind"


def _listed(places: Sequence[Partition]) -> str:
    said = ", ".join(f"{place.topic}[{place.number}]" for place in places[:_NAMED])
    return said if len(places) <= _NAMED else f"{said} and {len(places) - _NAMED} more"


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
        self._seen: dict[str, Micros] = {}
        """Until when each moment's time was known: a partition that comes later does not take that back."""
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
            _tell(span for span in changed if span.reason not in distrusted.values())

    def _still(
        self, name: str, sources: Sequence[Source], clocks: Sequence[PartitionClock], now: Micros
    ) -> BlindSpan | None:
        """The span of a moment whose time stands still."""
        topics = {source.topic for source in sources}
        mine = [clock for clock in clocks if clock.partition.topic in topics]
        mark = watermark(mine)
        if mark is not None:
            self._seen[name] = max(mark, self._seen.get(name, mark))
        seen_until = self._seen.get(name, self._began)
        allowed = AFTER + self._catalog.delay_of(name)
        if now - seen_until <= allowed:
            return None
        return BlindSpan(name, seen_until, None, _why(mine, now - allowed))


def _why(clocks: Sequence[PartitionClock], since: Micros) -> str:
    """What it is that stands still: the source, or a few partitions of it."""
    marks = {clock.partition: partition_watermark(clock) for clock in clocks if not clock.ended}
    unread = sorted(place for place, mark in marks.items() if mark is None)
    behind = sorted(place for place, mark in marks.items() if mark is not None and mark < since)
    if unread:
        return NOTHING if len(unread) == len(marks) else nothing_of(unread)
    return still_at(behind) if 0 < len(behind) < len(marks) else STILL if marks else NOTHING


def _tell(changed: Iterable[BlindSpan]) -> None:
    """One line for all that goes blind, or sees again, for the same reason."""
    lines: dict[tuple[bool, str], list[str]] = {}
    for span in changed:
        lines.setdefault((span.until is None, span.reason), []).append(span.moment)
    for (blind, reason), names in lines.items():
        said = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        if blind:
            _LOG.warning("blind: %s: %s", said, reason)
        else:
            _LOG.warning("no longer blind: %s (%s)", said, reason)
