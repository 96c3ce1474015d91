"""A breach that holds: what it remembers, and the sequential test that ends it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from detectors.frame import JSON
from detectors.plain import number

FALSE_RECOVERY = 30.0
"""Days that a break which goes on stays one, on average at least, before chance makes it look over."""
SETTLE = 0.5 / 24.0
"""The least time, in days, that a recovery takes to be believed."""
_MEMORY = 30.0
_CEILING = 1e12


@dataclass(frozen=True, slots=True)
class Breach:
    """One row's breach: its onset, its level so far, and the evidence that it is over.

    `since`, `onset`, `calm`: days; `calm` is where the present run of evidence for recovery began.
    `plus`, `minus`: the Mantel-Haenszel sums of everything since the onset, from which the base is re-seeded.
    `hits`, `trials`: recent ones, the memory capped at some thirty failures, for the level it is tested against.
    `evidence`: the Shiryaev-Roberts statistic of recovery against the break, in days: S <- (S + dt) L, so that
    S - t is a martingale while the break goes on, and the mean time to a false recovery at least the threshold,
    whatever the traffic. `touched`: when it was last brought up to date.
    """

    since: float
    onset: float
    hits: float = 0.0
    trials: float = 0.0
    plus: float = 0.0
    minus: float = 0.0
    evidence: float = 0.0
    calm: float = 0.0
    touched: float = -1.0

    def after(self, now: float, rate: float, spread: float, hits: float, trials: float, reference: float) -> "Breach":
        """This breach one window on; `rate` is the base, `spread` the standard deviation of its log odds.

        Recovery is the base half a spread up; the break is its own recent level, but at least twice that, or a
        full spread above. A level between the two is neither, and the breach holds.
        """
        odds = rate / (1.0 - rate)
        good = odds * math.exp(0.5 * spread)
        least = good * math.exp(max(math.log(2.0), spread))
        recent = (self.hits + 0.5) / (self.trials - self.hits + 0.5)
        bad = max(least, recent)
        gain = hits * math.log(good / bad) + trials * math.log((1.0 + bad) / (1.0 + good))
        waited = max(now - (self.touched if self.touched >= 0.0 else self.since), 0.0)
        evidence = min((self.evidence + waited) * math.exp(min(gain, 50.0)), _CEILING)
        # While the statistic is no more than the time that passed, nothing speaks for a recovery.
        calm = now if evidence <= waited else self.calm
        seen, tried = self.hits + hits, self.trials + trials
        if seen > _MEMORY:
            tried *= _MEMORY / seen
            seen = _MEMORY
        return replace(
            self,
            hits=seen,
            trials=tried,
            plus=self.plus + hits * (1.0 - reference),
            minus=self.minus + (trials - hits) * reference,
            evidence=evidence,
            calm=calm,
            touched=now,
        )

    def recovered(self, now: float) -> bool:
        """The evidence for recovery suffices and has lasted."""
        return self.evidence >= FALSE_RECOVERY and now - self.calm >= SETTLE

    def dump(self) -> dict[str, JSON]:
        """Plain JSON, by field."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The breach of a dump."""
        return cls(**{name: number(state[name]) for name in cls.__slots__})
