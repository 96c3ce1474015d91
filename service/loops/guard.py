"""Watches over the loops: tells the outside that all of them get on, ends a process that is stuck, and calls for help.

A loop says after each turn that it is alive, and whether it got anywhere: one that waits for its database is alive. One
that says nothing hangs in something that no error ends; only a new process mends that.
"""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.core.ports import Reader

_LOG = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks."""
PROBE = 5.0
"""Seconds between two questions to the database, where nobody is in a hurry to hear that it is away."""


class StuckLoop(Exception):  # noqa: N818  # a state of the world, not a mistake
    """A loop has not ended a turn for too long."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `stuck`: without a turn, a loop is stuck. `heartbeat`: between two of them.

    `away`: so long may the database be away before somebody is called; None: nobody is.
    """

    stuck: float = 600.0
    heartbeat: float = 60.0
    away: float | None = None

    @property
    def probe(self) -> float:
        """Seconds between two questions to the database: several before it counts as away."""
        return PROBE if self.away is None else min(PROBE, self.away / 4)


class Pulse:
    """What one loop says of itself; called from its thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.thread: int | None = None
        self.alive_at = clock()
        self.well_at: float | None = None
        self.over = False

    def begin(self) -> None:
        """The loop's thread runs, so that where it hangs can be told even in its first turn."""
        self.thread = threading.get_ident()
        self.alive_at = self._clock()

    def beat(self, *, well: bool = True) -> None:
        """A turn ended; `well`: nothing kept it from its work."""
        self.alive_at = self._clock()
        if well:
            self.well_at = self.alive_at

    def end(self) -> None:
        """The loop has ended as it should: nothing more is expected of it."""
        self.over = True


class Guard:
    """Looks at the loops' pulses and at the database.

    `ping`: tells the outside that all is well; `call`: calls for help, past the database, once while it is away.
    Neither may raise.
    """

    def __init__(
        self,
        store: Reader,
        pulses: Mapping[str, Pulse],
        patience: Patience | None = None,
        *,
        ping: Callable[[], None] | None = None,
        call: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._patience = patience or Patience()
        self._ping = ping
        self._call = call
        self._clock = clock
        self._pulses = pulses
        self._seen_at = clock()
        self._called = False
        self._pinged_at: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop. Raises StuckLoop."""
        probe = threading.Thread(target=self._probe, args=(stop,), name="probe", daemon=True)
        probe.start()
        pinger = threading.Thread(target=self._keep_pinging, args=(stop,), name="heartbeat", daemon=True)
        pinger.start()
        while not stop.wait(LOOK):
            self.look()

    def look(self) -> None:
        """Once. Raises StuckLoop."""
        now = self._clock()
        for name, pulse in self._pulses.items():
            if not pulse.over and now - pulse.alive_at > self._patience.stuck:
                raise StuckLoop(
                    f"the {name} loop has not ended a turn for {now - pulse.alive_at:.0f} s; it hangs here:\n"
                    + _where(pulse.thread)
                )
        away, limit = now - self._seen_at, self._patience.away
        if limit is not None and away > limit and not self._called and self._call is not None:
            self._called = True
            self._call(away)

    def probe(self) -> None:
        """Ask the database something; what it does not answer keeps nobody but the caller."""
        try:
            self._store.clocks()
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it is away
            _LOG.debug("the store does not answer: %s", error)
            return
        if self._called:
            _LOG.warning("the store is back")
        self._seen_at, self._called = self._clock(), False

    def well(self) -> bool:
        """Whether every loop has got somewhere within the last two heartbeats."""
        oldest = self._clock() - 2 * self._patience.heartbeat
        return all(
            pulse.over or (pulse.well_at is not None and pulse.well_at >= oldest) for pulse in self._pulses.values()
        )

    def beat(self) -> None:
        """Send a heartbeat where one is due and all is well."""
        now = self._clock()
        due = self._pinged_at is None or now - self._pinged_at >= self._patience.heartbeat
        if self._ping is not None and due and self.well():
            self._pinged_at = now
            self._ping()

    def _probe(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.probe()
            stop.wait(self._patience.probe)

    def _keep_pinging(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK):
            self.beat()


def _where(thread: int | None) -> str:
    frame = sys._current_frames().get(thread) if thread is not None else None  # noqa: SLF001  # there is no other way
    return "".join(traceback.format_stack(frame)[-6:]) if frame is not None else "  (it never began)"
