"""One look at the cells of a frame's windows, from which everybody who judges it takes what they need."""

from collections.abc import Iterable, Sequence

import msgspec

from service.core.counting.tally import Cell, Values, Window


class Gathered(msgspec.Struct, frozen=True, gc=False):
    """A frame's cells and their counts as columns; where traffic is thick there are as many cells as events.

    `odd`: the cells with durations or signals, which most have none of. `value`, `broken_value`: of all of them.
    """

    values: Sequence[Values]
    cells: Sequence[Cell]
    attempts: Sequence[int]
    arrivals: Sequence[int]
    broken: Sequence[int]
    odd: Sequence[tuple[Values, Cell]]
    value: int
    broken_value: int


def gather(windows: Iterable[Window]) -> Gathered:
    """The cells of some windows."""
    values: list[Values] = []
    cells: list[Cell] = []
    for window in windows:
        values += window.cells
        cells += window.cells.values()
    broken = [cell.broken for cell in cells]
    return Gathered(
        values,
        cells,
        [cell.attempts for cell in cells],
        [cell.arrivals for cell in cells],
        broken,
        [(given, cell) for given, cell in zip(values, cells, strict=True) if cell.durations or cell.signals],
        sum([cell.value for cell in cells]),
        sum([cell.broken_value for cell in cells]),
    )
