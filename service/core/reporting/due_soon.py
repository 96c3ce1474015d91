"""How many of the promises that fall due soon will miss: from how those before them fared that were as open as late.

A promise that is open so long before its due misses as often as those did, among the last that fell due, that were
open at that same distance from theirs: the survival of settled promises on the clock that runs down to the due, which
needs no censoring, because what is past its due is decided. A stalled flow of completions shows at once: more are
open at each distance than usual, and those that are open late miss more often.

The shape that was not chosen: survival by the age of a promise. Promises of two days and of twenty are as urgent on
their last day, and of very different ages.
"""

from bisect import bisect_left
from collections.abc import Sequence
from math import ceil, floor, sqrt

import msgspec

from service.core.counting.ledger import Promised
from service.core.event import DAY, HOUR, Micros
from service.core.ports import Reader

BACK: Micros = 14 * DAY
"""How far back promises fell due that say how the next will fare."""
MOST = 5_000
"""The newest of them, at most."""
_LEAST = 50
"""With fewer there is nothing to tell from."""
_WITHIN = 1.645
"""Standard deviations of an interval that holds 9 times in 10."""


class Forecast(msgspec.Struct, frozen=True, gc=False):
    """Of `open` promises that fall due by a time, about `middle` will miss; 9 times in 10 from `low` to `high`."""

    open: int
    low: int
    middle: int
    high: int


class _Past:
    """How those fared that fell due, by how long before it they were made and settled."""

    def __init__(self, rows: Sequence[Promised]) -> None:
        self.lives = [life for life in map(_life, rows) if life is not None]
        kept = [(made, settled) for _, made, settled in self.lives if settled is not None]
        self._kept_made = sorted(made for made, _ in kept)
        self._kept_settled = sorted(settled for _, settled in kept)
        self._missed_made = sorted(made for _, made, settled in self.lives if settled is None)

    def share(self, left: Micros) -> tuple[float, int]:
        """Which share of those that were open so long before their due missed, and how many those were."""
        missed = len(self._missed_made) - bisect_left(self._missed_made, left)
        kept = bisect_left(self._kept_settled, left) - bisect_left(self._kept_made, left)
        # Half a promise each way, so that a few who all kept do not say "never".
        return (missed + 0.5) / (missed + kept + 1), missed + kept


def will_miss(reader: Reader, moment: str, now: Micros, span: Micros = DAY) -> Forecast | None:
    """What is to be expected of the promises of a moment due in [now, now + span); None: too little is known."""
    closed = reader.status(moment).closed_through
    if closed is None:
        return None
    until = min(now, closed)
    steps = [
        (start + HOUR // 2 - now, reader.due(moment, start, min(start + HOUR, now + span))[0])
        for start in range(now, now + span, HOUR)
    ]
    return forecast(reader.lives(moment, until - BACK, until, limit=MOST), steps) if any(n for _, n in steps) else None


def forecast(rows: Sequence[Promised], steps: Sequence[tuple[Micros, int]]) -> Forecast | None:
    """What becomes of open promises, `steps` saying how many have how long left, from `rows` whose due has passed."""
    past = _Past(rows)
    if len(past.lives) < _LEAST:
        return None
    middle, chance, unsure = _sum(past, steps)
    spread = _WITHIN * sqrt(_restless(past) * chance + unsure**2)
    waiting = sum(n for _, n in steps)
    return Forecast(
        waiting,
        max(floor(middle - spread), 0),
        min(round(middle), waiting),
        min(ceil(middle + spread), waiting),
    )


def _sum(past: _Past, steps: Sequence[tuple[Micros, int]]) -> tuple[float, float, float]:
    """How many will miss, the variance by chance, and the standard error of the shares, which err together."""
    middle = chance = unsure = 0.0
    for left, n in steps:
        share, known = past.share(left)
        middle += n * share
        chance += n * share * (1 - share)
        unsure += n * sqrt(share * (1 - share) / (known + 1))
    return middle, chance, unsure


def _restless(past: _Past) -> float:
    """How much more the days of the past differ from what was to be expected of them than by chance; 1 at least."""
    last = max(due for due, _, _ in past.lives)
    days: dict[int, list[tuple[Micros, bool]]] = {}
    for due, made, settled in past.lives:
        day = (last - due) // DAY
        left = due - (last - (day + 1) * DAY)
        if made >= left and (settled is None or settled < left):
            days.setdefault(day, []).append((left, settled is None))
    found = []
    for of in days.values():
        middle, chance, _ = _sum(past, [(left, 1) for left, _ in of])
        found.append((sum(missed for _, missed in of) - middle) ** 2 / chance)
    return max(sum(found) / len(found), 1.0) if found else 1.0


def _life(row: Promised) -> tuple[Micros, Micros, Micros | None] | None:
    """When a promise fell due, how long before that it was made, and how long before that it was settled in time."""
    first, due = row.first, row.due
    if first is None or due is None or first.at > due:
        return None
    ended = [entry.at for entry in (row.kept, row.cancelled) if entry is not None and entry.at <= due]
    return due, due - first.at, due - min(ended) if ended else None
