"""Rows by segment name in one matrix of named columns, so that a frame gathers and scatters its rows once."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from detectors.frame import JSON, Floats, Ints


class Table:
    """A growing matrix with a name for each row and a slice for each group of columns.

    `columns` maps a group's name to its width, `fresh` a group's name to what a row never seen before holds
    (0 where it says nothing). The matrix keeps a fresh row in its last place, so that `gather` can answer
    for a segment that is not there without adding it: a reader changes nothing.

    >>> table = Table({"count": 1, "weights": 2}, {"weights": 0.5})
    >>> table.gather(table.find(["carrier=AA"])).tolist()
    [[0.0, 0.5, 0.5]]
    >>> row = table.add(["carrier=AA"])
    >>> table.data[row, table.at["count"]] = 3.0
    >>> table.gather(table.find(["carrier=AA", "carrier=MQ"])).tolist()
    [[3.0, 0.5, 0.5], [0.0, 0.5, 0.5]]
    """

    __slots__ = ("at", "data", "fresh", "index", "names", "span", "width")

    def __init__(self, columns: Mapping[str, int], fresh: Mapping[str, float] | None = None) -> None:
        self.at: dict[str, int] = {}
        self.span: dict[str, slice] = {}
        self.width = 0
        for name, wide in columns.items():
            self.at[name] = self.width
            self.span[name] = slice(self.width, self.width + wide)
            self.width += wide
        self.fresh: Floats = np.zeros(self.width)
        for name, value in (fresh or {}).items():
            self.fresh[self.span[name]] = value
        self.names: list[str] = []
        self.index: dict[str, int] = {}
        self.data: Floats = np.tile(self.fresh, (16, 1))

    def __len__(self) -> int:
        return len(self.names)

    def find(self, names: Iterable[str]) -> Ints:
        """The row of each name, -1 (the fresh row) for one that is not there."""
        get = self.index.get
        return np.array([get(name, -1) for name in names], dtype=np.int64)

    def add(self, names: Iterable[str]) -> Ints:
        """The row of each name; names that are not there get a fresh row."""
        rows = []
        for name in names:
            row = self.index.get(name)
            if row is None:
                row = len(self.names)
                if row + 1 >= len(self.data):
                    self.data = np.concatenate([self.data, np.tile(self.fresh, (len(self.data), 1))])
                self.index[name] = row
                self.names.append(name)
            rows.append(row)
        return np.array(rows, dtype=np.int64)

    def gather(self, rows: Ints) -> Floats:
        """A copy of the rows, shape (rows, width)."""
        return self.data[rows]

    def column(self, name: str) -> Floats:
        """A view of one column over all rows."""
        return self.data[: len(self.names), self.at[name]]

    def group(self, name: str) -> Floats:
        """A view of a group of columns over all rows, shape (rows, columns)."""
        return self.data[: len(self.names), self.span[name]]

    def dump(self) -> dict[str, JSON]:
        """Plain JSON from which `restore` rebuilds the rows bit for bit."""
        names: list[JSON] = list(self.names)
        return {"names": names, "rows": self.data[: len(self.names)].tolist()}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take the rows of a dump; ValueError when they have another width than this table."""
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
            self.data[: len(rows)] = matrix
