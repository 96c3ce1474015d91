"""Streams made from a seed, in frames as the judge makes them, and what may happen to them."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from scipy.signal import lfilter

from detectors.frame import NOTHING, Beside, Floats, Frame
from service.core.counting.tally import duration_bucket
from service.core.judging.pace import ALARMING, EVENTS_A_STEP, MISSED, STEPS, SUSPICIOUS, Suspicion

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 20_454 * DAY
"""A Thursday, 1 January 2026."""
_FRIDAY = 4
SPREAD = 0.6
"""Standard deviation of the logarithm of a duration."""

Curve = Callable[[Floats], Floats]
"""A failure rate, or a factor on the traffic, at each of some times, in days since START."""
Draw = Callable[[np.random.Generator], Curve]
"""One of many curves; the same times of one curve always give the same."""


class Viewer(Protocol):
    """Whoever is shown the frames."""

    @property
    def suspicion(self) -> Suspicion:
        """How much of the evidence for an alarm there is."""
        ...

    def breaks(self, frame: Callable[[], Frame], *, tells: bool) -> bool:
        """Whether a part of a frame is enough for one; `tells`: whether harm came since the last look."""
        ...


class WholeFrames:
    """Whoever waits for the end of each frame."""

    suspicion = Suspicion()

    def breaks(self, frame: Callable[[], Frame], *, tells: bool) -> bool:
        """Never asked."""
        raise NotImplementedError(frame, tells)


NOBODY = WholeFrames()

Change = Callable[[Floats, Floats], Floats]
"""What a change makes of failure rates, or of traffic, given the days since it began."""
_HORIZON = 1000
_FINE = 288  # points a day on which a wander is drawn


def step_of(per_hour: float) -> int:
    """How long the judge makes a frame at this traffic."""
    return max((step for step in STEPS if per_hour * step / HOUR <= EVENTS_A_STEP), default=STEPS[0])


def lull_of(per_hour: float) -> tuple[int, int]:
    """The step at which the judge looks before its frame is over, and how long nothing comes in a lull."""
    step = step_of(per_hour)
    return max((one for one in STEPS if one < step), default=step), round(MISSED / per_hour * HOUR)


def flat(level: float) -> Draw:
    """The same all the time."""
    return lambda _: lambda days: np.full(len(days), level)


def daily(rate: float, cv: float) -> Draw:
    """Another level each day, constant over the day."""
    sigma = math.sqrt(math.log(1.0 + cv * cv))

    def draw(rng: np.random.Generator) -> Curve:
        levels = np.minimum(rate * np.exp(rng.normal(-0.5 * sigma * sigma, sigma, _HORIZON)), 0.99)
        return lambda days: levels[days.astype(int)]

    return draw


def wandering(rate: float, cv: float, memory: float) -> Draw:
    """Odds that wander, correlated over `memory` days."""

    def draw(rng: np.random.Generator) -> Curve:
        fade = math.exp(-1.0 / _FINE / memory)
        noise = rng.normal(0.0, cv * math.sqrt(1.0 - fade * fade), _HORIZON * _FINE)
        odds = rate / (1.0 - rate) * np.exp(lfilter([1.0], [1.0, -fade], noise))
        rates = odds / (1.0 + odds)
        return lambda days: rates[(days * _FINE).astype(int)]

    return draw


def seasonal(rate: float) -> Draw:
    """Over twice at noon what it is at midnight, and more at the weekend."""

    def rates(days: Floats) -> Floats:
        weekend = ((days.astype(int) + START // DAY + 3) % 7) > _FRIDAY
        shape: Floats = rate * (1.0 + 0.4 * np.sin(2.0 * np.pi * (days - 0.25))) * np.where(weekend, 1.3, 1.0)
        return shape

    return lambda _: rates


def working_day(days: Floats) -> Floats:
    """Traffic of a shop: a fifth at night, most in the afternoon, less at the weekend; 1 in the mean."""
    weekend = ((days.astype(int) + START // DAY + 3) % 7) > _FRIDAY
    shape: Floats = (1.0 - 0.8 * np.cos(2.0 * np.pi * (days - 0.1))) * np.where(weekend, 0.65, 1.14)
    return shape


@dataclass(frozen=True)
class Stream:
    """Poisson traffic whose outcomes break at a rate.

    `regions`: how many equal values one dimension has; `busy`: the shape of the traffic, 1 in the mean.
    `lasting`: each outcome has a duration, log-normal about a minute.
    """

    per_hour: float
    rate: Draw
    regions: int = 0
    busy: Curve | None = None
    lasting: bool = False

    def path(self, seed: int) -> "Path":
        """One course that the stream may take."""
        return Path(self, self.rate(np.random.default_rng((seed, 991))))


@dataclass(frozen=True)
class Path:
    """One course of a stream: its rates are settled, its counts are drawn."""

    stream: Stream
    rates: Curve

    def frames(
        self,
        rng: np.random.Generator,
        begin: float,
        days: float,
        *,
        change: Change | None = None,
        traffic: Change | None = None,
        hurt: Sequence[int] | None = None,
        slower: float = 1.0,
        viewer: Viewer = NOBODY,
    ) -> Iterator[Frame]:
        """Frames of `days` from day `begin`: whole ones, or shorter ones in a lull and where the `viewer` has enough.

        From then on `change` is done to the rate of all, or of the regions `hurt`, and `traffic` to the traffic;
        what lasts, lasts `slower` times as long.
        """
        stream = self.stream
        whole = step_of(stream.per_hour)
        count = max(round(days * DAY / whole), 1) * (whole // MINUTE)
        first = START + round(begin * DAY / whole) * whole
        middles = (first - START + (np.arange(count) + 0.5) * MINUTE) / DAY
        since = middles - begin
        rates = self.rates(middles)
        worse = rates if change is None else change(rates, since)
        mean = np.full(count, stream.per_hour * MINUTE / HOUR)
        if stream.busy is not None:
            mean = mean * stream.busy(middles)
        if traffic is not None:
            mean = traffic(mean, since)
        parts = max(stream.regions, 1)
        each = rng.poisson(np.repeat(mean[:, None] / parts, parts, axis=1))
        table = np.repeat(rates[:, None], parts, axis=1)
        table[:, slice(None) if hurt is None else list(hurt)] = worse[:, None]
        broken = rng.binomial(each, table)
        arrived = each.sum(axis=1)
        buckets: list[int] = []
        if stream.lasting:
            seconds = slower * 60.0 * np.exp(rng.normal(0.0, SPREAD, int(arrived.sum())))
            buckets = [duration_bucket(round(1000 * one)) for one in seconds.tolist()]
        names = np.array(["", *(f"region={place:02}" for place in range(stream.regions))])
        tried, failed = (
            np.concatenate([np.zeros((1, parts), dtype=np.int64), one.cumsum(axis=0)]) for one in (each, broken)
        )

        def frame(begun: int, ended: int) -> Frame:
            start, end = first + begun * MINUTE, first + ended * MINUTE
            mine, bad = tried[ended] - tried[begun], (failed[ended] - failed[begun]).astype(np.float64)
            seen = np.flatnonzero(mine) if stream.regions else np.zeros(0, dtype=np.int64)
            trials = np.concatenate([[mine.sum()], mine[seen]])
            hits = np.concatenate([[bad.sum()], bad[seen]])
            lasted = Counter(buckets[tried[begun].sum() : tried[ended].sum()])
            beside = Beside(durations={"": lasted}) if lasted else NOTHING
            return Frame(start, end, ("", *names[1:][seen].tolist()), trials, hits, trials, beside=beside)

        told = arrived if stream.lasting else broken.sum(axis=1)
        yield from _cut((first, stream.per_hour), (arrived.tolist(), told.tolist()), frame, viewer)


def _cut(
    stream: tuple[int, float],
    counts: tuple[Sequence[int], Sequence[int]],
    frame: Callable[[int, int], Frame],
    viewer: Viewer,
) -> Iterator[Frame]:
    """Frames as the judge cuts them.

    `stream`: when it begins, and how much comes in an hour; `counts`: by minute what came and what of it tells of harm.
    """
    (first, per_hour), (arrived, told) = stream, counts
    whole, (short, lull) = step_of(per_hour), lull_of(per_hour)
    begun, looked, heard = 0, 0, first
    for ended, count in enumerate(arrived, start=1):
        end = first + ended * MINUTE
        if count:
            heard = end
        ends = end % whole == 0 or (end % short == 0 and end - heard >= lull)
        if not ends and viewer.suspicion.most >= (ALARMING if end % short else SUSPICIOUS):
            ends = viewer.breaks(partial(frame, begun, ended), tells=any(told[looked:ended]))
            looked = ended
        if ends:
            yield frame(begun, ended)
            begun = looked = ended


def times(ratio: float) -> Change:
    """That many times as much, from one moment to the next."""
    return lambda values, _: np.asarray(np.minimum(values * ratio, 0.97), dtype=np.float64)


def left(share: float) -> Change:
    """Only that share of the traffic is left."""
    return lambda values, _: values * share


def ramp(ratio: float, days: float) -> Change:
    """Ever more, until after `days` it is that many times as much."""
    return lambda values, since: np.minimum(values * (1.0 + (ratio - 1.0) * np.clip(since / days, 0.0, 1.0)), 0.97)


def growing(level: float, days: float) -> Change:
    """No less than that after `days`, and until then ever more."""
    return lambda values, since: np.maximum(values, level * np.clip(since / days, 0.0, 1.0))


def at_least(level: float) -> Change:
    """No less than that."""
    return lambda values, _: np.maximum(values, level)
