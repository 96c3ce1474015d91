"""What waits is all that came, whatever rows each window had."""

import json
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.frame import Frame
from detectors.kept import Kept

MINUTE = 60_000_000
REGIONS = st.sampled_from(("region=a", "region=b", "region=c"))
WINDOWS = st.lists(st.dictionaries(REGIONS, st.integers(1, 9)), max_size=8)


def frame(number: int, regions: dict[str, int]) -> Frame:
    """A window in which nothing broke; the whole comes first."""
    counts = {"": sum(regions.values()), **dict(sorted(regions.items()))}
    trials = np.array(list(counts.values()))
    return Frame(number * MINUTE, (number + 1) * MINUTE, tuple(counts), trials, 0.0 * trials, trials)


@given(WINDOWS, st.sets(st.integers(0, 8)), st.integers(0, 8))
def test_what_waits_is_the_sum_of_what_came(windows: list[dict[str, int]], asked: set[int], dumped: int) -> None:
    """Whenever somebody asks for it, and from a dump anywhere."""
    kept, came = Kept(), Counter[str]()
    for number, regions in enumerate(windows):
        one = frame(number, regions)
        kept.add(one)
        came.update(dict(zip(one.segments, one.trials.tolist(), strict=True)))
        if number in asked:
            assert kept.trials == came
        if number == dumped:
            state = json.loads(json.dumps(kept.dump()))
            kept = Kept()
            kept.restore(state)
    assert kept.trials == came
    last = frame(len(windows), {"region=a": 1, "region=d": 2})
    merged = kept.merged(last)
    assert dict(zip(merged.segments, merged.trials.tolist(), strict=True)) == came + Counter(
        {"": 3, "region=a": 1, "region=d": 2}
    )


def test_nothing_waits_any_more_once_it_was_taken() -> None:
    kept = Kept()
    for number in range(3):
        kept.add(frame(number, {"region=a": 2}))
    kept.clear()
    assert kept.trials == {}
    one = frame(4, {"region=a": 1})
    kept.add(one)
    assert kept.trials == {"": 1, "region=a": 1}
    assert one.trials.tolist() == [1, 1]


def test_a_frame_that_waits_stays_as_it_is() -> None:
    kept, first = Kept(), frame(0, {"region=a": 2})
    kept.add(first)
    kept.add(frame(1, {"region=a": 5}))
    assert kept.trials == {"": 7, "region=a": 7}
    assert first.trials.tolist() == [2, 2]
