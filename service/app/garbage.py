"""How the interpreter is set while the service starts, and how it looks for garbage while it reads."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = 20_000
"""So many containers more than went before the youngest are looked through; Python says 700, a fraction of a poll."""
_SHORT_TURN = 0.0005
"""Seconds for which a thread that computes goes on while another waits for its turn; Python says ten times that."""


@contextmanager
def starting() -> Iterator[None]:
    """Collect no garbage, and never look through what is there at the end; and have threads take short turns.

    What a start loads and builds stays: to look through it again and again would be a tenth of the start's time, and of
    the time of reading at full speed, which makes and drops containers in thousands and none of them in a cycle.
    Joining a consumer group is a hundred answers, each waiting for its turn beside a thread that loads modules.
    """
    gc.disable()
    turn = sys.getswitchinterval()
    sys.setswitchinterval(_SHORT_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
        gc.freeze()
        gc.set_threshold(_SELDOM, 10, 10)
        gc.enable()
