"""The learned base of a segment: its log odds ratio to a reference rate."""

import math

import numpy as np

from detectors.frame import Flags, Floats
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


class Offsets:
    """Columns of a `Table` that hold each row's log odds ratio to a reference rate and its wander.

    The odds ratio is Mantel and Haenszel's (1959): sum of y(1-r) over sum of (n-y)r for y failures of n
    trials at the reference rate r. It is remembered twice, over about `SHORT` and `LONG` days, and the short
    memory is shrunk towards the long one, the long one towards a prior: empirical Bayes with fixed weights.

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
