"""What comes again is made once; what does not takes no memory; and the values are the same either way."""

from collections.abc import Sequence

import pytest

from service.adapters.recurring import Recurring


def made_of(rounds: Sequence[Sequence[int]], most: int, few: int) -> tuple[list[int], list[int]]:
    """What is made while rounds of keys are asked for, and how much is remembered after each."""
    made: list[int] = []

    def make(key: int) -> int:
        made.append(key)
        return -key

    known = Recurring(make, most=most, few=few)
    sizes = []
    for keys in rounds:
        assert [-key for key in keys] == known.all(keys)
        sizes.append(len(known))
    return made, sizes


def test_what_comes_again_is_made_once() -> None:
    made, sizes = made_of([list(range(90))] * 5, most=100, few=10)
    assert list(range(90)) == sorted(made)
    assert sizes == [90] * 5


def test_what_hardly_repeats_is_given_room_once() -> None:
    _, sizes = made_of([list(range(start, start + 20)) for start in range(0, 1000, 20)], most=100, few=10)
    assert max(sizes[:5]) == 100
    assert max(sizes[5:]) == 0


def test_what_repeats_again_has_room_again() -> None:
    different = [list(range(start, start + 60)) for start in range(1000, 1300, 60)]
    _, sizes = made_of([*different, *[[*range(50), *range(50)]] * 4], most=100, few=10)
    assert sizes[-4:] == [0, 50, 50, 50]


def test_what_cannot_come_again_is_not_remembered() -> None:
    known = Recurring(len, most=10, few=10, lasting=lambda key: len(key) < 3)
    assert known.all(["abc", "d"]) == [3, 1]
    assert len(known) == 1


def test_what_cannot_be_made_leaves_nothing_behind() -> None:
    known = Recurring(int, most=10, few=10)
    with pytest.raises(ValueError, match="invalid"):
        known.all(["1", "x"])
    assert known.all(["1", "2"]) == [1, 2]
