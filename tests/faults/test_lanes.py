"""Scenarios side by side: those that harm the same server never at once, and one that raises fails alone."""

import threading
from functools import partial

from tests.faults.lanes import Task, in_lanes
from tests.faults.rig import Outcome


def well(name: str) -> Outcome:
    return Outcome(name, 0, 1, 0, 0, 0, 0, 0.0)


def test_two_run_at_once_and_those_that_harm_the_same_server_do_not() -> None:
    together = threading.Barrier(2, timeout=10)
    harming = threading.Lock()

    def at_once(name: str) -> Outcome:
        together.wait()
        return well(name)

    def harm(name: str) -> Outcome:
        assert harming.acquire(blocking=False), "two at once"
        threading.Event().wait(0.05)
        harming.release()
        return well(name)

    tasks = [
        Task("one", lambda: at_once("one")),
        Task("other", lambda: at_once("other")),
        *(Task(f"harm-{n}", partial(harm, f"harm-{n}"), "cluster") for n in range(4)),
    ]
    found = list(in_lanes(tasks, 2))
    assert {outcome.name for outcome in found} == {task.name for task in tasks}
    assert [outcome.problems for outcome in found] == [[]] * 6


def test_one_that_raises_is_a_row_that_failed_and_the_others_go_on() -> None:
    def broken() -> Outcome:
        raise ValueError("no such luck")

    found = {outcome.name: outcome for outcome in in_lanes([Task("b", broken), Task("w", lambda: well("w"))], 1)}
    assert found["b"].problems == ["ValueError: no such luck"]
    assert found["w"].problems == []
