"""Who carries an alarm, and how its rows in breach are shown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.breach import Breach
from detectors.frame import WHOLE, Flags, Floats, Ints, Scores

DAY = 86_400_000_000
_STRONG = 20.0
"""A value is named beside the strongest where its own likelihood ratio is this many times the values tried.

Where the whole may be named as well, its part of the evidence is no further behind the strongest's either."""
_HANDFUL = 5
_MOST = 0.5  # values with more than this share of all attempts are the whole
_ALL = 0.9  # and so is a single value with more than this
_ALIKE = 0.4  # where the rest's rate is raised by this share of the values' (in logs), it is the whole
_MODERATE = math.log(20.0)
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Carried:
    """What is known of all rows when an alarm is raised.

    `measure`: each row's part of the decision statistic; `climb`: its log likelihood ratio since its own onset;
    `seen`, `expected`: its failures lately; `load`: what it has seen in the long run.
    `live[0]` is False where the whole cannot be named.
    """

    names: Sequence[str]
    live: Flags
    measure: Floats
    climb: Floats
    seen: Floats
    expected: Floats
    load: Floats


def named(rows: Carried) -> list[str]:
    """Who carries an alarm: a handful of values of one dimension, or the whole.

    It is the strongest value and all of its dimension whose own evidence is strong. A single one is named where it
    explains what was seen better than a rise of everything does, and the whole where that explains it much better. Else
    it is the whole if it shows at least moderate evidence and the rest does not fail much less than the values do.
    """
    live = rows.live.copy()
    live[0] = False
    if not live.any():
        return [WHOLE]
    top = int(np.argmax(np.where(live, rows.measure, -1.0)))
    dimension = rows.names[top].partition("=")[0] + "="
    alike = [row for row, name in enumerate(rows.names) if live[row] and name.startswith(dimension)]
    strong = math.log(_STRONG * max(len(alike), 1))
    values = [row for row in alike if row == top or rows.climb[row] >= strong]
    if rows.live[0]:
        if _are_most(rows, values, alike) and _likelier(rows, top) <= 0.0:
            return [WHOLE]
        # By chance or as it wanders every value climbs at times: it may still be one that carries this.
        values = [row for row in values if rows.measure[row] * _STRONG >= rows.measure[top]]
        if _are_most(rows, values, alike) or _is_whole(rows, values):
            return [WHOLE]
    return sorted(rows.names[row] for row in values)


def _are_most(rows: Carried, values: list[int], alike: list[int]) -> bool:
    share = float(rows.load[values].sum() / max(rows.load[alike].sum(), 1e-9))
    return share > (_MOST if len(values) > 1 else _ALL) or len(values) > _HANDFUL


def _is_whole(rows: Carried, values: list[int]) -> bool:
    # Of several only the rest tells: where a storm is worse here and there, its worst fit better than one factor.
    likelier = _likelier(rows, values[0]) if len(values) == 1 else 0.0
    if likelier > 0.0 or rows.climb[0] < min(_MODERATE, float(rows.climb[values].max())):
        return False
    if likelier < -_MODERATE:
        return True
    seen, expected = rows.seen[values].sum(), rows.expected[values].sum()
    raised = math.log((seen + 1.0) / (expected + 1.0))
    rest = math.log((max(rows.seen[0] - seen, 0.0) + 1.0) / (max(rows.expected[0] - expected, 0.0) + 1.0))
    return rest > _ALIKE * raised


def _likelier(rows: Carried, value: int) -> float:
    """By how much a rise of one value alone, whenever it began, is likelier than one of everything, in logs.

    The parts of the decision statistic are the weights of a Bayesian who holds each row for the one that changed, by
    the likelihood of the same failures: of a change of everything by one factor their sum says all.
    """
    whole, own = np.log(np.maximum(rows.measure[[0, value]], _TINY)).tolist()
    return float(own - whole)


def with_breaches(scores: Scores, breaches: Mapping[str, Breach], origin: int) -> Scores:
    """The scores with the rows in breach marked, those without a trial in this window added."""
    names = tuple(sorted({*scores.segments, *breaches}))
    place = {name: row for row, name in enumerate(names)}
    rows = [place[name] for name in scores.segments]

    def spread(values: Floats, missing: float = np.nan) -> Floats:
        column = np.full(len(names), missing)
        column[rows] = values
        return column

    def spread_band() -> tuple[Floats, Floats]:
        lower, upper = scores.band()
        return spread(lower), spread(upper)

    evidence = spread(scores.evidence, 0.0)
    breach = np.zeros(len(names), dtype=np.bool_)
    onset = np.zeros(len(names), dtype=np.int64)
    over = np.zeros(len(names))
    for name, one in breaches.items():
        evidence[place[name]] = max(evidence[place[name]], 1.0)
        breach[place[name]] = True
        onset[place[name]] = origin + round(one.onset * DAY)
        over[place[name]] = one.over
    return Scores(names, evidence, breach, onset, spread(scores.expected), spread_band, over=over)


def band(rate: Floats, doubt: Floats, trials: Ints) -> tuple[Floats, Floats]:
    """Between what shares a window of so many trials is, 19 times in 20."""
    spread = np.sqrt(doubt + 1.0 / np.maximum(trials * rate * (1.0 - rate), 1e-9))
    spread *= 1.96
    width = np.exp(np.minimum(spread, 300.0, out=spread), out=spread)
    odds = rate / (1.0 - rate)
    upper = odds * width
    return odds / (width + odds), upper / (1.0 + upper)
