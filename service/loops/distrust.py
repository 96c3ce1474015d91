"""Sources of which too much cannot be taken: their moments are blind until most of it can be taken again."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from service.core.catalog import Catalog, Source
from service.core.event import HOUR, MINUTE, SECOND, Micros
from service.core.meter import Meter
from service.core.ports import Reader

_LOG = logging.getLogger(__name__)

EVERY: Micros = 5 * SECOND
WINDOWS: tuple[tuple[Micros, int], ...] = ((5 * MINUTE, 50), (HOUR, 10))
"""The share is that of the shortest stretch of wall time in which so many records were read."""
BACK = 0.5
"""A source is trusted again below this part of its limit: between the two nothing changes."""


def reason(source: Source) -> str:
    """Why a moment is blind, for people."""
    return f"dead letters: more than {source.blind_above:.0%} of source {source.name} cannot be taken"


class Distrust:
    """Compares what becomes dead letters with what is read, source by source, over all replicas.

    `clock`: the wall time. `blind`: the reasons for which moments were blind when the process before ended.
    """

    def __init__(
        self, reader: Reader, catalog: Catalog, clock: Callable[[], Micros], meter: Meter, blind: Iterable[str] = ()
    ) -> None:
        self._reader = reader
        self._sources = [source for source in catalog.sources.values() if source.clock == "live"]
        self._clock = clock
        self._meter = meter
        known = set(blind)
        self._on = {source.name for source in self._sources if reason(source) in known}
        self._seen: dict[str, deque[tuple[Micros, int, int]]] = {source.topic: deque() for source in self._sources}
        self._looked_at: Micros | None = None

    def look(self) -> Mapping[str, str]:
        """The sources that are not to be trusted now, each with the reason."""
        now = self._clock()
        if self._looked_at is None or now - self._looked_at >= EVERY:
            self._looked_at = now
            counts = self._reader.rejected()
            for source in self._sources:
                self._judge(source, self._share(source.topic, now, counts.get(source.topic, (0, 0))))
        return {source.name: reason(source) for source in self._sources if source.name in self._on}

    def _share(self, topic: str, now: Micros, counted: tuple[int, int]) -> float | None:
        """Dead letters a record read, of late; None where too little was read to say."""
        seen = self._seen[topic]
        seen.append((now, *counted))
        longest = WINDOWS[-1][0]
        while len(seen) > 1 and seen[1][0] <= now - longest:
            seen.popleft()
        for width, least in WINDOWS:
            _, read, dead = next(one for one in seen if one[0] >= now - width)
            read, dead = counted[0] - read, counted[1] - dead
            if read >= least:
                # Those that were taken anew meanwhile are no longer dead.
                return max(dead, 0) / read
        return None

    def _judge(self, source: Source, share: float | None) -> None:
        name, limit = source.name, source.blind_above
        if share is not None:
            if name not in self._on and share > limit:
                self._on.add(name)
                _LOG.warning(
                    "source %s: %.0f %% of what is read cannot be taken, more than %.0f %%: its moments are blind, and "
                    "nothing of them closes, until that is less; see momentwatch dlq list --topic %s",
                    *(name, 100 * share, 100 * limit, source.topic),
                )
            elif name in self._on and share < limit * BACK:
                self._on.discard(name)
                _LOG.warning("source %s: can be trusted again, %.1f %% cannot be taken", name, 100 * share)
        self._meter.rejecting(name, share, distrusted=name in self._on)
