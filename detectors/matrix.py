"""One window of several rate detectors as one matrix, a column a row of each: numpy is asked once for all of them.

What a call of numpy costs is the same for ten numbers as for a thousand, and a moment's window has few rows: so the
arithmetic is not done detector by detector. Here are numbers only; what is decided by them is each detector's own.
Wide windows go through in blocks that the processor's cache can hold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from detectors import offsets, wander
from detectors.evidence import OUTAGE, TESTS, Followed, likelihoods
from detectors.frame import Flags, Floats, Singles
from detectors.table import Layout

LINES = {
    "filtered": 1,  # day of the deviation's mean and variance
    "late": 1,  # of what is seen lately
    "touched": 1,  # of the statistics
    **wander.COLUMNS,
    **offsets.COLUMNS,
    "measure": TESTS,
    "climb": TESTS,
    "start": TESTS,
    "followed": 2,  # mean and variance of a change that may be under way, in log odds
    "live": 1,
    "dimension": 1,
    "lately": 2,  # failures and expected failures, fading
    "shown": 3,  # evidence, rate and its variance, for windows that wait
}
"""What is known of each row; a detector may keep more behind these."""
FRESH: Mapping[str, float | Sequence[float]] = {
    **wander.FRESH,
    **offsets.FRESH,
    "followed": 1.0,
    "shown": (0.0, 0.5, 1.0),
}
LATELY = 0.25
"""Who carries an alarm is seen in about so many days."""
_LAYOUT = Layout(LINES, FRESH)
_TIMES = slice(0, 3)
_MEAN, _VARIANCE = _LAYOUT.span["mean"], _LAYOUT.span["variance"]
_LEARNED, _PENDING, _FREE = _LAYOUT.span["learned"], _LAYOUT.span["pending"], _LAYOUT.at["free"]
_BASE, _HELD, _SINCE = _LAYOUT.span["base"], _LAYOUT.span["held"], _LAYOUT.at["since"]
_MEASURE, _CLIMB, _START = _LAYOUT.span["measure"], _LAYOUT.span["climb"], _LAYOUT.span["start"]
_FOLLOWED, _LIVE, _DIMENSION = _LAYOUT.span["followed"], _LAYOUT.at["live"], _LAYOUT.at["dimension"]
_NEWEST = _MEASURE.stop - 1
_AT_LATELY, _SHOWN = _LAYOUT.span["lately"], _LAYOUT.span["shown"]
_MOVES: Singles = np.stack([wander.SQUARES, wander.RESTLESS]).astype(np.float32)

# What a detector says of itself, once for the whole and once for the other rows.
NOW, STILL, BIN, UNTIL, PACE, BREAKS = range(6)
"""Lines of its terms: the day; minus the days for which what bases are compared with is wrong; the first of its bins of
the average; the day before which a climb has gone on for too long; how many times as long as the hypotheses say a
wander lasts, inverted; the share that an outage breaks, 0 for none."""
UNITS, GUESSES = slice(6, 8), slice(8, 10)
PRIOR, HABIT = slice(10, 10 + wander.COUNT), slice(10 + wander.COUNT, 10 + 2 * wander.COUNT)
TERMS = HABIT.stop

_CEILING = 1e60
_HOPELESS = 0.9  # what fails this often cannot fail so much more that it could be told
_QUIET = 1.0
"""While the cumulative sum is below this, the data since are acquitted and may be learned."""
_BLOCK = 2048


@dataclass(slots=True)
class Part:
    """What one detector brings: its rows as they were before the window, failures and trials (2, rows), its terms."""

    rows: Floats
    counts: Floats
    terms: Floats


class Matrix:
    """The rows of all parts side by side, shape (lines, rows); `places`: where each part's are. They are copies."""

    def __init__(self, parts: Sequence[Part]) -> None:
        ends = [0, *accumulate(part.counts.shape[1] for part in parts)]
        self.places = [slice(first, last) for first, last in pairwise(ends)]
        if len(parts) == 1:
            self.rows, counts, terms = parts[0].rows, parts[0].counts, parts[0].terms
        else:
            self.rows = np.empty((max(len(part.rows) for part in parts), ends[-1]))
            for part, place in zip(parts, self.places, strict=True):
                self.rows[: len(part.rows), place] = part.rows
            counts = np.concatenate([part.counts for part in parts], axis=1)
            terms = np.concatenate([part.terms for part in parts], axis=1)
        self.hits, self.trials = counts
        # Each term of the whole once, that of the other rows for each of them.
        self._terms: Floats = terms.repeat([n for first, last in pairwise(ends) for n in (1, last - first - 1)], axis=1)
        self.weights = wander.weigh(self.rows[_LEARNED], self.rows[_PENDING], self._terms[PRIOR])
        self.moves: Floats = (_MOVES @ self.weights).astype(np.float64)
        """Variance of each row's wander, and what it gains a day."""
        count = len(self.hits)
        self.level, self.doubt = np.empty((2, count))
        """The odds that each row is compared with, and the variance of their logarithm; the detectors' to fill."""
        self.rate, self.spread, self.reference, self.after, self.grown = np.empty((5, count))
        """The rows' statistics after the window, and what they would have been without a likelihood ratio."""
        self._sums = np.empty((2, count))

    def test(self, special: float) -> None:
        """Take the window into the statistics and filters; `special`: variance that a known event adds."""
        for cut in _blocks(len(self.hits)):
            self._predict(cut, special)
        since = self.rows[_SINCE]
        if since.min() < 0.0:
            np.copyto(since, self._terms[NOW], where=(since < 0.0) & (self.trials > 0.0))

    def _predict(self, cut: slice, special: float) -> None:
        rows, terms, level = self.rows[:, cut], self._terms[:, cut], self.level[cut]
        hits, trials, weights = self.hits[cut], self.trials[cut], self.weights[:, cut]
        moved, restless = self.moves[0, cut], self.moves[1, cut] * terms[PACE]
        passed = terms[NOW] - rows[_TIMES]
        rate, spread = offsets.ratios(rows[_BASE], terms[UNITS], terms[GUESSES])
        rate *= level
        rate /= 1.0 + rate
        np.maximum(rate, 1e-9, out=rate)
        np.minimum(rate, 1.0 - 1e-9, out=rate)
        doubt = self.doubt[cut]
        wrong = doubt < spread, rows[_FREE]
        spread += doubt
        memory, fades = _fades(passed, rows[_TIMES.start], wrong, terms)
        apart = (terms[HABIT] + spread).astype(np.float32)
        if special:
            # Clumps have no part in it: what comes and goes at once could else explain a break of any size.
            apart[: wander.CLUMPS] += special
            spread += special
        mean, variance = rows[_MEAN].astype(np.float32), rows[_VARIANCE].astype(np.float32)
        mean *= memory
        memory *= memory
        variance *= memory
        apart *= 1.0 - memory
        variance += apart
        waited = passed[2] * rows[_LIVE]
        each = waited / (TESTS - 1.0 + (terms[BREAKS] > 0.0))
        restless *= passed[2]
        followed = _followed(rows, each, restless)
        ratios, rows[_MEAN], rows[_VARIANCE], gain = likelihoods(
            (rate, terms[BREAKS]), (hits, trials), mean, variance, weights, followed
        )
        follows = rows[_FOLLOWED]
        follows[0], follows[1] = followed.mean, followed.variance
        rows[_LEARNED] *= fades[0]
        rows[_PENDING] += gain
        spread += moved
        np.copyto(ratios, 1.0, where=rate > _HOPELESS)
        lately = rows[_AT_LATELY]
        lately *= fades[1]
        lately[0] += hits
        lately[1] += rate * trials
        rows[_TIMES] = terms[NOW]
        self._weigh(cut, rows, terms, (waited, each), ratios)
        self.rate[cut], self.spread[cut] = rate, spread
        shown = rows[_SHOWN]
        shown[1], shown[2] = rate, spread
        reference = np.divide(level, 1.0 + level, out=self.reference[cut])
        sums = self._sums[:, cut]
        np.multiply(hits, 1.0 - reference, out=sums[0])
        np.multiply(trials - hits, reference, out=sums[1])

    def _weigh(self, cut: slice, rows: Floats, terms: Floats, waited: tuple[Floats, Floats], ratios: Floats) -> None:
        climb = rows[_CLIMB]
        climb += np.log(ratios)
        np.copyto(rows[_START], terms[NOW], where=climb <= 0.0)
        np.maximum(climb, 0.0, out=climb)
        measure = rows[_MEASURE]
        np.add(np.add.reduce(measure, axis=0), waited[0], out=self.grown[cut])
        measure += waited[1]
        measure *= ratios
        measure[OUTAGE] *= terms[BREAKS] > 0.0
        np.minimum(measure, _CEILING, out=measure)
        np.add.reduce(measure, axis=0, out=self.after[cut])

    def share(self, factors: Sequence[float]) -> list[float]:
        """Show each row's part of the evidence; what the statistics of each bin gained over the time.

        A bin is a dimension of a part, in order, the whole of each part before its dimensions. `factors`: by which a
        row's statistic of each bin counts.
        """
        bins = (self.rows[_DIMENSION] + self._terms[BIN]).astype(np.int64)
        np.multiply(self.after, np.array(factors).take(bins), out=self.rows[_SHOWN.start])
        gained: list[float] = np.bincount(bins, self.after - self.grown, len(factors)).tolist()
        return gained

    def learn(self, broken: Flags | None, news: Flags | None) -> None:
        """Take the window into wander and base where the sequential test acquits it.

        `broken`: rows in breach, which learn nothing; `news`: those that just broke.
        """
        rows, terms = self.rows, self._terms
        quiet: Flags = np.maximum.reduce(rows[_CLIMB], axis=0) < _QUIET
        sums = self._sums
        if broken is not None or not quiet.all():
            quiet |= rows[_LIVE] == 0.0
            quiet |= np.minimum.reduce(rows[_START], axis=0) < terms[UNTIL]
        if broken is not None:
            sums = np.where(broken, 0.0, sums)
            quiet &= ~broken
        acquitted = quiet.astype(np.float64)
        wander.learn(rows[_LEARNED], rows[_PENDING], acquitted, broken, news)
        rows[_FREE] = acquitted
        offsets.learn(rows[_BASE], rows[_HELD], terms[UNITS], sums, acquitted)


def _fades(passed: Floats, since: Floats, wrong: tuple[Flags, Floats], terms: Floats) -> tuple[Singles, Floats]:
    """What is left of each hypothesis's deviation; of what was learned of them, and of what was seen lately.

    `since`: the day of the deviations' mean and variance. `wrong`: whether the base is in more doubt than what it was
    compared with, and 1 where it has taken in all data so far. What a window of seconds takes from a memory of months
    is beyond single precision.
    """
    filtered, late = passed[0], passed[1]
    memory: Singles = wander.FADING * (filtered * terms[PACE]).astype(np.float32)
    memory[wander.SLOW] = wander.FADING[wander.SLOW] * filtered
    memory[0] = filtered / terms[STILL]
    np.exp(memory, out=memory)
    # A base is wrong by the same until it takes in the data, and then anew; an hour's factor for some hours.
    base, free = wrong
    np.copyto(memory[0], 1.0 - free, where=base)
    # A window that ends at midnight is still the day's before.
    memory[wander.DAILY] = np.ceil(since) == np.ceil(terms[NOW])
    fades = np.empty((2, passed.shape[1]))
    np.minimum(late, wander.RARE, out=fades[0])  # not of a deviation that was forgotten
    fades[0] /= -wander.RARE
    np.divide(late, -LATELY, out=fades[1])
    return memory, np.exp(fades, out=fades)


def _followed(rows: Floats, fresh: Floats, moved: Floats) -> Followed:
    """The changes that may be under way; they wander as the row does."""
    mean, variance = rows[_FOLLOWED]
    begun = rows[_NEWEST]
    total = begun + fresh
    np.maximum(total, 1e-12, out=total)
    return Followed(mean, variance + moved, begun / total)


def _blocks(count: int) -> Iterator[slice]:
    blocks = -(-count // _BLOCK)
    for block in range(blocks):
        yield slice(count * block // blocks, count * (block + 1) // blocks)
