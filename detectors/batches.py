"""How likely a count is where what is counted comes in batches, the law of whose sizes is learned."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from detectors.arrivals import log_negative_binomial
from detectors.frame import JSON, Floats
from detectors.plain import numbers

MANY = 64
"""Larger counts tell no sizes any more; only mean and variance of the sizes matter there."""
LARGEST = 32
"""Batches beyond this count as of this size."""
_SIZES: Floats = np.arange(1.0, LARGEST + 1.0)
_SINGLES, _OTHERS = 3.6, 0.4  # batches as many as which the first guess is worth, of one and of more
_RARER: Floats = np.where(_SIZES > 1.0, 4.0**-_SIZES, 0.0)
_GUESS: Floats = np.where(_SIZES > 1.0, _OTHERS * _RARER / _RARER.sum(), _SINGLES)
_MEMORY = 90.0  # days
_STEP = 0.35  # of the logarithm of what was expected
_FORGOTTEN = 0.01
_PASSES = 10  # each time; the law goes on from that of the time before
_STEADY = 1e9  # as good as Poisson
_FAR = 600.0  # more batches than this at once are as surely more as these
_LEAST = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """How often a batch of each size comes, from how often each count came and what was expected then.

    Batches come as a Poisson law says, at a rate that is uncertain as a gamma law says: their number is negative
    binomial, the count that of all of them together. How often each size comes is what makes the counts that came
    likeliest, beside a few batches of a first guess: nearly all are of one, and of so many more that it is a quarter as
    likely each time, so that thirty at once of what came one by one is a rise and no batch.
    Not taken: laws of one parameter (negative binomial counts, geometric sizes), of which the likelihood ratios do not
    average to 1 where all comes by threes; counts over their variance, which take weeks to tell that at two an hour;
    one step of the maximization for each count, which takes months.
    Source: Panjer 1981 (the recursion); Dempster, Laird and Rubin 1977 (expectation-maximization).

    >>> batches = Batches()
    >>> for number in range(24 * 7):
    ...     batches = batches.after(3 * (number % 6 == 0), 0.5, 1 / 24)
    >>> batches.size() < 2.0 < batches.settled().size()
    True
    """

    law: Floats = field(default_factory=lambda: _GUESS / _GUESS.sum())
    """How likely each size is."""
    often: Mapping[tuple[int, int], float] = field(default_factory=dict)
    """How often each count came where about so much was expected: by that, in steps of a factor, and the count."""
    due: Mapping[int, float] = field(default_factory=dict)
    """What was expected at all these times together, by the step."""

    def size(self) -> float:
        """Variance over mean of the counts: the batch that one of those who come is in, in the mean."""
        return float(self.law @ _SIZES**2 / (self.law @ _SIZES))

    def logs(self, came: int, means: Floats, shape: float) -> Floats:
        """Logarithms of how likely a count is at each of the means, less what all have in common.

        `shape`: of the gamma law of the rate about each.
        """
        if came > MANY:
            size = self.size()
            return np.array([log_negative_binomial(came / size, shape, shape, mean / size) for mean in means.tolist()])
        rates = np.minimum(np.maximum(means, 0.0) / (self.law @ _SIZES), _FAR)
        logs: Floats = -shape * np.log1p(rates / shape)
        if came:
            logs += np.log(np.maximum(_counts(self.law, came, rates, shape)[came], _LEAST))
        return logs

    def after(self, came: int, due: float, passed: float) -> "Batches":
        """With a count where `due` was expected, `passed` days after the one before it; the sizes as before."""
        if came > MANY or due <= 0.0:
            return self
        fade, step = math.exp(-passed / _MEMORY), round(math.log(due) / _STEP)
        often = {place: times * fade for place, times in self.often.items() if times > _FORGOTTEN}
        sums = {place: each * fade for place, each in self.due.items()}
        often[step, came] = often.get((step, came), 0.0) + 1.0
        sums[step] = sums.get(step, 0.0) + due
        return replace(self, often=often, due=sums)

    def settled(self) -> "Batches":
        """With what the counts say of the sizes.

        By how much the rate itself may vary is not asked: it would explain most of what comes by threes as well, and a
        rate that varies between neighbouring hours is no rise.
        """
        most = max((count for _, count in self.often), default=0)
        if not most:
            return self
        steps = sorted({step for step, _ in self.often})
        often = np.zeros((most + 1, len(steps)))
        for (step, count), times in self.often.items():
            often[count, steps.index(step)] = times
        means = np.array([self.due[step] for step in steps]) / often.sum(axis=0)
        often[0] = 0.0
        law = self.law
        for _ in range(_PASSES):
            rates = np.minimum(means / (law @ _SIZES), _FAR)
            counts = _counts(law, most, rates, _STEADY)
            weights = rates * often / np.maximum(counts, _LEAST)
            found = _GUESS.copy()
            # One batch of this size, and what the others make of the rest.
            for size in range(1, min(most, LARGEST) + 1):
                found[size - 1] += law[size - 1] * np.sum(weights[size:] * counts[: most + 1 - size])
            law = found / found.sum()
        return replace(self, law=law)

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "law": self.law.tolist(),
            "places": [part for place in self.often for part in place],
            "often": [*self.often.values()],
            "steps": [*self.due],
            "due": [*self.due.values()],
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The batches of a dump; ValueError where it is none."""
        places, steps = ([int(part) for part in numbers(state, name)] for name in ("places", "steps"))
        pairs = zip(places[::2], places[1::2], strict=True)
        often = dict(zip(pairs, numbers(state, "often"), strict=True))
        return cls(np.array(numbers(state, "law")), often, dict(zip(steps, numbers(state, "due"), strict=True)))


def _counts(law: Floats, most: int, rates: Floats, shape: float) -> Floats:
    """How likely each count up to `most` is at each rate of batches, over how likely none is: (counts, rates)."""
    again = rates / (shape + rates)
    times = (shape - 1.0) * again
    sized = law * _SIZES
    counts = np.empty((most + 1, len(rates)))
    counts[0] = 1.0
    for count in range(1, most + 1):
        sizes = min(count, LARGEST)
        before = counts[count - sizes : count][::-1]
        counts[count] = again * (law[:sizes] @ before) + times * (sized[:sizes] @ before) / count
    return counts
