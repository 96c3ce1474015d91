"""The mergeable counts of one window, kept by the whole tuple of dimension values."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import itemgetter
from typing import Literal

import msgspec

from service.core.event import Micros

Values = tuple[str | None, ...]
"""One value for each of a moment's dimensions, in the catalogue's order; None is "not stated"."""

Signal = Literal["complaints", "notes"]
"""What is heard about a moment, counted beside outcomes in a row of its own where there is any.

`complaints`; `notes`: annotations, such as a deployment, which widen what counts as usual for a while. What promises
are counted as on their course is in `course`.
"""


def stated(given: Mapping[str, str] | None, names: tuple[str, ...]) -> Values:
    """The values of a moment's dimensions; an empty one is not stated."""
    if not given:
        return (None,) * len(names)
    if 1 < len(names) <= len(given):
        # With one name an itemgetter gives no tuple.
        try:
            values: Values = _picker(names)(given)
        except KeyError:
            pass
        else:
            if "" not in values:
                return values
    return tuple([given.get(name) or None for name in names])


@cache
def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, str]], Values]:
    return itemgetter(*names)


class Cell(msgspec.Struct, gc=False):
    """Sums over events; adding cells in any order gives the same cell. Deltas may be negative.

    `attempts`, `broken`: promises that fell due or outcomes that happened. `cancelled`: withdrawn by the customer.
    `arrivals`: events whose own time lies in the window. `value`, `broken_value`: minor units of the currency.
    `durations`: how many attempts' durations fell in each logarithmic bucket (see `duration_bucket`).
    `signals`: counts that most windows have none of, by name (see `Signal`).
    """

    attempts: int = 0
    broken: int = 0
    cancelled: int = 0
    arrivals: int = 0
    value: int = 0
    broken_value: int = 0
    duration_ms: int = 0
    durations: dict[int, int] | None = None
    signals: dict[str, int] | None = None

    def add(self, other: "Cell", sign: int = 1) -> None:
        """Take another cell in, or out with sign -1."""
        self.attempts += sign * other.attempts
        self.broken += sign * other.broken
        self.cancelled += sign * other.cancelled
        self.arrivals += sign * other.arrivals
        self.value += sign * other.value
        self.broken_value += sign * other.broken_value
        self.duration_ms += sign * other.duration_ms
        if other.durations:
            for bucket, count in other.durations.items():
                self.count_duration(bucket, sign * count)
        if other.signals:
            for name, count in other.signals.items():
                self.count_signal(name, sign * count)

    def count_duration(self, bucket: int, count: int) -> None:
        """Count durations in, or out with a negative number; a bucket that comes to nothing is left out."""
        mine = self.durations or {}
        total = mine.get(bucket, 0) + count
        if total:
            mine[bucket] = total
        else:
            mine.pop(bucket, None)
        self.durations = mine or None

    def count_signal(self, name: str, count: int) -> None:
        """Count a signal in, or out with a negative number; one that comes to nothing is left out."""
        mine = self.signals
        if mine is None:
            if count:
                self.signals = {name: count}
            return
        total = mine.get(name, 0) + count
        if total:
            mine[name] = total
            return
        mine.pop(name, None)
        if not mine:
            self.signals = None

    def __bool__(self) -> bool:
        """False for a cell that holds nothing."""
        return bool(
            self.attempts
            or self.broken
            or self.cancelled
            or self.arrivals
            or self.value
            or self.broken_value
            or self.duration_ms
            or self.durations
            or self.signals
        )


_GROWTH = math.log(1.02)


def duration_bucket(milliseconds: int) -> int:
    """The bucket of a duration: neighbouring buckets differ by 2 %, so a quantile read from them errs by 1 %.

    Logarithmic buckets as in DDSketch (Masson, Rim, Lee 2019); 0 holds everything below one millisecond.
    """
    return 0 if milliseconds < 1 else 1 + int(math.log(milliseconds) / _GROWTH)


class CellKey(msgspec.Struct, frozen=True, gc=False):
    """Where a cell stands: its moment, window, dimension values, and whether it amends a window already closed."""

    moment: str
    window: Micros
    values: Values
    late: bool


Cells = Mapping[Values, Cell]
"""The cells of one window; in a dictionary where more may be added to them."""


def opened(cells: Cells | None) -> dict[Values, Cell]:
    """A window's cells in a dictionary, to be added to."""
    return {} if cells is None else dict(cells.items())


def add_to(cells: dict[Values, Cell], given: Cells) -> None:
    """Add cells to those of a window. They may be taken over: the giver must not touch them again."""
    for values, cell in given.items():
        known = cells.get(values)
        if known is None:
            cells[values] = cell
        else:
            known.add(cell)


class Tally:
    """Cells by moment, window and lateness, and dimension values, as deltas to be added to what is stored."""

    __slots__ = ("cells",)

    def __init__(self) -> None:
        self.cells: dict[str, dict[tuple[Micros, bool], Cells]] = {}

    def cell(self, moment: str, window: Micros, values: Values, *, late: bool) -> Cell:
        """The cell at a place, made when it is not there yet."""
        windows = self.cells.get(moment)
        # Without a call where the window is there, as nearly always.
        cells = windows.get((window, late)) if windows is not None else None
        if not isinstance(cells, dict):
            cells = self.window(moment, window, late=late)
        cell = cells.get(values)
        if cell is None:
            cell = cells[values] = Cell()
        return cell

    def window(self, moment: str, window: Micros, *, late: bool) -> dict[Values, Cell]:
        """The cells of a window, to be added to."""
        windows = self.cells.setdefault(moment, {})
        cells = windows.get((window, late))
        if not isinstance(cells, dict):
            cells = windows[window, late] = opened(cells)
        return cells

    def put(self, moment: str, window: Micros, given: Cells, *, late: bool) -> None:
        """Add cells to a window. They may be taken over: the giver must not touch them again."""
        windows = self.cells.setdefault(moment, {})
        if windows.setdefault((window, late), given) is not given:
            add_to(self.window(moment, window, late=late), given)

    def merge(self, other: "Tally") -> None:
        """Add another tally's cells."""
        for key, cell in other:
            self.cell(key.moment, key.window, key.values, late=key.late).add(cell)

    def __iter__(self) -> Iterator[tuple[CellKey, Cell]]:
        """Every cell that holds something."""
        for moment, windows in self.cells.items():
            for (window, late), cells in windows.items():
                for values, cell in cells.items():
                    if cell:
                        yield CellKey(moment, window, values, late), cell


class Window(msgspec.Struct, frozen=True, gc=False):
    """A closed window of one moment, as judged: the cells that are not empty, amendments left out."""

    start: Micros
    end: Micros
    cells: Cells
