import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pytest

from detectors.absence import Absence
from detectors.adapted import Adapted
from detectors.complaints import Complaints
from detectors.contrast import Contrast
from detectors.drop import Drop
from detectors.due_soon import DueSoon
from detectors.duration import Duration
from detectors.failure_rate import FailureRate
from detectors.frame import JSON, WHOLE, Detector, Frame, Scores
from detectors.overdue import Overdue
from detectors.registry import load
from detectors.replayed import ALLOWED
from detectors.silence import Silence
from detectors.value import Value
from tests.detectors.frames import DAY, HOUR, START, drive, frame, stream

Make = Callable[[], Detector]
MAKERS: dict[str, Make] = {
    "failure_rate": lambda: FailureRate(60.0, cold_start=4.0),
    "contrast": lambda: Contrast(60.0, cold_start=4.0),
    "absence": lambda: Absence(60.0, cold_start=4.0),
    "silence": lambda: Silence(60.0, cold_start=4.0),
    "drop": lambda: Drop(60.0, cold_start=4.0),
    "duration": lambda: Duration(60.0, cold_start=4.0),
    "overdue": lambda: Overdue(60.0, cold_start=4.0),
    "complaints": lambda: Complaints(60.0, cold_start=4.0),
    "due_soon": lambda: DueSoon(60.0, cold_start=4.0),
    "value": lambda: Value(60.0, cold_start=4.0),
    **{name: partial(Adapted, 60.0, 4.0, detector=name) for name in ALLOWED if name != "half_space_trees"},
    "half_space_trees": partial(
        Adapted, 60.0, 4.0, detector="half_space_trees", parameters={"n_trees": 2, "height": 4}, step=1800.0
    ),
}
RATES = {"carrier=AA": 0.05, "carrier=MQ": 0.08, "origin=JFK": 0.05, "origin=LGA": 0.03}


def troubled(days: float = 7.0, length: int = HOUR // 2) -> list[Frame]:
    """A stream with a break of one segment, a new segment, a gap and a silence."""
    calm = list(stream(1, 5.0, RATES, length=length))
    worse = {**RATES, "carrier=AA": 0.9, "carrier=ZZ": 0.2}
    trouble = list(stream(2, 0.5, worse, length=length, start=START + 5 * DAY))
    after = list(stream(3, days - 6.0, {**RATES, "carrier=ZZ": 0.1}, length=length, start=START + 6 * DAY))
    return [*calm, *trouble, *after]


def plain(scores: Scores | None) -> object:
    """What a score says, comparable bit for bit."""
    if scores is None:
        return None
    columns = (scores.evidence, scores.breach, scores.onset, scores.expected, scores.lower, scores.upper)
    return scores.segments, [repr(column.tolist()) for column in columns]


def through_json(state: Mapping[str, JSON]) -> dict[str, JSON]:
    """The state as it comes back from a store; nothing that JSON does not know may be in it."""
    kept: dict[str, JSON] = json.loads(json.dumps(state, allow_nan=False))
    return kept


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Make:
    return MAKERS[request.param]


# The laws, as functions of a maker, so that broken detectors can be shown to break them.


def scoring_changes_nothing(make: Make) -> None:
    scored, silent = make(), make()
    for one in troubled():
        assert plain(scored.score(one)) == plain(scored.score(one))
        scored.learn(one)
        silent.learn(one)
    assert json.dumps(silent.dump()) == json.dumps(scored.dump())


def an_equal_frame_scores_alike(make: Make) -> None:
    """What is learned is the frame given, not the one scored."""
    detector, other = make(), make()
    odd = frame(START, HOUR // 2, {WHOLE: (5000, 2500.0)})
    for one in troubled():
        moved = replace(odd, start=one.start, end=one.end)
        detector.score(moved)
        detector.learn(one)
        other.learn(one)
    assert json.dumps(other.dump()) == json.dumps(detector.dump())


def a_stop_anywhere_changes_nothing(make: Make) -> None:
    frames = troubled()
    expected = [plain(scores) for _, scores in drive(make(), frames)]
    assert any(expected)
    for stop in (0, 3, 200, 243, 250, 290, len(frames) - 2):
        detector = make()
        drive(detector, frames[:stop])
        resumed = load(through_json(detector.dump()))
        assert expected[stop:] == [plain(scores) for _, scores in drive(resumed, frames[stop:])]


def nothing_is_said_before_it_is_warm(make: Make) -> None:
    detector = make()
    for one in stream(1, 8.0, RATES, length=HOUR // 2):
        seen, needed = detector.progress()
        assert (detector.score(one) is None) == (seen < needed - 1e-6)
        detector.learn(one)
    assert detector.score(one) is not None


def only_the_past_counts(make: Make) -> None:
    frames = troubled()
    cut = 260
    whole = [plain(scores) for _, scores in drive(make(), frames)]
    assert whole[:cut] == [plain(scores) for _, scores in drive(make(), frames[:cut])]


LAWS = (
    scoring_changes_nothing,
    an_equal_frame_scores_alike,
    a_stop_anywhere_changes_nothing,
    nothing_is_said_before_it_is_warm,
    only_the_past_counts,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: str(law.__name__))
def test_a_law_of_every_detector(law: Callable[[Make], None], make: Make) -> None:
    law(make)


# What a stream may do to it.


def sane(seen: Iterator[tuple[Frame, Scores | None]]) -> None:
    for one, scores in seen:
        if scores is None:
            continue
        assert scores.segments[0] == WHOLE
        columns = scores.evidence, scores.breach, scores.onset, scores.expected, scores.lower, scores.upper
        more = (column for column in (scores.seen, scores.over) if column is not None)
        assert {len(column) for column in (*columns, *more)} == {len(scores.segments)}
        assert list(scores.segments) == sorted(scores.segments)
        assert np.isfinite(scores.evidence).all()
        assert (scores.evidence >= -1e-9).all()
        assert ((scores.onset > 0) == scores.breach).all()
        assert (scores.onset <= one.end).all()
        if scores.over is not None:
            assert (scores.over[~scores.breach] == 0.0).all()
            assert (scores.over >= 0.0).all()
        known = ~np.isnan(scores.expected)
        assert (scores.lower[known] <= scores.expected[known] + 1e-9).all()
        assert (scores.expected[known] <= scores.upper[known] + 1e-9).all()


def steady(days: float, trials: int, hits: float, start: int = START) -> list[Frame]:
    rows = {WHOLE: (trials, hits), "a=1": (trials // 2, hits / 2), "a=2": (trials - trials // 2, hits / 2)}
    return [frame(start + number * HOUR, HOUR, rows) for number in range(int(days * 24))]


@pytest.mark.parametrize(("trials", "hits"), [(0, 0.0), (100, 0.0), (100, 100.0), (100, 7.0), (1, 0.5), (10**9, 5.0)])
def test_a_constant_stream_is_no_news(make: Make, trials: int, hits: float) -> None:
    seen = drive(make(), steady(12.0, trials, hits))
    sane(iter(seen))
    assert not any(scores.breach.any() for _, scores in seen if scores is not None)


def test_gaps_are_survived(make: Make) -> None:
    frames = [one for number, one in enumerate(troubled(9.0)) if number % 7 not in {2, 3} and not 100 < number < 140]
    far = stream(4, 2.0, RATES, start=START + 400 * DAY)
    sane(iter(drive(make(), [*frames, *far])))


def test_one_huge_value_is_survived(make: Make) -> None:
    huge = frame(START + 8 * DAY, HOUR, {WHOLE: (10**12, 1e12), "a=1": (10**12, 1e12), "b=1": (10**12, 0.0)})
    detector = make()
    sane(iter(drive(detector, [*steady(8.0, 50, 2.0), huge, *steady(4.0, 50, 2.0, START + 8 * DAY + HOUR)])))
    json.dumps(detector.dump(), allow_nan=False)


def test_a_frame_of_many_new_segments_comes_at_any_time(make: Make) -> None:
    many = frame(START + 8 * DAY, HOUR, {WHOLE: (900, 9.0), **{f"z={number:04}": (3, 0.03) for number in range(300)}})
    sane(iter(drive(make(), [many, *steady(8.0, 50, 2.0, START + 8 * DAY + HOUR)])))
    sane(iter(drive(make(), [*steady(8.0, 50, 2.0), many])))


def test_a_window_that_is_not_usual_is_not_learned_from(make: Make) -> None:
    detector = make()
    for one in steady(6.0, 50, 2.0):
        detector.learn(one)
    before = detector.score(frame(START + 9 * DAY, HOUR, {WHOLE: (50, 2.0)}))
    # How many customers there are lately is what complaints are measured by, and no base of theirs.
    many = 50 if isinstance(detector, Complaints) else 500
    for one in steady(1.0, many, 25.0, START + 6 * DAY):
        detector.learn(replace(one, usual=False))
    after = detector.score(frame(START + 9 * DAY, HOUR, {WHOLE: (50, 2.0)}))
    assert before is not None
    assert after is not None
    assert after.expected[0] == pytest.approx(before.expected[0], rel=0.05)


# Each law, seen to fail.


class Mutant(FailureRate):
    """A detector to be broken on purpose."""


class ScoreLearns(Mutant):
    def score(self, frame: Frame) -> Scores | None:
        scores = super().score(frame)
        self.learn(frame)
        return scores


class TrustsTheScoredFrame(Mutant):
    def _step(self, frame: Frame):  # type: ignore[no-untyped-def]  # noqa: ANN202
        return self._cache[1] if self._cache is not None else super()._step(frame)


class RoundsItsState(Mutant):
    def dump(self) -> dict[str, JSON]:
        self._table.data = np.round(self._table.data, 6)
        return super().dump()


class SpeaksTooSoon(Mutant):
    def progress(self) -> tuple[float, float]:
        return 0.0, 14.0


@pytest.mark.parametrize(
    ("law", "mutant"),
    [
        (scoring_changes_nothing, ScoreLearns),
        (an_equal_frame_scores_alike, TrustsTheScoredFrame),
        (a_stop_anywhere_changes_nothing, RoundsItsState),
        (nothing_is_said_before_it_is_warm, SpeaksTooSoon),
    ],
)
def test_a_law_fails_on_a_detector_that_breaks_it(law: Callable[[Make], None], mutant: type[Mutant]) -> None:
    with pytest.raises(AssertionError):
        law(lambda: mutant(60.0, cold_start=4.0))


def test_looking_ahead_breaks_the_law_of_the_past() -> None:
    frames = troubled()
    peeking = list(islice(frames, 260, None))

    class Peeks(Mutant):
        def score(self, frame: Frame) -> Scores | None:
            del frame
            return super().score(peeking[-1])

    honest = [plain(scores) for _, scores in drive(FailureRate(60.0, cold_start=4.0), frames[:260])]
    assert honest != [plain(scores) for _, scores in drive(Peeks(60.0, cold_start=4.0), frames[:260])]
