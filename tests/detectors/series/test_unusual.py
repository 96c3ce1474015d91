"""The laws that hold for a score of a numeric series, whatever the series."""

import json
import math

import numpy as np
import pytest

from detectors.series.shapes import Shapes
from detectors.series.tail import KEPT, Tail
from detectors.series.unusual import Unusual
from tests.detectors.series.simulated import SERIES, Series, counts, daily


def scores(series: Series, detector: Unusual | None = None) -> list[float | None]:
    detector = detector or Unusual()
    found = []
    for time, value in series:
        found.append(detector.score(time, value))
        detector.learn(time, value)
    return found


@pytest.mark.parametrize("nature", SERIES)
def test_a_score_lies_between_0_and_1_and_comes_after_a_hundred_rows(nature: str) -> None:
    found = scores(SERIES[nature](1)[:600])
    assert found[:100] == [None] * 100
    assert all(score is not None and 0.0 <= score < 1.0 for score in found[100:])


@pytest.mark.parametrize("nature", SERIES)
def test_scoring_changes_nothing(nature: str) -> None:
    series = SERIES[nature](2)[:400]
    asked, silent = Unusual(), Unusual()
    for time, value in series:
        assert asked.score(time, value) == asked.score(time, value)
        asked.score(time, value + 1000.0)
        asked.learn(time, value)
        silent.learn(time, value)
    assert json.dumps(asked.dump()) == json.dumps(silent.dump())


@pytest.mark.parametrize("nature", SERIES)
def test_a_stop_anywhere_changes_nothing(nature: str) -> None:
    series = SERIES[nature](3)[:500]
    whole = scores(series)
    for stop in (0, 1, 31, 70, 250, 499):
        detector = Unusual()
        scores(series[:stop], detector)
        state = json.loads(json.dumps(detector.dump(), allow_nan=False))
        assert scores(series[stop:], Unusual.load(state)) == whole[stop:]


@pytest.mark.parametrize("nature", SERIES)
def test_what_is_strange_scores_highest(nature: str) -> None:
    """In the last two hundred rows something happens; before that there is nothing to see."""
    found = [score or 0.0 for score in scores(SERIES[nature](4))]
    assert max(found[-200:]) > max(found[300:-200])


def test_a_score_does_not_depend_on_unit_or_origin() -> None:
    series = daily(5)[:700]
    moved = [(time, 1024.0 * value + 4096.0) for time, value in series]
    assert scores(moved) == pytest.approx(scores(series), abs=1e-6)


def test_one_event_is_one_alarm() -> None:
    """After a blow nothing is shown for a while that is not worse."""
    series = counts(6)[:600]
    series[500:510] = [(time, 5000.0 - at) for at, (time, _) in enumerate(series[500:510])]
    found = scores(series)
    assert found[500] is not None
    assert found[500] > 0.9
    assert found[501:524] == [0.0] * 23


def test_an_event_that_grows_row_by_row_is_shown_a_few_times_only() -> None:
    series = counts(6)[:600]
    spread = float(np.std([value for _, value in series[:500]]))
    series[500:520] = [(time, value + 0.6 * spread * (at + 1)) for at, (time, value) in enumerate(series[500:520])]
    found = scores(series)[500:520]
    assert max(score for score in found if score is not None) > 0.9
    assert sum(score != 0.0 for score in found) <= 8


@pytest.mark.parametrize(("after", "shown"), [(24, False), (25, True)])
def test_a_lesser_blow_is_shown_once_the_rest_is_over(after: int, shown: bool) -> None:
    series = counts(6)[:600]
    for row, blow in ((500, 5000.0), (500 + after, 4000.0)):
        series[row] = (series[row][0], blow)
    found = scores(series)
    assert bool(found[500 + after]) == shown


def test_a_constant_series_is_no_news() -> None:
    for constant in (0.0, 0.1, -1e-12, 1e12):
        found = scores([(300.0 * at, constant) for at in range(1200)])
        assert set(found[100:]) == {0.0}


def test_a_step_out_of_a_constant_is_news() -> None:
    found = scores([(300.0 * at, 0.1 if at < 500 else 0.2) for at in range(520)])
    assert found[500] is not None
    assert found[500] > 0.9


@pytest.mark.parametrize("huge", [1e308, -1e308, 1e101])
def test_one_huge_value_is_survived(huge: float) -> None:
    series = daily(7)[:700]
    series[300] = (series[300][0], huge)
    series[301] = (series[301][0], -huge)
    detector = Unusual()
    found = scores(series, detector)
    assert all(score is None or math.isfinite(score) for score in found)
    json.dumps(detector.dump(), allow_nan=False)


def test_a_gap_in_numbers_is_no_row() -> None:
    series = daily(8)[:400]
    whole, gapped = Unusual(), Unusual()
    for at, (time, value) in enumerate(series):
        if at % 5 == 0:
            assert gapped.score(time, None) is None
            gapped.learn(time, None)
        assert gapped.score(time, value) == whole.score(time, value)
        whole.learn(time, value)
        gapped.learn(time, value)
    assert whole.dump() == gapped.dump()


def test_times_may_be_missing_equal_or_step_back() -> None:
    values = [value for _, value in daily(9)[:400]]
    for times in ([None] * 400, [0.0] * 400, [1e9 - 300.0 * at for at in range(400)], [-1e18] * 400):
        detector = Unusual()
        for time, value in zip(times, values, strict=True):
            score = detector.score(time, value)
            assert score is None or 0.0 <= score < 1.0
            detector.learn(time, value)


def test_a_state_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected unusual 2, found unusual 3"):
        Unusual.load({**Unusual().dump(), "version": 3})


def test_a_tail_that_forgets_small_numbers_ranks_as_one_that_keeps_all() -> None:
    """Decades of what is far out need the largest numbers and the count, whatever else there was."""
    rng = np.random.default_rng(10)
    numbers = rng.normal(size=KEPT + 3000)
    tail = Tail()
    for value in numbers.tolist():
        tail.learn(value)
    assert len(tail.top) == KEPT
    assert tail.top == sorted(numbers.tolist())[-KEPT:]
    larger = int((numbers >= 3.0).sum())
    assert tail.decades(3.0) == pytest.approx(3.0 - 3.0 * math.log(larger + 1) / math.log(len(numbers) + 1))
    assert tail.decades(-3.0) == 0.0


def test_a_tail_halves_its_past_and_keeps_its_form() -> None:
    tail = Tail()
    tail.seen, tail.top = 99_999, [float(at) for at in range(1001)]
    before = tail.decades(990.5)
    tail.learn(0.5)
    assert tail.seen == 50_000
    assert tail.top[-1] == 1000.0
    assert len(tail.top) == 501
    assert tail.decades(990.5) == pytest.approx(before, abs=0.15)


def test_shapes_are_compared_with_those_they_do_not_overlap() -> None:
    """Against every earlier stretch by brute force."""
    rng = np.random.default_rng(11)
    values = rng.normal(size=300).cumsum().tolist()
    for width in (1, 4):
        shapes, length = Shapes(width), 8 * width
        for end in range(length, len(values) + 1):
            blocks = [sum(values[at : at + width]) / width for at in range(end - length, end, width)]
            earlier = [
                [sum(values[at : at + width]) / width for at in range(stop - length, stop, width)]
                for stop in range(length, end - length + 1, width)
            ]
            apart = [math.dist(blocks, other) for other in earlier]
            assert shapes.distances(blocks)[0] == pytest.approx(min(apart, default=0.0))
            shapes.learn(blocks)
