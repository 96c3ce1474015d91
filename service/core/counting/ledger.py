"""The promise ledger: a commutative upsert by moment and key, and what a promise counts for.

A row keeps the earliest event of each sort. Folding events into it is idempotent, commutative and associative, so
that promise and outcome may come in any order, on any partition, any number of times. What a row adds to the tallies
is a pure function of the row and of how far its moment is closed; whoever changes either adds the difference.
"""

from collections.abc import Mapping

import msgspec

from service.core.catalog import Moment
from service.core.counting.calendar import falls_due
from service.core.counting.reach import Reach
from service.core.counting.tally import Values, duration_bucket, stated
from service.core.counting.window import window_of
from service.core.event import Micros, Outcome, Promise, Record, micros


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True, omit_defaults=True):
    """One event of a promise's life, as much of it as the ledger keeps."""

    at: Micros
    id: str
    customer: str
    value: int | None = None
    dimensions: dict[str, str] | None = None
    due: Micros | None = None
    duration_ms: int | None = None
    reason: str | None = None

    @property
    def order(self) -> tuple[Micros, str]:
        """By time, then by id, so that the order of arrival does not matter."""
        return (self.at, self.id)


class Promised(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A row of the ledger: the first and the newest promise of a key, and the earliest outcome of each word."""

    moment: str
    key: str
    first: Entry | None = None
    newest: Entry | None = None
    kept: Entry | None = None
    broken: Entry | None = None
    cancelled: Entry | None = None

    @property
    def due(self) -> Micros | None:
        """The due time that counts: the first promise's."""
        return self.first.due if self.first else None

    @property
    def customer(self) -> str | None:
        """Whose promise it is: as the first promise says, else whichever event there is."""
        entry = self.first or self.kept or self.broken or self.cancelled
        return entry.customer if entry else None

    @property
    def waiting(self) -> bool:
        """Promised, and neither kept nor withdrawn so far."""
        return self.first is not None and self.kept is None and self.cancelled is None


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """What a row adds to the tallies: one attempt, or one cancellation, at one time.

    `settled_at`: when a broken promise was kept after all. `withdrawn`: the customer gave up waiting for it.
    """

    at: Micros
    customer: str
    value: int
    dimensions: Mapping[str, str]
    broken: bool = False
    cancelled: bool = False
    duration_ms: int | None = None
    settled_at: Micros | None = None
    reason: str | None = None
    withdrawn: bool = False

    def values(self, names: tuple[str, ...]) -> Values:
        """The values of a moment's dimensions."""
        return stated(self.dimensions, names)

    @property
    def bucket(self) -> int | None:
        """The bucket of the duration, if there is one."""
        return None if self.duration_ms is None else duration_bucket(self.duration_ms)


def minor(value: float | None, scale: int) -> int | None:
    """Money in minor units, of which `scale` are one."""
    return None if value is None else round(value * scale)


def milliseconds(seconds: float | None) -> int | None:
    """A duration in whole milliseconds."""
    return None if seconds is None else round(seconds * 1000)


def due_of(promise: Promise, at: Micros, moment: Moment) -> Micros:
    """When a promise falls due: as its event says, else by the moment's deadline; ValueError if neither does."""
    if promise.due is not None:
        return micros(promise.due)
    if moment.deadline is None:
        message = f'promise {promise.key!r} has no due and moment "{moment.name}" no deadline'
        raise ValueError(message)
    return falls_due(at, moment.deadline)


def fold(row: Promised, record: Record, moment: Moment, scale: int) -> Promised:
    """The row with one more event taken in; `scale` minor units are one of the currency."""
    event = record.event
    if isinstance(event, Promise):
        entry = Entry(
            record.at,
            event.id,
            event.customer,
            minor(event.value, scale),
            event.dimensions,
            due_of(event, record.at, moment),
        )
        first = entry if row.first is None or entry.order < row.first.order else row.first
        newest = entry if row.newest is None or entry.order > row.newest.order else row.newest
        return Promised(row.moment, row.key, first, newest, row.kept, row.broken, row.cancelled)
    if not isinstance(event, Outcome):
        message = f"a {type(event).__name__} has no place in the ledger"
        raise TypeError(message)
    entry = Entry(
        record.at,
        event.id,
        event.customer,
        minor(event.value, scale),
        event.dimensions,
        None,
        milliseconds(event.duration_s),
        event.reason,
    )
    word = event.outcome
    known: Entry | None = getattr(row, word)
    if known is not None and known.order <= entry.order:
        return row
    return Promised(
        row.moment,
        row.key,
        row.first,
        row.newest,
        entry if word == "kept" else row.kept,
        entry if word == "broken" else row.broken,
        entry if word == "cancelled" else row.cancelled,
    )


def _decisive(row: Promised, due: Micros | None) -> Entry | None:
    """The outcome that settles a row: kept in time wins; else the earlier of broken and cancelled in time."""
    kept, broken, cancelled = row.kept, row.broken, row.cancelled
    if kept and (due is None or kept.at <= due):
        if due is not None:
            return kept
        others = [e for e in (broken, cancelled) if e]
        return min([kept, *others], key=lambda e: e.order)
    in_time = [e for e in (broken, cancelled) if e and (due is None or e.at <= due)]
    return min(in_time, key=lambda e: e.order) if in_time else None


def contribution(row: Promised, reach: Reach) -> Contribution | None:
    """What a row adds to the tallies while its moment has come so far; None while nothing is decided.

    A promise counts in the window of its first due: kept in time however late that is heard, else broken at its due
    once event time has passed it; an explicit `broken` before the due counts at its own time. An outcome without
    a promise counts at its own time until a promise comes.
    """
    due = row.first.due if row.first else None
    settled = _decisive(row, due)
    if settled is None:
        if row.first is None or due is None or not reach.is_past(due, row.key):
            return None
        # What was broken at its due is the promise as it was known then: a late keep fills no gaps of it.
        return _merge(row, None, at=due, broken=True, settled_at=row.kept.at if row.kept else None)
    if settled is row.cancelled:
        return _merge(row, settled, at=settled.at, cancelled=True)
    if settled is row.broken:
        kept_later = row.kept.at if row.kept and row.kept.at > settled.at else None
        return _merge(row, settled, at=settled.at, broken=True, settled_at=kept_later)
    return _merge(row, settled, at=settled.at if due is None else due)


class Account(msgspec.Struct, frozen=True, gc=False):
    """What a row counts for: `amended`, by all that is known now; `judged`, in the windows as they were judged.

    A window is judged by the events whose own time lies in it or before; those come before it closes, in whatever
    order. What a later event says about it amends, however early that event comes, so that the order of arrival
    within the lateness changes nothing of what is judged.
    """

    amended: Contribution | None = None
    judged: tuple[Contribution, ...] = ()
    amends: bool = False
    """What was judged is not all there is to say."""

    def was_judged(self, width: Micros) -> bool:
        """Whether what the row counts for now is what was judged of that window."""
        now = self.amended
        return now is not None and any(
            window_of(each.at, width) == window_of(now.at, width) and each.broken == now.broken for each in self.judged
        )


NOTHING = Account()


def account(row: Promised, reach: Reach, width: Micros) -> Account:
    """What a row counts for while its moment has come so far."""
    first = row.first
    untold = row.kept is None and row.broken is None and row.cancelled is None
    if untold and (first is None or first.due is None or not reach.is_past(first.due, row.key)):
        # Promised, and not due yet: so are most rows whenever they are looked at.
        return NOTHING
    now = contribution(row, reach)
    if _plain(row, width):
        return Account(now, (now,) if now else ())
    places = {window_of(entry.at, width) for entry in (row.kept, row.broken, row.cancelled) if entry}
    if row.due is not None:
        places.add(window_of(row.due, width))
    judged = []
    for start in sorted(places):
        end = start + width
        then = contribution(_before(row, end), reach.until(end))
        if then is not None and window_of(then.at, width) == start:
            judged.append(then)
    return Account(now, tuple(judged), amends=judged != ([now] if now else []))


def _plain(row: Promised, width: Micros) -> bool:
    """A promise and then one outcome at most, as nearly all are: no window was judged without what counts in it."""
    kept, broken, cancelled, first = row.kept, row.broken, row.cancelled, row.first
    if (kept is None) + (broken is None) + (cancelled is None) < 2:  # noqa: PLR2004  # two of the three words
        return False
    if first is None:
        return True
    made = window_of(first.at, width)
    only = kept or broken or cancelled
    return (only is None or made <= only.at) and (first.due is None or made <= first.due)


def _before(row: Promised, end: Micros) -> Promised:
    """The row as the events before a time made it, as far as it counts."""
    kept, broken, cancelled, first = (
        entry if entry and entry.at < end else None for entry in (row.kept, row.broken, row.cancelled, row.first)
    )
    return Promised(row.moment, row.key, first, None, kept, broken, cancelled)


def _merge(
    row: Promised,
    outcome: Entry | None,
    *,
    at: Micros,
    broken: bool = False,
    cancelled: bool = False,
    settled_at: Micros | None = None,
) -> Contribution:
    """The promise's facts; the outcome's fill the gaps."""
    promise = row.first or outcome
    if promise is None:
        message = f"ledger row {row.moment}/{row.key} holds neither a promise nor an outcome"
        raise ValueError(message)
    dimensions = promise.dimensions or {}
    value = promise.value
    if outcome is not None and outcome is not promise:
        if outcome.dimensions:
            dimensions = {**outcome.dimensions, **dimensions}
        if value is None:
            value = outcome.value
    return Contribution(
        at=at,
        customer=promise.customer,
        value=value or 0,
        dimensions=dimensions,
        broken=broken,
        cancelled=cancelled,
        duration_ms=outcome.duration_ms if outcome else None,
        settled_at=settled_at,
        reason=outcome.reason if outcome else None,
        withdrawn=broken and row.cancelled is not None,
    )
