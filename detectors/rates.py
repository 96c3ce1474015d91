"""The sequential test that the failure rate and the contrast share: score, alarm, naming, breach, recovery."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from detectors import wander
from detectors.breach import Breach
from detectors.frame import WHOLE, Flags, Floats, Frame, Ints, Scores, Singles
from detectors.kept import ends_hour
from detectors.matrix import (
    BIN,
    HABIT,
    LATELY,
    PRIOR,
    TERMS,
    Matrix,
    Part,
)
from detectors.naming import DAY, Carried, band, named, with_breaches
from detectors.offsets import Guess
from detectors.overshoot import LEAST, needed
from detectors.rate_state import FEW, RateState
from detectors.wander import FRESH, habit, pooled
from detectors.wander import PRIOR as BELIEFS


@dataclass(slots=True)
class Step:
    """What one frame does to a detector, worked out by `score` or `learn` and taken in by `learn` alone.

    `before`, `now`: the end of the frame before it and its own, in days since `origin`.
    `rows`, `rate` ...: the detector's part of the matrix that it was worked out in.
    """

    frame: Frame
    origin: int
    before: float
    now: float
    known: Ints
    part: Part
    breaches: dict[str, Breach]
    named: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    entering: tuple[int, ...] = ()
    flow: list[float] = field(default_factory=list)
    rows: Floats = field(init=False)
    hits: Floats = field(init=False)
    trials: Floats = field(init=False)
    rate: Floats = field(init=False)
    spread: Floats = field(init=False)
    reference: Floats = field(init=False)
    weights: Singles = field(init=False)
    after: Floats = field(init=False)
    grown: Floats = field(init=False)
    restless: float = 0.0
    """Variance of the whole's wander, as it is believed."""

    def lie(self, matrix: Matrix, place: slice) -> None:
        """Take a place in a matrix."""
        self.rows, (self.hits, self.trials) = matrix.rows[: len(self.part.rows), place], self.part.counts
        self.rate, self.spread, self.reference = matrix.rate[place], matrix.spread[place], matrix.reference[place]
        self.weights = matrix.weights[:, place]
        self.after, self.grown = matrix.after[place], matrix.grown[place]
        self.restless = float(matrix.moves[0, place.start])


class RateDetector(RateState):
    """Rows with a predicted failure rate, tested together by one Shiryaev-Roberts statistic in days.

    A row's statistic is a measure over change levels, R <- (R + dt/levels) L, dt the days since the row was last
    touched and L the likelihood ratio of its window: sum(R) - t is a martingale under the null, whatever the
    traffic, so the mean time to a false alarm is that of where it stops: at least the threshold in days, or the part
    of it that a leap needs (`detectors/overshoot.py`). A window without trials has
    L = 1: a row that is not touched is brought up to date exactly when it next is. The decision statistic
    is a weighted mean of the rows' and hence of the same kind: one threshold, no independence, no
    correction for many segments (Shiryaev 1963; Roberts 1966; Shin, Ramdas and Rinaldo 2022).

    The null is not a constant rate: a row's log odds wander about the prediction, and how much and how fast is a
    mixture of hypotheses with learned weights (`Wander`); the denominator of L is the sequential predictive
    probability under it. A level that the stream often visits is no evidence.
    """

    def __init__(
        self,
        false_alarm_interval: float,
        cold_start: float = 14.0,
        accept_after: float = 14.0,
        warm_after: float = 3.0,
    ) -> None:
        super().__init__(false_alarm_interval, cold_start, accept_after, warm_after)
        self._cache: tuple[Frame, Step | None] | None = None
        """The latest frame that was asked about, and its step; None for one that waits."""

    # What a subclass knows.

    @abstractmethod
    def _reference(self, step: Step) -> tuple[Floats | float, Floats | float]:
        """The odds each row is compared with in this window, and the variance of their logarithm.

        May take the window into lines of its own in the step's rows.
        """

    @abstractmethod
    def _guesses(self, whole: Floats) -> tuple[Guess, Guess]:
        """The whole's odds ratio before anything of it is known, and a segment's; `whole`: its column."""

    @abstractmethod
    def _learn_reference(self, step: Step, *, frozen: bool) -> None:
        """Take the window into whatever the reference is made of."""

    def _testable(self, step: Step) -> Flags:
        """Rows that may take part in the statistic from this window on."""
        since = step.rows[self._table.at["since"]]
        flags: Flags = (step.now - since >= 1.0) & (since >= 0.0)
        return flags

    # The two verbs.

    def score(self, frame: Frame) -> Scores | None:
        """Evidence, breach, onset and the expected share of every row of the frame; None before it is warm."""
        if not self._warm:
            return None
        step = self._step(frame)
        if step is None:
            shown = self._table.data[self._table.span["shown"]]
            return self._scores(frame, shown.take(self._table.find(frame.segments), axis=1), self._breaches)
        shown = step.rows[self._table.span["shown"]]
        if shown.shape[1] != len(frame.segments):
            place = {name: row for row, name in enumerate(step.frame.segments)}
            shown = shown[:, [place[name] for name in frame.segments]]
        return self._scores(frame, shown, step.breaches)

    def learn(self, frame: Frame) -> None:
        """Take the frame in: statistics, then the base, unless a breach protects it."""
        step = self._step(frame)
        self._cache = None
        if step is not None:
            self._take(step)
        elif frame.trials[0] > 0:
            self._kept.add(frame)

    def _take(self, step: Step) -> None:
        if self._origin is None:
            self._origin, self._first = step.origin, step.before
        self._kept.clear()
        before, self._breaches = self._breaches, step.breaches
        self._average.flow = step.flow
        self._learn_reference(step, frozen=WHOLE in step.breaches)
        for place in step.entering:
            self._enter(step, place)
        if step.frame.usual:
            self._pool = pooled(self._pool, step.weights[:, 1:])
        rows = step.known
        if rows.min() < 0:
            rows = self._table.add(step.frame.segments)
        self._table.data[:, rows] = step.rows
        self._now = step.now
        self._offsets.rebase(step.now)
        for name in step.accepted:
            self._accept(name, before[name])
        for name in step.ended:
            self._forget(name)
        if step.named or WHOLE in step.ended:
            self._restart()
        if not self._warm and step.now - self._first >= self.warm_after:
            self._warm = self._enough() or step.now - self._first >= self.cold_start

    def asks(self, frame: Frame) -> "list[tuple[RateDetector, Frame]]":
        """The frames whose work may be done together with other detectors'."""
        if self._waits(frame):
            self._cache = (frame, None)
            return []
        return [(self, frame)]

    def _waits(self, frame: Frame) -> bool:
        return (
            not self._breaches
            and self._origin is not None
            and frame.usual
            and not ends_hour(frame)
            and not np.count_nonzero(frame.hits)
        )

    def _scores(self, frame: Frame, shown: Floats, breaches: Mapping[str, Breach]) -> Scores:
        evidence, rate, doubt = shown
        count = len(rate)
        scores = Scores(
            frame.segments,
            evidence,
            np.zeros(count, dtype=np.bool_),
            np.zeros(count, dtype=np.int64),
            rate,
            partial(band, rate, doubt, frame.trials),
        )
        return with_breaches(scores, breaches, self._origin or 0) if breaches else scores

    # How a frame is worked out.

    def _step(self, frame: Frame) -> Step | None:
        if self._cache is None or self._cache[0] is not frame:
            work_out(self.asks(frame))
        return None if self._cache is None else self._cache[1]

    def keep(self, frame: Frame, step: Step) -> None:
        """Have a frame's step ready for whoever scores or learns it."""
        self._cache = (frame, step)

    def begin(self, frame: Frame) -> Step:
        """What a frame is worked out from."""
        origin, first, before = self._origin, self._first, self._now
        if origin is None:
            origin = frame.start - frame.start % DAY
            first = before = (frame.start - origin) / DAY
        merged = self._kept.merged(frame)
        now = (frame.end - origin) / DAY
        short, long = self._offsets.clock(now)
        known = self._table.find(merged.segments)
        rows = self._table.gather(known)
        counts = np.empty((2, len(known)))
        counts[1] = merged.trials
        np.minimum(np.maximum(merged.hits, 0.0), counts[1], out=counts[0])
        (weight, ratio), (weights, ratios) = self._guesses(rows[:, 0])
        terms = np.empty((TERMS, 2))
        # In the order of the lines; work_out fills in the bins.
        terms[: PRIOR.start] = (
            (now, now),
            (-self.still, -self.still),
            (0.0, 0.0),
            (now - self.accept_after, now - self.accept_after),
            (1.0 / self.lasting, 1.0 / self.lasting),
            (self.outage, self.outage),
            (short, short),
            (long, long),
            (weight, weights),
            (weight / ratio, weights / ratios),
        )
        terms[PRIOR, 0], terms[PRIOR, 1] = BELIEFS, self._pool
        terms[HABIT] = habit(now - first, self.lasting)[:, None]
        return Step(merged, origin, before, now, known, Part(rows, counts, terms), self._breaches)

    def refer(self, step: Step) -> tuple[Floats | float, Floats | float]:
        """The odds each row is compared with in this window, and the variance of their logarithm."""
        return self._reference(step)

    def factors(self) -> list[float]:
        """By what the whole's statistic counts as evidence, and that of a row of each dimension."""
        average = self._average
        if WHOLE in self._breaches:
            return [0.0] * (1 + max(len(average.names), 1))
        share = self._share()
        of_parts = (1.0 - share) / self._threshold
        return [share / self._threshold, *([weight * of_parts for weight in average.weights()] or [0.0])]

    def _share(self) -> float:
        """The whole's share of the decision statistic."""
        return self.whole_share if self._average.some else float(self.whole_share > 0.0)

    def decide(self, step: Step, gained: Sequence[float]) -> None:
        """What is in breach after the frame, and who takes part from now on; `gained`: by the average's dimensions."""
        average = self._average
        step.flow = [flow + more for flow, more in zip(average.flow, gained, strict=False)]
        before = after = 0.0
        if WHOLE not in self._breaches:
            share = self._share()
            before = share * float(step.grown[0]) + (1.0 - share) * average.total(average.flow, step.now)
            after = share * float(step.after[0]) + (1.0 - share) * average.total(step.flow, step.now)
        if self._breaches:
            self._advance_breaches(step)
        if self._warm and after >= LEAST * self._threshold:
            part = needed(before, after)
            if after >= part * self._threshold:
                step.rows[self._table.span["shown"].start] /= part
                self._alarm(step, self._carriers(step))
        if WHOLE not in step.breaches and not step.named:
            live = step.rows[self._table.at["live"]]
            if np.count_nonzero(live) < len(live):
                self._let_enter(step, live)

    def _alarm(self, step: Step, names: list[str]) -> None:
        named = [name for name in names if name not in step.breaches]
        step.breaches = {**step.breaches, **{name: self._open(step, name) for name in named}}
        step.named = tuple(named)

    def _current(self, step: Step, group: str) -> Floats:
        """A group of columns over all rows of the table with this window's rows in their places."""
        span = self._table.span[group]
        table: Floats = self._table.data[span, : len(self._table)].copy()
        old = step.known >= 0
        table[:, step.known[old]] = step.rows[span][:, old]
        return table

    def _carriers(self, step: Step) -> list[str]:
        table = self._table
        lately = self._current(step, "lately")
        lately *= np.exp((self._current(step, "late") - step.now) / LATELY)
        live = table.line("live") > 0.0
        live[0] &= self.whole_share > 0.0
        share = self._share()
        parts = (1.0 - share) * self._average.of(table.line("dimension"))
        parts[0] = share
        return named(
            Carried(
                table.names,
                live,
                self._current(step, "measure").sum(axis=0) * parts,
                self._current(step, "climb").max(axis=0),
                lately[0],
                lately[1],
                table.group("base")[2:].sum(axis=0),
            )
        )

    def _open(self, step: Step, name: str) -> Breach:
        table = self._table
        place = step.frame.segments.index(name) if name in step.frame.segments else -1
        row = step.rows[:, place] if place >= 0 else table.data[:, table.index[name]]
        onset = float(row[table.span["start"]][int(np.argmax(row[table.span["climb"]]))])
        plus, minus = row[table.span["held"]].tolist()
        if place >= 0:
            # The window that broke it is not among what is held back.
            hits, trials, usual = float(step.hits[place]), float(step.trials[place]), float(step.reference[place])
            plus, minus = plus + hits * (1.0 - usual), minus + (trials - hits) * usual
        onset = min(max(onset, self._first), step.now)
        known = wander.known(row[table.span["learned"]], BELIEFS if name == WHOLE else self._pool, self.lasting)
        return Breach(step.now, onset, plus, minus, (plus, minus), calm=step.now, wander=known)

    def _advance_breaches(self, step: Step) -> None:
        frame = step.frame
        breaches, ended, accepted = dict(self._breaches), [], []
        for place, name in enumerate(frame.segments):
            if name in breaches:
                breaches[name] = breaches[name].after(
                    step.now,
                    float(step.rate[place]),
                    math.sqrt(max(float(step.spread[place]) - breaches[name].wander[0], 0.0)),
                    (float(step.hits[place]), float(step.trials[place])),
                    float(step.reference[place]),
                )
        for name, breach in list(breaches.items()):
            if breach.recovered(step.now):
                ended.append(name)
                del breaches[name]
            elif step.now - breach.since >= self.accept_after:
                accepted.append(name)
                ended.append(name)
                del breaches[name]
        step.breaches, step.ended, step.accepted = breaches, tuple(ended), tuple(accepted)

    # How it is taken in.

    def _let_enter(self, step: Step, live: Floats) -> None:
        testable = self._testable(step)
        if not self._warm:
            # What comes from here on is weighed, and said once it is warm. Of less than this nothing is a change.
            testable &= self.early & (self._offsets.known(step.rows) >= FEW)
        waiting = np.flatnonzero((live == 0.0) & testable).tolist()
        step.entering = tuple(place for place in waiting if step.frame.segments[place] not in step.breaches)
        for place in step.entering:
            live[place] = 1.0
            step.rows[self._table.span["measure"], place] = 0.0

    def _enter(self, step: Step, place: int) -> None:
        name = step.frame.segments[place]
        if name != WHOLE:
            step.rows[self._table.at["dimension"], place] = self._average.dimension(name)
            self._average.enter(name, step.now)

    def _forget(self, name: str) -> None:
        """Forget the present deviation of one row, or of all."""
        at, span = self._table.at, self._table.span
        rows = self._table.data[:, :-1] if name == WHOLE else self._table.data[:, self._table.index[name]]
        for group in ("mean", "variance", "pending"):
            rows[span[group]] = 0.0
        rows[at["filtered"]], rows[at["free"]] = FRESH["filtered"], FRESH["free"]


def work_out(asked: Sequence[tuple[RateDetector, Frame]]) -> None:
    """What each frame does to its detector, in one matrix; the frames are of one window."""
    if not asked:
        return
    steps = [detector.begin(frame) for detector, frame in asked]
    factors, bins = [], [0]
    for (detector, _), step in zip(asked, steps, strict=True):
        step.part.terms[BIN] = bins[-1], bins[-1] + 1
        factors += detector.factors()
        bins.append(len(factors))
    matrix = Matrix([step.part for step in steps])
    for (detector, _), step, place in zip(asked, steps, matrix.places, strict=True):
        step.lie(matrix, place)
        matrix.level[place], matrix.doubt[place] = detector.refer(step)
    window = asked[0][1]
    matrix.test(0.0 if window.usual else window.doubt)
    gained = matrix.share(factors)
    for (detector, _), step, first, last in zip(asked, steps, bins[:-1], bins[1:], strict=True):
        detector.decide(step, gained[first + 1 : last])
    if window.usual:
        matrix.learn(*_in_breach(steps, matrix))
    for (detector, frame), step in zip(asked, steps, strict=True):
        detector.keep(frame, step)


def _in_breach(steps: Sequence[Step], matrix: Matrix) -> tuple[Flags | None, Flags | None]:
    """Rows that are, and those that just came to be; None where there are none."""
    if not any(step.breaches for step in steps):
        return None, None
    broken, news = np.zeros((2, len(matrix.hits)), dtype=np.bool_)
    for step, place in zip(steps, matrix.places, strict=True):
        if step.breaches:
            frozen, segments = WHOLE in step.breaches, step.frame.segments
            broken[place] = [frozen or name in step.breaches for name in segments]
            news[place] = [name in step.named for name in segments]
    return broken, news if news.any() else None
