"""The learned base of a segment: its log odds ratio to a reference rate, and how much it wanders about it."""

import math

import numpy as np

from detectors.frame import Flags, Floats
from detectors.table import Table

SHORT, LONG = 28.0, 180.0
"""Mean memory of the present level and of the level's own past, in days."""
DRIFT = 8.0
"""The long level counts as this many failures in the short one: levels drift by about a third."""
WANDER = 0.03
"""What a stream's wander (variance of the log odds between quarter days) is taken for before it is known."""
BLOCKS = 6.0
"""How many fully informative blocks that guess is worth."""
BLOCK = 0.25
"""A block, in days: short enough to see a storm and long enough to count."""
_REBASE = 30.0

COLUMNS = {
    "base": 4,  # short and long memory of the Mantel-Haenszel sums, in units that grow with time
    "held": 2,  # the same sums, in plain units, not yet acquitted by the sequential test
    "since": 1,  # day of the first trial
    "block": 4,  # expected failures, failures and trials of the present block, and its number
    "wander": 2,  # information on the wander, and its weighted sum of squared residuals
}
FRESH = {"since": -1.0}
RARE = 90.0
"""Mean memory of the wander in days: what a stream does once in this while is its habit."""
_MANY, _ODD = 4.0, 1e3
_WINSOR = 9.0  # in a breach a squared residual counts as at most this many times the wander


class Offsets:
    """Columns of a `Table` that hold each row's log odds ratio to a reference rate and its wander.

    The odds ratio is Mantel and Haenszel's (1959): sum of y(1-r) over sum of (n-y)r for y failures of n
    trials at the reference rate r. It is remembered twice, over about `SHORT` and `LONG` days, and the short
    memory is shrunk towards the long one, the long one towards a prior: empirical Bayes with fixed weights.
    The wander is the variance of the log odds between quarter days beyond what counting explains, by moments
    of the residual counts, weighted by their information and shrunk towards `WANDER`.

    Growing units (every sum is added times e^(now/memory)) spare the decay of rows that are not touched.
    """

    __slots__ = ("_long", "_short", "_table", "zero")

    def __init__(self, table: Table) -> None:
        self._table = table
        self.zero = 0.0
        self._short = 1.0
        self._long = 1.0

    def clock(self, now: float) -> None:
        """Set the unit of both memories for the day `now`; called by whatever reads or learns."""
        self._short = math.exp((now - self.zero) / SHORT)
        self._long = math.exp((now - self.zero) / LONG)

    def rebase(self, now: float) -> None:
        """Start the growing units anew before they overflow; called when learning."""
        if (now - self.zero) / SHORT > _REBASE:
            self.clock(now)
            base = self._table.data[:, self._table.span["base"]]
            base[:, :2] /= self._short
            base[:, 2:] /= self._long
            self.zero = now
            self.clock(now)

    def predict(self, rows: Floats, prior: Floats | float, weight: Floats | float) -> tuple[Floats, Floats]:
        """The log odds ratio of each row and its variance; `prior` and its weight in failures stand in."""
        base = rows[:, self._table.span["base"]]
        plus = base[:, 2] / self._long + weight
        minus = base[:, 3] / self._long + weight * np.exp(-np.asarray(prior))
        seen, kept = base[:, 0] / self._short, base[:, 1] / self._short
        ratio = (seen + DRIFT) / (kept + DRIFT * minus / plus)
        # Either sum is exact where the other is scarce: rare failures are known by their number, so are rare successes.
        spread: Floats = 1.0 / (np.minimum(seen, kept) + 1.0 / (1.0 / DRIFT + 1.0 / np.minimum(plus, minus)))
        log_ratio: Floats = np.log(ratio)
        return log_ratio, spread

    def level(self, row: Floats, weight: float) -> float:
        """One row's long-run odds ratio to the reference, 1 before anything is known."""
        base = row[self._table.span["base"]]
        return float((base[2] / self._long + weight) / (base[3] / self._long + weight))

    def failures(self, row: Floats) -> float:
        """About how many failures one row's long memory holds."""
        return float(row[self._table.span["base"]][2]) / self._long

    def learn(self, rows: Floats, sums: Floats, acquitted: Flags) -> None:
        """Add a window's Mantel-Haenszel sums to `rows` in place, held back until they are acquitted."""
        held = rows[:, self._table.span["held"]]
        held += sums
        free = held * acquitted[:, None]
        base = rows[:, self._table.span["base"]]
        base[:, :2] += free * self._short
        base[:, 2:] += free * self._long
        held -= free

    def reseed(self, row: Floats, plus: float, minus: float) -> None:
        """Forget the base of one row (a view) and start from these sums."""
        span = self._table.span
        row[span["base"]] = (plus * self._short, minus * self._short, plus * self._long, minus * self._long)
        row[span["held"]] = 0.0
        row[span["block"]] = 0.0

    def wander(self, rows: Floats, prior: Floats | float) -> Floats:
        """The wander of each row, shrunk towards `prior`."""
        spread = rows[:, self._table.span["wander"]]
        estimate: Floats = np.maximum((spread[:, 1] + BLOCKS * prior) / (spread[:, 0] + BLOCKS), 1e-6)
        return estimate

    def residuals(
        self,
        rows: Floats,
        window: tuple[Floats, Floats, Floats],
        now: float,
        wander: Floats,
        doubt: Floats,
        broken: Flags | None,
    ) -> tuple[float, float]:
        """Add a window to the block of each row in place and close the blocks that are over.

        `window`: failures expected, failures, trials. `doubt`: variance of the prediction itself, which is no
        wander. A break is no habit, but a stream that breaks every fortnight has one: quarter days of rows in
        breach (`broken`) count with their residual cut to what the present wander makes plausible. Returns the
        information and weighted squares that the segments' closed blocks added, for a pooled estimate.
        """
        block = rows[:, self._table.span["block"]]
        number = math.floor(now / BLOCK)
        over = block[:, 3] != number
        added = (0.0, 0.0)
        if over.any():
            added = self._close(rows, over & (block[:, 0] > 0.0), wander, doubt, broken)
            block[over, :3] = 0.0
            block[over, 3] = number
        for column, values in enumerate(window):
            block[:, column] += values
        return added

    def _close(
        self, rows: Floats, over: Flags, wander: Floats, doubt: Floats, broken: Flags | None
    ) -> tuple[float, float]:
        places = np.flatnonzero(over)
        if not len(places):
            return 0.0, 0.0
        span = self._table.span
        expected, seen, trials, _ = rows[places, span["block"]].T
        kept = np.maximum(trials - expected, 0.0)
        variance = np.maximum(expected * kept / trials, 1e-6)
        counting = 1.0 / variance
        # Many failures: squares of log odds, less what counting adds. Few: Pearson's, which are unbiased.
        odds = (seen + 0.5) / (np.maximum(trials - seen, 0.0) + 0.5) * (kept + 0.5) / (expected + 0.5)
        squares = np.where(
            variance > _MANY,
            np.minimum(np.log(odds) ** 2 - counting, 4.0),
            np.minimum(((seen - expected) ** 2 - variance) * counting**2, _ODD),
        )
        if broken is not None:
            squares = np.where(broken[places], np.minimum(squares, _WINSOR * wander[places]), squares)
        information = (WANDER / (WANDER + counting + doubt[places])) ** 2
        squares = (squares - doubt[places]) * information
        fade = math.exp(-BLOCK / RARE)
        spread = rows[places, span["wander"]] * fade
        spread[:, 0] += information
        spread[:, 1] += squares
        rows[places, span["wander"]] = spread
        segments = places > 0
        return float(information[segments].sum()), float(squares[segments].sum())
