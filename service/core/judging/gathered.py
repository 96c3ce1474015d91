"""One look at the cells of a frame's windows, from which everybody who judges it takes what they need."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from detectors.frame import Floats, Ints
from service.core.counting.tally import Cell, Values, Window


class Marginal(msgspec.Struct, frozen=True, gc=False):
    """A window's counts by the numbers of their rows, the whole first.

    `durations`, `signals`: by the names of their rows, and by the signals'. `noted`: an annotation is among them.
    """

    rows: Ints
    tried: Floats
    failed: Floats
    arrived: Floats
    durations: Mapping[str, Mapping[int, int]]
    signals: Mapping[str, Mapping[str, int]]
    noted: bool
    value: int
    broken_value: int


class Folded(Window, frozen=True, gc=False, kw_only=True):
    """A window without its cells: where tuples hardly repeat they are the memory that waiting for a frame takes."""

    of: Marginal


class Gathered(msgspec.Struct, frozen=True, gc=False):
    """A frame's cells and their counts as columns; where traffic is thick there are as many cells as events.

    `odd`: the cells with durations or signals, which most have none of. `folded`: what comes beside the cells, from
    windows that had to wait. The sums are of all.
    """

    values: Sequence[Values]
    cells: Sequence[Cell]
    attempts: Sequence[int]
    arrivals: Sequence[int]
    broken: Sequence[int]
    odd: Sequence[tuple[Values, Cell]]
    folded: Sequence[Marginal]
    events: int
    """Attempts or arrivals, whichever are more."""
    failures: int
    value: int
    broken_value: int

    @property
    def noted(self) -> bool:
        """Whether an annotation is among them."""
        return any(cell.signals and cell.signals.get("notes", 0) > 0 for _, cell in self.odd) or any(
            part.noted for part in self.folded
        )


def gather(windows: Iterable[Window]) -> Gathered:
    """The cells of some windows."""
    values: list[Values] = []
    cells: list[Cell] = []
    folded: list[Marginal] = []
    for window in windows:
        if isinstance(window, Folded):
            folded.append(window.of)
        values += window.cells
        cells += window.cells.values()
    attempts, arrivals = [cell.attempts for cell in cells], [cell.arrivals for cell in cells]
    broken = [cell.broken for cell in cells]
    return Gathered(
        values,
        cells,
        attempts,
        arrivals,
        broken,
        [(given, cell) for given, cell in zip(values, cells, strict=True) if cell.durations or cell.signals],
        folded,
        max(
            sum(attempts) + sum([int(part.tried[0]) for part in folded]),
            sum(arrivals) + sum([int(part.arrived[0]) for part in folded]),
        ),
        sum(broken) + sum([int(part.failed[0]) for part in folded]),
        sum([cell.value for cell in cells]) + sum([part.value for part in folded]),
        sum([cell.broken_value for cell in cells]) + sum([part.broken_value for part in folded]),
    )
