"""A launcher that has everything imported and forks a `momentwatch serve` for each line on its standard input.

A start costs two seconds of imports; a thousand of them, half an hour. A forked child runs the command line as it
is, with its own settings, log and failpoints, and it dies with this launcher.

Its argument is a folder in which it leaves each child's exit code under the child's pid.

In: `{"arguments": [...], "log": FILE, "plan": {...}, "group": {...}, "sending": {...}}`. Out: the child's pid.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

import service.app.serve
import service.app.service
import service.app.whole
import service.loops.recounting
from service.adapters.store import sql  # noqa: F401  # imported once, for all children
from service.adapters.store.sql import store as _store  # noqa: F401  # the same
from service.cli.main import main
from service.loops.retry import Policy
from service.loops.send import Limits, Sender
from tests.faults.newer import become_newer
from tests.faults.points import Guarded, Plan, Points, guarded_store

PR_SET_PDEATHSIG = 1
SELDOM_S = 2.0
"""Between turns that are half a minute and a quarter of an hour apart."""


def arm(order: dict[str, Any]) -> Points:
    """Put the failpoints around what `serve` builds, and make it impatient; in this process alone."""
    points = Points(msgspec.convert(order["plan"], Plan))
    serve, whole = service.app.serve, service.app.whole
    _around(serve, "_store", lambda store: guarded_store(store, points))
    _around(serve, "KafkaSource", lambda source: Guarded(source, points, "source."))
    _around(serve, "kafka_settings", lambda settings: replace(settings, **order.get("group", {})))
    _around(whole, "build_notifier", lambda notifier: Guarded(notifier, points, "notifier."))
    # Loops that turn seldom come by their points within the seconds that a process lives here.
    setattr(whole, "Options", partial(service.app.service.Options, mark_pause=SELDOM_S))  # noqa: B010  # a class there
    service.loops.recounting.FIRST = service.loops.recounting.REST = SELDOM_S
    if order.get("newer"):
        become_newer(Path(order["newer"]))
    limits, policy = Limits(**order["sending"]["limits"]), Policy(**order["sending"]["policy"])
    setattr(service.app.service, "Sender", partial(Sender, limits=limits, policy=policy))  # noqa: B010  # a class there
    return points


def _around(module: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """Have what a module makes under a name come wrapped."""
    make = getattr(module, name)
    setattr(module, name, lambda *given, **named: wrap(make(*given, **named)))


def child(order: dict[str, Any]) -> int:
    """The life of one process."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(log, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    points = arm(order)
    code = main(order["arguments"])
    points.write()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def serve_orders() -> None:
    """Fork for each order until the input ends."""
    exits = Path(sys.argv[1])

    def reap(*_: object) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                file = exits / str(ended[0])
                file.with_suffix(".new").write_text(str(os.waitstatus_to_exitcode(ended[1])))
                file.with_suffix(".new").rename(file)

    signal.signal(signal.SIGCHLD, reap)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            code = 1
            try:
                code = child(json.loads(line))
            finally:
                os._exit(code)
        print(pid, flush=True)  # the answer


if __name__ == "__main__":
    serve_orders()
