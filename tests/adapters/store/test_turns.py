"""Whoever asks first is first, and who has just had a turn comes after those who wait."""

import threading

import pytest

from service.adapters.store.sql.turns import Turns


def test_who_waits_comes_before_who_had_it_just_now() -> None:
    turns, order, asked = Turns(), [], threading.Semaphore(0)

    def other(name: str) -> None:
        asked.release()
        with turns:
            order.append(name)

    threads = [threading.Thread(target=other, args=[name]) for name in "ab"]
    with turns:
        for thread in threads:
            thread.start()
            asked.acquire()
            # The other is about to wait: nothing tells that it does but the queue itself.
            while len(turns._waiting) < threads.index(thread) + 1:
                threading.Event().wait(0.001)
        order.append("first")
    with turns:
        order.append("again")
    for thread in threads:
        thread.join(10)

    assert order == ["first", "a", "b", "again"]


def test_an_error_inside_hands_the_turn_over_too() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns:
        _ = 1 / 0
    with turns:
        assert turns._taken
    assert not turns._taken
