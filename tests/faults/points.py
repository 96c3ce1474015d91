"""Failpoints: named places in the life of the service at which a process is made to end, freeze or wait.

They are put on from outside, around the ports and on the database driver's events, by the tests' own launcher. The
service has no switch for them, so that none can be on in production and none costs anything. A place is named
`loop:step`, as in `ingest:commit` (all is written, COMMIT is about to leave) or `watch:closing.save.after`; whatever
verb a port gets is a place without further ado.
"""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import msgspec

Action = str
"""`kill`, `stop` (a zombie, until somebody resumes it) or `raise`."""


class Plan(msgspec.Struct, frozen=True):
    """What is to happen to one process: at the n-th time that it comes by a point; never where `point` is empty.

    `note`: a file that gets the point's name just before, and the counts of all points at an orderly end.
    """

    note: str
    point: str = ""
    nth: int = 1
    action: Action = "kill"


class Points:
    """Counts how often each point is passed, and does what was planned; safe from any thread."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._passed: Counter[str] = Counter()

    def hit(self, step: str) -> None:
        """Come by a point."""
        name = f"{_loop()}:{step}"
        with self._lock:
            self._passed[name] += 1
            if name != self._plan.point or self._passed[name] != self._plan.nth:
                return
            self._note({"at": name})
            os.kill(os.getpid(), signal.SIGKILL if self._plan.action == "kill" else signal.SIGSTOP)
            # The signal reaches a process, and this thread of it not at once.
            time.sleep(0.05)

    def write(self) -> None:
        """Leave the counts behind."""
        with self._lock:
            self._note({"passed": self._passed})

    def _note(self, said: dict[str, Any]) -> None:
        """Whole or not at all: somebody may be looking."""
        file = Path(self._plan.note)
        file.with_suffix(".new").write_text(json.dumps(said))
        file.with_suffix(".new").rename(file)


def loop_of(point: str) -> str:
    """The loop that a point belongs to."""
    return point.split(":", 1)[0]


def _loop() -> str:
    """The loop that a thread belongs to, as the service names its threads."""
    name = threading.current_thread().name
    return "start" if name == "MainThread" else name.split("_")[0]


class Guarded:
    """Any port's object with a point before and after each of its verbs; `inside`: those that are transactions."""

    def __init__(self, inner: Any, points: Points, prefix: str = "", inside: frozenset[str] = frozenset()) -> None:
        self._inner = inner
        self._points = points
        self._prefix = prefix
        self._inside = inside

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or name.startswith("_"):
            return found
        if name in self._inside:
            return lambda *a, **k: self._transaction(name, found(*a, **k))
        return _around(found, self._points, f"{self._prefix}{name}")

    @contextmanager
    def _transaction(self, name: str, opened: AbstractContextManager[Any]) -> Iterator[Any]:
        self._points.hit(f"{name}.before")
        with opened as transaction:
            yield Guarded(transaction, self._points, f"{name}.")
        self._points.hit(f"{name}.after")


def _around(found: Callable[..., Any], points: Points, step: str) -> Callable[..., Any]:
    def called(*arguments: Any, **named: Any) -> Any:
        points.hit(f"{step}.before")
        answer = found(*arguments, **named)
        points.hit(f"{step}.after")
        return answer

    return called


def guarded_store(store: Any, points: Points) -> Any:
    """A store with points at its verbs, inside its transactions and before every COMMIT."""
    from sqlalchemy import Engine, event

    event.listen(Engine, "commit", lambda _: points.hit("commit"))
    return Guarded(store, points, inside=frozenset({"ingest", "closing"}))
