"""The circuit breaker by itself."""

from service.core.event import MINUTE
from service.loops.breaker import Breaker


def test_only_failures_in_a_row_open_it() -> None:
    breaker = Breaker(5, MINUTE)
    for worked in [False] * 4 + [True] + [False] * 4:
        breaker.note(0, worked=worked)
    assert breaker.opens_at(0) is None
    breaker.note(0, worked=False)
    assert breaker.opens_at(0) == MINUTE


def test_after_the_pause_one_try_decides() -> None:
    breaker = Breaker(2, MINUTE)
    breaker.note(0, worked=False)
    breaker.note(0, worked=False)
    assert breaker.opens_at(MINUTE) is None
    breaker.note(MINUTE, worked=False)
    assert breaker.opens_at(MINUTE) == 2 * MINUTE
    breaker.note(2 * MINUTE, worked=True)
    breaker.note(2 * MINUTE, worked=False)
    assert breaker.opens_at(2 * MINUTE) is None
