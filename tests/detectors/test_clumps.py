import numpy as np
import pytest

from benchmarks.detection.streams import Stream, flat, working_day
from detectors.clumps import Clumps
from detectors.drop import Drop
from detectors.frame import WHOLE, Detector, Floats, Frame, Ints
from detectors.silence import Silence
from tests.detectors.frames import DAY, HOUR, MINUTE, START, alarms, drive, frame


def _bend(end: float) -> float:
    """Of a working day, the hour that ends then, or is on, the last."""
    last = (np.ceil(end * 24.0 - 1e-6) - 0.5) / 24.0
    first, second, third = working_day(last - np.array([2.0, 1.0, 0.0]) / 24.0)
    return float((first - 2.0 * second + third) / (first + second + third))


def _size(counts: Ints, minutes: int) -> float:
    clumps = Clumps()
    for number, count in enumerate(counts.tolist()):
        end = (number + 1) * minutes / 1440.0
        clumps.take(number * minutes / 1440.0, end, float(count), _bend(end))
    return clumps.size()


def _means(per_hour: float, minutes: int, days: int) -> Floats:
    middles = np.asarray((np.arange(days * 1440 // minutes) + 0.5) * minutes / 1440.0, dtype=np.float64)
    return per_hour * minutes / 60.0 * working_day(middles)


@pytest.mark.parametrize(("per_hour", "minutes"), [(2.0, 60), (30.0, 15), (110.0, 5), (600.0, 60), (6000.0, 15)])
def test_what_comes_one_by_one_is_no_clump_however_long_windows_are(per_hour: float, minutes: int) -> None:
    """By a working day, so that most hours rise or fall."""
    rng = np.random.default_rng(1)
    assert _size(rng.poisson(_means(per_hour, minutes, 28)), minutes) <= 1.05


def test_windows_that_end_early_because_nothing_comes_make_no_clumps() -> None:
    stream = Stream(110.0, flat(0.0), busy=working_day)
    clumps = Clumps()
    for one in stream.path(1).frames(np.random.default_rng(6), 0.0, 28.0):
        start, end = (one.start - START) / DAY, (one.end - START) / DAY
        clumps.take(start, end, float(one.arrivals[0]), _bend(end))
    assert clumps.size() <= 1.05


@pytest.mark.parametrize("size", [3, 10])
@pytest.mark.parametrize(("per_hour", "minutes"), [(10.0, 60), (30.0, 15), (110.0, 5), (600.0, 1)])
def test_clumps_of_one_size_are_told_by_it(per_hour: float, minutes: int, size: int) -> None:
    rng = np.random.default_rng(2)
    counts = size * rng.poisson(_means(per_hour, minutes, 28 if minutes > 1 else 4) / size)
    assert _size(counts, minutes) == pytest.approx(size, rel=0.2)


def test_a_clump_that_is_spread_over_ten_minutes_is_seen_in_longer_bins() -> None:
    rng = np.random.default_rng(3)
    begun = rng.poisson(_means(30.0, 1, 21) / 5.0)
    counts = np.zeros(len(begun), dtype=np.int64)
    for minute in np.repeat(np.arange(len(begun)), begun).tolist():
        np.add.at(counts, np.minimum(minute + rng.integers(0, 10, 5), len(begun) - 1), 1)
    assert _size(counts, 1) == pytest.approx(4.5, rel=0.2)  # a fifth of a clump is in another bin


def test_one_huge_count_and_one_empty_day_tell_nothing_of_clumps() -> None:
    rng = np.random.default_rng(4)
    counts = rng.poisson(_means(60.0, 15, 28))
    counts[2000] = 1_000_000
    counts[2300:2396] = 0
    assert _size(counts, 15) <= 1.1


def test_a_day_that_begins_at_once_is_no_clump_where_that_is_expected() -> None:
    clumps = Clumps()
    for hour in range(28 * 24):
        opens = hour % 24 in {0, 1, 12, 13}
        clumps.take(hour / 24.0, (hour + 1) / 24.0, 60.0 * (hour % 24 >= 12), None if opens else 0.0)
    assert clumps.size() == 1.0


def test_empty_time_in_one_window_is_as_good_as_in_many() -> None:
    """Between lots of ten, once an hour, nothing comes for 50 minutes."""
    together, apart = Clumps(), Clumps()
    for hour in range(24 * 7):
        at = hour / 24.0
        for clumps in (together, apart):
            clumps.take(at, at + 5.0 / 1440.0, 10.0, 0.0)
        together.take(at + 5.0 / 1440.0, at + 1.0 / 24.0, 0.0, 0.0)
        for five in range(1, 12):
            apart.take(at + five * 5.0 / 1440.0, at + (five + 1) * 5.0 / 1440.0, 0.0, 0.0)
    assert together.size() == pytest.approx(apart.size(), rel=1e-4)
    assert together.size() > 9.0


def test_what_is_parted_is_not_held_against_what_came_before() -> None:
    parted, whole = Clumps(), Clumps()
    for number in range(24 * 14):
        for clumps in (parted, whole):
            clumps.take(number / 24.0, (number + 1) / 24.0, 50.0 if number // 2 % 2 else 0.0, 0.0)
        if number % 2:
            parted.part()
    assert parted.size() == 1.0 < whole.size()


@pytest.mark.parametrize("kind", [Silence, Drop])
def test_arrivals_by_threes_keep_the_promise(kind: type[Silence]) -> None:
    """One alarm in 30 days is promised, and 96 days count."""
    rng = np.random.default_rng((1, 3))
    counts = 3 * rng.poisson(_means(30.0, 15, 104) / 3)
    assert len(alarms(drive(kind(30.0), _frames(counts, 15)))) <= 3


@pytest.mark.parametrize(("kind", "left"), [(Silence, 0.0), (Drop, 0.3)])
def test_what_stops_or_drops_is_found_where_arrivals_come_in_clumps(kind: type[Silence], left: float) -> None:
    """After some thrice as long as were they to come one by one."""
    rng = np.random.default_rng(5)
    means = _means(60.0, 15, 29)
    means[28 * 96 + 48 :] *= left
    detector: Detector = kind(90.0)
    found = [end for end, _ in alarms(drive(detector, _frames(3 * rng.poisson(means / 3), 15)))]
    since = START + 28 * DAY + 12 * HOUR
    late = [(end - since) / HOUR for end in found if end > since]
    assert late
    assert late[0] <= (1.5 if left == 0.0 else 5.0)


def _frames(counts: Ints, minutes: int) -> list[Frame]:
    length = minutes * MINUTE
    return [
        frame(START + number * length, length, {WHOLE: (0, 0.0)}, arrivals=int(count))
        for number, count in enumerate(counts)
    ]
