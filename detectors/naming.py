"""Who carries an alarm, and how its rows in breach are shown."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from detectors.breach import Breach
from detectors.frame import WHOLE, Flags, Floats, Scores

DAY = 86_400_000_000
_STRONG = 20.0
"""A value is named beside the strongest where its own likelihood ratio is this many times the values tried."""


def carriers(
    names: Sequence[str],
    live: Flags,
    measure: Floats,
    climb: Floats,
    gather_up: Callable[[list[int], list[int]], list[int]],
) -> list[str]:
    """The values of one dimension that carry an alarm: the strongest, and all whose own evidence is strong.

    `measure`, `climb`: each row's statistic and its log likelihood ratio since its own onset. `gather_up` may
    replace (rows named, rows of the dimension) by what they add up to.
    """
    measure = np.where(live, measure, -1.0)
    if WHOLE in names:
        measure[names.index(WHOLE)] = -1.0
    top = int(np.argmax(measure))
    dimension = names[top].partition("=")[0] + "="
    alike = [row for row, name in enumerate(names) if live[row] and name.startswith(dimension)]
    strong = math.log(_STRONG * max(len(alike), 1))
    named = gather_up([row for row in alike if row == top or climb[row] >= strong], alike)
    return sorted(names[row] for row in named)


def with_breaches(scores: Scores, breaches: Mapping[str, Breach], origin: int) -> Scores:
    """The scores with the rows in breach marked, those without a trial in this window added."""
    names = tuple(sorted({*scores.segments, *breaches}))
    place = {name: row for row, name in enumerate(names)}
    rows = [place[name] for name in scores.segments]
    columns = []
    for values in (scores.evidence, scores.expected, scores.lower, scores.upper):
        column = np.full(len(names), np.nan)
        column[rows] = values
        columns.append(column)
    evidence = np.nan_to_num(columns[0])
    breach = np.zeros(len(names), dtype=np.bool_)
    onset = np.zeros(len(names), dtype=np.int64)
    for name, one in breaches.items():
        evidence[place[name]] = max(evidence[place[name]], 1.0)
        breach[place[name]] = True
        onset[place[name]] = origin + round(one.onset * DAY)
    return Scores(names, evidence, breach, onset, columns[1], columns[2], columns[3])
