"""What a detector of rates knows: its settings, its table, its breaches; how that is kept, restarted and dumped."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from detectors.average import Average
from detectors.breach import Breach
from detectors.frame import JSON, WHOLE, Floats
from detectors.kept import Kept
from detectors.matrix import FRESH, LINES
from detectors.offsets import Offsets
from detectors.plain import fields, number, numbers
from detectors.settings import all_days
from detectors.table import Layout, Table
from detectors.wander import PRIOR

FEW = 3.0
"""Failures from which a base means something."""


class RateState(ABC):
    """The part of a rate detector that lasts from frame to frame."""

    kind: str
    version: ClassVar[int] = 16
    layout: ClassVar[Layout] = Layout(LINES, FRESH)
    whole_share: ClassVar[float]
    """Weight of the whole in the decision statistic; the dimensions share the rest, and their values theirs."""
    still: ClassVar[float] = 0.15
    """Days for which what a base is compared with is wrong. The hours' factors are so for some hours: where that is
    taken for news in every window, a season that is not known yet is learned to be a wander."""
    beliefs: ClassVar[Floats] = PRIOR
    """How segments are believed to wander before any of them is known."""
    outage: ClassVar[float] = 0.0
    """The share that breaks when a row of its own is out of order; 0 where that is not looked for."""
    early: ClassVar[bool] = False
    """Whether what comes before it is warm is weighed already, or only learned."""
    factor: ClassVar[float] = 0.47
    """A threshold of this share of the interval has about the interval as its mean time to a false alarm: on steady
    streams of 30 an hour, by themselves or in four segments, 0.7 to 0.9 of what was promised came of 0.52."""

    def __init__(
        self,
        false_alarm_interval: float,
        cold_start: float = 14.0,
        accept_after: float = 14.0,
        warm_after: float = 3.0,
    ) -> None:
        all_days(
            self.kind,
            false_alarm_interval=false_alarm_interval,
            cold_start=cold_start,
            accept_after=accept_after,
            warm_after=warm_after,
        )
        self.false_alarm_interval = float(false_alarm_interval)
        self.cold_start = float(cold_start)
        self.accept_after = float(accept_after)
        self.warm_after = min(float(warm_after), self.cold_start)
        self._threshold = self.factor * self.false_alarm_interval
        self._table = Table(self.layout)
        self._offsets = Offsets(self._table)
        self._pool: Floats = self.beliefs
        self._average = Average()
        self._kept = Kept()
        self._breaches: dict[str, Breach] = {}
        self._origin: int | None = None
        self._now = 0.0
        self._first = 0.0
        self._warm = False

    @abstractmethod
    def _dump_reference(self) -> dict[str, JSON]: ...

    @abstractmethod
    def _load_reference(self, state: Mapping[str, JSON]) -> None: ...

    @property
    def lasting(self) -> float:
        """How many times as long as the hypotheses of a wander say it lasts here."""
        return 1.0

    @property
    def in_breach(self) -> bool:
        """Whether any row is in breach."""
        return bool(self._breaches)

    def apart(self) -> dict[str, float]:
        """The usual rate of each segment in breach, of the first dimension that has any."""
        if not self._breaches or WHOLE in self._breaches:
            return {}
        first = min(self._breaches).partition("=")[0] + "="
        rates, place = self._table.data[self._table.span["shown"]][1], self._table.index
        return {name: float(rates[place[name]]) for name in self._breaches if name.startswith(first)}

    def promise(self, false_alarm_interval: float) -> None:
        """Hold false alarms to one in so many days from now on."""
        self.false_alarm_interval = false_alarm_interval
        self._threshold = self.factor * false_alarm_interval

    def progress(self) -> tuple[float, float]:
        """(days seen, days needed): needed is the cold start until there is enough to go by."""
        seen = self._now - self._first
        if self._warm:
            return max(seen, self.warm_after), self.warm_after
        return seen, self.warm_after if self._enough() else self.cold_start

    def _restart(self) -> None:
        """Start all statistics at 0 again; rows in breach leave the statistic until it is over."""
        table = self._table
        live = table.line("live")
        for name in self._breaches:
            live[table.index[name]] = 0.0
        table.group("measure")[:] = 0.0
        table.group("climb")[:] = 0.0
        table.group("start")[:] = self._now
        table.line("touched")[:] = self._now
        segments = live > 0.0
        segments[table.index[WHOLE]] = False
        self._average.restart(table.line("dimension"), segments, self._now)

    def _accept(self, name: str, breach: Breach) -> None:
        """Take the level of a breach that lasted too long for the new base."""
        table, offsets = self._table, self._offsets
        row = table.data[:, table.index[name]]
        if name == WHOLE:
            base = row[table.span["base"]]
            old = (base[0] + 1.0) / (base[1] + 1.0)
            table.group("base")[1::2] *= old * (breach.minus + 1.0) / (breach.plus + 1.0)
        offsets.reseed(row, breach.plus, breach.minus)
        row[table.span["climb"]] = 0.0

    def _enough(self) -> bool:
        """Enough of the whole was seen for its base to mean something: what is held back from it as well."""
        row = self._table.index.get(WHOLE)
        if row is None:
            return False
        known = self._table.data[:, row]
        return float(self._offsets.failures(known) + known[self._table.span["held"]][0]) >= FEW

    def dump(self) -> dict[str, JSON]:
        """Everything the detector knows, as versioned plain JSON."""
        return {
            "kind": self.kind,
            "version": self.version,
            "settings": {
                "false_alarm_interval": self.false_alarm_interval,
                "cold_start": self.cold_start,
                "accept_after": self.accept_after,
                "warm_after": self.warm_after,
            },
            "origin": self._origin,
            "clock": [self._now, self._first, self._offsets.zero],
            "pool": self._pool.tolist(),
            "average": self._average.dump(),
            "warm": self._warm,
            "kept": self._kept.dump(),
            "table": self._table.dump(),
            "breaches": {name: breach.dump() for name, breach in sorted(self._breaches.items())},
            "reference": self._dump_reference(),
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The detector of a dump; ValueError where kind or version is another's."""
        if state.get("kind") != cls.kind or state.get("version") != cls.version:
            raise ValueError(
                f"detector state: kind {state.get('kind')!r} version {state.get('version')!r} is not "
                f"{cls.kind!r} version {cls.version}; drop it and learn again"
            )
        settings = fields(state, "settings")
        made = cls(**{name: number(value) for name, value in settings.items()})
        origin = state["origin"]
        made._origin = None if origin is None else int(number(origin))
        made._now, made._first, made._offsets.zero = numbers(state, "clock")
        made._pool = np.array(numbers(state, "pool"))
        made._average.restore(fields(state, "average"))
        made._warm = bool(state["warm"])
        made._table.restore(fields(state, "table"))
        made._kept.restore(fields(state, "kept"))
        for name, breach in fields(state, "breaches").items():
            if not isinstance(breach, dict):
                raise ValueError(f"detector state: breach of {name!r} must be an object")
            made._breaches[name] = Breach.load(breach)
        made._load_reference(fields(state, "reference"))
        return made
