"""One score for a numeric series as its rows come: how unusual it is now, from the rows so far.

Shape chosen: every view of the series is ranked against its own long past, so that neither scale nor distribution
matters; of views that ask the same at several scales the middle one counts, so that one noisy scale cannot raise an
alarm; what families of views say is put together by its Euclidean norm, and that norm is ranked against its own past
in turn, so that one threshold fits series calm and wild. Not chosen: predictors (a mixture of them added nothing to
ranks), more views (each is one more chance of a false alarm), learning weights (there is nothing to learn them from).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from detectors.frame import JSON
from detectors.plain import fields, number, numbers
from detectors.series.tail import START, Tail
from detectors.series.views import FAMILIES, YOUTH, Views

_OWN = 2.0
"""What the norm's own rank weighs: it is one number beside seven."""
_REST = 24
_REST_SHARE = 0.02
"""For so many rows, and this share of all rows so far, only what is higher still is shown: one event, one alarm."""
_HIGHER = 1.0
"""Decades by which it must be: an event that grows row by row would else alarm at every one of them."""
_TEN = 10.0
"""Decades that make a score of 0.9."""
_LARGEST = 1e100
"""Further out, squares would not be numbers any more."""


@dataclass(frozen=True, slots=True)
class _Look:
    time: float | None
    value: float
    views: list[float]
    norm: float
    decades: float


class Unusual:
    """Scores, then learns, one row at a time; a row without a number is no row.

    A score is 1 - 10^(-decades/10): 0 usual, 0.9 at ten decades taken together. `time` is in seconds since 1970 and
    None where it is not known: then the time of day is not looked at. Rows may repeat times or step back.

    >>> series = Unusual()
    >>> for at in range(400):
    ...     series.learn(300.0 * at, at % 7 + 0.1 * (at % 3))
    >>> round(series.score(120_000.0, 1.1), 1), series.score(120_000.0, 40.0) > 0.9
    (0.0, True)
    """

    kind = "unusual"
    version = 2

    def __init__(self) -> None:
        self._views = Views()
        self._tails = [Tail() for _ in range(sum(map(len, FAMILIES)))]
        self._own = Tail()
        self._rows = 0
        self._peaks: list[tuple[int, float]] = []
        """(row, decades) of what was shown lately, the last the highest."""
        self._cache: _Look | None = None

    def decades(self, time: float | None, value: float) -> float | None:
        """How unusual in decades, also right after something worse; None while too few rows were seen."""
        return None if self._rows < START else self._look(time, value).decades

    @property
    def grown(self) -> bool:
        """So many rows were seen that each view is ranked among its like; before, a view's first numbers stand out."""
        return self._rows >= START + YOUTH

    def score(self, time: float | None, value: float | None) -> float | None:
        """0 to 1; None while too few rows were seen, and where there is no number."""
        if value is None or self._rows < START:
            return None
        decades = self._look(time, value).decades
        return 1.0 - math.pow(10.0, -decades / _TEN) if self._news(decades) else 0.0

    def learn(self, time: float | None, value: float | None) -> None:
        """Take a row in."""
        if value is None:
            return
        look = self._look(time, value)
        self._cache = None
        for tail, view in zip(self._tails, look.views, strict=True):
            tail.learn(view)
        self._own.learn(look.norm)
        self._views.learn(time, look.value)
        if self._news(look.decades):
            self._peaks.append((self._rows, look.decades))
        self._rows += 1
        rest = max(_REST, int(_REST_SHARE * self._rows))
        self._peaks = [peak for peak in self._peaks if peak[0] >= self._rows - rest]

    def _news(self, decades: float) -> bool:
        return not self._peaks or decades > self._peaks[-1][1] + _HIGHER

    def _look(self, time: float | None, value: float) -> _Look:
        value = min(max(value, -_LARGEST), _LARGEST)
        cached = self._cache
        if cached is not None and cached.time == time and cached.value == value:
            return cached
        views = self._views.of(time, value)
        ranks = [tail.decades(view) for tail, view in zip(self._tails, views, strict=True)]
        norm = math.hypot(*(_middle([ranks[view] for view in family]) for family in FAMILIES))
        look = _Look(time, value, views, norm, norm + _OWN * self._own.decades(norm))
        self._cache = look
        return look

    def dump(self) -> dict[str, JSON]:
        """Plain JSON, versioned."""
        return {
            "kind": self.kind,
            "version": self.version,
            "rows": self._rows,
            "views": self._views.dump(),
            "tails": {str(at): tail.dump() for at, tail in enumerate(self._tails)},
            "own": self._own.dump(),
            "peaks": [at for at, _ in self._peaks],
            "heights": [height for _, height in self._peaks],
        }

    @classmethod
    def load(cls, state: Mapping[str, JSON]) -> Self:
        """The detector of a dump; ValueError for one that is not of this kind and version."""
        if (state.get("kind"), state.get("version")) != (cls.kind, cls.version):
            raise ValueError(
                f"detector state: expected {cls.kind} {cls.version}, found {state.get('kind')} {state.get('version')}"
            )
        made = cls()
        made._rows = int(number(state["rows"]))
        made._views = Views.load(fields(state, "views"))
        made._tails = [Tail.load(fields(fields(state, "tails"), str(at))) for at in range(len(made._tails))]
        made._own = Tail.load(fields(state, "own"))
        rows = [int(row) for row in numbers(state, "peaks")]
        made._peaks = list(zip(rows, numbers(state, "heights"), strict=True))
        return made


def _middle(ranks: list[float]) -> float:
    ordered = sorted(ranks)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])
