"""One look at the cells of a frame's windows, from which everybody who judges it takes what they need."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count, groupby
from typing import NamedTuple, cast

import msgspec
import numpy as np

from detectors.frame import Floats, Ints
from service.core.counting.sums import Sums, WindowSums, grouped
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
    """What the cells of a frame count, by their values, each once, in the order in which they first come.

    `attempts`, `arrivals`, `broken`: an entry for each of `values`; whole numbers, far below where a float is none.
    `odd`: the cells with durations or signals, which most have none of. `folded`: what comes beside the cells, from
    windows that had to wait. The sums are of all.
    """

    values: Sequence[Values]
    attempts: Floats
    arrivals: Floats
    broken: Floats
    odd: Sequence[tuple[Values, Cell]]
    folded: Sequence[Marginal]
    events: int
    """Attempts or arrivals, whichever are more."""
    failures: int
    value: int
    broken_value: int

    @property
    def tells(self) -> bool:
        """Whether anything among them may speak for a break: failures, durations or signals."""
        return self.failures > 0 or bool(self.odd) or any(part.durations or part.signals for part in self.folded)

    @property
    def noted(self) -> bool:
        """Whether an annotation is among them."""
        return any(cell.signals and cell.signals.get("notes", 0) > 0 for _, cell in self.odd) or any(
            part.noted for part in self.folded
        )


class _Run(NamedTuple):
    """Cells that stand together, and what each counts; `which`: its number among all different values."""

    which: Ints
    attempts: Ints
    arrivals: Ints
    broken: Ints
    odd: list[tuple[Values, Cell]]
    value: int
    broken_value: int


def gather(windows: Iterable[Window]) -> Gathered:
    """The cells of some windows."""
    folded: list[Marginal] = []
    runs: list[_Run] = []
    numbers: dict[Values, int] = {}
    for sums, some in groupby(windows, key=_summed_together):
        if sums is None:
            alone = list(some)
            folded += [window.of for window in alone if isinstance(window, Folded)]
            runs.append(_of_cells([pair for window in alone for pair in window.cells.items()], numbers))
        else:
            parts = [cast("WindowSums", window.cells) for window in some]
            runs += [_of_sums(sums, begin, end, numbers) for begin, end in _joined(parts)]
    attempts, arrivals, broken = np.zeros((3, len(numbers)))
    for run in runs:
        attempts += np.bincount(run.which, run.attempts, len(numbers))
        arrivals += np.bincount(run.which, run.arrivals, len(numbers))
        broken += np.bincount(run.which, run.broken, len(numbers))
    return Gathered(
        list(numbers),
        attempts,
        arrivals,
        broken,
        [pair for run in runs for pair in run.odd],
        folded,
        max(
            int(attempts.sum()) + sum([int(part.tried[0]) for part in folded]),
            int(arrivals.sum()) + sum([int(part.arrived[0]) for part in folded]),
        ),
        int(broken.sum()) + sum([int(part.failed[0]) for part in folded]),
        sum([run.value for run in runs]) + sum([part.value for part in folded]),
        sum([run.broken_value for run in runs]) + sum([part.broken_value for part in folded]),
    )


def _summed_together(window: Window) -> Sums | None:
    cells = window.cells
    return cells.sums if isinstance(cells, WindowSums) else None


def _joined(parts: Iterable[WindowSums]) -> list[tuple[int, int]]:
    """From where to where some windows reach in the sums that they are of, those together that adjoin."""
    spans: list[tuple[int, int]] = []
    for part in parts:
        begin = spans.pop()[0] if spans and spans[-1][1] == part.begin else part.begin
        spans.append((begin, part.end))
    return spans


def _of_cells(pairs: Sequence[tuple[Values, Cell]], numbers: dict[Values, int]) -> _Run:
    cells = [cell for _, cell in pairs]
    return _Run(
        np.array([numbers.setdefault(values, len(numbers)) for values, _ in pairs], dtype=np.int64),
        np.array([cell.attempts for cell in cells], dtype=np.int64),
        np.array([cell.arrivals for cell in cells], dtype=np.int64),
        np.array([cell.broken for cell in cells], dtype=np.int64),
        [pair for pair in pairs if pair[1].durations or pair[1].signals],
        sum([cell.value for cell in cells]),
        sum([cell.broken_value for cell in cells]),
    )


def _of_sums(sums: Sums, begin: int, end: int, numbers: dict[Values, int]) -> _Run:
    here = slice(begin, end)
    places = sums.which[here]
    group, first = grouped(places, len(sums.tuples))
    named = [sums.tuples[place] for place in places[first].tolist()]
    if numbers:
        group = np.array([numbers.setdefault(values, len(numbers)) for values in named], dtype=np.int64)[group]
    else:
        # They differ, as nearly always it is all that there is.
        numbers.update(zip(named, count(), strict=False))
    odd = []
    if sums.durations is not None or sums.signals is not None:
        none = [None] * (end - begin)
        took = none if sums.durations is None else sums.durations[here]
        said = none if sums.signals is None else sums.signals[here]
        odd = [
            (sums.tuples[place], Cell(durations=buckets, signals=names))
            for place, buckets, names in zip(places.tolist(), took, said, strict=True)
            if buckets or names
        ]
    return _Run(
        group,
        sums.attempts[here],
        sums.arrivals[here],
        sums.broken[here],
        odd,
        int(sums.value[here].sum()),
        int(sums.broken_value[here].sum()),
    )
