import numpy as np
import pytest

from detectors.absent_clumps import SegmentClumps
from detectors.frame import Flags, Floats

SHARES: Floats = np.array([0.4, 0.3, 0.2, 0.1])
USUAL: Flags = np.ones(4, dtype=np.bool_)


def _learned(counts: Floats, usual: Flags = USUAL) -> SegmentClumps:
    """From what came by hour and segment, the whole swinging from hour to hour."""
    clumps = SegmentClumps().more(4)
    for hour, came in enumerate(counts):
        clumps = clumps.after(float(hour), came.sum() * SHARES, came, SHARES, usual)
    return clumps


def _counts(sizes: list[int], per_hour: float = 60.0) -> Floats:
    """A day that doubles and halves every hour, which moves all segments alike."""
    means = per_hour * np.where(np.arange(28 * 24) % 2, 1.5, 0.5)[:, None] * SHARES / np.array(sizes)
    counts: Floats = np.random.default_rng(1).poisson(means) * np.array(sizes, dtype=np.float64)
    return counts


def test_segments_that_come_one_by_one_have_no_clumps_whatever_moves_all_of_them() -> None:
    assert _learned(_counts([1, 1, 1, 1])).size.max() <= 1.1


def test_only_who_comes_in_clumps_has_any() -> None:
    size = _learned(_counts([1, 1, 1, 6], 200.0)).size
    assert size[3] == pytest.approx(6.0, rel=0.25)
    assert size[:3].max() <= 2.0  # their share of the whole moves with the clumps of the other


def test_who_was_in_breach_begins_anew() -> None:
    odd = np.array([False, True, True, True])
    assert _learned(_counts([3, 3, 3, 3]), odd).size[0] == 1.0 < _learned(_counts([3, 3, 3, 3]), odd).size[1]


def test_a_state_that_was_written_down_goes_on_as_if_it_had_not_been() -> None:
    counts = _counts([1, 2, 3, 4])
    one = _learned(counts)
    two = SegmentClumps.load(one.dump())
    for clumps in (one, two):
        again = clumps.after(28.0 * 24.0, 60.0 * SHARES, counts[0], SHARES, USUAL)
        assert again.dump() == one.after(28.0 * 24.0, 60.0 * SHARES, counts[0], SHARES, USUAL).dump()
