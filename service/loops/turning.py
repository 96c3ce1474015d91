"""Turn after turn of a loop beside the four: a store that is away is waited for, and what keeps failing ends it."""

import logging
import threading
from collections.abc import Callable

from service.core.meter import Loop, Meter
from service.core.ports import StaleClaim, StoreAway, StoreBusy

_LOG = logging.getLogger(__name__)
PATIENCE = 20
"""So many turns in a row that fail for no known reason end the process: something is wrong with it."""


def turn_after_turn(
    turn: Callable[[], object], stop: threading.Event, name: Loop, meter: Meter, pause: float, patience: int = PATIENCE
) -> None:
    """Take turns with pauses of so many seconds before each, until told to stop. Raises when turns keep failing.

    `name`: the loop's, in the log and as a label of its failures.
    """
    failures = 0
    while not stop.wait(pause):
        try:
            turn()
            failures = 0
        except (StaleClaim, StoreBusy):
            _LOG.debug("%s: another replica was first", name)
        except StoreAway as away:
            _LOG.warning("%s waits, the store is away: %s", name, away)
            meter.failed(name)
        except Exception:
            failures += 1
            if failures >= patience:
                raise
            _LOG.exception("%s failed, trying again", name)
            meter.failed(name)
