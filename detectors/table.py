"""What is known of each segment: one matrix with a column a segment, so that a frame gathers and scatters once."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import numpy as np

from detectors.frame import JSON, Floats, Ints


class Layout:
    """Which lines of a column hold what: a slice for each group of numbers, and what a column holds at first.

    `groups` maps a group's name to its lines, `fresh` a group's name to what a segment never seen before holds in
    them (0 where it says nothing).

    >>> layout = Layout({"count": 1, "weights": 2}, {"weights": 0.5})
    >>> layout.width, layout.at["count"], layout.span["weights"], layout.fresh.tolist()
    (3, 0, slice(1, 3, None), [0.0, 0.5, 0.5])
    """

    __slots__ = ("at", "fresh", "span", "width")

    def __init__(self, groups: Mapping[str, int], fresh: Mapping[str, float | Sequence[float]] | None = None) -> None:
        self.at: dict[str, int] = {}
        self.span: dict[str, slice] = {}
        self.width = 0
        for name, wide in groups.items():
            self.at[name] = self.width
            self.span[name] = slice(self.width, self.width + wide)
            self.width += wide
        self.fresh: Floats = np.zeros(self.width)
        for name, value in (fresh or {}).items():
            self.fresh[self.span[name]] = value


class Table:
    """A growing matrix with a column for each name ("row" of a frame) and a slice of lines for each group of numbers.

    A group over many segments lies together, shape (lines, segments): arithmetic on it is one pass over memory. The
    matrix keeps a fresh column in its last place, so that `gather` can answer for a segment that is not there
    without adding it: a reader changes nothing.

    >>> table = Table(Layout({"count": 1, "weights": 2}, {"weights": 0.5}))
    >>> table.gather(table.find(["carrier=AA"])).T.tolist()
    [[0.0, 0.5, 0.5]]
    >>> place = table.add(["carrier=AA"])
    >>> table.data[table.at["count"], place] = 3.0
    >>> table.gather(table.find(["carrier=AA", "carrier=MQ"])).T.tolist()
    [[3.0, 0.5, 0.5], [0.0, 0.5, 0.5]]
    """

    __slots__ = ("at", "data", "fresh", "index", "names", "span", "width")

    def __init__(self, layout: Layout) -> None:
        self.at, self.span, self.width, self.fresh = layout.at, layout.span, layout.width, layout.fresh
        self.names: list[str] = []
        self.index: dict[str, int] = {}
        self.data: Floats = self._spare(16)

    def _spare(self, count: int) -> Floats:
        return np.tile(self.fresh[:, None], (1, count))

    def __len__(self) -> int:
        return len(self.names)

    def find(self, names: Sequence[str]) -> Ints:
        """The place of each name, -1 (the fresh column) for one that is not there."""
        return np.fromiter(map(self.index.get, names, repeat(-1)), dtype=np.int64, count=len(names))

    def add(self, names: Iterable[str]) -> Ints:
        """The place of each name; names that are not there get a fresh column."""
        wanted = list(names)
        new = [name for name in dict.fromkeys(wanted) if name not in self.index]
        if new:
            self._make_room(len(self.names) + len(new) + 1)
            self.index.update(zip(new, range(len(self.names), len(self.names) + len(new)), strict=True))
            self.names += new
        return np.fromiter(map(self.index.__getitem__, wanted), dtype=np.int64, count=len(wanted))

    def _make_room(self, columns: int) -> None:
        """For so many columns, the fresh one in the last place; a quarter more, so that it is seldom made."""
        there = self.data.shape[1]
        if columns > there:
            # Odd: lines a page apart would share a few places of the cache.
            wider = (columns + columns // 4) | 1
            self.data = np.concatenate([self.data, self._spare(wider - there)], axis=1)

    def gather(self, places: Ints) -> Floats:
        """A copy of the columns at some places, shape (width, places)."""
        return self.data.take(places, axis=1)

    def line(self, name: str) -> Floats:
        """A view of one number of all segments, shape (segments,)."""
        return self.data[self.at[name], : len(self.names)]

    def group(self, name: str) -> Floats:
        """A view of a group of numbers of all segments, shape (lines, segments)."""
        return self.data[self.span[name], : len(self.names)]

    def dump(self) -> dict[str, JSON]:
        """Plain JSON from which `restore` rebuilds everything bit for bit."""
        names: list[JSON] = list(self.names)
        return {"names": names, "rows": self.data[:, : len(self.names)].T.tolist()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take the segments of a dump; ValueError when they have another width than this table."""
        names, rows = state["names"], state["rows"]
        if not isinstance(names, Sequence) or not isinstance(rows, Sequence) or len(names) != len(rows):
            raise ValueError("detector state: `names` and `rows` must be lists of one length")
        self.add(str(name) for name in names)
        if rows:
            matrix = np.array(rows, dtype=np.float64)
            if matrix.shape[1:] != (self.width,):
                raise ValueError(
                    f"detector state: rows are {matrix.shape[1:]} wide, this version has {self.width} columns"
                )
            self.data[:, : len(rows)] = matrix.T
