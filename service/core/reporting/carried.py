"""Where an interruption of everything is worst: values that broke more than their own past and the rest's rise explain.

Shape: what fell due since the onset is held against the thirteen weeks before it, value by value, as counts, with what
is not known of the past in them (beta-binomial). A value is *hit* where so many breaks are beyond its own past: of
those said to be, one in twenty is by chance, at most (Benjamini and Hochberg). It is *worse* where they are beyond its
past with as much on top as the rest rose: of a hundred promises, more broke beyond their usual than elsewhere; 99 times
in 100 nobody is said to be so by chance, as far as breaks are independent. What is not stated counts in the rest and is
never named. Once some are known to be worse, the rest is what is left without them.

Not chosen: the values with the most breaks (large ones always lead), or with the largest share (some always break
more); the ratio of odds to the rest, for what an owner counts is customers beyond the usual.
"""

from collections.abc import Mapping, Sequence
from math import exp, lgamma

import msgspec

from service.core.catalog import Moment
from service.core.event import Micros
from service.core.interruption import EVERYTHING, Interruption, Segment
from service.core.ports import Reader
from service.core.reporting.usual import Due, before
from service.core.telling.message import most_words

SURE = 0.01
"""How often any value at all may be called worse by chance."""
AMONG = 0.05
"""Which share of those called hit may be so by chance."""
_WEEKS = 13
_BORROWED = 2.0
"""So many promises of a value's past weigh as much as all of the others'."""
_OF_BREAKS = {"failure_rate", "overdue", "due_soon", "rule", "value"}
_FEW = 3
"""With fewer breaks there is nothing to name."""

Counts = tuple[int, int]
"""Attempts and broken."""


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A value that broke clearly more than its own past; `usual`: the breaks that its past makes of so many.

    `worse`: and clearly more than the rest did at the same time.
    """

    dimension: str
    value: str
    attempts: int
    broken: int
    usual: float
    worse: bool


def carried(reader: Reader, moment: Moment, it: Interruption, now: Micros, due: Due | None = None) -> tuple[Hit, ...]:
    """The values hit by an interruption of everything, the worse ones first, then by breaks beyond their usual.

    `due`: what fell due from its onset to now, where that was read.
    """
    if it.segment != EVERYTHING or not moment.dimensions or not _OF_BREAKS & set(it.kinds):
        return ()
    end = min(it.resolved_at or now, now)
    since = Due(reader, it.moment, (it.onset, end)) if due is None or end < now else due
    if since.within(())[1] < _FEW:
        return ()
    return hits(moment.dimensions, since, before(reader, it.moment, it.onset, end, _WEEKS))


def hits(dimensions: Sequence[str], since: Due, past: Due) -> tuple[Hit, ...]:
    """As `carried`, from what fell due since the onset and in the past."""
    sides = [_Side(name, since, past) for name in dimensions]
    asked = sum(len(since.by_value(name)) for name in dimensions)
    ranked = sorted(chance for side in sides for chance in side.beyond.values())
    least = max((each for place, each in enumerate(ranked, 1) if each <= AMONG * place / asked), default=-1.0)
    found = [hit for side in sides for hit in side.hits(least, SURE / asked)]
    return tuple(sorted(found, key=lambda hit: (not hit.worse, hit.usual - hit.broken, hit.dimension, hit.value)))


def most(found: Sequence[Hit]) -> tuple[Segment, Segment]:
    """The values that are worse than the rest, and others that were hit too, of the dimension that most broke in.

    Neither where no value is worse.
    """
    beyond: dict[str, float] = {}
    for hit in found:
        if hit.worse:
            beyond[hit.dimension] = beyond.get(hit.dimension, 0.0) + hit.broken - hit.usual
    if not beyond:
        return EVERYTHING, EVERYTHING
    first = max(sorted(beyond), key=beyond.__getitem__)
    mine = [hit for hit in found if hit.dimension == first]
    worse, others = (tuple(hit.value for hit in mine if hit.worse is worse) for worse in (True, False))
    return ((first, worse),), ((first, others),) if others else EVERYTHING


def places(reader: Reader, moments: Mapping[str, Moment], now: Micros) -> dict[str, str]:
    """Of each interruption of everything, by its id, where it is worst, in words; nothing of those that are even."""
    return {
        it.id: words
        for it in reader.interruptions()
        if it.moment in moments and (words := most_words(*most(carried(reader, moments[it.moment], it, now))))
    }


class _Side:
    """The values of one dimension; `beyond`: how likely so many breaks were by each one's own past."""

    def __init__(self, name: str, since: Due, past: Due) -> None:
        self._name = name
        self._since, self._past = since.of_values(name, _FEW), past.by_value(name)
        self._whole = since.within(()), past.within(())
        usual = _share(self._whole[1], 0.5)[0]
        self._own = {value: _share(self._past.get(value, (0, 0)), usual) for value in self._since}
        self.beyond = {value: _chance(counts, *self._own[value]) for value, counts in self._since.items()}

    def hits(self, least: float, sure: float) -> list[Hit]:
        """Those no likelier than `least`; worse where the rest's rise makes them no likelier than `sure` either."""
        hit = {value: counts for value, counts in self._since.items() if self.beyond[value] <= least}
        worse: set[str] = set()
        while more := {
            value
            for value, counts in hit.items()
            if value not in worse and _chance(counts, *_risen(self._own[value], self._rest(worse | {value}))) <= sure
        }:
            worse |= more
        return [
            Hit(self._name, value, tried, broken, round(tried * self._own[value][0], 3), value in worse)
            for value, (tried, broken) in hit.items()
        ]

    def _rest(self, without: set[str]) -> tuple[Counts, Counts]:
        """Since the onset and before it, all that is none of some values; what is not stated is among it."""
        now, past = self._whole
        return _less(now, [self._since[value] for value in without]), _less(
            past, [self._past.get(value, (0, 0)) for value in without]
        )


def _less(whole: Counts, parts: Sequence[Counts]) -> Counts:
    return whole[0] - sum(tried for tried, _ in parts), whole[1] - sum(broken for _, broken in parts)


def _share(counts: Counts, guess: float) -> tuple[float, float]:
    """The share that broke, and how many attempts say so."""
    tried, broken = counts
    known = tried + _BORROWED
    return (broken + _BORROWED * guess) / known, known


def _risen(own: tuple[float, float], rest: tuple[Counts, Counts]) -> tuple[float, float]:
    """A value's usual share with the rest's rise on top of it, and how many attempts know that as well."""
    (share, known), (now, past) = own, rest
    usual, of_past = _share(past, share)
    present, of_now = _share(now, usual)
    share_then = min(share + max(present - usual, 0.0), 0.999)
    doubt = share * (1 - share) / known + present * (1 - present) / of_now + usual * (1 - usual) / of_past
    return share_then, max(share_then * (1 - share_then) / doubt - 1.0, _BORROWED)


def _chance(counts: Counts, share: float, known: float) -> float:
    """How likely at least so many break of so many, by the share that so many attempts tell of: beta-binomial."""
    tried, broken = counts
    if broken <= tried * share:
        return 1.0
    a, b = share * known, (1.0 - share) * known
    term = exp(
        lgamma(tried + 1) - lgamma(broken + 1) - lgamma(tried - broken + 1)
        + lgamma(broken + a) + lgamma(tried - broken + b) - lgamma(tried + known)
        + lgamma(known) - lgamma(a) - lgamma(b)
    )  # fmt: skip  # the coefficient, the numerator and the denominator
    total = 0.0
    for failed in range(broken, tried + 1):
        total += term
        if total > AMONG or term < 1e-9 * total or failed == tried:
            break
        term *= (tried - failed) * (failed + a) / ((failed + 1) * (tried - failed - 1 + b))
    return total
