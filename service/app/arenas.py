"""Where the C library's allocator keeps what threads give back: in few places, so that it is used again."""

import ctypes
import os

_ARENA_MAX = -8
"""glibc's number for the setting."""
_ARENAS = 2
"""One for each of two threads that are in C at the same time; all others wait for Python's lock anyway."""


def share_arenas() -> None:
    """Have all threads allocate from a few arenas; before any is started. `MALLOC_ARENA_MAX` in the environment wins.

    glibc gives each thread an arena of its own, up to eight a core, and what one thread gives back no other gets: with
    a loop a thread, what is free there grows for hours, and is a third of all by then. Other C libraries have no such
    arenas, and nothing is done.
    """
    if "MALLOC_ARENA_MAX" in os.environ or not hasattr(ctypes.CDLL(None), "mallopt"):
        return
    ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)
