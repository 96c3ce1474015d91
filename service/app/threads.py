"""The threads of a service, a loop each: one that fails for good ends them all."""

import logging
import os
import threading
from collections.abc import Callable

from service.loops.guard import Pulse, StuckLoop

_LOG = logging.getLogger(__name__)

_LAST_S = 90.0
"""Seconds that a process with a stuck loop has to end in good order."""


class Threads:
    """Runs loops until `stop` is set; `failed` holds what ended them, where that was no order."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.failed: list[BaseException] = []
        self._threads: dict[str, threading.Thread] = {}

    def start(self, name: str, work: Callable[[], None], pulse: Pulse | None = None) -> None:
        """Run one loop; `pulse`: by which others see that it goes on."""

        def guarded() -> None:
            if pulse is not None:
                pulse.begin()
            try:
                work()
            except BaseException as error:  # noqa: BLE001  # a thread's end must end the service, whatever it was
                _LOG.critical("the %s loop ended: %s", name, error, exc_info=error)
                self.failed.append(error)
                if isinstance(error, StuckLoop):
                    # A thread that hangs may keep the process from ending in good order.
                    _end_anyway()
                self.stop.set()
            else:
                if pulse is not None:
                    pulse.end()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def join(self) -> None:
        """End them, and wait for each."""
        self.stop.set()
        for name, thread in self._threads.items():
            thread.join(30.0)
            if thread.is_alive():
                _LOG.warning("the %s loop did not end in time", name)


def _end_anyway() -> None:
    """End the process soon, whatever still hangs."""
    timer = threading.Timer(_LAST_S, os._exit, (1,))
    timer.daemon = True
    timer.start()
