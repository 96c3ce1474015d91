"""Gathers what a notice says about an interruption from the store's answers."""

from collections.abc import Iterable, Sequence

from service.core.catalog import Moment
from service.core.changes import Break
from service.core.event import DAY, Micros
from service.core.interruption import Interruption
from service.core.lead import BASE, about
from service.core.message import Count, Facts, NextDue
from service.core.ports import Reader, Totals

MOST_BREAKS = 10_000
"""More breaks than this are counted, but not gone through: then a notice says nothing day by day."""
_WORST = 3
_AHEAD: Micros = DAY


def facts_of(
    reader: Reader,
    moment: Moment,
    it: Interruption,
    until: Micros,
    *,
    currency: str = "",
    minor_digits: int = 2,
) -> Facts:
    """What is known of [onset, until), in event time: a change gives the same words whenever it is told.

    Falling due is a moment's, not a segment's, and is left out inside one; so are segments inside a segment.
    """
    impact = reader.impact(moment.name, it.segment, it.onset, until)
    inside, elsewhere = _counts(reader, moment, it, until)
    breaks: Sequence[Break] = ()
    if 0 < impact.broken <= MOST_BREAKS:
        breaks = reader.breaks(moment.name, it.segment, it.onset, until, limit=MOST_BREAKS)
    return Facts(
        now=until,
        impact=impact,
        inside=inside,
        elsewhere=elsewhere,
        worst=() if it.segment else _worst(reader, moment, it.onset, until),
        newly_hit=_newly_hit(breaks, customers=moment.unit == "customers"),
        next_due=None if it.segment else _next_due(reader, moment, until),
        complained=_complained(reader, moment, breaks, it.onset, until) if breaks else None,
        currency=currency,
        minor_digits=minor_digits,
    )


def _counts(
    reader: Reader, moment: Moment, it: Interruption, until: Micros
) -> tuple[Count | None, Count | None]:
    """Breaks among attempts in the segment, and outside of it."""
    if not it.segment:
        steps = reader.totals(moment.name, it.onset, until, DAY)
        return _sum(totals for _, totals in steps), None
    dimension, values = it.segment[0]
    by_value = reader.by_value(moment.name, dimension, it.onset, until)
    inside = _sum(totals for value, totals in by_value if value in values)
    return inside, _sum(totals for value, totals in by_value if value not in values)


def _sum(of: Iterable[Totals]) -> Count:
    broken = attempts = 0
    for totals in of:
        broken += totals.broken
        attempts += totals.attempts
    return Count(broken, attempts)


def _worst(reader: Reader, moment: Moment, start: Micros, end: Micros) -> tuple[Count, ...]:
    """The values with the most breaks beyond their share, over all dimensions."""
    found: list[tuple[float, Count]] = []
    for dimension in moment.dimensions:
        by_value = reader.by_value(moment.name, dimension, start, end)
        whole = _sum(totals for _, totals in by_value)
        share = whole.broken / whole.attempts if whole.attempts else 0.0
        for value, totals in by_value:
            beyond = totals.broken - share * totals.attempts
            if value is not None and beyond >= 1:
                name = f"{dimension} {value}"
                found.append((-beyond, Count(totals.broken, totals.attempts, name=name)))
    return tuple(count for _, count in sorted(found, key=lambda each: (each[0], each[1].name))[:_WORST])


def _newly_hit(breaks: Sequence[Break], *, customers: bool) -> tuple[tuple[Micros, int], ...]:
    """By UTC day: customers hit for the first time, or breaks where one event is no customer."""
    days: dict[Micros, int] = {}
    seen: set[str] = set()
    for row in breaks:
        if customers and row.customer in seen:
            continue
        seen.add(row.customer)
        day = row.at - row.at % DAY
        days[day] = days.get(day, 0) + 1
    return tuple(sorted(days.items()))


def _next_due(reader: Reader, moment: Moment, now: Micros) -> NextDue | None:
    still_open, _ = reader.due(moment.name, now, now + _AHEAD)
    return NextDue(still_open, now + _AHEAD) if still_open else None


def _complained(
    reader: Reader, moment: Moment, breaks: Sequence[Break], onset: Micros, until: Micros
) -> int | None:
    """Customers who complained after their own break; None where nobody tells us of complaints at all."""
    heard = about(moment.name, reader.complaints(None, onset - BASE, until))
    if not heard:
        return None
    first = {row.customer: row.at for row in reversed(breaks)}
    customers = ((getattr(voice.event, "customer", None), voice.at) for voice in heard)
    return len({customer for customer, at in customers if customer in first and at > first[customer]})
