"""What a detector of complaints knows, and how a frame changes it: base, rows, statistics, breaches."""

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import astuple, dataclass
from typing import ClassVar, Self

import numpy as np

from detectors.arrivals import MEMORY, ArrivalBase
from detectors.batches import Batches
from detectors.breach import Breach
from detectors.day_levels import DayLevels
from detectors.frame import JSON, WHOLE, Floats, Frame
from detectors.kept import ends_hour
from detectors.naming import DAY, Carried, named
from detectors.plain import fields, numbers

_ARL_FACTOR = 0.676
LEVELS = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""What complaints are multiplied by. A base of nearly none is known so badly that ten times as many is nothing."""
_PERSISTENCE = 0.25
_SETTLED = 3.0  # days from which the base may be judged by, if there were some complaints
_SOME = 3.0
_LATELY = (0.125, 1.0, 7.0)  # days: whose customers are more than usual has more complaints
_LEAST = 2.5  # complaints within about a day: less is no cluster, however rare any complaint is
_LONGEST = 60 * 24  # hours of a gap that are gone through one by one
_CEILING = 1e60
_SLOTS = 1e7  # a day's chances for a complaint, so many that none has two
_ROWS = 2000
_STRETCHES = (24.0, 96.0, 288.0, 1440.0)  # a day; what comes within one may come in one batch
_A_STRETCH = 20.0  # complaints at most that are expected in one: of more, sizes are not told
_LEVELS = np.array(LEVELS)


@dataclass(frozen=True, slots=True)
class Settings:
    """In days."""

    false_alarm_interval: float
    cold_start: float
    accept_after: float


class CalmBase(ArrivalBase):
    """Complaints are few: hours are alike until they are seen to differ."""

    apart_prior: ClassVar[float] = 0.1


class Row:
    """One row: its share of the whole's base, its filter, its statistic. Times are days since the origin."""

    _FIELDS = (
        "seen", "due", "shape", "scale", "at", "clock", "entered", "lately", "hoped",
        "stretch", "begun", "came", "usual", "factor", "spread",
    )  # fmt: skip
    _LISTS = ("measure", "climb", "start", "measured", "climbed")

    def __init__(self, now: float, clock: float, levels: int = len(LEVELS)) -> None:
        self.seen, self.due = 0.0, 0.0  # complaints, and the whole's expected ones while it was watched
        self.shape = self.scale = 0.0
        self.at, self.clock, self.entered = now, clock, now
        self.lately, self.hoped = 0.0, 0.0
        # The stretch that it is in, by its end: complaints and expected ones so far, by what factor more of them were
        # expected at its beginning, and how surely.
        self.stretch, self.begun, self.came, self.usual, self.factor, self.spread = -1.0, now, 0.0, 0.0, 1.0, 0.0
        self.measure, self.climb, self.start = [0.0] * levels, [0.0] * levels, [now] * levels
        self.measured, self.climbed = [0.0] * levels, [0.0] * levels
        """Measure and climb at the stretch's beginning."""

    def copy(self) -> "Row":
        """An independent copy."""
        made = copy(self)
        for name in self._LISTS:
            setattr(made, name, list(getattr(self, name)))
        return made

    def begin(self, stretch: float) -> None:
        """Begin a stretch of time."""
        self.stretch, self.begun, self.came, self.usual = stretch, self.at, 0.0, 0.0
        self.factor, self.spread = max(self.shape / self.scale, 1.0), 1.0 / self.shape
        self.measured, self.climbed = self.measure, self.climb

    def share(self, *, whole: bool) -> tuple[float, float]:
        """Of the whole's expectation, and the variance of its logarithm."""
        if whole:
            return 1.0, 0.0
        return (self.seen + 0.5) / (self.due + 1.0), 1.0 / (self.seen + 0.5)

    def dump(self) -> JSON:
        """Plain JSON."""
        return [[getattr(self, name) for name in self._FIELDS], *([*getattr(self, name)] for name in self._LISTS)]

    @classmethod
    def load(cls, state: JSON) -> "Row":
        """The row of a dump."""
        if not isinstance(state, list):
            raise ValueError("detector state: a row of complaints must be a list")
        parts = {str(place): part for place, part in enumerate(state)}
        made = cls(0.0, 0.0)
        for name, value in zip(cls._FIELDS, numbers(parts, "0"), strict=True):
            setattr(made, name, value)
        for place, name in enumerate(cls._LISTS, start=1):
            setattr(made, name, numbers(parts, str(place)))
        return made


class Clusters:
    """The state of `Complaints`; a frame is taken into a copy. Times are days since the base's origin."""

    _NUMBERS: ClassVar = ("now", "first", "clock", "pending", "doubt", "hoped", "hourly", "long", "traffic")

    def __init__(self) -> None:
        self.base: ArrivalBase = CalmBase()
        self.batches, self.levels = Batches(), DayLevels()
        self.base.clump = self.batches.size()
        self.now = self.first = 0.0
        self.clock = 0.0  # the whole's expected complaints so far, by which segments are kept up
        self.pending = self.doubt = 0.0  # complaints expected since the last look, and how surely
        self.hoped = self.hourly = 0.0  # complaints expected in the last frame, and in an hour like it
        self.long = self.traffic = 0.0
        self.lately = [0.0] * len(_LATELY)  # customers, fading
        self.warm = self.heard = False
        self.rows: dict[str, Row] = {}
        self.breaches: dict[str, Breach] = {}
        self.shown: dict[str, tuple[float, float, float, float]] = {}

    def copy(self) -> "Clusters":
        """An independent copy; rows are replaced, never changed."""
        made = copy(self)
        made.base = self.base.copy()
        made.rows, made.breaches, made.shown = dict(self.rows), dict(self.breaches), dict(self.shown)
        return made

    def needed(self, cold_start: float) -> float:
        """Days from which it is warm."""
        return min(_SETTLED, cold_start) if self.warm or self.base.total >= _SOME else cold_start

    def take(self, frame: Frame, settings: Settings) -> None:
        """Take a frame in, and the time before it in which nobody complained."""
        base = self.base
        if base.origin < 0:
            base.origin = frame.start - frame.start % DAY
            self.now = self.first = (frame.start - base.origin) / DAY
        start, end = (frame.start - base.origin) / DAY, (frame.end - base.origin) / DAY
        daily = base.rate(0.5 * (start + end))[0] * self._more()
        self.hoped, self.hourly = daily * (end - start), daily / 24.0
        at = max(self.now, start - _LONGEST / 24.0)
        while at < start - 1e-9:
            until = min((math.floor(at * 24.0 + 1e-6) + 1.0) / 24.0, start)
            self._pass(at, until, 0.0, None)
            self._count(0.0, until - at)
            at = until
        came = frame.beside.complaints
        self.warm = self.warm or start - self.first >= self.needed(settings.cold_start)
        doubt = None if frame.usual else frame.doubt
        counts = {name: float(max(count, 0)) for name, count in came.items()}
        self._pass(start, end, counts.get(WHOLE, 0.0) - self._explained(counts), doubt)
        self._count(float(frame.trials[0]), end - start)
        self.now = end
        self.heard = self.heard or bool(came)
        if came or ends_hour(frame):
            self._look(counts, doubt, settings)

    def _explained(self, came: Mapping[str, float]) -> float:
        """Complaints that segments in breach account for; what is usual of theirs is added again by their share."""
        return sum(came.get(name, 0.0) for name in self._apart())

    def _apart(self) -> list[str]:
        """Segments in breach, of the first dimension that has any: the whole is judged by what is left of it."""
        if not self.breaches or WHOLE in self.breaches:
            return []
        first = min(self.breaches).partition("=")[0] + "="
        return [name for name in self.breaches if name.startswith(first)]

    def _rest(self) -> float:
        """The share of what is expected that is left without them."""
        return max(1.0 - sum(self.rows[name].share(whole=False)[0] for name in self._apart()), 0.05)

    def _pass(self, start: float, end: float, came: float, doubt: float | None) -> None:
        """Let time go by: what was expected in it, and what it teaches."""
        length, middle = end - start, 0.5 * (start + end)
        due = self.base.rate(middle)[0] * length * self._more()
        self.pending += due
        self.doubt = self.base.rate(middle)[1]
        self.clock += due
        if doubt is None and WHOLE not in self.breaches:
            self.base.learn(middle, length, max(came, 0.0) / self._more() / self._rest())

    def _count(self, trials: float, length: float) -> None:
        """How many customers there are, lately and in the long run."""
        self.lately = [
            lately * math.exp(-length / memory) + trials for lately, memory in zip(self.lately, _LATELY, strict=True)
        ]
        fade = math.exp(-length / MEMORY)
        self.long = self.long * fade + trials
        self.traffic = self.traffic * fade + length

    def _more(self) -> float:
        """By what factor there are more customers than is usual, lately or some days ago: complaints come later."""
        if self.long <= 0.0 or self.traffic < _SETTLED:
            return 1.0
        most = max(lately / memory for lately, memory in zip(self.lately, _LATELY, strict=True))
        return max(most / (self.long / self.traffic), 1.0)

    def _look(self, came: Mapping[str, float], doubt: float | None, settings: Settings) -> None:
        """Bring the statistics up to date, and see whether that is enough for an alarm or a recovery."""
        due, known = self.pending, self.doubt
        self.pending = 0.0
        wander = max(self.base.wander(), self.levels.variance()) + (doubt or 0.0)
        if WHOLE not in self.rows:
            self.rows[WHOLE] = Row(self.first, self.clock - due)
        touched = {WHOLE, *self.breaches, *(name for name in came if name in self.rows or len(self.rows) < _ROWS)}
        touched |= {name for name, row in self.rows.items() if sum(row.measure) > 1.0}
        stretch = self._stretch()
        for name in sorted(touched):
            known_row = self.rows.get(name)
            row = self.rows[name] = Row(self.now, self.clock - due) if known_row is None else known_row.copy()
            heard = came.get(name, 0.0)
            if name == WHOLE and self.breaches:
                heard = max(heard - self._explained(came), 0.0)
            if name == WHOLE and row.stretch >= 0.0 and row.stretch != stretch and doubt is None:
                self._learn_past(row)
            self._update(name, row, heard, (known, wander, stretch), learn=doubt is None)
        self._end(settings)
        self._alarm(came, settings)

    def _stretch(self) -> float:
        """The end of the stretch of time that the last frame is in."""
        often = next((each for each in _STRETCHES if 24.0 * self.hourly <= _A_STRETCH * each), _STRETCHES[-1])
        return math.ceil(self.now * often - 1e-6) / often

    def _learn_past(self, row: Row) -> None:
        """Learn from a stretch that is over how many complaints come together, and how much days differ."""
        if not self.breaches:
            self.batches = self.batches.after(int(row.came), row.usual * row.factor, row.at - row.begun)
            self.levels = self.levels.after(row.came, row.usual)
        if _day(self.now) != _day(row.at):
            self.levels = self.levels.over(self.base.clump)
            self.batches = self.batches.settled()
            self.base.clump = self.batches.size()

    def _gains(self, row: Row, wide: float) -> Floats:
        """Logarithm of each level's likelihood ratio for the stretch so far.

        More of them come in batches as the usual ones do: a narrower law would win by fitting regular ones better.
        """
        means = np.concatenate([[row.usual * row.factor], _LEVELS * row.usual])
        logs = self.batches.logs(int(row.came), means, wide)
        gains: Floats = np.minimum(logs[1:] - logs[0], 70.0)
        return gains

    def _update(self, name: str, row: Row, came: float, given: tuple[float, float, float], *, learn: bool) -> None:
        """Bring one row up to date; `given`: how badly the base is known, how much rates wander, the stretch's end."""
        known, wander, stretch = given
        whole, size = name == WHOLE, self.base.clump
        share, doubt = row.share(whole=whole)
        doubt *= size
        if whole and self.breaches:
            share = self._rest()
        waited, passed = self.clock - row.clock, self.now - row.at
        mean = share * waited
        prior = 1.0 / wander
        # A day may have a level of its own.
        keep = self._kept(passed) if _day(self.now) == _day(row.at) else 0.0
        row.shape = prior + (row.shape - prior) * keep if row.shape else prior
        row.scale = prior + (row.scale - prior) * keep if row.scale else prior
        if row.stretch != stretch:
            row.begin(stretch)
        row.came, row.usual = row.came + came, row.usual + mean
        since = (self.now - row.begun) / len(LEVELS)
        gains = self._gains(row, 1.0 / (known + doubt + row.spread)).tolist()
        row.measure = [
            min((old + since) * math.exp(gain), _CEILING) for old, gain in zip(row.measured, gains, strict=True)
        ]
        row.climb = [max(old + gain, 0.0) for old, gain in zip(row.climbed, gains, strict=True)]
        row.start = [old if climb > 0.0 else self.now for old, climb in zip(row.start, row.climb, strict=True)]
        fade = math.exp(-passed / 1.0)
        row.lately, row.hoped = row.lately * fade + came, row.hoped * fade + mean
        row.shape, row.scale = row.shape + came / size, row.scale + mean / size
        if learn and name not in self.breaches and WHOLE not in self.breaches:
            forget = math.exp(-passed / MEMORY)
            row.seen, row.due = row.seen * forget + came, row.due * forget + waited
        if name in self.breaches:
            slots = _SLOTS * max(passed, 1e-9)
            spread = math.sqrt(known + doubt + wander)
            rate = min(max(mean / size / slots, 1e-12), 0.5)
            self.breaches[name] = self.breaches[name].after(self.now, rate, spread, (came / size, slots), rate)
        if not learn:
            row.stretch = -1.0
        row.at, row.clock = self.now, self.clock
        usual = share * self.hoped
        width = 2.0 * math.sqrt(size * usual + (doubt + known + wander) * usual * usual)
        self.shown[name] = (0.0, usual, max(usual - width, 0.0), usual + width)

    def _kept(self, passed: float) -> float:
        """What is left of a deviation of the same day: the day's own level holds to its end, an hour's fades."""
        hours, days = self.base.wander(), self.levels.variance()
        fading = max(hours - days, 0.0)
        return (days + fading * math.exp(-passed / _PERSISTENCE)) / (days + fading)

    def _parts(self) -> dict[str, float]:
        """How much each row is of the decision statistic; a row in breach has no part in it."""
        alike: dict[str, int] = {}
        for name in self.rows:
            if name != WHOLE:
                dimension = name.partition("=")[0]
                alike[dimension] = alike.get(dimension, 0) + 1
        half = 0.5 if alike else 1.0
        return {
            name: sum(row.measure) * (half if name == WHOLE else 0.5 / (len(alike) * alike[name.partition("=")[0]]))
            for name, row in self.rows.items()
            if name not in self.breaches
        }

    def _end(self, settings: Settings) -> None:
        for name, breach in list(self.breaches.items()):
            if self.now - breach.since >= settings.accept_after:
                self._accept(name)
            elif breach.recovered(self.now):
                del self.breaches[name]
                self._restart()

    def _alarm(self, came: Mapping[str, float], settings: Settings) -> None:
        parts = self._parts()
        threshold = _ARL_FACTOR * settings.false_alarm_interval
        for name in {WHOLE, *came} & self.shown.keys() & parts.keys():
            self.shown[name] = (parts[name] / threshold, *self.shown[name][1:])
        if not self.warm or WHOLE in self.breaches or sum(parts.values()) < threshold:
            return
        for name in self._carriers(parts):
            if self.rows[name].lately >= _LEAST * self.base.clump and name not in self.breaches:
                self.breaches[name] = self._opened(name)
        self._restart()

    def _opened(self, name: str) -> Breach:
        """The breach of a row; its level is what came in the last day or so."""
        row = self.rows[name]
        strongest = row.climb.index(max(row.climb))
        onset = min(max(row.start[strongest], self.first), self.now)
        lately = row.lately / self.base.clump, row.hoped / self.base.clump
        return Breach(self.now, onset, lately=lately, calm=self.now)

    def _carriers(self, parts: Mapping[str, float]) -> list[str]:
        names = sorted(parts)
        rows = [self.rows[name] for name in names]
        return named(
            Carried(
                names,
                np.ones(len(names), dtype=np.bool_),
                np.array([parts[name] for name in names]),
                np.array([max(row.climb) for row in rows]),
                np.array([row.lately for row in rows]),
                np.array([row.hoped for row in rows]),
                np.array([row.seen for row in rows]),
            )
        )

    def _restart(self) -> None:
        """Start all statistics at 0 again."""
        for name, row in self.rows.items():
            made = self.rows[name] = row.copy()
            made.measure, made.climb = [0.0] * len(LEVELS), [0.0] * len(LEVELS)
            made.start, made.at, made.clock = [self.now] * len(LEVELS), self.now, self.clock
            made.shape = made.scale = 0.0
            made.stretch = -1.0

    def _accept(self, name: str) -> None:
        """Take what is there for the new base: learn anew from what comes."""
        del self.breaches[name]
        if name != WHOLE:
            del self.rows[name]
            self._restart()
            return
        origin, self.base = self.base.origin, CalmBase()
        self.base.origin, self.base.clump = origin, self.batches.size()
        self.first, self.warm = self.now, False
        self.rows, self.breaches, self.shown = {}, {}, {}

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "base": self.base.dump(),
            "clock": [getattr(self, name) for name in self._NUMBERS],
            "lately": list(self.lately),
            "batches": self.batches.dump(),
            "levels": [*astuple(self.levels)],
            "warm": self.warm,
            "heard": self.heard,
            # In their own order: it is the order in which they are summed up.
            "rows": {name: row.dump() for name, row in self.rows.items()},
            "breaches": {name: breach.dump() for name, breach in sorted(self.breaches.items())},
            "shown": {name: list(shown) for name, shown in sorted(self.shown.items())},
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The state of a dump."""
        made = cls()
        made.base = CalmBase.load(fields(state, "base"))
        for name, value in zip(cls._NUMBERS, numbers(state, "clock"), strict=True):
            setattr(made, name, value)
        made.batches = Batches.load(fields(state, "batches"))
        made.levels = DayLevels(*numbers(state, "levels"))
        made.base.clump = made.batches.size()
        made.lately = numbers(state, "lately")
        made.warm, made.heard = bool(state["warm"]), bool(state["heard"])
        made.rows = {name: Row.load(row) for name, row in fields(state, "rows").items()}
        breaches, shown = fields(state, "breaches"), fields(state, "shown")
        made.breaches = {name: Breach.load(fields(breaches, name)) for name in breaches}
        for name in shown:
            evidence, expected, lower, upper = numbers(shown, name)
            made.shown[name] = (evidence, expected, lower, upper)
        return made


def _day(end: float) -> int:
    """The day that ends then, or is on."""
    return math.ceil(end - 1e-6)
