"""Who pays for the promise of a moment, and from when on."""

import pytest

from detectors.budget import SHARES, Budget
from detectors.frame import WHOLE, Frame
from tests.detectors.frames import HOUR, START, frame


def bare(**rows: tuple[int, float]) -> Frame:
    """A frame in which nothing is beside the outcomes."""
    full = frame(START, HOUR, {WHOLE: (10, 0.0), **{f"region={name}": row for name, row in rows.items()}})
    return Frame(full.start, full.end, full.segments, full.trials, full.hits, full.arrivals)


def test_a_moment_without_segments_pays_for_nothing_that_compares_them() -> None:
    budget = Budget(90.0, SHARES)
    assert not budget.take(bare())
    assert not budget.used("contrast")
    rest = {kind: share for kind, share in SHARES.items() if kind in {"failure_rate", "silence", "drop"}}
    assert budget.intervals() == pytest.approx({kind: 90.0 * sum(rest.values()) / rest[kind] for kind in rest})


def test_the_first_segments_bring_what_compares_them_into_use() -> None:
    budget = Budget(90.0, SHARES)
    assert budget.take(bare(north=(5, 0.0)))
    assert budget.used("contrast")
    assert budget.used("absence")
    assert sum(1.0 / days for days in budget.intervals().values()) == pytest.approx(1.0 / 90.0)
