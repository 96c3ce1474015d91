"""Runs scenarios side by side: each mostly waits, and those that harm the same servers come one after the other."""

import queue
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.faults.rig import Outcome


@dataclass(frozen=True)
class Task:
    """What is to be run; `harms`: the server that nobody else may use meanwhile, "" none."""

    name: str
    run: Callable[[], Outcome]
    harms: str = ""


class _Plan:
    """Which task is next, for whichever lane asks."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._todo = list(tasks)
        self._harmed: set[str] = set()
        self._changed = threading.Condition()

    def take(self) -> Task | None:
        with self._changed:
            while self._todo:
                for task in self._todo:
                    if task.harms not in self._harmed:
                        self._todo.remove(task)
                        self._harmed |= {task.harms} - {""}
                        return task
                self._changed.wait()
        return None

    def done(self, task: Task) -> None:
        with self._changed:
            self._harmed.discard(task.harms)
            self._changed.notify_all()


def in_lanes(tasks: Sequence[Task], lanes: int) -> Iterator[Outcome]:
    """What comes of each, as it comes. One that raises has failed, and the others go on."""
    plan = _Plan(tasks)
    found: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def work() -> None:
        while (task := plan.take()) is not None:
            try:
                outcome = task.run()
            except Exception as error:  # noqa: BLE001  # a row of the table says so
                traceback.print_exc()
                outcome = Outcome.failed(task.name, f"{type(error).__name__}: {error}")
            plan.done(task)
            found.put(outcome)
        # A server that it started dies with the thread that did: so it waits until the process ends.
        threading.Event().wait()

    for number in range(lanes):
        threading.Thread(target=work, name=f"lane-{number}", daemon=True).start()
    for _ in tasks:
        yield found.get()
