from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from detectors.adapted import Adapted
from detectors.contrast import Contrast
from detectors.failure_rate import FailureRate
from detectors.frame import WHOLE, Floats, Frame, Ints
from detectors.registry import defaults, load
from detectors.silence import Silence
from tests.detectors.frames import DAY, HOUR, START, alarms, drive, frame, stream

ONE = {"carrier=AA": 0.02}
FOUR = {"carrier=AA": 0.02, "carrier=B6": 0.02, "carrier=MQ": 0.02, "carrier=UA": 0.02}


def arrivals(seed: int, days: int, start: int, rate: float, *, factor: float = 1.0) -> list[Frame]:
    """Hourly arrivals by a working day's clock: a tenth at night, a fifth at weekends."""
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(days * 24):
        begin = start + number * HOUR
        hour, weekday = begin // HOUR % 24, (begin // DAY + 3) % 7
        mean = rate * (1.0 if 7 <= hour < 21 else 0.1) * (0.2 if weekday >= 5 else 1.0) * factor
        frames.append(frame(begin, HOUR, {WHOLE: (0, 0.0)}, arrivals=int(rng.poisson(mean))))
    return frames


def test_failure_rate_keeps_its_promise_on_a_steady_stream() -> None:
    """At an interval of 10 days some 21 false alarms are promised over 210 warm days; by half more is too many."""
    found = 0
    for seed in range(3):
        found += len(alarms(drive(FailureRate(10.0), stream(seed, 73.0, FOUR, per_hour=60.0))))
    assert found <= 31


def test_failure_rate_keeps_its_promise_where_every_day_is_another() -> None:
    """With a daily CV of .2 at 600 an hour: not more than twice the promised number, once the wander is known."""
    found = 0
    for seed in range(2):
        rng = np.random.default_rng(100 + seed)
        frames: list[Frame] = []
        for day in range(70):
            rate = {"carrier=AA": 0.02 * float(np.exp(rng.normal(0.0, 0.2)))}
            start = START + day * DAY
            frames += stream(1000 * seed + day, 1.0, rate, per_hour=600.0, length=HOUR // 4, start=start)
        found += sum(end > START + 14 * DAY for end, _ in alarms(drive(FailureRate(20.0), frames)))
    assert found <= 2 * 2 * 56 / 20


def test_failure_rate_keeps_its_promise_where_whoever_failed_tries_again() -> None:
    """At 30 an hour six in ten who fail fail one to four times more at once: clumps are no change of the rate."""
    found = 0
    for seed in range(3):
        rng = np.random.default_rng(200 + seed)
        frames = []
        for number in range(70 * 48):
            first = int(rng.binomial(15, 0.03))
            again = int(rng.integers(1, 5, size=rng.binomial(first, 0.6)).sum())
            frames.append(frame(START + number * HOUR // 2, HOUR // 2, {WHOLE: (15 + again, float(first + again))}))
        found += sum(end > START + 14 * DAY for end, _ in alarms(drive(FailureRate(20.0), frames)))
    assert found <= 3 * 56 / 20


@pytest.mark.parametrize("ratio", [3.0, 10.0])
def test_failure_rate_finds_a_step_soon(ratio: float) -> None:
    """At 600 an hour and 2 % the exact bound for a threefold step is about forty minutes."""
    detector = FailureRate(90.0)
    drive(detector, stream(1, 21.0, ONE, per_hour=600.0, length=HOUR // 4))
    worse = {"carrier=AA": 0.02 * ratio}
    found = alarms(drive(detector, stream(2, 1.0, worse, per_hour=600.0, length=HOUR // 4, start=START + 21 * DAY)))
    assert found
    assert found[0][0] - (START + 21 * DAY) <= 2 * HOUR


@pytest.mark.parametrize("make", [FailureRate, Contrast])
def test_the_segment_that_fails_is_named(make: type[FailureRate | Contrast]) -> None:
    detector = make(90.0)
    drive(detector, stream(1, 21.0, FOUR, per_hour=400.0))
    found = alarms(drive(detector, stream(2, 1.0, {**FOUR, "carrier=MQ": 0.3}, per_hour=400.0, start=START + 21 * DAY)))
    assert found[0][1] == ("carrier=MQ",)
    assert all(names in {("carrier=MQ",), (WHOLE,)} for _, names in found)


def test_a_storm_over_a_restless_base_is_found_and_is_the_whole() -> None:
    """A fifth fails, with days that differ by half; then six in ten for eight hours, wherever one looks.

    Who was first by chance may be named a moment before.
    """
    found = []
    for seed in range(6, 12):
        rng = np.random.default_rng(seed)
        detector = FailureRate(90.0)
        for half in range(84):
            rate, start = 0.2 * float(np.exp(rng.normal(-0.1, 0.45))), START + half * DAY // 2
            drive(detector, stream(half, 0.5, dict.fromkeys(FOUR, rate), per_hour=40.0, length=HOUR // 4, start=start))
        storm = stream(99, 1 / 3, dict.fromkeys(FOUR, 0.6), per_hour=40.0, length=HOUR // 4, start=START + 42 * DAY)
        found.append(alarms(drive(detector, storm)))
    assert [names[-1][1] for names in found] == [(WHOLE,)] * 6
    assert all(names[-1][0] - START - 42 * DAY <= 2 * HOUR for names in found)
    assert sum(len(names) == 1 for names in found) >= 4


def test_a_change_beyond_all_levels_is_found_however_restless_the_base() -> None:
    """Bad half days are common here; that in the end everything fails is not, though a wander could follow it."""
    rng = np.random.default_rng(6)
    detector, wander = FailureRate(90.0), 0.0
    frames: list[Frame] = []
    for hour in range(32 * 24):
        wander = 0.9 * wander + 0.8 * float(rng.normal(0.0, np.sqrt(1.0 - 0.9**2)))
        odds = 0.25 * float(np.exp(wander))
        worse = 0.1 * max(hour - 31 * 24, 0)
        rate = {"carrier=AA": min(max(odds / (1.0 + odds), worse), 0.995)}
        start = START + hour * HOUR
        frames += stream(hour, 1.0 / 24.0, rate, per_hour=40.0, length=HOUR // 2, start=start)
    found = alarms(drive(detector, frames))
    assert [names for _, names in found] == [(WHOLE,)]
    assert found[0][0] <= START + 31 * DAY + 14 * HOUR


def _hour(start: int, names: Sequence[str], trials: Ints, hits: Floats) -> Frame:
    """An hour of segments and of their sum."""
    both = [(int(all_), float(broken)) for all_, broken in zip(trials, hits, strict=True)]
    rows = dict(zip(names, both, strict=True)) | {WHOLE: (int(trials.sum()), float(hits.sum()))}
    return frame(start, HOUR, rows)


def test_all_of_one_segment_breaking_is_told_soon_where_days_differ() -> None:
    """A tenth fails, by a half more or less each day and segment, and by twice as much for all: then one stops."""
    names = [f"carrier={number:02d}" for number in range(12)]
    needed = []
    for seed in range(1, 8):
        rng, detector = np.random.default_rng(seed), Contrast(90.0)
        tried, scores, days, odds = 0, None, 40, np.zeros(12)
        for hour in range((days + 1) * 12):
            if hour % 12 == 0:
                odds = 0.1 / 0.9 * np.exp(rng.normal(0.0, 0.4, 12) + rng.normal(0.0, 0.7))
            rates = odds / (1.0 + odds)
            out = hour >= days * 12
            if out:
                rates[0] = 0.97
            trials = rng.poisson(3.0, 12)
            hits = rng.binomial(trials, rates).astype(float)
            one = _hour(START + hour // 12 * DAY + hour % 12 * HOUR, names, trials, hits)
            scores = detector.score(one)
            detector.learn(one)
            tried += out * int(trials[0])
            if out and scores is not None and scores.breach[scores.segments.index(names[0])]:
                break
        needed.append(tried)
    assert np.median(needed) <= 10.0


def test_the_contrast_keeps_its_promise_from_the_first_month_where_segments_have_days_of_their_own() -> None:
    """Nothing is wrong, but each of twelve segments differs from the rest each day; eight months, one in five days."""
    names = [f"carrier={number:02d}" for number in range(12)]
    found = 0
    for seed in range(8):
        rng, detector, was = np.random.default_rng(seed), Contrast(5.0), False
        odds = np.zeros(12)
        for hour in range(30 * 12):
            if hour % 12 == 0:
                odds = 0.1 / 0.9 * np.exp(rng.normal(0.0, 0.5, 12) + rng.normal(0.0, 0.7))
            trials = rng.poisson(3.0, 12)
            hits = rng.binomial(trials, odds / (1.0 + odds)).astype(float)
            detector.learn(_hour(START + hour // 12 * DAY + hour % 12 * HOUR, names, trials, hits))
            found += detector.in_breach and not was
            was = detector.in_breach
    assert found <= 36


def test_what_another_interruption_explains_does_not_raise_the_rest() -> None:
    """AA breaks and is explained: its own row keeps what broke, everybody else compares with the imputed rest."""
    detector = Contrast(90.0)
    drive(detector, stream(1, 21.0, FOUR, per_hour=400.0))
    names = (WHOLE, *sorted(FOUR))
    trials = np.array([400, 100, 100, 100, 100])
    scores = None
    for hour in range(12):
        start = START + 21 * DAY + hour * HOUR
        hits = np.array([8.0, 90.0, 2.0, 2.0, 2.0])
        outside = np.array([0.0, 6.0, 6.0, 6.0, 6.0])
        one = Frame(start, start + HOUR, names, trials, hits, trials, outside=outside)
        scores = detector.score(one)
        detector.learn(one)
    assert scores is not None
    assert [name for name, broken in zip(scores.segments, scores.breach, strict=True) if broken] == ["carrier=AA"]


def test_what_hits_everything_alike_is_the_whole_and_no_contrast() -> None:
    both = [FailureRate(90.0), Contrast(90.0)]
    named = []
    for detector in both:
        drive(detector, stream(1, 21.0, FOUR, per_hour=400.0))
        worse = dict.fromkeys(FOUR, 0.2)
        found = alarms(drive(detector, stream(2, 1.0, worse, per_hour=400.0, start=START + 21 * DAY)))
        named.append([names for _, names in found])
    assert named == [[(WHOLE,)], []]


def test_the_onset_is_where_the_rate_changed() -> None:
    detector = FailureRate(90.0)
    drive(detector, stream(1, 21.0, ONE, per_hour=200.0))
    seen = drive(detector, stream(2, 1.0, {"carrier=AA": 0.1}, per_hour=200.0, start=START + 21 * DAY))
    onset = next(scores.onset[0] for _, scores in seen if scores is not None and scores.breach[0])
    assert abs(onset - (START + 21 * DAY)) <= 3 * HOUR


@pytest.mark.parametrize("per_hour", [20.0, 2000.0])
def test_a_breach_ends_when_the_rate_is_back_and_does_not_flap(per_hour: float) -> None:
    detector = FailureRate(90.0)
    drive(detector, stream(1, 28.0, ONE, per_hour=per_hour))
    broken = stream(2, 3.0, {"carrier=AA": 0.25}, per_hour=per_hour, start=START + 28 * DAY)
    calm = stream(3, 10.0, ONE, per_hour=per_hour, start=START + 31 * DAY)
    seen = drive(detector, [*broken, *calm])
    holds = [bool(scores.breach.any()) for _, scores in seen if scores is not None]
    turns = [after for before, after in pairwise([False, *holds, holds[-1]]) if before != after]
    assert turns == [True, False]
    assert all(holds[24 : 3 * 24])


def test_a_breach_that_one_window_opened_knows_how_bad_it_was() -> None:
    """Once a day a hundred fall due: a day of eleven after one of twenty-two is half as bad, and no recovery."""
    detector = FailureRate(90.0)

    def days(first: int, broken: Sequence[int]) -> list[Frame]:
        at = [(START + (first + number) * DAY, n) for number, n in enumerate(broken)]
        return [frame(start, HOUR, {WHOLE: (100, float(n))}) for start, n in at]

    drive(detector, days(0, [5, 4, 6, 5] * 7))
    seen = drive(detector, days(28, [22, 11, 17, 4, 3, 5, 5]))
    assert [scores is not None and bool(scores.breach[0]) for _, scores in seen][:3] == [True, True, True]
    assert seen[-1][1] is not None
    assert not seen[-1][1].breach[0]


def test_a_level_that_stays_becomes_the_new_normal() -> None:
    detector = FailureRate(90.0, accept_after=5.0)
    drive(detector, stream(1, 21.0, ONE, per_hour=200.0))
    seen = drive(detector, stream(2, 30.0, {"carrier=AA": 0.1}, per_hour=200.0, start=START + 21 * DAY))
    last = seen[-1][1]
    assert last is not None
    assert not last.breach.any()
    assert last.expected[0] == pytest.approx(0.1, rel=0.3)
    assert len(alarms(seen)) == 1


def test_kept_windows_wait_and_change_no_decision() -> None:
    """The hits decide; a heartbeat without trials changes nothing at all."""
    frames = list(stream(1, 21.0, ONE, per_hour=30.0, length=HOUR // 12))
    beats = [frame(one.end - 1000, 500, {WHOLE: (0, 0.0)}) for one in frames]
    plain, beaten = FailureRate(90.0), FailureRate(90.0)
    drive(plain, frames)
    drive(beaten, [one for pair in zip(frames, beats, strict=True) for one in pair])
    assert plain.score(frames[-1]) is not None
    assert plain._table.data[: len(plain._table)].shape == beaten._table.data[: len(beaten._table)].shape


def test_silence_is_found_and_a_quiet_night_is_none() -> None:
    detector = Silence(90.0)
    assert alarms(drive(detector, arrivals(1, 28, START, 60.0))) == []
    day = START + 28 * DAY
    found = alarms(drive(detector, arrivals(2, 1, day, 60.0, factor=0.0)))
    assert len(found) == 1
    assert (found[0][0] - day) / HOUR <= 9


def test_a_missing_monday_is_a_silence_without_any_frame() -> None:
    """Nothing at all arrives from Sunday night: the first frame after the gap tells."""
    detector = Silence(90.0)
    drive(detector, arrivals(1, 32, START, 60.0))
    monday = START + 32 * DAY
    assert (monday // DAY + 3) % 7 == 0
    scores = detector.score(frame(monday + 10 * HOUR, HOUR, {WHOLE: (0, 0.0)}))
    assert scores is not None
    assert scores.breach[0]


def test_sparse_traffic_is_no_silence() -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        frames = [
            frame(START + number * HOUR, HOUR, {WHOLE: (0, 0.0)}, arrivals=int(rng.poisson(2.0)))
            for number in range(90 * 24)
        ]
        assert len(alarms(drive(Silence(90.0), frames))) <= 2


def test_silence_ends_with_the_first_ordinary_hours() -> None:
    detector = Silence(90.0)
    drive(detector, arrivals(1, 28, START, 60.0))
    drive(detector, arrivals(2, 1, START + 28 * DAY, 60.0, factor=0.0))
    back = drive(detector, arrivals(3, 1, START + 29 * DAY, 60.0))
    assert back[-1][1] is not None
    assert not back[-1][1].breach[0]


@pytest.mark.parametrize("name", ["standard_absolute_deviation", "adwin", "page_hinkley"])
def test_a_flood_of_volume_is_found_by_a_river_detector(name: str) -> None:
    detector = Adapted(90.0, detector=name, step=3600.0)
    calm = alarms(drive(detector, arrivals(1, 28, START, 400.0)))
    assert len(calm) <= 1
    found = alarms(drive(detector, arrivals(2, 3, START + 28 * DAY, 400.0, factor=8.0)))
    assert found


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({"detector": "prophet"}, "take one of adwin"),
        ({"detector": "adwin", "parameters": {"sigma": 3}}, "known are clock, delta"),
        ({"false_alarm_interval": 0.0}, "give a number above 0"),
    ],
)
def test_what_is_not_allowed_is_refused_with_a_remedy(settings: dict[str, object], remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        Adapted(**{"false_alarm_interval": 90.0, **settings})  # type: ignore[arg-type]


def test_the_budget_is_split_and_adds_up() -> None:
    per_day = sum(1.0 / one.false_alarm_interval for one in defaults(90.0))
    assert per_day == pytest.approx(1.0 / 90.0)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="known are absence, complaints, contrast"):
        load({"kind": "oracle", "version": 1})
