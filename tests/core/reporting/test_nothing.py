"""What is supposed of an hour that did not come."""

import numpy as np
import pytest

from detectors.frame import Flags, Floats, Frame, Ints, Scores, between
from service.core.event import HOUR
from service.core.judging.watcher import Reading
from service.core.reporting.nothing import _broken, _more

NAMES = ("", "region=north", "region=south")


def hour(trials: tuple[int, ...], hits: tuple[float, ...]) -> Frame:
    tried: Ints = np.array(trials)
    return Frame(0, HOUR, NAMES, tried, np.array(hits), tried)


@pytest.mark.parametrize(
    ("hits", "expected"),
    [((4.0, 3.0, 1.0), [2.0, 1.5, 0.5]), ((0.0, 0.0, 0.0), [2.0, 0.5, 1.5])],
    ids=["as they broke in the last hour", "where none did, as they were tried"],
)
def test_fewer_broken_in_all_are_fewer_in_the_segments(hits: tuple[float, ...], expected: list[float]) -> None:
    """Else what the last hour's segments broke would be told as the whole's."""
    asked: list[Floats] = []

    def ask(frame: Frame) -> Scores:
        asked.append(frame.hits)
        breach: Flags = np.array([frame.hits[0] >= 2.0, False, False])
        none = np.zeros(3)
        return Scores(NAMES, none, breach, np.zeros(3, dtype=np.int64), none, between(none, none))

    reading = Reading("failure_rate", "failure_rate", None, (30.0, 14.0), None, ask)
    assert _more(reading, hour((20, 5, 15), hits), (_broken, "broken")) == (
        "2 of 20 broken in one more hour like the last",
        2,
    )
    assert [2.0, *expected[1:]] in [one.tolist() for one in asked]
    assert all(one[1:].sum() <= one[0] + 1e-9 for one in asked)


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        (5.0, ("one more hour like the last", None)),
        (7.0, ("3 of 15 of region=south broken in one more hour like the last", 3)),
    ],
)
def test_where_another_hour_like_the_last_would_do_nothing_more_is_asked_of_the_largest(
    needed: float, said: tuple[str, int | None]
) -> None:
    """Four break in the north and one in the south; told is what the south, where most is tried, would add."""

    def ask(frame: Frame) -> Scores:
        breach: Flags = np.array([False, frame.hits[1] + frame.hits[2] >= needed, False])
        none = np.zeros(3)
        return Scores(NAMES, none, breach, np.zeros(3, dtype=np.int64), none, between(none, none))

    reading = Reading("contrast", "failure_rate", None, (30.0, 14.0), None, ask)
    assert _more(reading, hour((20, 5, 15), (6.0, 5.0 if needed == 5.0 else 4.0, 1.0)), (_broken, "broken")) == said
