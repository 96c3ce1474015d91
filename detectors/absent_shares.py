"""What is known of segments' shares of a moment's arrivals: by hour, how they move from day to day, of late."""

import math
from collections.abc import Mapping
from typing import Self

import numpy as np

from detectors.absent_clumps import SegmentClumps
from detectors.arrivals import ArrivalBase
from detectors.frame import JSON, Floats, Frame, Ints
from detectors.plain import fields, number, numbers
from detectors.table import Layout

LEVELS = (0.0, 0.1, 0.25)
"""What is left of a segment's share."""
DAY = 86_400_000_000
_HOUR = DAY // 24
_MEMORY = 28.0
_PRIOR = 3.0  # arrivals that an hour's share is taken for the day's
_TRENDS = (3.0, 14.0)  # days
_WANDER, _WORTH, _FLOOR = 0.05, 8.0, 0.01  # squared deviation of a share's quarters of a day
_HALF = 0.25
_FADING = 0.08  # of the record, in logs a day
_SURGE = 2.0  # so many times the expected is learned at most

LAYOUT = Layout(
    {
        "began": 1,  # day of the first arrival
        "known": 1,  # arrivals, fading
        "share": 1,  # of the whole's arrivals in this hour, at the least
        "doubt": 1,
        "due": 2,
        "came": 2,
        "block": 2,  # of this quarter of a day: expected, seen
        "moved": 2,  # squared deviations of such quarters, and their weight
        "filter": 2,  # gamma shape and scale of the share's deviation
        "gap": 1,  # expected arrivals in a row that did not come
        "null": 3,  # what was counted of the gap so far: null, and the parts
        "measure": len(LEVELS),
        "climb": len(LEVELS),
        "start": len(LEVELS),
        "told": 2 * len(LEVELS),  # expected and seen since the start of each climb
        "high": 1,  # logarithm of the statistic at its highest since it was low
        "record": 1,
        "since": 1,  # day of the breach; -1 where there is none
        "onset": 1,
        "back": 1,
        "hourly": 2,  # of this hour: expected, seen
        "waiting": 1,  # arrivals of windows put together
        "dimension": 1,
    },
    {"since": -1.0, "began": -1.0},
)


class Shares:
    """A column a segment; what a window may change is copied, names and shares by hour are replaced when they do."""

    def __init__(self) -> None:
        self.base = ArrivalBase()
        self.names: list[str] = []
        self._index: dict[str, int] = {}
        self.dimensions: list[str] = []
        self.resting: list[float] = []
        """Until which day nothing is missed in a dimension."""
        self.lines: Floats = np.zeros((LAYOUT.width, 0))
        self.seen: Floats = np.zeros((48, 0))
        self.whole: Floats = np.zeros(48)
        self.clumps = SegmentClumps()
        self.warm = False
        self.now = self.first = 0.0
        self.hour = -1.0
        self.pace = [0.0, 0.0]
        self.waiting = [0.0, 0.0]  # days, arrivals of the whole
        self.hourly = [0.0, 0.0]
        self.latest = [0.0, 0.0]  # of the whole: expected, seen
        self.missing = 0
        self.owed = 0.0
        self.shown: Floats = np.zeros(0)
        """Logarithm of each row's statistic over what it takes."""

    @property
    def origin(self) -> int:
        """The midnight that days count from, microseconds; -1 before the first frame."""
        return int(self.base.origin)

    def line(self, name: str) -> Floats:
        """A view of one number of all segments."""
        row: Floats = self.lines[LAYOUT.at[name]]
        return row

    def group(self, name: str) -> Floats:
        """A view of some numbers of all segments."""
        rows: Floats = self.lines[LAYOUT.span[name]]
        return rows

    def copy(self) -> Self:
        """What a frame may change is copied."""
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.lines = self.lines.copy()
        made.pace, made.waiting, made.hourly = self.pace[:], self.waiting[:], self.hourly[:]
        made.resting = self.resting[:]
        return made

    def deviation(self) -> Floats:
        """Variance of the logarithm of what is expected of each segment now."""
        squares, weight = self.group("moved")
        wander: Floats = np.clip((squares + _WORTH * _WANDER) / (weight + _WORTH), _FLOOR, 2.0)
        return wander + self.line("doubt")

    def rows_of(self, frame: Frame) -> Ints:
        """The columns of a frame's segments; new ones are added."""
        names = frame.segments[1:]
        new = [name for name in names if name not in self._index]
        if new:
            self.names, self._index = [*self.names, *new], dict(self._index)
            self.dimensions = [*self.dimensions]
            fresh = np.repeat(LAYOUT.fresh[:, None], len(new), axis=1)
            for place, name in enumerate(new):
                self._index[name] = len(self._index)
                dimension = name.partition("=")[0]
                if dimension not in self.dimensions:
                    self.dimensions.append(dimension)
                    self.resting.append(-1.0)
                fresh[LAYOUT.at["dimension"], place] = self.dimensions.index(dimension)
                fresh[LAYOUT.at["began"], place] = self.now
            self.lines = np.concatenate([self.lines, fresh], axis=1)
            self.seen = np.concatenate([self.seen, np.zeros((48, len(new)))], axis=1)
            self.clumps = self.clumps.more(len(new))
        return np.fromiter(map(self._index.__getitem__, names), dtype=np.int64, count=len(names))

    # Hour by hour: what is learned.

    def turn(self, hour: int) -> None:
        """Where an hour is over: learn it, and look up what the next one needs."""
        if hour == self.hour:
            return
        if self.hour >= 0.0:
            self._learn_hour()
        self.hour = float(hour)
        if self.names:
            self._look_up()

    def _slot(self, hour: float) -> int:
        hours = self.origin // _HOUR + int(hour)
        return hours % 24 + (24 if (hours // 24 + 3) % 7 > 4 else 0)  # noqa: PLR2004  # Saturday and Sunday

    def _learn_hour(self) -> None:
        days, arrivals = self.hourly
        self.hourly = [0.0, 0.0]
        if days <= 0.0 and arrivals <= 0.0:
            return
        self.base = self.base.copy()
        self.base.learn((self.hour + 0.5) / 24.0, days, arrivals)
        due, came = self.group("hourly").copy()
        self.group("hourly")[:] = 0.0
        broken = self.line("since") >= 0.0
        self.clumps = self.clumps.after(self.hour, due, came, self.line("share"), ~broken)
        usual = np.where(broken, due, np.minimum(came, _SURGE * due + _PRIOR) if self.warm else came)
        slot = self._slot(self.hour)
        weekend = slot >= 24  # noqa: PLR2004
        keep = math.exp(-1.0 / (_MEMORY * (2.0 if weekend else 5.0) / 7.0))
        self.seen, self.whole = self.seen.copy(), self.whole.copy()
        self.seen[slot] = self.seen[slot] * keep + usual
        self.whole[slot] = self.whole[slot] * keep + arrivals + float((usual - came)[broken].sum())
        known = self.line("known")
        known *= math.exp(-max(days, 0.0) / _MEMORY)
        known += usual
        plain = due / np.maximum(self.trend(), 0.05)
        for place, memory in enumerate(_TRENDS):
            fade = math.exp(-max(days, 0.0) / memory)
            for name, more in (("due", plain), ("came", usual)):
                row = self.group(name)[place]
                row *= fade
                row += np.where(broken, 0.0, more)
        block = self.group("block")
        block += np.where(broken, 0.0, np.stack([due, came]))
        if (int(self.hour) + 1) % 6 == 0:
            self._learn_quarter()

    def _learn_quarter(self) -> None:
        """What a quarter of a day fell short of what it should have had; more than that is no measure of a lack."""
        due, came = self.group("block")
        noise = self.clumps.size / np.maximum(due, 1e-9) + self.line("doubt")
        weight = np.where(due > 0.0, _HALF / (_HALF + noise), 0.0)
        apart = np.minimum(came - due, due) / np.maximum(due, 1e-9)
        moved = self.group("moved")
        moved *= math.exp(-0.25 / _MEMORY)
        moved[0] += weight * np.minimum(apart * apart - noise, 4.0)
        moved[1] += weight
        np.maximum(moved[0], -_WORTH * _WANDER, out=moved[0])
        self.group("block")[:] = 0.0
        record = self.line("record")
        np.maximum(record - _FADING / 4.0, 0.0, out=record)

    def trend(self) -> Floats:
        """Each segment's share of late over the learned one, the lower of the last days' and the last weeks'."""
        few = _PRIOR * 3.0 * self.clumps.size
        both = (self.group("came") + few) / (self.group("due") + few)
        found: Floats = np.clip(both.min(axis=0), 0.05, 1.0)
        return found

    def _look_up(self) -> None:
        """Shares in this hour; clocks change and days start late, so that lower ones beside it count."""
        total = float(self.whole.sum())
        overall = self.seen.sum(axis=0) / max(total, 1e-9)
        weight = _PRIOR / np.maximum(overall, 1e-9)
        lowest: Floats | None = None
        for by in (0, -1, 1):
            slot = self._slot(self.hour + by)
            share = (self.seen[slot] + _PRIOR) / (self.whole[slot] + weight)
            lowest = share if lowest is None else np.minimum(lowest, share)
        slot = self._slot(self.hour)
        self.line("share")[:] = 0.0 if lowest is None or total <= 0.0 else np.minimum(lowest * self.trend(), 0.999)
        self.line("doubt")[:] = self.clumps.size / (self.seen[slot] + _PRIOR)

    # Plain JSON.

    _NUMBERS = ("now", "first", "hour", "owed")
    _LISTS = ("pace", "waiting", "hourly", "latest", "resting")

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        plain: dict[str, JSON] = {name: getattr(self, name) for name in self._NUMBERS}
        lists: dict[str, JSON] = {name: list(getattr(self, name)) for name in self._LISTS}
        return {
            **plain,
            **lists,
            "warm": self.warm,
            "missing": self.missing,
            "base": self.base.dump(),
            "names": [*self.names],
            "dimensions": [*self.dimensions],
            "lines": self.lines.T.tolist(),
            "seen": self.seen.T.tolist(),
            "whole": self.whole.tolist(),
            "clumps": self.clumps.dump(),
            "shown": self.shown.tolist(),
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The state of a dump."""
        made = cls()
        made.base = ArrivalBase.load(fields(state, "base"))
        for name in cls._NUMBERS:
            setattr(made, name, number(state[name]))
        for name in cls._LISTS:
            setattr(made, name, numbers(state, name))
        made.warm, made.missing = bool(state["warm"]), int(number(state["missing"]))
        names, dimensions = state["names"], state["dimensions"]
        if not isinstance(names, list) or not isinstance(dimensions, list):
            raise ValueError("detector state: `names` and `dimensions` must be lists")
        made.names, made.dimensions = [str(name) for name in names], [str(name) for name in dimensions]
        made._index = {name: place for place, name in enumerate(made.names)}
        made.clumps = SegmentClumps.load(fields(state, "clumps"))
        made.lines = np.array(state["lines"], dtype=np.float64).reshape(len(names), LAYOUT.width).T.copy()
        made.seen = np.array(state["seen"], dtype=np.float64).reshape(len(names), 48).T.copy()
        made.whole, made.shown = np.array(numbers(state, "whole")), np.array(numbers(state, "shown"))
        return made
