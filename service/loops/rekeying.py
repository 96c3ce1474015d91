"""The loop that brings a store's names to a key that was added to its file, without a restart of anything."""

import logging
import threading

from service.core.counting.identity import Pseudonyms
from service.core.meter import Meter
from service.core.people import PeopleStore
from service.core.ports import StoreRefused
from service.loops.turning import turn_after_turn

_LOG = logging.getLogger(__name__)


class Rekeying:
    """Any number of replicas may; one renames, in one transaction, which makes every claim stale.

    Whoever claims again afterwards goes on under the new names, or waits until the key has reached it, too.
    """

    def __init__(self, store: PeopleStore, names: Pseudonyms, meter: Meter, pause: float = 15.0) -> None:
        self._store = store
        self._names = names
        self._meter = meter
        self._pause = pause
        self._adopted: tuple[str, ...] | None = None
        self._seen: tuple[str, ...] | None = None

    def run(self, stop: threading.Event) -> None:
        """Look now and then until told to stop."""
        turn_after_turn(self.turn, stop, "rekey", self._meter, self._pause)

    def turn(self) -> int:
        """Take a key up that two looks in a row have shown: a file may be half written. How many rows were renamed."""
        names = self._names.fixed()
        seen, self._seen = self._seen, names.fingerprints
        if names.fingerprints == self._adopted or names.fingerprints != seen:
            return 0
        try:
            renamed = self._store.adopt(names)
        except StoreRefused as refused:
            _LOG.error("the changed keys for pseudonyms are not taken: %s", refused)  # all is said
            self._meter.failed("rekey")
            renamed = 0
        if renamed:
            _LOG.info("customers have new names: %d rows, %d keys now", renamed, len(names.fingerprints))
        # Either way: said once.
        self._adopted = names.fingerprints
        return renamed
