"""Ingest, purely: the records of one batch and a view of the state become the changes of one transaction.

What is late does not depend on batches, nor on the order of arrival within the lateness: a window is judged by the
events whose own time lies in it or before, and whatever else is said of it, or comes after it closed, amends it.
"""

from collections.abc import Iterable, Mapping, Sequence

from service.core.catalog import Catalog, Moment
from service.core.counting.changes import Break, Changes, PromiseKey, View, Voice
from service.core.counting.course import follow, give_up
from service.core.counting.ledger import NOTHING, Account, Contribution, Promised, account, fold
from service.core.counting.outcomes import Parted, count, parted
from service.core.counting.reach import Reach
from service.core.counting.tally import Cell, Signal, Tally, stated
from service.core.counting.window import window_of
from service.core.event import Annotation, Complaint, CustomerChange, Event, Micros, Outcome, Partition, Promise, Record


class Intake:
    """Turns records into changes for one catalogue; keeps nothing between batches."""

    def __init__(self, catalog: Catalog, minor_digits: int = 2) -> None:
        self._moments = catalog.moments
        self._scale = 10**minor_digits
        self._journeys = {
            journey.name: tuple(name for stage in journey.stages for name in stage.moments)
            for journey in catalog.journeys.values()
        }

    def touched(self, given: Parted) -> set[str]:
        """The moments whose windows some records count in."""
        names = set(given.plain)
        for record in given.rest:
            event = record.event
            if isinstance(event, (Outcome, Promise)):
                names.add(event.moment)
            elif isinstance(event, (Complaint, Annotation)):
                names.update(self._about(event))
        return names

    def _about(self, event: Complaint | Annotation) -> Iterable[str]:
        """The moments that a complaint or an annotation counts for.

        A complaint about a journey counts for each of its moments. One that names neither counts where there is only
        one moment that it could be about; else it would be evidence against all of them, and is only kept. What was
        done and names no moment may have touched any.
        """
        if event.moment is not None:
            return (event.moment,) if event.moment in self._moments else ()
        if isinstance(event, Annotation):
            return self._moments
        if event.journey is not None:
            return self._journeys.get(event.journey, ())
        return self._moments if len(self._moments) == 1 else ()

    def _heard(self, at: Micros, event: Complaint | Annotation, view: View, tally: Tally) -> None:
        name: Signal = "complaints" if isinstance(event, Complaint) else "notes"
        for about in self._about(event):
            moment = self._moments[about]
            window = window_of(at, moment.window)
            values = stated(event.dimensions, moment.dimensions)
            cell = tally.cell(about, window, values, late=window < view.reach(about).closed)
            cell.count_signal(name, 1)

    def take(self, partition: Partition, records: Sequence[Record], view: View, changes: Changes) -> None:
        """Add what some records of one partition change, given the state before the batch."""
        self.take_runs([(partition, parted(records))], view, changes)

    def take_runs(self, runs: Iterable[tuple[Partition, Parted]], view: View, changes: Changes) -> None:
        """Add what several partitions' records change, in the order given."""
        rows: dict[PromiseKey, tuple[Promised, Account]] = {}
        for partition, given in runs:
            self._take(partition, given, view, rows, changes)

    def _take(
        self,
        partition: Partition,
        given: Parted,
        view: View,
        rows: dict[PromiseKey, tuple[Promised, Account]],
        changes: Changes,
    ) -> None:
        accepted, late = changes.counts.accepted, changes.counts.late
        nearby: dict[str, _Nearby] = {}
        for record in given.rest:
            event = record.event
            # Tuples, no unions, and the commonest first: this runs for every event.
            if isinstance(event, (Outcome, Promise)):
                name = event.moment
                accepted[name] += 1
                near = nearby.get(name)
                if near is None:
                    near = nearby[name] = _Nearby(self._moments[name], view.reach(name), changes.tally)
                if record.at < near.through:
                    late[name] += 1
                near.cell(record.at, event.dimensions).arrivals += 1
                self._keyed(record, (name, event.key or ""), near, view, rows, changes)
            else:
                accepted[getattr(event, "moment", None) or ""] += 1
                changes.voices.append(Voice(partition, record.offset, record.at, event))
                self._said(record.at, event, view, changes)
        for name, mine in given.plain.items():
            accepted[name] += len(mine)
            behind = count(partition, mine, self._moments[name], view.reach(name).closed, self._scale, changes)
            if behind:
                late[name] += behind

    def _said(self, at: Micros, event: Event, view: View, changes: Changes) -> None:
        """What a record that is kept as it is counts for besides."""
        if isinstance(event, CustomerChange):
            self._told(at, event, changes)
        elif isinstance(event, (Complaint, Annotation)):
            self._heard(at, event, view, changes.tally)

    def _told(self, at: Micros, event: CustomerChange, changes: Changes) -> None:
        """What a customer is worth a year, as last told."""
        known = changes.told.get(event.customer)
        if event.value is None:
            changes.told.setdefault(event.customer, None)
            return
        now = (round(event.value * self._scale), at)
        if known is None or (known[1], known[0]) < (now[1], now[0]):
            changes.told[event.customer] = now

    def _keyed(
        self,
        record: Record,
        place: PromiseKey,
        near: "_Nearby",
        view: View,
        rows: dict[PromiseKey, tuple[Promised, Account]],
        changes: Changes,
    ) -> None:
        """A promise, or an outcome that settles one: the difference that it makes to the tallies."""
        moment, through = near.moment, near.through
        known = rows.get(place)
        if known is None:
            row = view.promises.get(place)
            known = (row, account(row, near.reach, moment.window)) if row else (Promised(*place), NOTHING)
        before, was = known
        after = fold(before, record, moment, self._scale)
        if after is before:
            rows[place] = known
            return
        now = account(after, near.reach, moment.window)
        rows[place] = after, now
        changes.promises[place] = after
        if was is not now:
            settle(moment, after, was, now, through, changes)
        if before.first is None and after.first is not None and was == now:
            # It counts as before, and yet somebody waits from now on.
            _settle_break(moment, after, was, now, through, changes)
        follow(moment, (before, near.reach), (after, near.reach), changes.tally)


class _Nearby:
    """Where the events of one moment arrive, found by where the one before arrived, and by its very dimensions."""

    __slots__ = ("_cells", "_start", "_tally", "moment", "reach", "through")

    def __init__(self, moment: Moment, reach: Reach, tally: Tally) -> None:
        self.moment = moment
        self.reach = reach
        self.through = reach.closed
        self._tally = tally
        self._start: Micros | None = None
        self._cells: dict[int, tuple[Cell, Mapping[str, str] | None]] = {}

    def cell(self, at: Micros, given: Mapping[str, str] | None) -> Cell:
        """The cell of a time and some dimensions, which are kept for as long as they are known by their place."""
        start = at - at % self.moment.window
        if start != self._start:
            self._start, self._cells = start, {}
        known = self._cells.get(id(given))
        if known is None:
            values = stated(given, self.moment.dimensions)
            cell = self._tally.cell(self.moment.name, start, values, late=start < self.through)
            known = self._cells[id(given)] = cell, given
        return known[0]


def expire(
    moment: Moment,
    due: Iterable[Promised],
    forsaken: Iterable[Promised],
    reach: tuple[Reach, Reach],
    changes: Changes,
) -> None:
    """Break the promises that nobody settled by their due, and give up those that nobody did long after, at a closing.

    `reach`: of the moment, before and after. `due`: the ledger rows that are past their due with it. `forsaken`: those
    without an outcome whose due lies between what was given up and what is now.
    """
    closing = (reach[0], reach[1]._replace(given_up=reach[0].given_up))
    for row in due:
        was, now = (account(row, each, moment.window) for each in closing)
        settle(moment, row, was, now, reach[0].closed, changes)
        follow(moment, (row, closing[0]), (row, closing[1]), changes.tally)
    give_up(moment, forsaken, (closing[1], reach[1]), changes.tally, reach[0].closed)


def settle(moment: Moment, row: Promised, was: Account, now: Account, closed_through: Micros, changes: Changes) -> None:
    """Bring the tallies and the break rows from one state of a promise to the next.

    What windows before `closed_through` were to be judged by came too late for them, and amends.
    """
    if was is now or was == now:
        return
    tally, width = changes.tally, moment.window
    if was is NOTHING and not now.amends and now.amended is not None and not now.amended.broken:
        # Kept or withdrawn, and that is all that was ever counted: as nearly every promise ends.
        for each in now.judged:
            _count(moment, each, 1, tally, late=window_of(each.at, width) < closed_through)
        return
    for sign, side, other in ((-1, was, now), (1, now, was)):
        for each in side.judged:
            if not other.judged or each not in other.judged:
                _count(moment, each, sign, tally, late=window_of(each.at, width) < closed_through)
        if side.amends:
            if side.amended:
                _count(moment, side.amended, sign, tally, late=True)
            for each in side.judged:
                _count(moment, each, -sign, tally, late=True)
    _settle_break(moment, row, was, now, closed_through, changes)


def _settle_break(
    moment: Moment, row: Promised, was: Account, now: Account, closed_through: Micros, changes: Changes
) -> None:
    width = moment.window
    place = (moment.name, "=" + row.key)
    broke = now.amended
    if broke is not None and broke.broken:
        before, start = was.amended, window_of(broke.at, width)
        known = before is not None and before.broken and window_of(before.at, width) == start
        changes.breaks[place] = Break(
            moment=moment.name,
            ref=place[1],
            at=broke.at,
            customer=broke.customer,
            value=broke.value,
            dimensions=dict(broke.dimensions),
            reason=broke.reason,
            settled_at=broke.settled_at,
            late=not now.was_judged(width) or (not known and start < closed_through),
            promised=row.first is not None and not broke.withdrawn,
        )
    elif was.amended is not None and was.amended.broken:
        changes.breaks[place] = None


def _count(moment: Moment, what: Contribution, sign: int, tally: Tally, *, late: bool) -> None:
    cell = tally.cell(moment.name, window_of(what.at, moment.window), what.values(moment.dimensions), late=late)
    if what.cancelled:
        cell.cancelled += sign
        return
    cell.attempts += sign
    cell.value += sign * what.value
    if what.broken:
        cell.broken += sign
        cell.broken_value += sign * what.value
    bucket = what.bucket
    if bucket is not None:
        cell.duration_ms += sign * (what.duration_ms or 0)
        cell.count_duration(bucket, sign)
