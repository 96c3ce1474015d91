"""The wall on a shelf: made in the background before anybody asks, and kept in the store for whoever starts later.

A wall of hundreds of moments takes seconds to make, however it is asked for: most of that is laying it out. Sums kept
beside the counts would have saved the smaller part, and would have to be restated with every amendment.
"""

import hashlib
import logging
import threading
import time
import zlib
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import msgspec

from service.adapters.web.cache import Brief, Found, Spare
from service.adapters.web.settings import WebSettings
from service.adapters.web.wall import Wall
from service.core.catalog import Catalog
from service.core.event import SECOND
from service.core.ports import StoreAway, StoreBusy
from service.core.shown_ports import Shown, ShownStore

_LOG = logging.getLogger(__name__)

OLDEST = 600.0
"""Seconds for which a wall may still be shown while a newer one is made; it says of when it is."""
IDLE = (30.0, 60.0)
"""Nobody has looked for a while: at least so many seconds, and so many times what it takes to make."""
SLOW = 0.1
"""Seconds: what takes longer than this to make is made before somebody asks for it."""
_LOOK_S = 0.5
_AWAY_S = 5.0

Face = tuple[Wall, str]
"""What is around the tiles, and the tiles as they were rendered."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Face).decode


class Shelf:
    """Keeps the wall fresh from `run` on; before it, and without it, whoever asks first waits."""

    def __init__(
        self,
        store: ShownStore,
        mark: Callable[[], str],
        make: Callable[[], Face],
        kept: Brief[Face],
        others: Callable[[], None],
    ) -> None:
        """`others`: renews what else is slow to make, and is kept by this process alone."""
        self._store = store
        self._mark = mark
        self._make = make
        self._kept = kept
        self._others = others
        self._spare: Spare[Face] | None = None

    @property
    def tended(self) -> bool:
        """Whether `run` was begun."""
        return self._spare is not None

    def wall(self) -> Face:
        """The newest there is."""
        return self._kept.get("wall", self._made, self._spare)

    def run(self, stop: threading.Event) -> None:
        """Until the service ends, whatever happens to the store meanwhile."""
        spare = self._spare = Spare(self._find, OLDEST, OLDEST)
        while not stop.is_set():
            try:
                self._kept.renew("wall", self._made, spare, IDLE)
                # Whoever came with the start has the processor first.
                stop.wait(_LOOK_S)
                self._others()
            except Exception as error:  # noqa: BLE001  # a page never ends the service; whoever asks is told
                _LOG.warning("the wall could not be made: %s", type(error).__name__)
                stop.wait(_AWAY_S)
            stop.wait(_LOOK_S)

    def _made(self) -> Face:
        began = time.monotonic()
        wall, tiles = self._make()
        if self._spare is not None:
            took = round((time.monotonic() - began) * SECOND)
            body = zlib.compress(_encode((wall, tiles)), 1)
            try:
                self._store.show(Shown("wall", self._mark(), _wall_clock(), took, body))
            except (StoreAway, StoreBusy) as error:
                # Whoever asked has it all the same.
                _LOG.warning("the wall could not be kept: %s", error)
        return wall, tiles

    def _find(self) -> Found[Face] | None:
        kept = self._store.shown("wall")
        if kept is None or kept.mark != self._mark():
            return None
        try:
            face = _decode(zlib.decompress(kept.body))
        except (zlib.error, msgspec.DecodeError):
            # Of another version that forgot to say so.
            return None
        age = max(_wall_clock() - kept.made_at, 0) / SECOND
        return Found(face, age, kept.took / SECOND)


def mark_of(catalog: Catalog, settings: WebSettings) -> str:
    """Changes with whatever a page depends on beside what is counted: catalogue, settings, layout, version."""
    told = (settings.currency, settings.minor_digits, settings.time_zone, settings.clock)
    moments = sorted((name, repr(moment)) for name, moment in catalog.moments.items())
    others = sorted((name, repr(each)) for name, each in (*catalog.owners.items(), *catalog.journeys.items()))
    return hashlib.sha256(repr((told, moments, others, _layout())).encode()).hexdigest()


@lru_cache(maxsize=1)
def _layout() -> str:
    here = Path(__file__).parent
    text = b"".join(each.read_bytes() for folder in ("", "templates") for each in sorted((here / folder).glob("*.*")))
    return hashlib.sha256(version("momentwatch").encode() + text).hexdigest()


def _wall_clock() -> int:
    return time.time_ns() // 1000
