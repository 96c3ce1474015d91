"""The loop that recounts the books, row by row, beside everything else; what differs is an error and a metric."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from service.core.keeping import Account
from service.core.meter import Meter
from service.core.ports import StoreAway, StoreBusy

_LOG = logging.getLogger(__name__)

FIRST = 60.0
"""Seconds after the start, when whatever had to be caught up may be."""
REST = 900.0
SHARE = 200
"""Or so many times as long as it took: a pass over all rows may cost no more than half a hundredth of the time."""


class Recounting:
    """Recounts now and then; any number of replicas may, nothing is written. `accounts`: the books' lines."""

    def __init__(self, accounts: Callable[[], Sequence[Account]], meter: Meter) -> None:
        self._accounts = accounts
        self._meter = meter

    def turn(self) -> int:
        """By how much the lines differ, all together. Raises StoreAway and StoreBusy."""
        wrong = [line for line in self._accounts() if line.difference]
        for line in wrong:
            _LOG.error("the books do not balance: %s: %s: %d is not %d", line.of, line.what, line.left, line.right)
        off = sum(abs(line.difference) for line in wrong)
        self._meter.recounted(off)
        return off

    def run(self, stop: threading.Event) -> None:
        """Turn after turn. A store that is away is waited for."""
        rest = FIRST
        while not stop.wait(rest):
            began = time.monotonic()
            try:
                self.turn()
            except (StoreAway, StoreBusy) as away:
                _LOG.info("recounting waits for the store: %s", away)
            rest = max(REST, SHARE * (time.monotonic() - began))
