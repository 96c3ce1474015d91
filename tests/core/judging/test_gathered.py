"""Cells that were summed together as columns say what the same cells say one by one."""

from dataclasses import asdict
from itertools import pairwise
from typing import Any, get_args, get_type_hints

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.store.memory_book import Book
from service.core.catalog import Rule, Threshold
from service.core.counting.sums import Sums, WindowSums, grouped
from service.core.counting.tally import Cell, Values, Window
from service.core.event import HOUR, MINUTE
from service.core.judging.frames import Framer
from service.core.judging.gathered import gather
from service.core.judging.rules import RuleWatch
from tests.core.making import at

_TUPLES: list[Values] = [(region, plan) for region in ("north", "south", None) for plan in ("free", "paid")]
_cells = st.tuples(
    st.integers(0, 5),
    st.integers(0, 3),
    st.integers(1, 9),
    st.integers(-99, 99),
    st.sampled_from([None, {3: 1}]),
    st.sampled_from([None, None, {"complaints": 2}]),
)
_windows = st.lists(st.dictionaries(st.integers(0, len(_TUPLES) - 1), _cells, min_size=1), min_size=1, max_size=6)


def summed(drawn: list[dict[int, Any]]) -> list[WindowSums]:
    """Windows of a batch."""
    which = [place for window in drawn for place in window]
    tried, broken, arrived, value, durations, signals = zip(
        *(cell for window in drawn for cell in window.values()), strict=True
    )
    none = np.zeros(len(which), dtype=np.int64)
    counts = (np.array(tried), np.array(broken), none, np.array(arrived), np.array(value), none, none)
    buckets = [None if each is None else dict(each) for each in durations]
    heard = [None if each is None else dict(each) for each in signals]
    sums = Sums(_TUPLES, np.array(which), *counts, buckets if any(buckets) else None, heard if any(heard) else None)
    borders = np.cumsum([0, *map(len, drawn)]).tolist()
    return [WindowSums(sums, begin, end) for begin, end in pairwise(borders)]


def said(framer: Framer, windows: list[Window]) -> Any:
    gathered = gather(windows)
    frame = framer.frame(at(0), at(15), gathered)
    sums = (gathered.events, gathered.failures, gathered.value, gathered.broken_value)
    columns = [column.tolist() for column in (frame.trials, frame.hits, frame.arrivals)]
    return sums, frame.segments, columns, asdict(frame.beside), framer.dump()


@given(_windows, st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_frame_of_sums_is_that_of_their_cells(drawn: list[dict[int, Any]], alone: list[bool]) -> None:
    parts = summed(drawn)
    cells = [dict(part.items()) for part in parts]
    # As they come: some windows have had more since, and are dictionaries.
    mixed = [one if single else part for one, part, single in zip(cells, summed(drawn), alone, strict=False)]

    def of(kept: list[Any]) -> list[Window]:
        return [Window(at(n), at(n + 1), one) for n, one in enumerate(kept)]

    assert said(Framer(("region", "plan")), of(mixed)) == said(Framer(("region", "plan")), of(cells))


@given(_windows)
def test_more_may_be_added_to_a_window_of_sums(drawn: list[dict[int, Any]]) -> None:
    book, plain = Book(), Book()
    for one in summed(drawn):
        book.add(at(0), one, late=False)
    for one in summed(drawn):
        plain.add(at(0), dict(one.items()), late=False)
    [found], [expected] = (list(each.windows(None, at(1), MINUTE)) for each in (book, plain))
    assert msgspec.to_builtins(list(found.cells.items())) == msgspec.to_builtins(list(expected.cells.items()))
    assert sum(cell.arrivals for cell in found.cells.values()) == sum(
        arrived for window in drawn for _, _, arrived, _, _, _ in window.values()
    )


@given(st.lists(st.integers(0, 40), min_size=1), st.sampled_from([41, 10_000]))
def test_groups_are_numbered_as_they_first_come(keys: list[int], below: int) -> None:
    group, first = grouped(np.array(keys), below)
    order = list(dict.fromkeys(keys))
    assert group.tolist() == [order.index(key) for key in keys]
    assert first.tolist() == [keys.index(key) for key in order]


@given(_windows)
def test_rules_read_a_window_of_sums_as_they_read_its_cells(drawn: list[dict[int, Any]]) -> None:
    rule = Rule("r", ("arrives",), (), group_by=())
    for signal in get_args(get_type_hints(Threshold)["signal"]):
        watches = [RuleWatch(rule, Threshold(signal, ">=", 0, HOUR), ("region", "plan")) for _ in range(2)]
        for n, part in enumerate(summed(drawn)):
            of_cells, of_sums = (
                watch.advance(at(n), at(n + 1), Window(at(n), at(n + 1), cells))
                for watch, cells in zip(watches, (dict(part.items()), part), strict=True)
            )
            assert of_cells == of_sums
            assert of_sums or signal == "failure_rate"


def test_a_window_of_sums_is_a_mapping_of_cells() -> None:
    [window] = summed([{0: (2, 1, 3, 5, {3: 1}, {"complaints": 2}), 4: (1, 0, 1, 7, None, None)}])
    assert len(window) == 2
    assert list(window) == list(window.keys()) == [_TUPLES[0], _TUPLES[4]]
    assert window[_TUPLES[0]] == Cell(2, 1, 0, 3, 5, durations={3: 1}, signals={"complaints": 2})
    assert _TUPLES[1] not in window
