"""Who knew first: the first complaint of a customer who was let down, and when complaints rose clearly."""

import math
from collections.abc import Iterable, Mapping, Sequence

from service.core.counting.changes import Break, Voice
from service.core.event import DAY, Complaint, Micros
from service.core.interruption import Segment, holds

BASE: Micros = 56 * DAY
"""Complaints of so long before the onset are what is usual."""
LEAST: Micros = 7 * DAY
"""Less history than this says nothing about what is usual."""
FOLLOW: Micros = 28 * DAY
"""Complaints come after the harm: they are followed for so long after an interruption's end."""
_RATIOS = (1.5, 2.0, 3.0, 5.0)
_INTERVAL_DAYS = 90.0


def about(moment: str, complaints: Iterable[Voice]) -> list[Voice]:
    """The complaints that are about a moment, or do not say what they are about."""
    return [
        voice for voice in complaints if isinstance(voice.event, Complaint) and voice.event.moment in {None, moment}
    ]


def first_complaint(breaks: Iterable[Break], complaints: Sequence[Voice], onset: Micros) -> Micros | None:
    """The first complaint, after onset and after their own break, by a customer who was let down."""
    broke_at: dict[str, Micros] = {}
    for row in breaks:
        known = broke_at.get(row.customer)
        if known is None or row.at < known:
            broke_at[row.customer] = row.at
    times = (
        voice.at
        for voice in complaints
        if (customer := getattr(voice.event, "customer", None)) is not None
        and customer in broke_at
        and voice.at > onset
        and voice.at > broke_at[customer]
    )
    return min(times, default=None)


def complaints_clear(
    moment: str, segment: Segment, complaints: Sequence[Voice], began: Micros, onset: Micros
) -> Micros | None:
    """When complaints on the moment (and segment) rose clearly above their own base; None if they did not.

    A mixture Shiryaev-Roberts statistic for Poisson counts on the clock, the base being the rate over up to 56 days
    before the onset (one complaint is added, so that a base of none is not certainty). `began`: the first time that
    the data covers. On average one false answer in 90 days at the base's rate.
    """
    mine = sorted(
        voice.at
        for voice in complaints
        if getattr(voice.event, "moment", None) == moment and holds(segment, _dimensions(voice))
    )
    since = max(began, onset - BASE)
    if onset - since < LEAST:
        return None
    span = (onset - since) / DAY
    rate = (sum(since <= at < onset for at in mine) + 1) / span
    statistics = [0.0] * len(_RATIOS)
    last = onset
    for at in mine:
        if at < onset:
            continue
        days = (at - last) / DAY
        last = at
        statistics = [
            (value + days) * ratio * math.exp(-(ratio - 1) * rate * days)
            for value, ratio in zip(statistics, _RATIOS, strict=True)
        ]
        if sum(statistics) / len(statistics) >= _INTERVAL_DAYS:
            return at
    return None


def _dimensions(voice: Voice) -> Mapping[str, str]:
    return getattr(voice.event, "dimensions", None) or {}
