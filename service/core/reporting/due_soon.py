"""How many of the promises that fall due soon will miss: from how those before them fared that were as open as late.

A promise that is open so long before its due misses as often as those did, among the last that fell due, that were
open at that same distance from theirs: the survival of settled promises on the clock that runs down to the due, which
needs no censoring, because what is past its due is decided. A stalled flow of completions shows at once: more are
open at each distance than usual, and those that are open late miss more often. A segment's shares are those of its
own past, and of the whole's as far as it has too little of one.

The shape that was not chosen: survival by the age of a promise. Promises of two days and of twenty are as urgent on
their last day, and of very different ages.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor, sqrt
from typing import Self

import msgspec

from service.core.counting.ledger import Promised
from service.core.counting.tally import Values, stated
from service.core.event import DAY, HOUR, Micros
from service.core.interruption import Segment
from service.core.ports import Reader

BACK: Micros = 14 * DAY
"""How far back promises fell due that say how the next will fare."""
MOST = 5_000
"""The newest of them, at most."""
_LEAST = 50
"""With fewer there is nothing to tell from."""
_WITHIN = 1.645
"""Standard deviations of an interval that holds 9 times in 10."""
_BORROWED = 20.0
"""So many promises of a segment weigh as much as all of the others."""

_ASKED = 50
"""Values of a dimension that are looked at, those with the most open promises."""

Steps = Sequence[tuple[Micros, int]]
"""(time left until the due, open promises)."""


class Forecast(msgspec.Struct, frozen=True, gc=False):
    """Of `open` promises that fall due by a time, about `middle` will miss; 9 times in 10 from `low` to `high`."""

    open: int
    low: int
    middle: int
    high: int


class Where(msgspec.Struct, frozen=True, gc=False):
    """What is to be expected of those that state one value of a dimension."""

    dimension: str
    value: str
    forecast: Forecast


class _Past:
    """How those fared that fell due, by how long before it they were made and settled.

    `whole`: of which these are a part.
    """

    def __init__(self, rows: Iterable[Promised], whole: Self | None = None) -> None:
        self.lives = [life for life in map(_life, rows) if life is not None]
        kept = [(made, settled) for _, made, settled in self.lives if settled is not None]
        self._kept_made = sorted(made for made, _ in kept)
        self._kept_settled = sorted(settled for _, settled in kept)
        self._missed_made = sorted(made for _, made, settled in self.lives if settled is None)
        self._whole = whole

    def share(self, left: Micros) -> tuple[float, float]:
        """Which share of those that were open so long before their due missed, and how many those were."""
        missed = len(self._missed_made) - bisect_left(self._missed_made, left)
        kept = bisect_left(self._kept_settled, left) - bisect_left(self._kept_made, left)
        # Half a promise each way, so that a few who all kept do not say "never".
        borrowed, weight = (0.5, 1.0) if self._whole is None else (self._whole.share(left)[0], _BORROWED)
        known = missed + kept + weight
        return (missed + weight * borrowed) / known, known

    def restless(self) -> float:
        """How much more its days differ from what was to be expected of them than by chance; 1 at least."""
        if self._whole is not None and len(self.lives) < _LEAST:
            return self._whole.restless()
        last = max(due for due, _, _ in self.lives)
        days: dict[int, list[tuple[Micros, bool]]] = {}
        for due, made, settled in self.lives:
            day = (last - due) // DAY
            left = due - (last - (day + 1) * DAY)
            if made >= left and (settled is None or settled < left):
                days.setdefault(day, []).append((left, settled is None))
        found = []
        for of in days.values():
            middle, chance, _ = self.sum([(left, 1) for left, _ in of])
            found.append((sum(missed for _, missed in of) - middle) ** 2 / chance)
        return max(sum(found) / len(found), 1.0) if found else 1.0

    def sum(self, steps: Steps) -> tuple[float, float, float]:
        """How many will miss, the variance by chance, and the standard error of the shares, which err together."""
        middle = chance = unsure = 0.0
        for left, n in steps:
            share, known = self.share(left)
            middle += n * share
            chance += n * share * (1 - share)
            unsure += n * sqrt(share * (1 - share) / known)
        return middle, chance, unsure

    def forecast(self, steps: Steps) -> Forecast:
        """What becomes of open promises."""
        middle, chance, unsure = self.sum(steps)
        spread = _WITHIN * sqrt(self.restless() * chance + unsure**2)
        waiting = sum(n for _, n in steps)
        return Forecast(
            waiting,
            max(floor(middle - spread), 0),
            min(round(middle), waiting),
            min(ceil(middle + spread), waiting),
        )


def will_miss(reader: Reader, moment: str, now: Micros, span: Micros = DAY, segment: Segment = ()) -> Forecast | None:
    """What is to be expected of a segment's promises due in [now, now + span); None: too little is known."""
    return falling_due(reader, moment, now, span, segment)[1]


def falling_due(
    reader: Reader, moment: str, now: Micros, span: Micros = DAY, segment: Segment = ()
) -> tuple[int, Forecast | None]:
    """How many of a segment's promises due in [now, now + span) are open, and `will_miss`."""
    names = tuple(name for name, _ in segment)
    coming = [each for each in reader.coming(moment, now, now + span, HOUR, names) if _is_in(each[1], segment)]
    waiting = sum(n for _, _, n in coming)
    if not waiting or (rows := _fared(reader, moment, now)) is None:
        return waiting, None
    return waiting, forecast(rows, _steps(coming), segment)


def will_miss_where(
    reader: Reader, moment: str, now: Micros, span: Micros, dimensions: tuple[str, ...], most: int = 3
) -> tuple[Forecast | None, list[Where]]:
    """As `will_miss` of the whole, and the values in which most will beyond what is usual of so many."""
    coming = reader.coming(moment, now, now + span, HOUR, dimensions)
    if not coming or (rows := _fared(reader, moment, now)) is None:
        return None, []
    past = _Past(rows)
    if len(past.lives) < _LEAST:
        return None, []
    steps = _steps(coming)
    whole, usual = past.forecast(steps), past.sum(steps)[0] / sum(n for _, n in steps)
    found: list[tuple[float, Where]] = []
    for place, name in enumerate(dimensions):
        fared: dict[str | None, list[Promised]] = {}
        for row in rows:
            fared.setdefault(_stated(row, (name,))[0], []).append(row)
        for value, mine in _by_value(coming, place):
            theirs = _Past(fared.get(value, ()), past)
            excess = theirs.sum(mine)[0] - usual * sum(n for _, n in mine)
            if excess >= 1:
                found.append((-excess, Where(name, value, theirs.forecast(mine))))
    found.sort(key=lambda each: (each[0], each[1].dimension, each[1].value))
    return whole, [where for _, where in found[:most]]


def forecast(rows: Sequence[Promised], steps: Steps, segment: Segment = ()) -> Forecast | None:
    """What becomes of a segment's open promises, from `rows` of all whose due has passed; None: from too few."""
    past = _Past(rows)
    if len(past.lives) < _LEAST:
        return None
    if not segment:
        return past.forecast(steps)
    names = tuple(name for name, _ in segment)
    return _Past((row for row in rows if _is_in(_stated(row, names), segment)), past).forecast(steps)


def _fared(reader: Reader, moment: str, now: Micros) -> list[Promised] | None:
    """The newest promises whose outcome is decided."""
    closed = reader.status(moment).closed_through
    if closed is None:
        return None
    until = min(now, closed)
    return reader.lives(moment, until - BACK, until, limit=MOST)


def _steps(coming: Iterable[tuple[int, Values, int]]) -> Steps:
    """As many as there are hours in which any falls due."""
    hours: dict[int, int] = {}
    for step, _, n in coming:
        hours[step] = hours.get(step, 0) + n
    return [(step * HOUR + HOUR // 2, n) for step, n in sorted(hours.items())]


def _by_value(coming: Sequence[tuple[int, Values, int]], place: int) -> Iterator[tuple[str, Steps]]:
    """The values that the most open promises state."""
    by_value: dict[str, list[tuple[int, Values, int]]] = {}
    for each in coming:
        value = each[1][place]
        if value is not None:
            by_value.setdefault(value, []).append(each)
    for value in sorted(by_value, key=lambda value: -sum(n for _, _, n in by_value[value]))[:_ASKED]:
        yield value, _steps(by_value[value])


def _is_in(values: Values, segment: Segment) -> bool:
    return all(value in of for value, (_, of) in zip(values, segment, strict=True))


def _stated(row: Promised, names: tuple[str, ...]) -> Values:
    return stated(row.first.dimensions if row.first else None, names)


def _life(row: Promised) -> tuple[Micros, Micros, Micros | None] | None:
    """When a promise fell due, how long before that it was made, and how long before that it was settled in time."""
    first, due = row.first, row.due
    if first is None or due is None or first.at > due:
        return None
    ended = [entry.at for entry in (row.kept, row.cancelled) if entry is not None and entry.at <= due]
    return due, due - first.at, due - min(ended) if ended else None
