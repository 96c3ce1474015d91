"""The loop that keeps tables as long as they are told to: a little at a time, beside everything else."""

import logging
import threading
from collections.abc import Callable

from service.core.event import Micros
from service.core.keeping import Ages, Keep
from service.core.ports import StoreAway, StoreBusy

_LOG = logging.getLogger(__name__)

BREATH = 0.2
"""Seconds between two pieces of the work: others write in between."""
REST = 900.0
"""Seconds between two rounds."""


class Retaining:
    """Runs the retention of a store; many replicas may, each piece of the work is done once."""

    def __init__(self, ages: Ages, keep: Keep, clock: Callable[[], Micros]) -> None:
        self._ages = ages
        self._keep = keep
        self._clock = clock

    def round(self, stop: threading.Event, breath: float = BREATH) -> int:
        """Until nothing is left to do; how many rows were touched. Raises StoreAway and StoreBusy."""
        touched = 0
        while not stop.is_set():
            some = self._ages.step(self._keep, self._clock())
            if not some:
                break
            touched += some
            stop.wait(breath)
        return touched

    def run(self, stop: threading.Event) -> None:
        """Round after round. A store that is away is waited for."""
        while not stop.is_set():
            try:
                touched = self.round(stop)
                if touched:
                    _LOG.info("retention touched %d rows", touched)
            except (StoreAway, StoreBusy) as away:
                _LOG.info("retention waits for the store: %s", away)
            stop.wait(REST)
