"""The tallies of one moment in memory: as judged beside amendments, by window."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from operator import attrgetter

from service.core.counting.sums import WindowSums
from service.core.counting.tally import Cell, Cells, Values, Window, add_to, opened
from service.core.event import Micros

_ARRIVALS = attrgetter("arrivals")


class Book:
    """Cells by window; those that amend closed windows stand apart from those that were judged."""

    __slots__ = ("_starts", "amended", "judged")

    def __init__(self) -> None:
        self.judged: dict[Micros, Cells] = {}
        self.amended: dict[Micros, Cells] = {}
        self._starts: list[Micros] = []

    def add(self, start: Micros, given: Cells, *, late: bool) -> None:
        """Add the deltas of a window. The cells may be taken over: the giver must not touch them again."""
        given = _filled(given)
        if not given:
            return
        side = self.amended if late else self.judged
        cells = side.get(start)
        if cells is None:
            side[start] = given
            if not late:
                starts = self._starts
                if not starts or start > starts[-1]:
                    starts.append(start)
                else:
                    insort(starts, start)
            return
        if not isinstance(cells, dict):
            cells = side[start] = opened(cells)
        add_to(cells, given)

    def windows(self, after: Micros | None, through: Micros, width: Micros) -> Iterator[Window]:
        """As judged: windows with start ≥ after and end ≤ through that hold anything, in order."""
        starts = self._starts
        place = 0 if after is None else bisect_left(starts, after)
        while place < len(starts) and starts[place] + width <= through:
            start = starts[place]
            cells = _filled(self.judged[start])
            if cells:
                yield Window(start, start + width, cells)
            place += 1

    def between(self, start: Micros, end: Micros) -> Iterator[tuple[Micros, Values, Cell]]:
        """As amended: cells of windows with start ≤ window < end; a place may come twice."""
        for at in self._starts[bisect_left(self._starts, start) : bisect_left(self._starts, end)]:
            for values, cell in self.judged[at].items():
                yield at, values, cell
        for at, cells in self.amended.items():
            if start <= at < end:
                for values, cell in cells.items():
                    yield at, values, cell


def _filled(cells: Cells) -> Cells:
    """The cells that hold something: all, where something arrived in each, as nearly always and quick to see."""
    if isinstance(cells, WindowSums):
        return cells
    if all(map(_ARRIVALS, cells.values())):
        return cells
    return {values: cell for values, cell in cells.items() if cell.attempts or cell.arrivals or cell}
