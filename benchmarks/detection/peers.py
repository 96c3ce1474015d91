"""What else is in use, each as it comes and at the same budget: its dullness raised until its false alarms fit."""

import statistics
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from river import anomaly, drift

from benchmarks.detection.running import Alarm, quiet
from benchmarks.detection.streams import DAY, HOUR, MINUTE, Stream, WholeFrames
from detectors.frame import Frame

_BROKEN, _FINE = frozenset({""}), frozenset[str]()
_WINDOWS = ((HOUR, 5 * MINUTE, 14.4), (6 * HOUR, 30 * MINUTE, 6.0), (3 * DAY, 6 * HOUR, 1.0))
_PAST = 28 * 24
_BUDGETS = 3.0  # intervals over which a peer is calibrated


class _Shares:
    """The share of broken over the last so many microseconds."""

    def __init__(self) -> None:
        self._ends, self._trials, self._hits = [0], [0.0], [0.0]

    def add(self, frame: Frame) -> None:
        self._ends.append(frame.end)
        self._trials.append(self._trials[-1] + float(frame.trials[0]))
        self._hits.append(self._hits[-1] + float(frame.hits[0]))

    def of(self, span: int) -> float:
        place = bisect_right(self._ends, self._ends[-1] - span) - 1
        trials = self._trials[-1] - self._trials[place]
        return (self._hits[-1] - self._hits[place]) / trials if trials else 0.0

    def base(self) -> float:
        return self._hits[-1] / self._trials[-1] if self._trials[-1] else 0.0


class BurnRate(WholeFrames):
    """Long and short windows of the SRE workbook; the objective is the base, found from all data so far."""

    def __init__(self, dull: float) -> None:
        self._dull, self._shares = dull, _Shares()

    def after(self, frame: Frame) -> frozenset[str]:
        """Both windows of any pair burn too fast."""
        shares = self._shares
        shares.add(frame)
        least = max(shares.base(), 1e-6) * self._dull
        fast = any(shares.of(long) > f * least and shares.of(short) > f * least for long, short, f in _WINDOWS)
        return _BROKEN if fast else _FINE


class FixedThreshold(WholeFrames):
    """The last hour's share over a multiple of the base."""

    def __init__(self, dull: float) -> None:
        self._dull, self._shares = dull, _Shares()

    def after(self, frame: Frame) -> frozenset[str]:
        """Above it."""
        self._shares.add(frame)
        return _BROKEN if self._shares.of(HOUR) > self._dull * self._shares.base() else _FINE


class Hourly(WholeFrames):
    """A score of each whole hour's share; `kind`: by which it is scored."""

    def __init__(self, kind: str, dull: float) -> None:
        self._dull, self._shares, self._state = dull, _Shares(), _FINE
        self._past: deque[float] = deque(maxlen=_PAST)
        self._trees = anomaly.HalfSpaceTrees(seed=1) if kind == "trees" else None
        self._gauss = anomaly.GaussianScorer() if kind == "gauss" else None

    def after(self, frame: Frame) -> frozenset[str]:
        """What the last whole hour's score says."""
        self._shares.add(frame)
        if frame.end % HOUR == 0:
            share = self._shares.of(HOUR)
            self._state = _BROKEN if self._score(share) > self._dull else _FINE
        return self._state

    def _score(self, share: float) -> float:
        if self._trees is not None:
            score = self._trees.score_one({"share": share})
            self._trees.learn_one({"share": share})
            return float(score) if share > self._shares.base() else 0.0
        if self._gauss is not None:
            score = self._gauss.score_one(None, share)
            self._gauss.learn_one(None, share)
            return float(score) if share > self._shares.base() else 0.0
        self._past.append(share)
        spread = statistics.pstdev(self._past) if len(self._past) > 1 else 0.0
        return (share - statistics.fmean(self._past)) / spread if spread else 0.0


class Drift(WholeFrames):
    """River's ADWIN or Page-Hinkley on every outcome."""

    def __init__(self, kind: str, dull: float) -> None:
        self._adwin = drift.ADWIN(delta=10.0**-dull) if kind == "adwin" else None
        self._hinkley = drift.PageHinkley(threshold=dull, mode="up") if kind == "hinkley" else None
        self._rng = np.random.default_rng(5)

    def after(self, frame: Frame) -> frozenset[str]:
        """A drift upwards was found in this window."""
        outcomes = np.zeros(int(frame.trials[0]))
        outcomes[self._rng.permutation(len(outcomes))[: int(frame.hits[0])]] = 1.0
        found = False
        for one in outcomes.tolist():
            if self._adwin is not None:
                before = self._adwin.estimation
                self._adwin.update(one)
                found |= self._adwin.drift_detected and self._adwin.estimation > before
            elif self._hinkley is not None:
                self._hinkley.update(one)
                found |= self._hinkley.drift_detected
        return _BROKEN if found else _FINE


Peer = Callable[[float], Alarm]
PEERS: dict[str, tuple[Peer, float, Sequence[float]]] = {
    "burn rate (SRE workbook)": (BurnRate, 1.0, (1.5, 2, 2.5, 3, 4, 6, 9)),
    "fixed threshold, 1 h": (FixedThreshold, 3.0, (4, 6, 8, 11, 15, 20)),
    "3 sigma, hourly": (partial(Hourly, "sigma"), 3.0, (4, 5, 6, 8, 10, 14)),
    "river GaussianScorer, hourly": (
        partial(Hourly, "gauss"),
        0.997,
        (0.9999, 1 - 1e-5, 1 - 1e-6, 1 - 1e-8, 1 - 1e-12),
    ),
    "river HalfSpaceTrees, hourly": (partial(Hourly, "trees"), 0.95, (0.97, 0.98, 0.985, 0.99, 0.995, 0.999)),
    "river ADWIN": (partial(Drift, "adwin"), 2.7, (3.5, 4.5, 6, 8, 11)),
    "river PageHinkley": (partial(Drift, "hinkley"), 50.0, (2, 4, 8, 12, 18, 26, 36)),
}
"""How each is made of its dullness, that of its defaults, and those to choose from."""


def calibrated(name: str, stream: Stream, interval: float) -> float:
    """The least dullness with no more false alarms than promised, over a few intervals after four weeks."""
    make, _, choices = PEERS[name]
    for dull in choices:
        rng = np.random.default_rng(31)
        path, alarm = stream.path(31), make(dull)
        for frame in path.frames(rng, 0.0, 28.0):
            alarm.after(frame)
        if quiet(alarm, path.frames(rng, 28.0, _BUDGETS * interval)) <= _BUDGETS:
            return dull
    return choices[-1]
