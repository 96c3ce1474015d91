"""Durations that creep up: exceedances of each row's own learned quantile, whatever the durations' distribution."""

from collections.abc import Mapping
from typing import ClassVar

from detectors.failure_rate import FailureRate
from detectors.frame import JSON, WHOLE, Frame
from detectors.plain import fields, number
from detectors.shares import Counted, ShareDetector

QUANTILE = 0.9
_DAY = 86_400_000_000
_KNOWN, _KNOWN_ROW = 100, 50  # durations from which a quantile is read
_APART = 1.0  # days that they must span
_BAND = (0.02, 0.6)  # the share above the cut, outside of which a new one is learned
_SURE = 400.0  # durations that say so
_ROWS = 2000


class Duration(ShareDetector):
    """Mixture Shiryaev-Roberts on the share of durations above the row's own 90 % quantile.

    A row's cut is read once, from its first 50 durations (the whole: 100) over a day or more. How many truly lie
    above it is not assumed but learned, with its season and its wander, as a failure rate is: nothing is supposed of
    the distribution, many equal durations do no harm, and a cut that is a little off costs a little power and no
    false alarm. Windows hold counts by logarithmic bucket, 2 % apart: they add up in any order and by any segment.
    A cut that fits no more (less than 2 % or more than 60 % of 400 durations lie above it, and nothing is in
    breach) is learned again, and the detector with it.
    Settings, assumptions and guarantee: those of `FailureRate`.

    >>> import numpy as np
    >>> from detectors.frame import Beside
    >>> detector, hour = Duration(90.0), 3600_000_000
    >>> def frame(number, buckets):
    ...     tried = np.array([20])
    ...     return Frame(number * hour, (number + 1) * hour, ("",), tried, 0.0 * tried, tried,
    ...                  beside=Beside(durations={"": buckets}))
    >>> for number in range(24 * 14):
    ...     detector.learn(frame(number, {500: 9, 520: 9, 540 + number % 40: 2}))
    >>> usual, slow = frame(24 * 14, {500: 9, 520: 9, 550: 2}), frame(24 * 14, {520: 9, 540: 2, 580: 9})
    >>> bool(detector.score(usual).breach[0]), bool(detector.score(slow).breach[0])
    (False, True)
    """

    kind: str = "duration"
    version: ClassVar[int] = 1

    def __init__(self, false_alarm_interval: float, cold_start: float = 14.0, accept_after: float = 14.0) -> None:
        super().__init__(false_alarm_interval, cold_start, accept_after)
        self._cuts: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self._learning: dict[str, dict[int, float]] = {}
        self._lately = [0.0, 0.0]

    def cut(self, row: str) -> int | None:
        """The bucket above which a row's durations count as long; None while it is not known."""
        return self._cuts.get(row)

    def _skips(self, frame: Frame) -> bool:
        """As long as there never was a duration there is nothing to do."""
        return not (frame.beside.durations or self._cuts or self._learning)

    def _counted(self, frame: Frame) -> Counted:
        counted: dict[str, tuple[float, float]] = {}
        for row, buckets in frame.beside.durations.items():
            cut = self._cuts.get(row)
            if cut is None:
                continue
            above = sum(max(count, 0) for bucket, count in buckets.items() if bucket > cut)
            counted[row] = (sum(max(count, 0) for count in buckets.values()), above)
        return counted

    def _rest(self, frame: Frame, whole: tuple[float, float], apart: Mapping[str, float]) -> tuple[float, float]:
        """A segment's usual share is above its own cut: all of its durations are left out."""
        tried, hits = whole
        for name in apart:
            buckets = frame.beside.durations.get(name, {})
            tried -= sum(max(count, 0) for count in buckets.values())
            hits -= sum(max(count, 0) for bucket, count in buckets.items() if bucket > self._cuts[WHOLE])
        return max(tried, 0.0), max(hits, 0.0)

    def _took(self, frame: Frame) -> None:
        for row, buckets in frame.beside.durations.items():
            if row not in self._cuts:
                self._learn_cut(row, buckets, frame.end)
        whole = self._frame_of_whole(frame)
        if whole is None or self._inner.in_breach:
            return
        tried, above = (a + b for a, b in zip(self._lately, whole, strict=True))
        if tried < _SURE:
            self._lately = [tried, above]
            return
        share = above / tried
        self._lately = [tried / 2.0, above / 2.0]
        if not _BAND[0] <= share <= _BAND[1]:
            inner = self._inner
            self._inner = FailureRate(inner.false_alarm_interval, inner.cold_start, inner.accept_after)
            self._cuts, self._first, self._learning, self._lately = {}, {}, {}, [0.0, 0.0]

    def _frame_of_whole(self, frame: Frame) -> tuple[float, float] | None:
        return self._counted(frame).get(WHOLE)

    def _learn_cut(self, row: str, buckets: Mapping[int, int], end: int) -> None:
        if row not in self._learning and len(self._learning) >= _ROWS:
            return
        known = self._learning.setdefault(row, {})
        first = self._first.setdefault(row, end)
        for bucket, count in buckets.items():
            known[bucket] = known.get(bucket, 0.0) + max(count, 0)
        total = sum(known.values())
        if total < (_KNOWN if row == WHOLE else _KNOWN_ROW) or end - first < _APART * _DAY:
            return
        left = QUANTILE * total
        for bucket in sorted(known):
            left -= known[bucket]
            if left <= 0.0:
                break
        self._cuts[row] = bucket
        del self._learning[row], self._first[row]

    def _dump_more(self) -> dict[str, JSON]:
        return {
            "cuts": dict(sorted(self._cuts.items())),
            "first": dict(sorted(self._first.items())),
            "learning": {
                row: [[bucket, count] for bucket, count in sorted(known.items())]
                for row, known in sorted(self._learning.items())
            },
            "lately": list(self._lately),
        }

    def _load_more(self, state: Mapping[str, JSON]) -> None:
        self._cuts = {row: int(number(cut)) for row, cut in fields(state, "cuts").items()}
        self._first = {row: int(number(first)) for row, first in fields(state, "first").items()}
        for row, known in fields(state, "learning").items():
            if not isinstance(known, list):
                raise ValueError(f"detector state: `learning` of {row!r} must be a list of pairs")
            pairs = [pair for pair in known if isinstance(pair, list)]
            self._learning[row] = {int(number(bucket)): number(count) for bucket, count in pairs}
        lately = state["lately"]
        if not isinstance(lately, list):
            raise ValueError("detector state: `lately` must be a list of numbers")
        self._lately = [number(value) for value in lately]
