"""Announcing: the facts of a change gathered from the store, and the notices that its owner gets of them."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from service.core.catalog import Catalog, Moment
from service.core.event import DAY, MINUTE, Complaint, Micros
from service.core.interruption import Change, Interruption, Segment
from service.core.ports import Reader
from service.core.reporting.lead import about
from service.core.telling.message import Count, Facts, NextDue
from service.core.telling.route import Notice, Reason, notices

LATE: Micros = 10 * MINUTE
"""What became known longer ago than this, by the wall clock, is history: nobody is paged about it."""
_MANY = 20_000
_WORST = 3


class Money(msgspec.Struct, frozen=True):
    """The one reporting currency."""

    code: str = "EUR"
    minor_digits: int = 2


class Announcer:
    """Makes the notices of changes; knows which of them are history.

    `clock`: the wall time, or None where time comes from the events and nothing is history. `learned_at`: the
    wall time before which everything is the past that a first start reads: what is over by then is told to nobody.
    """

    def __init__(
        self,
        reader: Reader,
        catalog: Catalog,
        public_url: str,
        money: Money,
        clock: Callable[[], Micros] | None = None,
        learned_at: Micros | None = None,
    ) -> None:
        self._reader = reader
        self._catalog = catalog
        self._public_url = public_url
        self._money = money
        self._clock = clock
        self._learned_at = learned_at

    def __call__(self, change: Change) -> Sequence[Notice]:
        """The notices of one change, none for what is history."""
        muted: Reason | None = None
        if self._clock is not None and self._clock() - change.at > LATE:
            if change.what != "resolved" or change.at <= (self._learned_at or 0):
                return []
            muted = "was_open_while_away"
        return self._notices(change, muted)

    def caught_up(self, moments: Sequence[str], now: Micros) -> list[Notice]:
        """What is still open when a catch-up ends, told once: found late."""
        return [
            notice
            for row in self._reader.interruptions(open_only=True)
            if row.moment in moments and row.notifies
            for notice in self._notices(Change("opened", now, row), "found_late")
        ]

    def _notices(self, change: Change, muted: Reason | None) -> list[Notice]:
        row = change.interruption
        moment = self._catalog.moments.get(row.moment)
        if moment is None:
            return []
        facts = facts_of(self._reader, moment, row, change.at, self._money)
        return notices(change, facts, self._catalog, muted=muted, public_url=self._public_url)


def facts_of(reader: Reader, moment: Moment, row: Interruption, now: Micros, money: Money) -> Facts:
    """What a store knows about an interruption at a time."""
    name, onset = moment.name, row.onset
    impact = reader.impact(name, row.segment, onset, now)
    whole = reader.impact(name, (), onset, now) if row.segment else impact
    attempts = attempts_in(reader, name, row.segment, onset, now)
    everywhere = attempts_in(reader, name, (), onset, now) if row.segment else attempts
    usual = None if row.expected is None or row.kind != "failure_rate" else row.expected * attempts
    elsewhere = None
    if row.segment:
        elsewhere = Count(whole.broken - impact.broken, everywhere - attempts)
    waiting, promised = reader.due(name, now, now + DAY)
    return Facts(
        now=now,
        impact=impact,
        inside=Count(impact.broken, attempts, usual),
        elsewhere=elsewhere,
        worst=() if row.segment else _worst(reader, moment, onset, now),
        newly_hit=_newly_hit(reader, row, now) if impact.broken <= _MANY else (),
        # Promises are not counted by segment before they fall due.
        next_due=NextDue(waiting, now + DAY) if promised and waiting and not row.segment else None,
        complained=_complained(reader, row, now) if impact.broken <= _MANY else None,
        currency=money.code,
        minor_digits=money.minor_digits,
    )


def attempts_in(reader: Reader, moment: str, segment: Segment, start: Micros, end: Micros) -> int:
    """How many promises fell due in a segment in [start, end)."""
    if not segment:
        return sum(totals.attempts for _, totals in reader.totals(moment, start, end, DAY))
    dimension, values = segment[0]
    return sum(totals.attempts for value, totals in reader.by_value(moment, dimension, start, end) if value in values)


def _worst(reader: Reader, moment: Moment, onset: Micros, now: Micros) -> tuple[Count, ...]:
    """The values that carry most of the breaks beyond their share of the attempts."""
    found: list[tuple[float, Count]] = []
    for dimension in moment.dimensions:
        sums = reader.by_value(moment.name, dimension, onset, now)
        attempts = sum(totals.attempts for _, totals in sums)
        if not attempts:
            continue
        share = sum(totals.broken for _, totals in sums) / attempts
        for value, totals in sums:
            excess = totals.broken - share * totals.attempts
            if value is not None and excess > 0 and totals.broken > 1:
                count = Count(totals.broken, totals.attempts, share * totals.attempts, f"{dimension} {value}")
                found.append((excess, count))
    found.sort(key=lambda pair: -pair[0])
    return tuple(count for _, count in found[:_WORST])


def _newly_hit(reader: Reader, row: Interruption, now: Micros) -> tuple[tuple[Micros, int], ...]:
    """Customers by the day that first hit them; days are UTC's."""
    first: dict[str, Micros] = {}
    for broken in reader.breaks(row.moment, row.segment, row.onset, now, limit=_MANY):
        first[broken.customer] = min(broken.at, first.get(broken.customer, broken.at))
    if not first:
        return ()
    start = row.onset - row.onset % DAY
    edges = range(start, now + DAY, DAY)
    return tuple((day, sum(day <= at < end for at in first.values())) for day, end in pairwise(edges))


def _complained(reader: Reader, row: Interruption, now: Micros) -> int | None:
    """How many of the customers affected complained after their break; None where nobody ever complains here."""
    if not about(row.moment, reader.complaints(None, row.onset - 28 * DAY, now)):
        return None
    broke: dict[str, Micros] = {}
    for broken in reader.breaks(row.moment, row.segment, row.onset, now, limit=_MANY):
        broke[broken.customer] = min(broken.at, broke.get(broken.customer, broken.at))
    heard = {
        voice.event.customer
        for voice in about(row.moment, reader.complaints(None, row.onset, now))
        if isinstance(voice.event, Complaint)
        and voice.event.customer in broke
        and voice.at > broke[voice.event.customer]
    }
    return len(heard)
