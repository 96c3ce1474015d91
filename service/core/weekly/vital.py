"""The vital few: the segments that carry most of what broke beyond the usual."""

from collections.abc import Sequence

import msgspec

from service.core.standing import Totals

_MOST = 3
"""More segments than this are not few."""
_CLEAR = 0.15
"""So much more of the excess than of the attempts must lie in the few, or they are only large."""
_STANDS_OUT = 1.25
"""So many times its usual a segment must have broken to be one of the few."""
_PRIOR = 50.0
"""A segment's own past counts fully only beyond so many attempts; below, the whole's fills in."""
_OTHER = "__other__"

Sums = Sequence[tuple[str | None, Totals]]


class Share(msgspec.Struct, frozen=True, gc=False):
    """A segment's part: its breaks, its attempts, and the breaks that would be usual for so many."""

    value: str
    broken: int
    attempts: int
    usual: float


class VitalFew(msgspec.Struct, frozen=True, gc=False):
    """The few of one dimension, worst first; `of`: all breaks; `unstated`: breaks whose value is not stated."""

    moment: str
    dimension: str
    few: tuple[Share, ...]
    unstated: int
    of: int
    of_usual: float

    @property
    def together(self) -> int:
        """Breaks in the few and in what is not stated."""
        return self.unstated + sum(share.broken for share in self.few)


def vital_few(moment: str, by_dimension: Sequence[tuple[str, Sums, Sums]]) -> VitalFew | None:
    """The dimension whose few values stand out most. `by_dimension`: its name, its sums now, its sums before.

    A missing value is counted and never a segment; nor is what was too rare to be kept apart. Before: all the
    weeks that tell the usual; where there are none, a segment is compared with this week's whole. None where no
    few stand out.
    """
    best: tuple[float, VitalFew] | None = None
    for dimension, now, before in by_dimension:
        for found in _candidates(moment, dimension, now, before):
            if best is None or found[0] > best[0]:
                best = found
    return best[1] if best is not None and best[0] >= _CLEAR else None


def _candidates(moment: str, dimension: str, now: Sums, before: Sums) -> list[tuple[float, VitalFew]]:
    """One, two and three segments, each with how much more of the excess they carry than of the attempts."""
    past = {value: totals for value, totals in before if totals.attempts > 0}
    base = _share([totals for _, totals in before]) or _share([totals for _, totals in now])
    of = sum(totals.broken for _, totals in now)
    attempts = sum(totals.attempts for _, totals in now)
    shares = [
        Share(value, totals.broken, totals.attempts, _usual(past.get(value), base) * totals.attempts)
        for value, totals in now
        if value is not None and value != _OTHER
    ]
    shares.sort(key=lambda share: (share.usual - share.broken, share.value))
    excess = sum(max(0.0, share.broken - share.usual) for share in shares)
    if excess <= 1 or not attempts:
        return []
    unstated = sum(totals.broken for value, totals in now if value is None)
    found = []
    for count in range(1, min(_MOST, len(shares) - 1) + 1):
        few = tuple(shares[:count])
        if few[-1].broken < _STANDS_OUT * few[-1].usual or few[-1].broken <= few[-1].usual:
            break
        carried = sum(share.broken - share.usual for share in few) / excess
        concentration = carried - sum(share.attempts for share in few) / attempts
        found.append((concentration, VitalFew(moment, dimension, few, unstated, of, base * attempts)))
    return found


def _share(totals: Sequence[Totals]) -> float:
    attempts = sum(each.attempts for each in totals)
    return sum(each.broken for each in totals) / attempts if attempts else 0.0


def _usual(past: Totals | None, base: float) -> float:
    if past is None:
        return base
    return (past.broken + _PRIOR * base) / (past.attempts + _PRIOR)
