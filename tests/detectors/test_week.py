import numpy as np

from detectors.failure_rate import FailureRate
from detectors.frame import WHOLE, Frame
from detectors.week import Week
from tests.detectors.frames import DAY, HOUR, START, alarms, drive, frame

SUNDAYS = [(3 + 7 * week) * 24 for week in range(10)]
"""Hours from START to each Sunday."""


def hours(seed: int, rates: list[float]) -> list[Frame]:
    """Sixty an hour, failing at the rate of each hour."""
    rng = np.random.default_rng(seed)
    tried = rng.poisson(60.0, len(rates))
    return [
        frame(START + number * HOUR, HOUR, {WHOLE: (int(count), float(rng.binomial(count, rate)))})
        for number, (count, rate) in enumerate(zip(tried, rates, strict=True))
    ]


def test_a_sunday_that_is_always_bad_is_the_week_and_no_interruption_for_ever() -> None:
    rates = [0.3 if (START // DAY + hour // 24 + 3) % 7 == 6 else 0.01 for hour in range(10 * 7 * 24)]
    found = [(end - START) // DAY for end, _ in alarms(drive(FailureRate(90.0), hours(1, rates)))]
    assert len(found) <= 4
    assert all(day < 28 for day in found)


def test_one_bad_sunday_teaches_nothing_about_the_next() -> None:
    bad = [SUNDAYS[3] + 6, SUNDAYS[4] + 6]
    rates = [0.08 if any(0 <= hour - at < 12 for at in bad) else 0.01 for hour in range(bad[1] + 12)]
    seen = drive(FailureRate(90.0), hours(2, rates))
    found = [(end - START) // HOUR for end, _ in alarms(seen)]
    assert all(any(0 < end - at <= 3 for end in found) for at in bad)
    scores = seen[bad[1]][1]
    assert scores is not None
    assert scores.expected[0] < 0.015


def week(*breaks: tuple[int, int, float]) -> Week:
    """Six weeks of 60 an hour at 1 %, but a tenth fails in the hours (from, to) of each break that began on a day."""
    made = Week()
    for hour in range(6 * 7 * 24):
        since = next((began for first, last, began in breaks if first <= hour < last), None)
        here = frame(START + hour * HOUR, HOUR, {WHOLE: (60, 0.0)})
        made.learn(here, (hour + 1) / 24, since, (1 / 99, 0.6 if since is None else 6.0, 60.0))
        made.refresh((hour + 1) / 24, (hour + 1) / 24, 0.01, [1.0] * 48)
    return made


def test_a_break_is_the_week_only_when_it_comes_again_after_it_was_over() -> None:
    there = frame(START + SUNDAYS[1] * HOUR + 12 * HOUR, HOUR, {WHOLE: (60, 0.0)})
    calm, once, lasting, again = (
        week(*breaks).factor(there)[0]
        for breaks in (
            (),
            [(SUNDAYS[1], SUNDAYS[1] + 24, 10.0)],
            [(SUNDAYS[1], SUNDAYS[2] + 24, 10.0)],
            [(at, at + 24, at / 24) for at in SUNDAYS[1:5]],
        )
    )
    assert 0.9 < calm < 1.1
    assert 0.9 < once < 1.1
    assert 0.9 < lasting < 1.1
    assert again > 3.0
