"""When the service looks for garbage: not while it starts, and seldom while it reads."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = 20_000
"""So many containers more than went before the youngest are looked through; Python says 700, a fraction of a poll."""


@contextmanager
def starting() -> Iterator[None]:
    """Collect no garbage, and never look through what is there at the end.

    What a start loads and builds stays: to look through it again and again would be a tenth of the start's time, and of
    the time of reading at full speed, which makes and drops containers in thousands and none of them in a cycle.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(_SELDOM, 10, 10)
        gc.enable()
