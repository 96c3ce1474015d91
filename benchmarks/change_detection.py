"""How soon a failure rate that rises is found, over the least delay that mathematics allows, at a kept promise.

Streams are made from a seed as the judge makes frames of them. The bound is Moustakides' (1986): among all tests whose
mean time to a false alarm is at least the interval, CUSUM told both rates has the least worst-case mean delay.
"""

import argparse
import copy
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from detectors.failure_rate import FailureRate
from detectors.frame import Floats, Frame

_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_STEPS = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR)
_EVENTS_A_FRAME = 10.0
_FRIDAY = 4
_FEW, _DENSE, _THIN = 5.0, 1000.0, 100.0
_REGIONS = 20
_TWICE = 2.0
_START = 20_454 * _DAY
_WHOLE = np.zeros(1, dtype=np.int64)

Rate = Callable[[Floats, np.random.Generator], Floats]
"""The failure rate at each of some times, in days."""
Change = Callable[[Floats], Floats]
"""What a change makes of failure rates."""


# The bound.


def _lengths(p0: float, p1: float, p: float, height: int, fine: int) -> float:
    """Mean trials until a CUSUM for p0 against p1 passes `height`, when the truth is `p`."""
    up = math.log(p1 / p0)
    down = math.log((1.0 - p0) / (1.0 - p1))
    jump = round(fine * up / down)
    state = np.arange(height)
    above = state[state + jump < height]
    rows = np.concatenate([state, state, above])
    columns = np.concatenate([state, np.maximum(state - fine, 0), above + jump])
    values = np.concatenate([np.ones(height), np.full(height, p - 1.0), np.full(len(above), -p)])
    matrix = coo_array((values, (rows, columns)), shape=(height, height)).tocsc()
    return float(spsolve(matrix, np.ones(height))[0])


def bound(p0: float, p1: float, interval: float) -> float:
    """The exact bound in trials at `interval` trials to a false alarm; the threshold is randomised to meet it.

    The Bernoulli CUSUM is a Markov chain on a lattice (Reynolds and Stoumbos 1999).

    >>> round(bound(0.01, 0.03, 600 * 24 * 90) / 600, 2)
    1.06
    """
    ratio = math.log(p1 / p0) / math.log((1.0 - p0) / (1.0 - p1))
    fine = max(1, math.ceil(20.0 / ratio))
    low, high = 1, 2
    while _lengths(p0, p1, p0, high, fine) < interval:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _lengths(p0, p1, p0, middle, fine) < interval:
            low = middle
        else:
            high = middle
    least, most = _lengths(p0, p1, p0, low, fine), _lengths(p0, p1, p0, high, fine)
    share = (interval - least) / (most - least) if most > least else 1.0
    return (1.0 - share) * _lengths(p0, p1, p1, low, fine) + share * _lengths(p0, p1, p1, high, fine)


# The streams.


def step_of(per_hour: float) -> int:
    """How long the judge makes a frame at this traffic."""
    return max((step for step in _STEPS if per_hour * step / _HOUR <= _EVENTS_A_FRAME), default=_STEPS[0])


def flat(rate: float) -> Rate:
    """The same all the time."""
    return lambda days, _: np.full(len(days), rate)


def daily(rate: float, cv: float) -> Rate:
    """Another level each day, constant over the day."""
    sigma = math.sqrt(math.log(1.0 + cv * cv))

    def rates(days: Floats, rng: np.random.Generator) -> Floats:
        day = days.astype(int)
        levels = np.exp(rng.normal(-0.5 * sigma * sigma, sigma, int(day[-1] - day[0]) + 1))
        rates: Floats = np.minimum(rate * levels[day - day[0]], 0.99)
        return rates

    return rates


def wandering(rate: float, cv: float, memory: float) -> Rate:
    """Odds that wander, correlated over `memory` days."""

    def rates(days: Floats, rng: np.random.Generator) -> Floats:
        fade = math.exp(-(days[1] - days[0]) / memory)
        noise = rng.normal(0.0, cv * math.sqrt(1.0 - fade * fade), len(days))
        level = rng.normal(0.0, cv)
        path = np.empty(len(days))
        for place, shock in enumerate(noise):
            path[place] = level = fade * level + shock
        odds = rate / (1.0 - rate) * np.exp(path)
        shares: Floats = odds / (1.0 + odds)
        return shares

    return rates


def seasonal(rate: float) -> Rate:
    """Twice at noon what it is at midnight, and more at the weekend."""

    def rates(days: Floats, _: np.random.Generator) -> Floats:
        weekend = ((days.astype(int) + _START // _DAY + 3) % 7) > _FRIDAY
        rates: Floats = rate * (1.0 + 0.4 * np.sin(2.0 * np.pi * (days - 0.25))) * np.where(weekend, 1.3, 1.0)
        return rates

    return rates


@dataclass(frozen=True)
class Stream:
    """Poisson traffic whose outcomes break at a rate; `regions`: how many equal values one dimension has."""

    per_hour: float
    rate: Rate
    regions: int = 0

    def frames(
        self,
        rng: np.random.Generator,
        begin: float,
        days: float,
        change: Change | None = None,
        hurt: Sequence[int] | None = None,
    ) -> Iterator[Frame]:
        """Frames of `days` from day `begin`; `change` is done to the odds of all, or of the regions `hurt`."""
        step = step_of(self.per_hour)
        count = round(days * _DAY / step)
        first = _START + int(begin * _DAY) // step * step
        rates = self.rate((first - _START + (np.arange(count) + 0.5) * step) / _DAY, rng)
        worse = rates if change is None else change(rates)
        mean = self.per_hour * step / _HOUR
        if not self.regions:
            trials = rng.poisson(mean, count)
            hits = rng.binomial(trials, worse).astype(float)
            for place in range(count):
                one = trials[place : place + 1]
                start = first + place * step
                yield Frame(start, start + step, ("",), one, hits[place : place + 1], one)
            return
        names = np.array(["", *(f"region={place:02}" for place in range(self.regions))])
        parts = rng.poisson(mean / self.regions, (count, self.regions))
        table = np.repeat(rates[:, None], self.regions, axis=1)
        table[:, slice(None) if hurt is None else list(hurt)] = worse[:, None]
        broken = rng.binomial(parts, table)
        for place in range(count):
            seen = np.flatnonzero(parts[place])
            tried = np.concatenate([[parts[place].sum()], parts[place][seen]])
            failed = np.concatenate([[broken[place].sum()], broken[place][seen]]).astype(float)
            start = first + place * step
            yield Frame(start, start + step, ("", *names[1 + seen].tolist()), tried, failed, tried)


def times(ratio: float) -> Change:
    """A failure rate that many times as high."""
    return lambda rates: np.minimum(rates * ratio, 0.97)


# Running a detector over them.


@dataclass
class Found:
    """False alarms over how many weeks, delays in hours (None: not found), what was named."""

    alarms: int
    weeks: float
    delays: list[float | None]
    named: list[frozenset[str]]


def _in_breach(detector: FailureRate, frame: Frame) -> frozenset[str]:
    scores = detector.score(frame)
    detector.learn(frame)
    if scores is None:
        return frozenset()
    return frozenset(name for name, broken in zip(scores.segments, scores.breach, strict=True) if broken)


def quiet(detector: FailureRate, frames: Iterator[Frame]) -> int:
    """How often a breach starts where nothing happens."""
    found, before = 0, frozenset[str]()
    for frame in frames:
        now = _in_breach(detector, frame)
        found += bool(now - before)
        before = now
    return found


def first(detector: FailureRate, frames: Iterator[Frame]) -> tuple[int, frozenset[str]] | None:
    """The end of the window in which a breach starts, and what is named."""
    for frame in frames:
        now = _in_breach(detector, frame)
        if now:
            return frame.end, now
    return None


@dataclass(frozen=True)
class Cell:
    """One row of the table."""

    name: str
    stream: Stream
    change: Change
    limit: float | None
    """The exact bound, in hours."""
    history: float = 28.0
    quiet: float = 56.0
    """Days after the history that count for false alarms, a detector."""
    lasts: float | None = None
    """Days the change lasts, where it ends."""
    hurt: tuple[int, ...] | None = None
    goal: str = ""
    warm_ups: int = 3

    def run(self, runs: int, interval: float, seed: int) -> Found:
        """`runs` changes, on `warm_ups` histories."""
        found = Found(0, 0.0, [], [])
        for number in range(min(self.warm_ups, runs)):
            rng = np.random.default_rng((seed, number))
            detector = FailureRate(interval)
            for frame in self.stream.frames(rng, 0.0, self.history):
                detector.learn(frame)
            begin = self.history
            late = copy.deepcopy(detector)
            found.alarms += quiet(late, self.stream.frames(rng, begin, self.quiet))
            found.weeks += self.quiet / 7.0
            if detector.dump()["breaches"]:
                continue
            lasts = self.lasts or max(30.0 * (self.limit or 24.0) / 24.0, 2.0)
            for _ in range(math.ceil(runs / min(self.warm_ups, runs))):
                broken = self.stream.frames(rng, begin, lasts, self.change, self.hurt)
                one = first(copy.deepcopy(detector), broken)
                origin = _START + int(begin * _DAY) // step_of(self.stream.per_hour) * step_of(self.stream.per_hour)
                found.delays.append(None if one is None else (one[0] - origin) / _HOUR)
                if one is not None:
                    found.named.append(one[1])
        return found


def _cells(interval: float) -> Iterator[Cell]:
    def limit(per_hour: float, rate: float, ratio: float) -> float:
        return bound(rate, min(rate * ratio, 0.97), per_hour * 24.0 * interval) / per_hour

    for per_hour, rate, ratio, history in (
        (2.0, 0.05, 3.0, 56.0),
        (2.0, 0.02, 5.0, 90.0),
        (30.0, 0.01, 2.0, 56.0),
        (30.0, 0.01, 3.0, 56.0),
        (30.0, 0.05, 5.0, 28.0),
        (30.0, 0.01, 20.0, 28.0),
        (600.0, 0.01, 2.0, 28.0),
        (600.0, 0.01, 3.0, 28.0),
        (600.0, 0.002, 5.0, 28.0),
        (6000.0, 0.002, 3.0, 14.0),
    ):
        stream = Stream(per_hour, flat(rate))
        least = limit(per_hour, rate, ratio)
        goal = "<= 1.25" if least * per_hour * rate * ratio >= _FEW else "<= 1.6"
        long = 365.0 if per_hour < _THIN else 42.0 if per_hour < _DENSE else 7.0
        name = f"flat {per_hour:g}/h {rate:.1%} x{ratio:g}"
        yield Cell(name, stream, times(ratio), least, history, long, goal=goal, warm_ups=3 if per_hour <= _DENSE else 1)
    for cv, ratio in ((0.2, 2.0), (0.2, 3.0)):
        stream = Stream(600.0, daily(0.01, cv))
        goal = "<= 1.7, false <= 2x" if ratio > _TWICE else ""
        yield Cell(f"daily CV {cv} 600/h 1% x{ratio:g}", stream, times(ratio), limit(600.0, 0.01, ratio), goal=goal)
    yield Cell(
        "seasonal rate 600/h 1% x3, 14 d",
        Stream(600.0, seasonal(0.01)),
        times(3.0),
        limit(600.0, 0.01, 3.0),
        14.0,
        28.0,
        goal="<= 1.4, false <= 1.5x",
    )
    region = Stream(600.0, flat(0.01), _REGIONS)
    yield Cell(
        "one region of 20 x10, 600/h 1%",
        region,
        times(10.0),
        limit(30.0, 0.01, 10.0),
        21.0,
        14.0,
        hurt=(7,),
        goal="median <= 1.8, 90 % named",
        warm_ups=2,
    )
    yield Cell(
        "three failures of history, 30/h 0.2% x5",
        Stream(30.0, flat(0.002)),
        times(5.0),
        limit(30.0, 0.002, 5.0),
        3.5,
        90.0,
        goal="false <= 1.4x",
        warm_ups=8,
    )
    storm = Stream(40.0, wandering(0.2, 0.5, 0.5), 3)
    to_most, to_all = (lambda rates: np.maximum(rates, 0.6)), (lambda rates: np.maximum(rates, 0.95))
    yield Cell("storm .2 to .6 for 8 h, CV .5", storm, to_most, None, 56.0, 200.0, 8.0 / 24.0, goal="found")
    yield Cell("one origin of 3 to .95 for 6 h", storm, to_all, None, 56.0, 7.0, 0.25, (1,), goal="found, named")


def benign(runs: int, interval: float, seed: int) -> Iterator[tuple[str, float, str]]:
    """Share of shocks without harm that raise an alarm."""
    for per_hour, goal in ((30.0, "<= 15 %"), (600.0, "<= 5 %")):
        rng = np.random.default_rng((seed, 77))
        detector = FailureRate(interval)
        for frame in Stream(per_hour, flat(0.01)).frames(rng, 0.0, 28.0):
            detector.learn(frame)
        day = hits = 0
        for _ in range(runs):
            crowd = Stream(4.0 * per_hour, flat(0.01)).frames(rng, 28.0, 1.0)
            day += first(copy.deepcopy(detector), crowd) is not None
            twin = copy.deepcopy(detector)
            for frame in Stream(per_hour, flat(0.01)).frames(rng, 28.0, 0.25):
                twin.learn(frame)
            start = _START + int(28.25 * _DAY)
            burst = Frame(start, start + _MINUTE, ("",), _WHOLE + 3, np.array([3.0]), _WHOLE + 3)
            hits += bool(_in_breach(twin, burst))
        yield f"traffic x4 for a day, {per_hour:g}/h", day / runs, "<= 15 %"
        yield f"burst of 3 broken, {per_hour:g}/h", hits / runs, goal


def _row(cell: Cell, found: Found, interval: float, seconds: float) -> str:
    seen = sorted(delay for delay in found.delays if delay is not None)
    limit = cell.limit or 1.0
    numbers = "- | - | -"
    if seen:
        p90 = seen[min(len(seen) - 1, math.ceil(0.9 * len(seen)) - 1)]
        numbers = " | ".join(f"{n / limit:.2f}" for n in (statistics.fmean(seen), statistics.median(seen), p90))
    truth = (
        frozenset({"region=07"} if cell.stream.regions == _REGIONS else {"region=01"}) if cell.hurt else frozenset({""})
    )
    named = sum(one == truth for one in found.named) / max(len(found.named), 1)
    share = len(seen) / max(len(found.delays), 1)
    return (
        f"| {cell.name} | {found.alarms / found.weeks:.3f} ({7.0 / interval:.3f}) | "
        f"{f'{cell.limit:.2f}' if cell.limit else '1'} | {numbers} | {share:.0%} | {named:.0%} | {cell.goal} | "
        f"{seconds:.0f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--interval", type=float, default=90.0, help="days between false alarms that are promised")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    arguments = parser.parse_args()
    print("| stream | false a week (promised) | bound, h | mean | median | p90 | found | named | goal | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for cell in _cells(arguments.interval):
        if arguments.only not in cell.name:
            continue
        begun = time.perf_counter()
        found = cell.run(arguments.runs, arguments.interval, arguments.seed)
        print(_row(cell, found, arguments.interval, time.perf_counter() - begun), flush=True)
    if not arguments.only:
        for name, share, goal in benign(4 * arguments.runs, arguments.interval, arguments.seed):
            print(f"| {name} | | | | | | {share:.0%} alarm | | {goal} | |", flush=True)


if __name__ == "__main__":
    main()
