"""What a test for silence knows: how busy each hour is, how busy it is now, how far a lull has gone."""

import math
from collections.abc import Mapping

from detectors.arrivals import ArrivalBase, log_negative_binomial
from detectors.clumps import Clumps, alike
from detectors.frame import JSON
from detectors.lulls import Lulls
from detectors.plain import fields, number, numbers

DAY = 86_400_000_000
_PERSISTENCE = 0.25
_TRENDS = (4.0, 14.0)  # days
_BESIDE = (1, 2)  # hours: a clock that changes or a day that starts late is no silence
ENOUGH = 20.0
"""Arrivals from which a level is known."""
_SURGE = 2.0  # deviations above the expected that an hour may teach


class State:
    """Plain numbers of a silence detector: the base, this hour's rates, the filter, the statistic, the breach."""

    _NUMBERS = (
        "now", "first", "hour", "seen", "time", "hoped", "rate", "low", "doubt", "wander", "common", "tail", "record",
        "told", "shape", "scale", "owed", "gap", "missed", "gap_deviation", "gap_null", "gap_hour", "gap_known",
        "expected", "since", "onset", "evidence", "reached", "wide", "empty_from", "stopped", "clump",
    )  # fmt: skip
    _LISTS = ("measure", "climb", "start", "due", "came", "parts", "lately")

    def __init__(self, levels: int) -> None:
        self.base, self.lulls, self.clumps = ArrivalBase(), Lulls(), Clumps()
        self.clump = 1.0  # arrivals that count as one
        self.bend: float | None = None  # as `Clumps` expects it
        self.lately = [0.0] * 3  # what was expected of the last hours and is of this one
        self.warm = False
        self.now = self.first = 0.0
        self.hour, self.seen, self.time, self.hoped = -1.0, 0.0, 0.0, 0.0
        self.rate = self.low = 0.0
        self.doubt = self.wander = self.common = 1.0
        self.tail, self.record, self.told = 1.0, 0.0, 0.0
        self.due, self.came = [0.0] * len(_TRENDS), [0.0] * len(_TRENDS)
        self.shape = self.scale = self.owed = 0.0
        self.gap = self.gap_deviation = self.gap_null = self.gap_hour = self.gap_known = 0.0
        self.missed = 0.0  # expected arrivals that did not come before the last that did
        self.expected = 0.0
        self.empty_from, self.stopped = 0.0, 0.0  # since when nothing comes; nothing had when the breach began
        self.wide, self.parts = 1.0, [0.0] * levels  # of the last prediction; of an empty stretch's, by level
        self.since, self.onset, self.evidence, self.reached = -1.0, 0.0, 0.0, 0.0
        self.measure = [0.0] * levels
        self.climb = [0.0] * levels
        self.start = [0.0] * levels

    def copy(self) -> "State":
        """What a frame may change is copied; base and lulls are replaced, never changed; clumps are learned alone."""
        made = State.__new__(State)
        made.__dict__.update(self.__dict__)
        made.measure, made.climb, made.start = self.measure[:], self.climb[:], self.start[:]
        made.due, made.came, made.parts = self.due[:], self.came[:], self.parts[:]
        return made

    def turn(self, hour: int) -> None:
        """An hour is over: learn it, and look up what the next one needs."""
        doubt_before = self.doubt
        origin_hour = int(self.base.origin) // (DAY // 24)
        self.lulls = self.lulls.copy()
        if self.time > 0.0:
            self.base = self.base.copy()
            middle = (self.hour + 0.5) / 24.0
            plain = self.base.rate(middle)[0] * self.time
            due = plain * self.trend()
            usual = min(self.seen, self.surge(due, doubt_before)) if self.warm else self.seen
            for place, memory in enumerate(_TRENDS):
                fade = math.exp(-self.time / memory)
                self.due[place] = self.due[place] * fade + plain
                self.came[place] = self.came[place] * fade + usual
            self.lulls.hour_over(
                int(origin_hour + self.hour) % 24, self.hoped, self.seen, due, doubt_before, self.clump
            )
            self.base.learn(middle, self.time, usual)
        self.hour, self.seen, self.time, self.hoped = float(hour), 0.0, 0.0, 0.0
        trend, of_day = self.trend(), (origin_hour + hour) % 24
        self.clump = self.clumps.size()
        if self.base.clump != self.clump:
            self.base = self.base.copy()
            self.base.clump = self.clump
        rate, self.doubt = self.base.rate((hour + 0.5) / 24.0)
        least: list[float] = []
        around = [rate]
        for apart in _BESIDE:
            beside = [self.base.rate((hour + by + 0.5) / 24.0) for by in (-apart, apart)]
            around += [each for each, _ in beside]
            # A neighbour that is lower by less than what is not known of it is not lower.
            rate_there = min(each * (1.0 + math.sqrt(doubt)) for each, doubt in beside)
            least.append(min(rate, rate_there, *least))
        self.bend, self.lately = None, [*self.lately[1:], rate]
        if self.base.days >= 1.0 and alike(around):
            # As each was expected before it came: what is expected of it since then has it in it.
            first, second, third = self.lately
            self.bend = (first - 2.0 * second + third) / max(first + second + third, 1e-9)
        self.rate, self.low = rate * trend, math.sqrt(least[0] * least[1]) * trend
        self.wander = self.lulls.wander(of_day)
        self.common = max(self.lulls.common(), self.wander)
        self.tail, self.record = self.lulls.tail(of_day), self.lulls.record(of_day)
        self.gap_known += self.gap_hour * self.gap_hour * doubt_before
        self.gap_hour = 0.0

    def surge(self, due: float, doubt: float) -> float:
        """Arrivals above which an hour is learned no more: the day after a sale is no drop."""
        return due * math.exp(_SURGE * math.sqrt(self.common + doubt + self.clump / (due + 0.5))) + self.clump

    def trend(self) -> float:
        """The present level over the base's, the lower of the last days' and the last weeks'."""
        few = ENOUGH * self.clump
        both = ((came + few) / (due + few) for came, due in zip(self.came, self.due, strict=True))
        return min(max(min(both), 0.1), 4.0)

    def tell(self, reached: float) -> None:
        """Note a new height of the statistic."""
        self.lulls = self.lulls.copy()
        self.lulls.note(self.now, reached)
        self.told = reached

    def filter(self, length: float, arrivals: float, more: float) -> float:
        """Log likelihood of the arrivals if nothing is wrong; then learn how busy it is now.

        Arrivals, and what is expected of them, are in clumps: so many times fewer.
        Empty windows in a row share one deviation: their standard deviations add up as if wholly correlated,
        but what is not known of one hour is not known of the next for another reason.
        """
        prior = 1.0 / (self.common + more)
        if self.shape <= 0.0:
            self.shape = self.scale = prior
        keep = math.exp(-length / _PERSISTENCE)
        self.shape = prior + (min(self.shape, 1e12) - prior) * keep
        self.scale = prior + (min(self.scale, 1e12) - prior) * keep
        mean = self.hope() * length / self.clump
        variance = self.wander + more + 1.0 / self.shape
        self.owed += self.rate * length / self.clump
        if arrivals > 0.0:
            self.missed = self.gap
            self.parts = [0.0] * len(self.parts)
            self.gap = self.gap_deviation = self.gap_null = self.gap_hour = self.gap_known = 0.0
            self.shape, self.scale = self.shape + arrivals, self.scale + self.owed
            self.owed = 0.0
            self.wide = 1.0 / (variance + self.doubt)
            return log_negative_binomial(arrivals, self.wide, self.wide, mean)
        before = self.gap_null
        self.gap += mean
        self.gap_hour += mean
        self.gap_deviation += mean * math.sqrt(variance)
        if self.gap <= 0.0:
            return 0.0
        known = self.gap_known + self.gap_hour * self.gap_hour * self.doubt
        self.wide = self.gap * self.gap / (self.gap_deviation * self.gap_deviation + known)
        self.gap_null = -self.wide * math.log1p(self.gap / self.wide)
        return self.gap_null - before

    def hope(self) -> float:
        """Arrivals a day if it goes on as busy as it was lately."""
        return self.low * min(self.shape / self.scale, 1.0) if self.scale > 0.0 else self.low

    def statistic(self) -> float:
        """Logarithm of the statistic, in days."""
        return math.log(max(sum(self.measure), 1e-60))

    def restart(self) -> None:
        """Start the statistics at 0 again."""
        levels = len(self.measure)
        self.measure = [0.0] * levels
        self.climb = [0.0] * levels
        self.start = [self.now] * levels
        self.told = 0.0

    def forget(self) -> None:
        """Take silence for the new base: learn anew from what comes, warm again when that is known."""
        origin = self.base.origin
        self.base, self.lulls, self.clumps = ArrivalBase(), Lulls(), Clumps()
        self.base.origin = origin
        self.first, self.warm = self.now, False
        self.due, self.came = [0.0] * len(_TRENDS), [0.0] * len(_TRENDS)
        self.seen = self.time = 0.0
        self.shape = self.scale = self.owed = 0.0
        self.gap = self.gap_deviation = self.gap_null = self.gap_hour = self.gap_known = 0.0

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        plain: dict[str, JSON] = {name: getattr(self, name) for name in self._NUMBERS}
        lists: dict[str, JSON] = {name: list(getattr(self, name)) for name in self._LISTS}
        parts: dict[str, JSON] = {
            "base": self.base.dump(), "lulls": self.lulls.dump(), "clumps": self.clumps.dump()
        }  # fmt: skip
        return {**plain, **lists, "warm": self.warm, "bend": self.bend, **parts}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> "State":
        """The state of a dump."""
        made = cls(len(numbers(state, "measure")))
        for name in cls._NUMBERS:
            setattr(made, name, number(state[name]))
        for name in cls._LISTS:
            setattr(made, name, numbers(state, name))
        made.warm = bool(state["warm"])
        made.bend = None if state["bend"] is None else number(state["bend"])
        made.base = ArrivalBase.load(fields(state, "base"))
        made.base.clump = made.clump
        made.lulls = Lulls.load(fields(state, "lulls"))
        made.clumps = Clumps.load(fields(state, "clumps"))
        return made
