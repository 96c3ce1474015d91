"""A breach that holds: what it remembers, and the sequential test that ends it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from detectors.frame import JSON
from detectors.plain import number

CONFIDENCE = math.log(50.0)
"""A breach ends when the data since some moment are this much likelier under the base than under the break."""
SETTLE = 0.5 / 24.0
"""The least time, in days, that a recovery takes to be believed."""
_MEMORY = 30.0


@dataclass(frozen=True, slots=True)
class Breach:
    """One row's breach: its onset, its level so far, and the evidence that it is over.

    `since`, `onset`, `calm`: days; `calm` is where the present run of evidence for recovery began.
    `plus`, `minus`: the Mantel-Haenszel sums of everything since the onset, from which the base is re-seeded.
    `hits`, `trials`: recent ones, the memory capped at some thirty failures, for the level it is tested against.
    `evidence`: cumulative sum of the log likelihood ratio of recovery against the break.
    """

    since: float
    onset: float
    hits: float = 0.0
    trials: float = 0.0
    plus: float = 0.0
    minus: float = 0.0
    evidence: float = 0.0
    calm: float = 0.0

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
        evidence = self.evidence + gain
        calm = self.calm
        if evidence <= 0.0:
            evidence, calm = 0.0, now
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
        )

    def recovered(self, now: float) -> bool:
        """The evidence for recovery suffices and has lasted."""
        return self.evidence >= CONFIDENCE and now - self.calm >= SETTLE

    def dump(self) -> dict[str, JSON]:
        """Plain JSON, by field."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The breach of a dump."""
        return cls(**{name: number(state[name]) for name in cls.__slots__})
