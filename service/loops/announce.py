"""Announcing: which changes are news, and what a store knows about an interruption when it is told."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from service.core.catalog import Catalog, Moment
from service.core.event import DAY, HOUR, MINUTE, Annotation, Micros
from service.core.interruption import Change, Interruption
from service.core.people import Place
from service.core.ports import Reader
from service.core.reporting.carried import carried, most
from service.core.reporting.due_soon import falling_due
from service.core.reporting.evidence import NEAR
from service.core.reporting.lead import about
from service.core.reporting.usual import Due, before, share, steps_of, usual_of
from service.core.telling.desk import News, Reason
from service.core.telling.message import Count, Facts, NextDue
from service.core.telling.route import news_of

LATE: Micros = 10 * MINUTE
"""What became known longer ago than this, by the wall clock, is history: nobody is paged about it."""
_NEVER_HISTORY = frozenset({"withdrawn", "stale"})
_WORST = 3
_SOME = 2
"""So many breaks may be more than one customer's bad luck."""
_DAYS, _STEPS = 7, 4
"""Of a course, the last so many are told."""


class Money(msgspec.Struct, frozen=True):
    """The one reporting currency."""

    code: str = "EUR"
    minor_digits: int = 2


class Announcer:
    """Says which changes are news; knows which of them are history.

    `clock`: the wall time, or None where time comes from the events and nothing is history. `learned_at`: the
    wall time before which everything is the past that a first start reads: what is over by then is told to nobody.
    `told_until`: what happened before it was told by a process that lived on after this database was copied.
    """

    def __init__(
        self,
        reader: Reader,
        catalog: Catalog,
        clock: Callable[[], Micros] | None = None,
        learned_at: Micros | None = None,
        told_until: Micros | None = None,
    ) -> None:
        self._reader = reader
        self._catalog = catalog
        self._clock = clock
        self._learned_at = learned_at
        self._told_until = told_until or 0

    def __call__(self, change: Change) -> News | None:
        """What of a change people may have to be told, nothing where it is history."""
        if change.what in _NEVER_HISTORY:
            # Whoever was told of it must hear that nobody will say any more, however late that is.
            return news_of(change, None)
        muted: Reason | None = None
        # What was told before the database was restored is told again as it was, and the sender knows.
        history = self._clock is not None and self._clock() - change.at > LATE
        if history and change.at > self._told_until:
            if change.what != "resolved" or change.at <= (self._learned_at or 0):
                return None
            muted = "was_open_while_away"
        return news_of(change, muted) if change.interruption.moment in self._catalog.moments else None

    def caught_up(self, moments: Sequence[str], now: Micros) -> list[News]:
        """What is still open when a catch-up ends, told once: found late."""
        rows = self._reader.interruptions(open_only=True)
        found = [news_of(Change("opened", now, row), "found_late") for row in rows if row.moment in moments]
        return [news for news in found if news is not None]


def facts_of(reader: Reader, moment: Moment, row: Interruption, now: Micros, money: Money) -> Facts:
    """What a store knows about an interruption at a time."""
    name, onset = moment.name, row.onset
    place, step = Place(name, row.segment, onset, now), _step(now - onset)
    course = reader.unfolding([place], step)
    impact = course.impact
    whole = reader.impact(name, (), onset, now) if row.segment else impact
    due, past = Due(reader, name, (onset, now)), before(reader, name, onset, now)
    attempts, everywhere = due.within(row.segment)[0], due.within(())[0]
    usual = usual_of(past, row)
    elsewhere = None
    if row.segment:
        elsewhere = Count(whole.broken - impact.broken, everywhere - attempts)
    worse, also = most(carried(reader, moment, row, now, due))
    return Facts(
        now=now,
        impact=impact,
        most=worse,
        also=also,
        inside=Count(impact.broken, attempts, None if usual is None else usual * attempts),
        elsewhere=elsewhere,
        worst=() if row.segment else _worst(moment, due, past, usual),
        newly_hit=_newly_hit(reader, dict(course.newly), place, step) if impact.broken else (),
        step=step,
        next_due=_next_due(reader, row, now),
        complained=course.complained if _is_told(reader, place) else None,
        beside=_beside(reader, row),
        currency=money.code,
        minor_digits=money.minor_digits,
    )


def brief_of(reader: Reader, moment: Moment, row: Interruption, now: Micros, money: Money) -> Facts:
    """What a line of a message about several says of one of them."""
    impact = reader.impact(moment.name, row.segment, row.onset, now)
    return Facts(now=now, impact=impact, currency=money.code, minor_digits=money.minor_digits)


def _next_due(reader: Reader, row: Interruption, now: Micros) -> NextDue | None:
    waiting, found = falling_due(reader, row.moment, now, DAY, row.segment)
    missing = None if found is None else (found.low, found.middle, found.high)
    return NextDue(waiting, now + DAY, missing) if waiting else None


def _worst(moment: Moment, due: Due, past: Due, usual: float | None) -> tuple[Count, ...]:
    """The values that carry most of the breaks beyond their share of the attempts.

    `usual`: the share that is usual everywhere, for values that have too little of a past.
    """
    attempts, everywhere = due.within(())
    if not attempts:
        return ()
    found: list[tuple[float, int, int, str, int]] = []
    for place, dimension in enumerate(moment.dimensions):
        for value, (tried, broken) in due.of_values(dimension, _SOME).items():
            excess = broken - everywhere / attempts * tried
            if excess > 0:
                found.append((-excess, place, -broken, value, tried))
    worst = []
    for _, place, unbroken, value, tried in sorted(found)[:_WORST]:
        dimension, broken = moment.dimensions[place], -unbroken
        own = share(past.within(((dimension, (value,)),)))
        mine = usual if own is None else own
        worst.append(Count(broken, tried, None if mine is None else mine * tried, f"{dimension} {value}"))
    return tuple(worst)


def _step(lasted: Micros) -> Micros:
    """What a course is told by: days, hours, or ten minutes."""
    return next((step for step in (DAY, HOUR) if lasted >= 2 * step), 10 * MINUTE)


def _newly_hit(reader: Reader, hit: Mapping[Micros, int], place: Place, step: Micros) -> tuple[tuple[Micros, int], ...]:
    """The last steps in which anything fell due, those without anybody hit too; days are UTC's."""
    first = place.start - place.start % step
    last = place.end - 1 - (place.end - 1) % step
    back = (_DAYS if step == DAY else _STEPS) - 1
    steps = range(max(first, last - back * step), last + 1, step)
    # Of what has just begun there is no other step, and nothing to ask.
    tried = steps_of(reader, place, step) if any(at not in hit and at != last for at in steps) else ()
    return tuple((at, hit.get(at, 0)) for at in steps if at in tried or at in hit or at == last)


def _is_told(reader: Reader, place: Place) -> bool:
    """Whether anybody ever complains here: none of the customers affected says something only then."""
    return bool(about(place.moment, reader.complaints(None, place.start - 28 * DAY, place.end)))


def _beside(reader: Reader, row: Interruption) -> tuple[tuple[Micros, str], ...]:
    """What we did ourselves shortly before the onset: deployments, campaigns."""
    voices = reader.voices("annotation", row.onset - NEAR, row.onset + 1)
    return tuple(
        (voice.at, voice.event.title)
        for voice in voices[-_WORST:]
        if isinstance(voice.event, Annotation) and voice.event.moment in {None, row.moment}
    )
