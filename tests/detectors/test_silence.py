import numpy as np
import pytest

from detectors.drop import Drop
from detectors.frame import WHOLE, Frame
from detectors.lulls import Lulls
from detectors.silence import Silence
from tests.detectors.frames import DAY, HOUR, MINUTE, START, alarms, drive, frame
from tests.detectors.towns import TOWNS, Town

SHARE = 600.0
"""Days between false silences that a moment's default budget leaves."""


@pytest.mark.parametrize("name", ["flights", "shop", "thin", "flat"])
def test_half_a_year_of_an_ordinary_town_has_hardly_a_silence(name: str) -> None:
    """Growth, weekends, holidays, late mornings and a change of the clocks on day 90."""
    assert len(alarms(drive(Silence(SHARE), TOWNS[name].frames(5, 180)))) <= 1


def test_a_change_of_the_clocks_is_no_silence() -> None:
    """The day starts, or ends, an hour late for good, to the minute."""
    for shift in (-1.0, 1.0):
        town = Town(30.0, night=0.0, ramp=0.1, late=0.05, daily=0.1, growth=1.0, shift=shift, holidays=0.0)
        assert alarms(drive(Silence(SHARE), town.frames(1, 120))) == []


@pytest.mark.parametrize(("name", "hours"), [("flights", 1.5), ("shop", 3.0), ("flat", 3.0)])
def test_an_outage_by_day_is_found(name: str, hours: float) -> None:
    since = 60 * DAY + 12 * HOUR
    seen = drive(Silence(SHARE), TOWNS[name].frames(3, 61, outages=((since, since + DAY),)))
    found = [end - START - since for end, _ in alarms(seen) if end - START > since]
    assert found
    assert found[0] <= hours * HOUR


def test_a_monday_that_does_not_start_is_found_in_the_morning() -> None:
    monday = next(day for day in range(60, 70) if (START // DAY + day + 3) % 7 == 0)
    town = Town(60.0, night=0.02, opens=7.0, growth=1.0)
    seen = drive(Silence(SHARE), town.frames(2, monday + 1, outages=((monday * DAY, (monday + 1) * DAY),)))
    first = next(end for end, _ in alarms(seen) if end > START + monday * DAY + 6 * HOUR)
    assert first <= START + monday * DAY + 11 * HOUR


def test_a_pause_that_comes_again_each_day_becomes_a_habit() -> None:
    """From day 40 on, nothing happens from 12 to 14 any more."""
    town = Town(60.0, growth=1.0, daily=0.1, holidays=0.0, shift=0.0)
    pauses = tuple((day * DAY + 12 * HOUR, day * DAY + 14 * HOUR) for day in range(40, 80))
    found = [end for end, _ in alarms(drive(Silence(SHARE), town.frames(4, 80, outages=pauses)))]
    assert 1 <= len(found) <= 3
    assert max(found) <= START + 45 * DAY


def test_one_outage_leaves_no_blind_hour_behind() -> None:
    town = Town(60.0, growth=1.0, daily=0.1, holidays=0.0, shift=0.0)
    twice = tuple((day * DAY + 12 * HOUR, day * DAY + 16 * HOUR) for day in (40, 60))
    found = [(end - START) // DAY for end, _ in alarms(drive(Silence(SHARE), town.frames(4, 70, outages=twice)))]
    assert found == [40, 60]


def test_clumps_make_no_silence() -> None:
    """Arrivals in lots of ten: the gaps between them are ten times as long as they would be one by one."""
    rng = np.random.default_rng(1)
    frames = [
        frame(START + number * 30 * MINUTE, 30 * MINUTE, {WHOLE: (0, 0.0)}, arrivals=10 * int(rng.poisson(1.0)))
        for number in range(120 * 48)
    ]
    assert len(alarms(drive(Silence(SHARE), frames))) <= 2


def test_what_rises_counts_only_once_it_is_over() -> None:
    lulls = Lulls()
    lulls.note(0.5, 4.0)
    assert lulls.record(12) == 0.0
    lulls.settle(0.6)
    assert lulls.record(12) == 4.0
    lulls.note(1.5, 40.0)
    lulls.drop()
    lulls.settle(1.6)
    assert lulls.record(12) < 4.0


def test_a_third_that_is_left_after_a_stop_is_told_as_a_drop() -> None:
    """Nothing for two hours is for the test of silence to tell; the third that comes from then on is a drop."""
    rng = np.random.default_rng(3)
    detector = Drop(90.0)

    def hours(first: int, count: int, mean: float) -> list[Frame]:
        return [
            frame(START + number * HOUR, HOUR, {WHOLE: (0, 0.0)}, arrivals=int(rng.poisson(mean)))
            for number in range(first, first + count)
        ]

    drive(detector, hours(0, 21 * 24, 60.0))
    assert alarms(drive(detector, hours(21 * 24, 2, 0.0))) == []
    assert alarms(drive(detector, hours(21 * 24 + 2, 6, 18.0)))


def test_the_usual_after_a_day_of_eight_times_as_much_is_no_drop() -> None:
    """Every 30 days is a day of bills: neither the evening it ends, nor the same weekday a week later, is a drop."""
    town = Town(40.0, night=0.2, growth=1.0, daily=0.1, holidays=0.0, shift=0.0, weekend=1.0)
    rng = np.random.default_rng(6)
    frames = [
        frame(each.start, each.end - each.start, {WHOLE: (0, 0.0)}, arrivals=int(rng.poisson(8 * each.arrivals[0])))
        if (each.start - START) // DAY % 30 == 29
        else each
        for each in town.frames(6, 75)
    ]
    assert alarms(drive(Drop(SHARE), frames)) == []


def test_what_grows_to_four_times_as_much_for_good_becomes_the_usual() -> None:
    rng = np.random.default_rng(7)
    means = [60.0] * 21 * 24 + [240.0] * 28 * 24 + [72.0] * 24
    frames = [
        frame(START + number * HOUR, HOUR, {WHOLE: (0, 0.0)}, arrivals=int(rng.poisson(mean)))
        for number, mean in enumerate(means)
    ]
    found = [end for end, _ in alarms(drive(Drop(SHARE), frames))]
    assert [(end - START) // DAY for end in found] == [49]
