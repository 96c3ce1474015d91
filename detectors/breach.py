"""A breach that holds: what it remembers, and the sequential test that ends it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from detectors.frame import JSON
from detectors.plain import number, numbers

FALSE_RECOVERY = 30.0
"""Days that a break which has lasted stays one, on average at least, before chance makes it look over."""
SETTLE = 0.5 / 24.0
"""The least time, in days, that a recovery takes to be believed."""
_BEYOND = 6.0
"""A break of so many standard deviations of the wander is none of its moods: then one good stretch is enough."""
_TIMES = 14.0
"""What lasted for an hour may well be over: so many times as long as it went on is enough evidence, in days."""
_OF_MOODS = 5.0
"""And so many times where the stream wanders that far by itself: there the rest would take days to come."""
_MEMORY = 30.0
_LATELY = 1.0  # days
_NEWS = 1.0  # days of evidence from which what comes may be a recovery, and tells no more of the break
_CEILING = 1e12
_STEPS = 12  # of Newton's method: the curve has one top, and a step is no longer than 1


@dataclass(frozen=True, slots=True)
class Breach:
    """One row's breach: its onset, its level so far, and the evidence that it is over.

    `since`, `onset`, `calm`: days; `calm` is where the present run of evidence for recovery began.
    `plus`, `minus`: the Mantel-Haenszel sums of everything since the onset, from which the base is re-seeded.
    `lately`: the same sums of the last day, or of thirty failures where that is longer, for the level it is tested
    against: a ratio to what is usual at the hour, for at night the same break may be twice as many failures. `held`:
    those that may be of its recovery, and are not yet among them.
    `evidence`: the Shiryaev-Roberts statistic of recovery against the break, in days: S <- (S + dt) L, so that
    S - t is a martingale while the break goes on, whatever the traffic. `touched`: when it was last brought up to date.
    `wander`: variance of the log odds about a level, and the days that it lasts, as known when it broke: how the break
    itself looks does not hold up its end. `good`, `bad`: how far the log odds are from the level of the hour if it is
    over and if it goes on, mean and variance. `settle`: days for which a recovery has to show.
    """

    since: float
    onset: float
    plus: float = 0.0
    minus: float = 0.0
    lately: tuple[float, float] = (0.0, 0.0)
    held: tuple[float, float] = (0.0, 0.0)
    evidence: float = 0.0
    calm: float = 0.0
    touched: float = -1.0
    wander: tuple[float, float] = (0.0, 1.0)
    good: tuple[float, float] = (0.0, 0.0)
    bad: tuple[float, float] = (0.0, 0.0)
    settle: float = SETTLE

    def after(
        self,
        now: float,
        rate: float,
        spread: float,
        window: tuple[float, float],
        reference: float,
    ) -> "Breach":
        """This breach one window on; `rate` is the base, `spread` the standard deviation of what is known of it.

        `window`: failures and trials. `reference`: the rate that the sums compare with.
        Recovery is the base half a spread up; the break is its own recent level, but at least twice that, or a
        full spread above. A level between the two is neither, and the breach holds. Both wander as the stream does:
        a day that is good by itself says little of the next, however many fell into it. How far a wander's tails
        reach is not known, so that a break that is not far beyond them has to be over for more than one stretch.
        """
        hits, trials = window
        variance, lasts = self.wander
        odds = rate / (1.0 - rate)
        good = odds * math.exp(0.5 * spread)
        least = good * math.exp(max(math.log(2.0), spread))
        # Failures and successes of late, as they would have been at this hour; half of each is added.
        failed, kept = self.lately[0] / (1.0 - reference) + 0.5, self.lately[1] / reference + 0.5
        bad = max(least, failed / kept)
        waited = max(now - (self.touched if self.touched >= 0.0 else self.since), 0.0)
        left = math.exp(-waited / lasts) if self.touched >= 0.0 else 0.0
        well, good_now = _likelihood(math.log(good), _moved(self.good, left, variance), window)
        badly, bad_now = _likelihood(math.log(bad), _moved(self.bad, left, variance), window)
        gain = well - badly
        evidence = min((self.evidence + waited) * math.exp(min(gain, 50.0)), _CEILING)
        # While the statistic is no more than the time that passed, nothing speaks for a recovery.
        calm = now if evidence <= waited else self.calm
        more, less = hits * (1.0 - reference), (trials - hits) * reference
        keep = min(max(_MEMORY / failed + _MEMORY / kept, math.exp(-waited / _LATELY)), 1.0)
        held, lately = (self.held[0] + more, self.held[1] + less), self.lately
        if evidence < min(_NEWS, now - self.onset):
            held, lately = (0.0, 0.0), (lately[0] * keep + held[0], lately[1] * keep + held[1])
        return replace(
            self,
            plus=self.plus + more,
            minus=self.minus + less,
            lately=lately,
            held=held,
            evidence=evidence,
            calm=calm,
            touched=now,
            good=good_now,
            bad=bad_now,
            settle=max(SETTLE, 2.0 * lasts if math.log(bad / good) < _BEYOND * math.sqrt(variance) else 0.0),
        )

    @property
    def over(self) -> float:
        """The odds that it is over: the statistic sums over all times at which it may have ended, alike so far."""
        return self.evidence / (1.0 + max(self.touched - self.onset, 0.0))

    def recovered(self, now: float) -> bool:
        """The evidence for recovery suffices and has lasted.

        S - t is a martingale: while a break that goes on lasts as long again as it has, S passes so many times that
        length once in as many breaks at the most. A day more is asked for, since its level was first seen when it
        looked worst, and never more than `FALSE_RECOVERY`.
        """
        times = _TIMES if self.settle <= SETTLE else _OF_MOODS
        enough = min(FALSE_RECOVERY, times * (1.0 + now - self.onset))
        return self.evidence >= enough and now - self.calm > self.settle

    def dump(self) -> dict[str, JSON]:
        """Plain JSON, by field."""
        return {
            name: [*value] if isinstance(value, tuple) else value
            for name in self.__slots__
            for value in [getattr(self, name)]
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The breach of a dump."""
        pairs = {name: numbers(state, name) for name in ("lately", "held", "wander", "good", "bad")}
        found = {name: (first, second) for name, (first, second) in pairs.items()}
        rest = {name: number(state[name]) for name in cls.__slots__ if name not in found}
        lately, held, wander, good, bad = found.values()
        return cls(**rest, lately=lately, held=held, wander=wander, good=good, bad=bad)


def _moved(off: tuple[float, float], left: float, wander: float) -> tuple[float, float]:
    """Mean and variance of a deviation that wanders, an Ornstein-Uhlenbeck process, some time on.

    `left`: the share of a deviation that the time left; `wander`: the variance.
    """
    mean, known = off
    # A level is a mean of rates, and what wanders in logs is the more often below its mean.
    middle = -0.5 * wander
    return middle + (mean - middle) * left, wander + (min(known, wander) - wander) * left**2


def _likelihood(
    level: float, off: tuple[float, float], window: tuple[float, float]
) -> tuple[float, tuple[float, float]]:
    """The logarithm of a window's probability, and what it leaves of the deviation, mean and variance; after Laplace.

    `level`: log odds, from which they deviate.
    """
    (mean, variance), (hits, trials) = off, window
    mean += level
    if variance <= 0.0:
        return hits * mean - trials * math.log1p(math.exp(mean)), off
    at = mean
    for _ in range(_STEPS):
        share = 1.0 / (1.0 + math.exp(-at))
        curve = trials * share * (1.0 - share) + 1.0 / variance
        step = (hits - trials * share - (at - mean) / variance) / curve
        at += min(max(step, -1.0), 1.0)
    share = 1.0 / (1.0 + math.exp(-at))
    curve = trials * share * (1.0 - share) + 1.0 / variance
    gain = hits * at - trials * math.log1p(math.exp(at)) - (at - mean) ** 2 / (2.0 * variance)
    return gain - 0.5 * math.log(variance * curve), (at - level, 1.0 / curve)
