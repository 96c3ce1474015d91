"""The sequential test that the failure rate and the contrast share: score, alarm, naming, breach, recovery."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors.breach import Breach
from detectors.evidence import TESTS, Followed, likelihoods
from detectors.frame import WHOLE, Flags, Floats, Frame, Ints, Scores
from detectors.kept import ends_hour
from detectors.naming import DAY, Carried, named, with_breaches
from detectors.offsets import Guess
from detectors.rate_state import RateState
from detectors.wander import RESTLESS, SQUARES

LATELY = 0.25
"""Who carries an alarm is seen in about so many days."""
_CEILING = 1e60
_HOPELESS = 0.9  # what fails this often cannot fail so much more that it could be told
_QUIET = 1.0
"""While the cumulative sum is below this, the data since are acquitted and may be learned."""


@dataclass(slots=True)
class Step:
    """What one frame does, worked out by `score` or `learn` and taken in by `learn` alone."""

    frame: Frame
    now: float
    known: Ints
    rows: Floats
    trials: Floats
    hits: Floats
    reference: Floats
    rate: Floats
    weights: Floats
    restless: float
    sums: Floats
    flow: Floats
    breaches: dict[str, Breach]
    named: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()


class RateDetector(RateState):
    """Rows with a predicted failure rate, tested together by one Shiryaev-Roberts statistic in days.

    A row's statistic is a measure over change levels, R <- (R + dt/levels) L, dt the days since the row was last
    touched and L the likelihood ratio of its window: sum(R) - t is a martingale under the null, whatever the
    traffic, so the mean time to a false alarm is at least the threshold in days. A window without trials has
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
        self._cache: tuple[Frame, Step] | None = None

    # What a subclass knows.

    @abstractmethod
    def _reference(
        self, frame: Frame, now: float, rows: Floats, window: tuple[Floats, Floats], restless: float
    ) -> tuple[Floats, Floats | float]:
        """The odds each row is compared with in this window (failures, trials), and the variance of their logarithm.

        `restless`: variance of the whole's wander, as it is believed.
        """

    @abstractmethod
    def _guesses(self, rows: Floats) -> tuple[Guess, Guess]:
        """The whole's odds ratio before anything of it is known, and a segment's."""

    @abstractmethod
    def _learn_reference(self, step: Step, *, frozen: bool) -> None:
        """Take the window into whatever the reference is made of."""

    def _testable(self, step: Step) -> Flags:
        """Rows that take part in the statistic from this window on, once the detector is warm."""
        since = step.rows[self._table.at["since"]]
        flags: Flags = (step.now - since >= 1.0) & (since >= 0.0)
        return flags

    # The two verbs.

    def score(self, frame: Frame) -> Scores | None:
        """Evidence, breach, onset and the expected share of every row of the frame; None before it is warm."""
        if not self._warm:
            return None
        if self._waits(frame):
            shown = self._table.data[self._table.span["shown"]]
            return self._scores(frame, shown.take(self._table.find(frame.segments), axis=1), self._breaches)
        step = self._step(frame)
        shown = step.rows[self._table.span["shown"]]
        if shown.shape[1] != len(frame.segments):
            place = {name: row for row, name in enumerate(step.frame.segments)}
            shown = shown[:, [place[name] for name in frame.segments]]
        return self._scores(frame, shown, step.breaches)

    def learn(self, frame: Frame) -> None:
        """Take the frame in: statistics, then the base, unless a breach protects it."""
        if self._waits(frame):
            self._cache = None
            if frame.trials[0] > 0:
                self._kept.add(frame)
            return
        step = self._step(frame)
        self._cache = None
        self._kept.trials = {}
        self._offsets.rebase(step.now)
        before, self._breaches = self._breaches, step.breaches
        self._average.flow = step.flow
        self._learn_base(step.frame, step)
        rows = step.known
        if rows.min() < 0:
            rows = self._table.add(step.frame.segments)
        self._table.data[:, rows] = step.rows
        self._now = step.now
        for name in step.accepted:
            self._accept(name, before[name])
        for name in step.ended:
            place = self._table.index[name]
            self._wander.forget(self._table.data[:, :-1] if name == WHOLE else self._table.data[:, place])
        if step.named or WHOLE in step.ended:
            self._restart()
        if not self._warm and step.now - self._first >= self.warm_after:
            self._warm = self._enough() or step.now - self._first >= self.cold_start

    def _waits(self, frame: Frame) -> bool:
        return (
            not frame.hits.any()
            and not self._breaches
            and self._origin is not None
            and frame.usual
            and not ends_hour(frame)
        )

    def _scores(self, frame: Frame, shown: Floats, breaches: Mapping[str, Breach]) -> Scores:
        evidence, rate, doubt = shown
        spread = np.sqrt(doubt + 1.0 / np.maximum(frame.trials * rate * (1.0 - rate), 1e-9))
        spread *= 1.96
        width = np.exp(np.minimum(spread, 300.0, out=spread), out=spread)
        odds = rate / (1.0 - rate)
        upper = odds * width
        count = len(rate)
        scores = Scores(
            frame.segments,
            evidence,
            np.zeros(count, dtype=np.bool_),
            np.zeros(count, dtype=np.int64),
            rate,
            odds / (width + odds),
            upper / (1.0 + upper),
        )
        return with_breaches(scores, breaches, self._origin or 0) if breaches else scores

    # How a frame is worked out.

    def _step(self, frame: Frame) -> Step:
        if self._cache is not None and self._cache[0] is frame:
            return self._cache[1]
        if self._origin is None:
            self._origin = frame.start - frame.start % DAY
            self._first = self._now = (frame.start - self._origin) / DAY
        step = self._compute(frame, self._origin)
        self._cache = (frame, step)
        return step

    def _compute(self, window: Frame, origin: int) -> Step:
        table = self._table
        frame = self._kept.merged(window)
        now = (frame.end - origin) / DAY
        self._offsets.clock(now)
        known = table.find(frame.segments)
        rows = table.gather(known)
        trials = frame.trials.astype(np.float64)
        hits = np.maximum(frame.hits, 0.0)
        np.minimum(hits, trials, out=hits)
        weights = self._wander.weights(rows)
        wander = SQUARES @ weights
        restless = float(wander[0])
        level, doubt = self._reference(frame, now, rows, (hits, trials), restless)
        odds, spread = self._offsets.predict(rows, *self._guesses(rows))
        odds *= level
        rate = odds / (1.0 + odds)
        np.minimum(np.maximum(rate, 1e-9, out=rate), 1.0 - 1e-9, out=rate)
        spread += doubt
        special = 0.0 if frame.usual else window.doubt
        mean, variance = self._wander.predict(rows, now, spread, now - self._first, special)
        spread += special
        followed = self._followed(rows, now, weights)
        ratios, mean, variance, gain = likelihoods(rate, (hits, trials), mean, variance, weights, followed)
        rows[self._table.span["followed"]] = followed.mean, followed.variance
        self._wander.take(rows, now, mean, variance, gain)
        spread += wander
        np.copyto(ratios, 1.0, where=rate > _HOPELESS)
        self._note_lately(rows, now, hits, rate * trials)
        after, flow = self._weigh(rows, now, ratios)

        reference = level / (1.0 + level)
        sums = np.empty((2, len(hits)))
        np.multiply(hits, 1.0 - reference, out=sums[0])
        np.multiply(trials - hits, reference, out=sums[1])
        step = Step(
            frame, now, known, rows, trials, hits, reference, rate, weights, restless, sums, flow, self._breaches
        )
        whole, parts = self._parts(step, after, spread)
        if self._breaches:
            self._advance_breaches(step, spread)
        if self._warm and whole + parts >= self._threshold:
            self._alarm(step, self._carriers(step))
        return step

    def _followed(self, rows: Floats, now: float, weights: Floats) -> Followed:
        """The changes that may be under way; they wander as the row does."""
        at, span = self._table.at, self._table.span
        passed = now - rows[at["touched"]]
        mean, variance = rows[span["followed"]]
        begun = rows[span["measure"]][-1]
        share = begun / np.maximum(begun + passed * rows[at["live"]] / TESTS, 1e-12)
        return Followed(mean, variance + passed * (RESTLESS @ weights), share)

    def _note_lately(self, rows: Floats, now: float, hits: Floats, expected: Floats) -> None:
        lately, late = rows[self._table.span["lately"]], self._table.at["late"]
        lately *= np.exp((rows[late] - now) / LATELY)
        lately[0] += hits
        lately[1] += expected
        rows[late] = now

    def _weigh(self, rows: Floats, now: float, ratios: Floats) -> tuple[Floats, Floats]:
        """Take the window's likelihood ratios into `rows` in place; their statistics and the average's flow."""
        at, span = self._table.at, self._table.span
        climb = rows[span["climb"]]
        climb += np.log(ratios)
        np.copyto(rows[span["start"]], now, where=climb <= 0.0)
        np.maximum(climb, 0.0, out=climb)

        measure = rows[span["measure"]]
        grown = measure.sum(axis=0)
        passed = now - rows[at["touched"]]
        passed *= rows[at["live"]]
        rows[at["touched"]] = now
        grown += passed
        passed /= TESTS
        measure += passed
        measure *= ratios
        np.minimum(measure, _CEILING, out=measure)
        after: Floats = measure.sum(axis=0)
        flow = self._average.flow
        # The statistic of a row that takes no part is 0; the whole is in no dimension.
        if len(flow) and len(after) > 1:
            places = rows[at["dimension"], 1:].astype(np.int64)
            flow = flow + np.bincount(places, (after - grown)[1:], len(flow))
        return after, flow

    def _parts(self, step: Step, measure: Floats, spread: Floats) -> tuple[float, float]:
        """The whole's and the segments' part of the decision statistic; each row's is put where it is shown."""
        average = self._average
        some = average.some
        share = self.whole_share if some else float(self.whole_share > 0.0)
        shown = step.rows[self._table.span["shown"]]
        shown[1] = step.rate
        shown[2] = spread
        if WHOLE in self._breaches:
            shown[0] = 0.0
            return 0.0, 0.0
        if some:
            np.multiply(measure, average.of(step.rows[self._table.at["dimension"]]), out=shown[0])
            shown[0] *= (1.0 - share) / self._threshold
        whole = share * float(measure[0])
        shown[0, 0] = whole / self._threshold
        return whole, (1.0 - share) * average.total(step.flow, step.now) if some else 0.0

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
        return named(
            Carried(
                table.names,
                live,
                self._current(step, "measure").sum(axis=0) * self._average.of(table.line("dimension")),
                self._current(step, "climb").max(axis=0),
                lately[0],
                lately[1],
                table.group("base")[2:].sum(axis=0),
            )
        )

    def _open(self, step: Step, name: str) -> Breach:
        frame = step.frame
        table = self._table
        here = name in frame.segments
        row = step.rows[:, frame.segments.index(name)] if here else table.data[:, table.index[name]]
        onset = float(row[table.span["start"]][int(np.argmax(row[table.span["climb"]]))])
        held = row[table.span["held"]]
        reference = float(np.mean(step.reference))
        hits = float(held[0]) / max(1.0 - reference, 0.05)
        trials = hits + float(held[1]) / max(reference, 0.001)
        return Breach(
            step.now,
            min(max(onset, self._first), step.now),
            hits,
            trials,
            float(held[0]),
            float(held[1]),
            calm=step.now,
        )

    def _advance_breaches(self, step: Step, spread: Floats) -> None:
        frame = step.frame
        breaches, ended, accepted = dict(self._breaches), [], []
        for place, name in enumerate(frame.segments):
            if name in breaches:
                breaches[name] = breaches[name].after(
                    step.now,
                    float(step.rate[place]),
                    math.sqrt(float(spread[place])),
                    float(step.hits[place]),
                    float(step.trials[place]),
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

    def _learn_base(self, frame: Frame, step: Step) -> None:
        at, span = self._table.at, self._table.span
        rows = step.rows
        since, live = rows[at["since"]], rows[at["live"]]
        if since.min() < 0.0:
            since[(since < 0.0) & (step.trials > 0.0)] = step.now
        frozen = WHOLE in step.breaches
        self._learn_reference(step, frozen=frozen)
        if self._warm and not frozen and not step.named and np.count_nonzero(live) < len(live):
            waiting = (live == 0.0) & self._testable(step)
            if waiting.any():
                self._enter(frame, step, waiting)
        if not frame.usual:
            return
        broken = news = None
        if step.breaches:
            broken = np.array([frozen or name in step.breaches for name in frame.segments])
            news = np.array([name in step.named for name in frame.segments]) if step.named else None
        quiet = rows[span["climb"]].max(axis=0) < _QUIET
        if broken is not None or not quiet.all():
            quiet |= live == 0.0
            quiet |= rows[span["start"]].min(axis=0) < step.now - self.accept_after
        sums = step.sums
        if broken is not None:
            sums = np.where(broken, 0.0, sums)
            quiet &= ~broken
        acquitted = None if quiet.all() else quiet.astype(np.float64)
        self._wander.learn(rows, step.weights, acquitted, broken, news)
        self._offsets.learn(rows, sums, acquitted)

    def _enter(self, frame: Frame, step: Step, waiting: Flags) -> None:
        at, span = self._table.at, self._table.span
        for place in np.flatnonzero(waiting):
            if frame.segments[place] in step.breaches:
                continue
            row = step.rows[:, place]
            row[at["live"]] = 1.0
            row[span["measure"]] = 0.0
            if frame.segments[place] != WHOLE:
                row[at["dimension"]] = self._average.dimension(frame.segments[place])
                self._average.enter(frame.segments[place], step.now)
