"""The rows of the table: streams, what happens to them, and the goals."""

import math
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.detection.bound import bound, bound_of_drop
from benchmarks.detection.peers import PEERS, calibrated
from benchmarks.detection.running import Alarm, Cell, Together, Watch
from benchmarks.detection.streams import (
    SPREAD,
    Stream,
    at_least,
    daily,
    flat,
    growing,
    left,
    ramp,
    seasonal,
    times,
    wandering,
    working_day,
)
from detectors.drop import Drop
from detectors.duration import Duration
from detectors.failure_rate import FailureRate
from detectors.silence import Silence

_FEW, _DENSE = 5.0, 1000.0
THIN = 100.0
"""Streams of fewer events an hour are cheap to repeat."""
REGIONS = 20
_MOST = 0.97
_Z90 = 1.2815515655446004


def alone(interval: float) -> Alarm:
    """The failure rate by itself."""
    return Watch([FailureRate(interval)])


def silence(interval: float) -> Alarm:
    """Silence by itself."""
    return Watch([Silence(interval)])


def drop(interval: float) -> Alarm:
    """A drop by itself."""
    return Watch([Drop(interval)])


def duration(interval: float) -> Alarm:
    """Durations by themselves."""
    return Watch([Duration(interval)])


def _limit(per_hour: float, rate: float, ratio: float, interval: float) -> float:
    return bound(rate, min(rate * ratio, _MOST), per_hour * 24.0 * interval) / per_hour


def _steps(interval: float) -> Iterator[Cell]:
    for per_hour, rate, ratio, history in (
        (2.0, 0.05, 3.0, 90.0),
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
        least = _limit(per_hour, rate, ratio, interval)
        yield Cell(
            f"flat {per_hour:g}/h {rate:.1%} x{ratio:g}",
            Stream(per_hour, flat(rate)),
            alone,
            _always(least),
            times(ratio),
            history=history,
            quiet=90.0 if per_hour < THIN else 28.0 if per_hour < _DENSE else 7.0,
            mean=1.25 if least * per_hour * rate * ratio >= _FEW else 1.6,
            median=1.15,
            p90=2.5,
        )


def _always(hours: float) -> Callable[[float], float]:
    return lambda _: hours


def _failure_rate(interval: float) -> Iterator[Cell]:
    limit = partial(_limit, interval=interval)
    step = limit(600.0, 0.01, 3.0)
    busy = Stream(30.0, flat(0.01), busy=working_day)
    yield Cell(
        "seasonal traffic 30/h 1% x3", busy, alone, _always(limit(30.0, 0.01, 3.0)), times(3.0), history=56.0,
        quiet=180.0, mean=1.25, median=1.15, p90=2.5,
    )  # fmt: skip
    yield Cell(
        "seasonal rate 600/h 1% x3, learned 14 d", Stream(600.0, seasonal(0.01)), alone, _always(step), times(3.0),
        history=14.0, mean=1.4, false=1.5, changes=6,
    )  # fmt: skip
    for cv, mean, false in ((0.1, None, None), (0.2, 1.7, 2.0), (0.3, None, None)):
        name = f"daily CV {cv:g} 600/h 1% x3"
        yield Cell(name, Stream(600.0, daily(0.01, cv)), alone, _always(step), times(3.0), mean=mean, false=false)
    slow = ramp(5.0, 2.0)
    yield Cell("ramp to x5 in two days, 30/h 1%, bound of x3", Stream(30.0, flat(0.01)), alone,
               _always(limit(30.0, 0.01, 3.0)), slow, lasts=30.0, quiet=0.0)  # fmt: skip
    region = Stream(600.0, flat(0.01), REGIONS)
    one = {"hurt": (7,), "truth": frozenset({"region=07"}), "median": 1.8, "right": 0.9, "history": 21.0}
    yield Cell("one region of 20 x10, 600/h 1%", region, alone, _always(limit(30.0, 0.01, 10.0)), times(10.0),
               quiet=14.0, changes=8, **one)  # type: ignore[arg-type]  # fmt: skip
    yield Cell(
        "three failures of history, 30/h 0.2% x5", Stream(30.0, flat(0.002)), alone, _always(limit(30.0, 0.002, 5.0)),
        times(5.0), history=2.1, quiet=180.0, false=1.4, found=0.95, changes=2,
    )  # fmt: skip
    storm = Stream(40.0, wandering(0.2, 0.5, 0.5), 3)
    yield Cell("storm .2 to .6 for 8 h, CV .5, 40/h", storm, alone, None, at_least(0.6), history=56.0, quiet=90.0,
               lasts=8.0 / 24.0, found=0.9)  # fmt: skip
    restless = Stream(40.0, wandering(0.2, 0.8, 0.4), 3)
    yield Cell("collapse of .2 to .995 within 10 h, CV .8, 40/h", restless, alone, None, growing(0.995, 0.4),
               history=56.0, quiet=90.0, lasts=1.0, found=0.9)  # fmt: skip
    yield Cell("one origin of 3 to .95 for 6 h, CV .5, 40/h", storm, alone, None, at_least(0.95), history=56.0,
               quiet=0.0, lasts=0.25, hurt=(1,), truth=frozenset({"region=01"}), found=0.9, right=0.9)  # fmt: skip


def _arrivals(interval: float) -> Iterator[Cell]:
    for name, stream, noon in (
        ("30/h", Stream(30.0, flat(0.0)), False),
        ("600/h", Stream(600.0, flat(0.0)), False),
        ("30/h by a working day, at noon", Stream(30.0, flat(0.0), busy=working_day), True),
    ):
        for what, share in (("silence", 0.0), ("drop to 30 %", 0.3)):

            def limit(busy: float, stream: Stream = stream, share: float = share) -> float:
                return bound_of_drop(stream.per_hour * busy, share, interval * 24.0)

            yield Cell(f"{what} {name}", stream, silence if share == 0.0 else drop, limit, traffic=left(share),
                       median=1.2, open_hours=noon, lasts=2.0,
                       quiet=90.0 if share == 0.0 and stream.per_hour < THIN else 0.0)  # fmt: skip


def _durations(interval: float) -> Iterator[Cell]:
    """Log-normal durations half as long again, against the bound of their 90 % quantile's exceedances."""
    for per_hour in (30.0, 600.0):
        above = 0.5 * math.erfc((_Z90 - math.log(1.5) / SPREAD) / math.sqrt(2.0))
        least = bound(0.1, above, per_hour * 24.0 * interval) / per_hour
        yield Cell(
            f"duration x1.5, {per_hour:g}/h",
            Stream(per_hour, flat(0.0), lasting=True),
            duration,
            _always(least),
            slower=1.5,
            median=1.5,
            quiet=28.0 if per_hour < THIN else 7.0,
        )


def _default(interval: float) -> Iterator[Cell]:
    for per_hour in (30.0, 600.0):
        least = _limit(per_hour, 0.01, 3.0, interval)
        yield Cell(f"all defaults, whole budget: flat {per_hour:g}/h 1% x3", Stream(per_hour, flat(0.01)), Together,
                   _always(least), times(3.0), mean=1.45, history=56.0 if per_hour < THIN else 28.0,
                   quiet=90.0 if per_hour < THIN else 14.0)  # fmt: skip
    yield Cell("all defaults, whole budget: one region of 20 x10, 600/h 1%", Stream(600.0, flat(0.01), REGIONS),
               Together, _always(_limit(30.0, 0.01, 10.0, interval)), times(10.0), history=21.0, quiet=7.0,
               hurt=(7,), truth=frozenset({"region=07"}), right=0.9, changes=6)  # fmt: skip


def _peers(interval: float) -> Iterator[Cell]:
    stream = Stream(30.0, flat(0.01))
    least = _limit(30.0, 0.01, 3.0, interval)
    for name in PEERS:
        for how in ("as it comes", "calibrated"):

            def peer(interval: float, name: str = name, how: str = how) -> Alarm:
                make, dull, _ = PEERS[name]
                return make(dull if how == "as it comes" else calibrated(name, stream, interval))

            yield Cell(f"{name}, {how}: 30/h 1% x3", stream, peer, _always(least), times(3.0), quiet=180.0, lasts=40.0)


def cells(interval: float) -> list[Cell]:
    """All rows."""
    groups = (_steps, _failure_rate, _arrivals, _durations, _default, _peers)
    return [cell for group in groups for cell in group(interval)]
