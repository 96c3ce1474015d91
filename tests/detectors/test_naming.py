"""Who is said to carry an alarm: one value, several of a dimension, or the whole."""

import numpy as np

from detectors.frame import WHOLE
from detectors.naming import Carried, named

NAMES = (WHOLE, "origin=EWR", "origin=JFK", "origin=LGA")
SIX = (WHOLE, *(f"region={place}" for place in range(6)))


def carried(
    measure: tuple[float, ...], climb: tuple[float, ...], seen: tuple[float, ...], names: tuple[str, ...] = NAMES
) -> Carried:
    """The whole and its values, each with as much to do as any other; a value expected 20 failures lately."""
    size = np.array([float(len(names) - 1), *[1.0] * (len(names) - 1)])
    live = np.ones(len(names), dtype=np.bool_)
    return Carried(names, live, np.array(measure), np.array(climb), np.array(seen), 20.0 * size, 100.0 * size)


def test_a_value_is_named_that_explains_more_than_a_rise_of_everything() -> None:
    """The rest fails somewhat more often as well, by its own wander."""
    found = named(carried((3.0, 50.0, 0.5, 0.3), (6.0, 12.0, 2.0, 1.5), (91.0, 36.0, 29.0, 26.0)))
    assert found == ["origin=EWR"]


def test_one_value_of_several_that_climb_by_chance_is_named() -> None:
    found = named(carried((0.8, 50.0, 0.5, 0.4), (4.3, 12.0, 4.6, 4.4), (90.0, 36.0, 28.0, 26.0)))
    assert found == ["origin=EWR"]


def test_a_rise_of_everything_is_the_whole() -> None:
    assert named(carried((45.0, 3.0, 1.0, 0.5), (11.0, 6.0, 4.0, 3.5), (120.0, 45.0, 40.0, 35.0))) == [WHOLE]
    assert named(carried((30.0, 14.0, 12.0, 9.0), (9.0, 6.5, 6.2, 6.0), (120.0, 45.0, 40.0, 35.0))) == [WHOLE]


def test_a_rise_of_most_is_the_whole_where_one_is_far_ahead() -> None:
    assert named(carried((2e4, 3e3, 24.0, 22.0), (12.2, 12.1, 6.4, 6.2), (95.0, 45.0, 26.0, 24.0))) == [WHOLE]


def test_a_rise_of_everything_that_began_just_now_is_the_whole() -> None:
    """What was seen lately is mostly of before: by chance one value stands out in it."""
    assert named(carried((8e4, 0.2, 0.1, 0.1), (18.7, 4.0, 3.8, 3.5), (72.0, 31.0, 21.0, 20.0))) == [WHOLE]


def test_a_value_that_climbed_by_chance_is_not_named_beside_one_that_breaks() -> None:
    """It is the best of many runs over weeks, and no more than that."""
    measure, climb = (0.1, 60.0, 0.9, 0.1, 0.1, 0.1, 0.1), (2.0, 13.0, 6.5, 1.0, 1.0, 1.0, 1.0)
    assert named(carried(measure, climb, (140.0, 60.0, 24.0, 14.0, 14.0, 14.0, 14.0), SIX)) == ["region=0"]


def test_two_values_that_break_together_are_both_named() -> None:
    measure, climb = (4.0, 40.0, 10.0, 0.1, 0.1, 0.1, 0.1), (6.0, 11.0, 9.0, 1.0, 1.0, 1.0, 1.0)
    assert named(carried(measure, climb, (180.0, 60.0, 56.0, 16.0, 16.0, 16.0, 16.0), SIX)) == ["region=0", "region=1"]
