"""The learned base of a segment: its log odds ratio to a reference rate."""

import math

import numpy as np

from detectors.frame import Floats
from detectors.table import Table

SHORT, LONG = 28.0, 180.0
"""Mean memory of the present level and of the level's own past, in days."""
DRIFT = 8.0
"""The long level counts as this many failures in the short one: levels drift by about a third."""
_REBASE = 30.0

COLUMNS = {
    "base": 4,  # short and long memory of the Mantel-Haenszel sums, in units that grow with time
    "held": 2,  # the same sums, in plain units, not yet acquitted by the sequential test
    "since": 1,  # day of the first trial
}
FRESH = {"since": -1.0}

Guess = tuple[float, float]
"""What stands in for an odds ratio not yet known: its weight in failures, and the ratio."""


class Offsets:
    """Lines of a `Table` that hold each segment's odds ratio to a reference rate, and the units they are in.

    The odds ratio is Mantel and Haenszel's (1959): sum of y(1-r) over sum of (n-y)r for y failures of n
    trials at the reference rate r. It is remembered twice, over about `SHORT` and `LONG` days, and the short
    memory is shrunk towards the long one, the long one towards a prior: empirical Bayes with fixed weights.

    Growing units (every sum is added times e^(now/memory)) spare the decay of what is not touched.
    """

    __slots__ = ("_base", "_held", "_long", "_short", "_table", "zero")

    def __init__(self, table: Table) -> None:
        self._table = table
        self._base, self._held = table.span["base"], table.span["held"]
        self.zero = 0.0
        self._short = 1.0
        self._long = 1.0

    def clock(self, now: float) -> tuple[float, float]:
        """Set the unit of both memories for the day `now`; called by whatever reads or learns."""
        self._short = math.exp((now - self.zero) / SHORT)
        self._long = math.exp((now - self.zero) / LONG)
        return self._short, self._long

    def rebase(self, now: float) -> None:
        """Start the growing units anew before they overflow; called when all that was learned is in the table."""
        if (now - self.zero) / SHORT > _REBASE:
            self.clock(now)
            base = self._table.data[self._base]
            base[:2] /= self._short
            base[2:] /= self._long
            self.zero = now
            self.clock(now)

    def level(self, row: Floats, weight: float) -> float:
        """One row's long-run odds ratio to the reference, 1 before anything is known."""
        _, _, plus, minus = row[self._base].tolist()
        return float((plus / self._long + weight) / (minus / self._long + weight))

    def failures(self, rows: Floats) -> Floats:
        """About how many failures each row's long memory holds."""
        found: Floats = rows[self._base][2] / self._long
        return found

    def known(self, rows: Floats) -> Floats:
        """The same, or how many would be expected of the successes where they are fewer: both outweigh any guess."""
        found: Floats = np.minimum(rows[self._base][2], rows[self._base][3]) / self._long
        return found

    def reseed(self, row: Floats, plus: float, minus: float) -> None:
        """Forget the base of one row (a view) and start from these sums."""
        row[self._base] = (plus * self._short, minus * self._short, plus * self._long, minus * self._long)
        row[self._held] = 0.0


def ratios(base: Floats, units: Floats, guesses: Floats) -> tuple[Floats, Floats]:
    """The odds ratio of each row and the variance of its logarithm.

    `base`: shape (4, rows); `units`: of both memories, (2, rows); `guesses`: sums (2, rows) that stand in for what
    is not known yet.
    """
    (seen, kept), long = base.reshape(2, 2, -1) / units[:, None]
    long += guesses
    plus, minus = long
    known = np.minimum(plus, minus)
    minus /= plus
    minus *= DRIFT
    minus += kept
    ratio: Floats = (seen + DRIFT) / minus
    # Either sum is exact where the other is scarce: rare failures are known by their number, so are rare successes.
    # The long level is worth its own failures and DRIFT in series.
    spread: Floats = DRIFT * known
    known += DRIFT
    spread /= known
    spread += np.minimum(seen, kept)
    np.reciprocal(spread, out=spread)
    return ratio, spread


def learn(base: Floats, held: Floats, units: Floats, sums: Floats, acquitted: Floats) -> None:
    """Add a window's Mantel-Haenszel sums (2, rows); they are held back until a row is acquitted (1, else 0)."""
    held += sums
    free = held * acquitted
    both = base.reshape(2, 2, -1)
    both += free * units[:, None]
    held -= free
