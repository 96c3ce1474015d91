from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.catalog import Moment
from service.core.columns import Outcomes, times_of
from service.core.counting import outcomes
from service.core.counting.changes import Changes
from service.core.event import HOUR, MINUTE, Micros, Outcome, Partition, Record, instant
from tests.core.making import by_columns

HERE = Partition("events", 3, "id")
BEGIN = 20_454 * 24 * HOUR
_SHARED: list[dict[str, str] | None] = [
    None,
    {},
    *({"region": region, "plan": plan} for region in ("", "north", "south") for plan in ("free", "paid")),
    {"region": "north", "more": "than is asked for"},
]
_events = st.lists(
    st.tuples(
        st.integers(-2 * HOUR, 3 * MINUTE),
        st.sampled_from(["kept", "broken", "cancelled"]),
        st.one_of(st.none(), st.floats(-1e12, 1e12), st.just(0.125)),
        st.one_of(st.none(), st.floats(0, 1e6)),
        st.integers(0, len(_SHARED) - 1),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def records(drawn: list[tuple[Any, ...]]) -> list[Record]:
    made = []
    for offset, (after, word, value, took, which, shared) in enumerate(drawn):
        dimensions = _SHARED[which]
        if not shared and dimensions is not None:
            dimensions = dict(dimensions)
        at = BEGIN + after
        event = Outcome(f"e{offset}", instant(at), "pays", f"c{offset}", word, None, None, took, value, dimensions)
        made.append(Record(offset, at, event))
    return made


def said(changes: Changes) -> list[Any]:
    """Everything that was counted, in the order in which it stands."""
    cells = [
        ((moment, window), [(values, msgspec.to_builtins(cell)) for values, cell in kept.items()])
        for moment, windows in changes.tally.cells.items()
        for window, kept in windows.items()
    ]
    return [cells, list(changes.breaks.items())]


@given(_events, st.sampled_from([1, 100, 10_000]), st.integers(-HOUR, HOUR))
def test_columns_count_what_one_by_one_counts_in_the_same_order(
    drawn: list[tuple[Any, ...]], scale: int, closed: Micros
) -> None:
    moment = Moment("pays", "ops", dimensions=("region", "plan"))
    made, singly, together = records(drawn), Changes(), Changes()
    half = len(made) // 2
    behind: list[list[int | None]] = [[], [], []]
    columns = Changes()
    # Twice, because what is counted may be there already; from anywhere.
    for some in (made[:half], made[half:]):
        if some:
            told = (HERE, some, moment, BEGIN + closed, scale)
            behind[0].append(outcomes._one_by_one(*told, singly))
            behind[1].append(outcomes._by_columns(*told, together))
            # As they are when a block was read so: whoever asks for records gets those.
            given = by_columns(some)
            behind[2].append(outcomes.count(HERE, given, *told[2:], columns))
    assert said(columns) == said(together) == said(singly)
    assert behind[0] == behind[1] == behind[2]


def test_columns_are_cut_as_lists_are() -> None:
    made = records([(offset, "kept", float(offset), None, offset % 8, True) for offset in range(10)])
    given = by_columns(made)
    for cut in (slice(0, 4), slice(3, None), slice(-2, None), slice(4, 4)):
        assert list(given[cut]) == made[cut]
    few = given.chosen(np.array([1, 5, 7]))
    assert list(few) == [made[place] for place in (1, 5, 7)]
    assert isinstance(few, Outcomes)
    assert few.columns.values.tolist() == [1.0, 5.0, 7.0]
    assert times_of(few) == [made[place].at for place in (1, 5, 7)]
    assert few[-1] == made[7]
    # What is left does not carry the dimensions of the rest.
    left = few.columns.dimensions
    assert len(left) == 3
    assert [left[which] for which in few.columns.which.tolist()] == [_SHARED[place] for place in (1, 5, 7)]


def test_sums_that_are_too_large_for_columns_are_made_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "MANY", 1)
    changes = Changes()
    made = records([(0, "kept", 1e12, None, 0, True)] * 1000)
    outcomes.count(HERE, made, Moment("pays", "ops"), 0, 10_000, changes)
    [(_, cell)] = changes.tally
    assert cell.value == 10**19
