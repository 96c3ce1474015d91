"""A test for absent segments: how far each one's gap has gone, who is in breach, who never came back."""

import math
from collections.abc import Sequence

import numpy as np

from detectors.absent_shares import DAY, LEVELS, Shares
from detectors.frame import Flags, Floats, Frame, Ints

_FEW = 30.0  # arrivals from which a segment is known at all
_WEIGHTS: Floats = np.array([0.7, 0.15, 0.15])[:, None]
_PARTS: Floats = np.array(LEVELS[1:])[:, None]
_LOGS: Floats = np.log(_PARTS)
_STEP = DAY // 96
"""Windows shorter than this are put together: numpy costs the same for a quarter of an hour as for a minute."""
_PACE = 0.1  # days over which the moment's own pace is seen
_PERSISTENCE = 0.5  # days that a share's deviation lasts
_KNOWN = 3.0  # times as surely as by nothing a deviation is known at the most
_MARGIN = 2.0  # news is e² times the record
_MOST = 0.7  # who has more of everything is the whole
_BACK = 0.5
_CONFIDENCE = math.log(50.0)
_TOGETHER = 1.0  # days in which what is absent for one cause goes
_CEILING = 1e60


class AbsentState(Shares):
    """The shares, and what is tested of them."""

    def story(self, rows: Sequence[int]) -> tuple[Floats, Floats, Floats]:
        """What was expected, what was seen since then, and the day it began, of some rows."""
        best = self.group("climb")[:, rows].argmax(axis=0)
        told = self.group("told").reshape(len(LEVELS), 2, -1)[:, :, rows]
        place = np.arange(len(rows))
        start = np.where(self.line("since")[rows] >= 0.0, self.line("onset")[rows], self.group("start")[best, rows])
        return told[best, 0, place], told[best, 1, place], start

    def take(self, frame: Frame, least: float, days: tuple[float, float, float]) -> None:
        """Take in a frame; `least`: logarithm of the threshold; `days`: to accept, to rest, to know a segment."""
        if self.base.origin < 0:
            self.base = self.base.copy()
            self.base.origin = frame.start - frame.start % DAY
            self.now = self.first = (frame.start - self.origin) / DAY
        rows = self.rows_of(frame)
        self.line("waiting")[rows] += frame.arrivals[1:]
        start, end = (frame.start - self.origin) / DAY, (frame.end - self.origin) / DAY
        self.turn(math.floor((start + end) * 12.0))
        self.waiting[0] += max(end - max(start, self.now), 0.0)
        self.waiting[1] += float(frame.arrivals[0])
        self.now = end
        self._owe(frame, rows)
        if frame.end % _STEP == 0 or frame.end - frame.start >= _STEP:
            self._evaluate(least, days, usual=frame.usual, more=0.0 if frame.usual else frame.doubt)

    def _owe(self, frame: Frame, rows: Ints) -> None:
        """Count what those in breach would have had of a window."""
        before = math.floor(self.owed)
        open_ = self.line("since") >= 0.0
        if open_.any():
            # Dimensions share the same arrivals: those of the one that lost most are added.
            places = self.line("dimension")[open_].astype(np.int64)
            lost = min(float(np.bincount(places, self.line("share")[open_]).max()), 0.9)
            came = float(frame.arrivals[1:][open_[rows]].sum())
            self.owed += max(float(frame.arrivals[0] - came) * lost / (1.0 - lost) - came, 0.0)
        self.missing = math.floor(self.owed) - before

    # Window by window: what is tested.

    def _evaluate(self, least: float, days: tuple[float, float, float], *, usual: bool, more: float) -> None:
        length, arrivals = self.waiting
        self.waiting = [0.0, 0.0]
        came = self.line("waiting").copy()
        self.line("waiting")[:] = 0.0
        shared = self._usual_part(length, arrivals)
        due = shared * self.line("share")
        if usual:
            self.hourly[0] += length
            self.hourly[1] += shared
            self.group("hourly")[:] += np.stack([due, came * (shared / arrivals if arrivals else 1.0)])
        if not self.names:
            return
        gain = self.gains(length, due, came, more)
        live = self._live(days[2])
        self._test(length, gain, due, came, live)
        self._judge(live, least, days, due, came)

    def _usual_part(self, length: float, arrivals: float) -> float:
        """Of the whole's arrivals as many as are usual: what comes beyond them takes from nobody."""
        expected = self.base.rate((self.hour + 0.5) / 24.0)[0] * length if self.warm else arrivals
        self.latest = [expected, arrivals]
        fade = math.exp(-length / _PACE)
        self.pace = [self.pace[0] * fade + arrivals, self.pace[1] * fade + expected]
        return arrivals / max(self.pace[0] / max(self.pace[1], 1e-9), 1.0) if self.pace[1] > 0.0 else arrivals

    def gains(self, length: float, due: Floats, came: Floats, more: float) -> Floats:
        """Log likelihood ratio of each level; the filter follows how large the share is these hours.

        What is due and what came are in clumps here: so many times fewer.
        """
        due, came = due / self.clumps.size, came / self.clumps.size
        variance = self.deviation() - self.line("doubt") + more
        prior = 1.0 / variance
        shape, scale = self.group("filter")
        fresh = shape <= 0.0
        shape[fresh] = scale[fresh] = prior[fresh]
        keep = math.exp(-length / _PERSISTENCE)
        shape[:] = prior + (shape - prior) * keep
        scale[:] = prior + (scale - prior) * keep
        # What moves so much by the day is not known better than that, however much of it was seen.
        known = np.minimum(_KNOWN * prior / shape, 1.0)
        shape *= known
        scale *= known
        ratio = np.minimum(shape / scale, 1.0)
        mean = np.maximum(due * ratio, 1e-12)
        wide = 1.0 / (1.0 / shape + variance + self.line("doubt"))
        here = came > 0.0
        gap, null = self.line("gap"), self.group("null")
        # With arrivals: a window of its own. Without: one more piece of a gap that has one deviation.
        # Whoever comes back is no loss, however low the filter stands.
        full = came * np.log(np.maximum(due, 1e-12) / mean) - (wide + came) * np.log1p(due / wide)
        alone = np.maximum(-(wide + came) * np.log1p(mean / wide), full)
        parts = came * _LOGS - (wide + came) * np.log1p(_PARTS * (due / wide))
        parts += came * np.log(np.maximum(due, 1e-12) / mean)
        longer = gap + mean
        of_gap = -wide * np.log1p(longer / wide)
        of_parts = -wide * np.log1p(_PARTS * (longer / ratio / wide))
        gain = np.empty((len(LEVELS), len(due)))
        gain[0] = np.where(here, -1e9, null[0] - of_gap)
        gain[1:] = np.where(here, parts - alone, (of_parts - null[1:]) - (of_gap - null[0]))
        gain[:, due <= 0.0] = 0.0
        gap[:] = np.where(here, 0.0, longer)
        null[0], null[1:] = np.where(here, 0.0, of_gap), np.where(here, 0.0, of_parts)
        shape += came
        # What a gap owes is known when it is over.
        scale += np.where(here, due + np.maximum(longer - mean, 0.0), 0.0)
        return gain

    def _live(self, needed: float) -> Flags:
        """Rows that can be missed: known for long enough, not nearly everything, where values do not come and go."""
        resting = np.array(self.resting)[self.line("dimension").astype(np.int64)]
        found: Flags = (
            (self.now - self.line("began") >= needed)
            & (self.line("known") >= _FEW)
            & (self.line("share") <= _MOST)
            & (resting < self.now)
        )
        return found

    def _test(self, length: float, gain: Floats, due: Floats, came: Floats, live: Flags) -> None:
        measure, climb, start = self.group("measure"), self.group("climb"), self.group("start")
        climb += gain
        down = climb <= 0.0
        start[down] = self.now
        np.maximum(climb, 0.0, out=climb)
        told = self.group("told").reshape(len(LEVELS), 2, -1)
        told[:, 0] += due
        told[:, 1] += came
        np.copyto(told, 0.0, where=down[:, None])
        measure += length * _WEIGHTS
        measure *= np.exp(np.clip(gain, -700.0, 70.0))
        np.minimum(measure, _CEILING, out=measure)
        measure[:, ~live | (self.line("since") >= 0.0)] = 0.0

    def _judge(self, live: Flags, least: float, days: tuple[float, float, float], due: Floats, came: Floats) -> None:
        since, back = self.line("since"), self.line("back")
        places = self.line("dimension").astype(np.int64)
        many = np.bincount(places[live], minlength=len(self.dimensions)).astype(np.float64)
        used = max(int(np.count_nonzero(many)), 1)
        reached = np.log(np.maximum(self.group("measure").sum(axis=0), 1e-60))
        record, high = self.line("record"), self.line("high")
        threshold = np.maximum(least + np.log(np.maximum(many[places], 1.0) * used), record + _MARGIN)
        self.shown = reached - threshold
        high[:] = np.where(reached > 0.0, np.maximum(high, reached), high)
        over = (reached <= 0.0) & (high > 0.0) & (since < 0.0)
        record[over] = np.maximum(record, high)[over]
        high[over] = 0.0
        broken = since >= 0.0
        # Those in breach: recovered, or gone for good.
        gain = (came * -math.log(_BACK) - due * (1.0 - _BACK)) / self.clumps.size
        back[:] = np.where(broken, np.maximum(back + gain, 0.0), 0.0)
        for row in np.flatnonzero(broken & (back >= _CONFIDENCE)).tolist():
            self._end(row)
        for row in np.flatnonzero((since >= 0.0) & (self.now - since >= days[0])).tolist():
            self._accept(row, days[1])
        if self.warm:
            self._open(np.flatnonzero((since < 0.0) & live & (reached >= threshold)).tolist(), places)

    def _open(self, rows: list[int], places: Ints) -> None:
        since = self.line("since")
        for row in rows:
            alike = since[(places == places[row]) & (since >= 0.0)]
            # Of what went long before this, nobody knows yet whether values come and go here.
            if len(alike) and self.now - float(alike.min()) > _TOGETHER:
                continue
            best = int(self.group("climb")[:, row].argmax())
            self.line("onset")[row] = self.group("start")[best, row]
            since[row] = self.now
            self.line("back")[row] = self.line("high")[row] = 0.0

    def _end(self, row: int) -> None:
        self.line("since")[row] = -1.0
        for name in ("measure", "climb", "told", "null", "filter", "gap", "high", "back"):
            self.group(name)[:, row] = 0.0
        self.group("start")[:, row] = self.now

    def _accept(self, row: int, rest: float) -> None:
        """It does not come back: its share is what is left, and its dimension one in which values come and go."""
        self._end(row)
        self.seen = self.seen.copy()
        self.seen[:, row] = 0.0
        for name in ("known", "due", "came", "share", "record"):
            self.group(name)[:, row] = 0.0
        self.line("began")[row] = self.now
        self.resting[int(self.line("dimension")[row])] = self.now + rest
