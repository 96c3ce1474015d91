"""Whether the wall clock has just leapt ahead: a look dated by it would close windows before their events come."""

import logging
from collections.abc import Callable

from service.core.event import MINUTE, SECOND, Micros

_LOG = logging.getLogger(__name__)

LEAP: Micros = MINUTE
"""What clocks are set right by, now and then, is less; what a producer's may be ahead by is more."""
BELIEVED_AFTER: Micros = 5 * MINUTE
"""A clock that stays where it leapt to was set right: until then time stands still, and moments go blind."""


class Leap:
    """Compares the wall clock with one that nobody sets; `steady` gives its seconds.

    A leap back needs no such care: time never goes back, and what lies ahead of the clock is a dead letter.
    """

    def __init__(self, clock: Callable[[], Micros], steady: Callable[[], float]) -> None:
        self._clock = clock
        self._steady = steady
        self._offset: Micros | None = None
        self._since: Micros | None = None

    def doubted(self) -> bool:
        """Whether what the wall clock says now is not to be believed yet."""
        now, offset = self._read()
        ahead = 0 if self._offset is None else offset - self._offset
        if self._since is None and ahead > LEAP:
            self._since = now
            _LOG.error(
                "the clock of this machine leapt ahead by %d s: not believed for %d s, so that no window closes before "
                "its events come; let it follow NTP",
                *(ahead // SECOND, BELIEVED_AFTER // SECOND),
            )
        elif self._since is not None and (ahead <= LEAP or now - self._since >= BELIEVED_AFTER):
            _LOG.warning("the clock of this machine is believed again")
            self._since = None
        if self._since is None:
            self._offset = offset
        return self._since is not None

    def _read(self) -> tuple[Micros, Micros]:
        """The steady clock, and how far the wall's is from it; read anew where the process was held up in between."""
        while True:
            before = self._steady()
            wall, after = self._clock(), self._steady()
            if after - before < 1:
                steady = round(after * SECOND)
                return steady, wall - steady
