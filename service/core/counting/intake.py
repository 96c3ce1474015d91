"""Ingest, purely: the records of one batch and a view of the state become the changes of one transaction.

What is late does not depend on batches, nor on the order of arrival within the lateness: a window is judged by the
events whose own time lies in it or before, and whatever else is said of it, or comes after it closed, amends it.
"""

from collections.abc import Iterable, Mapping
from operator import itemgetter

from service.core.catalog import Catalog, Moment
from service.core.counting.changes import Break, Changes, PromiseKey, View, Voice
from service.core.counting.ledger import Account, Contribution, Promised, account, fold, milliseconds, past_due
from service.core.counting.tally import Cell, Signal, Tally, Values, duration_bucket
from service.core.counting.window import window_of
from service.core.event import Annotation, Complaint, CustomerChange, Micros, Outcome, Partition, Promise, Record


class Intake:
    """Turns records into changes for one catalogue; keeps nothing between batches."""

    def __init__(self, catalog: Catalog, minor_digits: int = 2) -> None:
        self._moments = catalog.moments
        self._digits = minor_digits
        self._scale = 10**minor_digits
        self._journeys = {
            journey.name: tuple(name for stage in journey.stages for name in stage.moments)
            for journey in catalog.journeys.values()
        }

    def touched(self, records: Iterable[Record]) -> set[str]:
        """The moments whose windows some records count in."""
        names: set[str] = set()
        for record in records:
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

    def _heard(
        self, at: Micros, event: Complaint | Annotation, closed_through: Mapping[str, Micros], tally: Tally
    ) -> None:
        name: Signal = "complaints" if isinstance(event, Complaint) else "notes"
        for about in self._about(event):
            moment = self._moments[about]
            window = window_of(at, moment.window)
            values = stated(event.dimensions or {}, moment.dimensions)
            cell = tally.cell(about, window, values, late=window < closed_through.get(about, 0))
            cell.count_signal(name, 1)

    def take(self, partition: Partition, records: Iterable[Record], view: View, changes: Changes) -> None:
        """Add what some records of one partition change, given the state before the batch."""
        self.take_runs([(partition, records)], view, changes)

    def take_runs(self, runs: Iterable[tuple[Partition, Iterable[Record]]], view: View, changes: Changes) -> None:
        """Add what several partitions' records change, in the order given."""
        rows: dict[PromiseKey, tuple[Promised, Account]] = {}
        for partition, records in runs:
            self._take(partition, records, view, rows, changes)

    def _take(
        self,
        partition: Partition,
        records: Iterable[Record],
        view: View,
        rows: dict[PromiseKey, tuple[Promised, Account]],
        changes: Changes,
    ) -> None:
        voices = changes.voices
        accepted, late = changes.counts.accepted, changes.counts.late
        closed_through = view.closed_through
        spots: dict[str, _Spot] = {}
        for record in records:
            event = record.event
            # Tuples, no unions, and the commonest first: this runs for every event.
            if isinstance(event, Outcome) and event.key is None:
                spot = spots.get(event.moment)
                if spot is None:
                    moment = self._moments[event.moment]
                    spot = spots[event.moment] = _Spot(moment, closed_through.get(moment.name, 0), changes.tally)
                self._outcome(partition, record, event, spot, changes)
            elif isinstance(event, (Outcome, Promise)):
                name = event.moment
                accepted[name] += 1
                if record.at < closed_through.get(name, 0):
                    late[name] += 1
                self._keyed(record, (name, event.key or ""), view, rows, changes)
            else:
                accepted[getattr(event, "moment", None) or ""] += 1
                voices.append(Voice(partition, record.offset, record.at, event))
                if isinstance(event, CustomerChange):
                    self._told(record.at, event, changes)
                elif isinstance(event, (Complaint, Annotation)):
                    self._heard(record.at, event, closed_through, changes.tally)
        for name, spot in spots.items():
            accepted[name] += spot.accepted
            if spot.late:
                late[name] += spot.late

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
        view: View,
        rows: dict[PromiseKey, tuple[Promised, Account]],
        changes: Changes,
    ) -> None:
        """A promise, or an outcome that settles one: the difference that it makes to the tallies."""
        moment = self._moments[place[0]]
        through = view.closed_through.get(moment.name, 0)
        known = rows.get(place)
        if known is None:
            row = view.promises.get(place)
            known = (row, account(row, through, moment.window)) if row else (Promised(*place), Account())
        before, was = known
        given: Mapping[str, str] = getattr(record.event, "dimensions", None) or {}
        values = stated(given, moment.dimensions)
        window = record.at - record.at % moment.window
        changes.tally.cell(moment.name, window, values, late=window < through).arrivals += 1
        after = fold(before, record, moment, self._digits)
        if after is before:
            rows[place] = known
            return
        now = account(after, through, moment.window)
        rows[place] = after, now
        changes.promises[place] = after
        settle(moment, after, was, now, through, changes)
        wait(moment, (before, through), (after, through), changes.tally)

    def _outcome(self, partition: Partition, record: Record, event: Outcome, spot: "_Spot", changes: Changes) -> None:
        """An outcome without a key: counted where it stands."""
        given = event.dimensions
        at = record.at
        late = at < spot.through
        spot.accepted += 1
        if late:
            spot.late += 1
        place = (at - at % spot.width, spot.values(given) if given else spot.nothing, late)
        cell = spot.cells.get(place)
        if cell is None:
            cell = spot.cells[place] = Cell()
        cell.arrivals += 1
        word = event.outcome
        if word == "cancelled":
            cell.cancelled += 1
            return
        cell.attempts += 1
        value = 0 if event.value is None else round(event.value * self._scale)
        cell.value += value
        if event.duration_s is not None:
            duration = milliseconds(event.duration_s) or 0
            cell.duration_ms += duration
            buckets = cell.durations = cell.durations or {}
            bucket = duration_bucket(duration)
            buckets[bucket] = buckets.get(bucket, 0) + 1
        if word == "broken":
            cell.broken += 1
            cell.broken_value += value
            ref = f"@{partition.topic_id or partition.topic}/{partition.number}/{record.offset}"
            name = event.moment
            changes.breaks[name, ref] = Break(
                moment=name,
                ref=ref,
                at=at,
                customer=event.customer,
                value=value,
                dimensions=given or {},
                reason=event.reason,
                late=late,
            )


class _Spot:
    """Where a batch's outcomes without a key are counted for one moment: looked up once, not for each event."""

    __slots__ = ("_names", "_pick", "accepted", "cells", "late", "nothing", "through", "width")

    def __init__(self, moment: Moment, through: Micros, tally: Tally) -> None:
        names = moment.dimensions
        self._names = names
        # With one name itemgetter gives no tuple.
        self._pick = itemgetter(*names) if len(names) > 1 else None
        self.nothing: Values = (None,) * len(names)
        self.through = through
        self.width = moment.window
        self.cells = tally.cells.setdefault(moment.name, {})
        self.accepted = 0
        self.late = 0

    def values(self, given: Mapping[str, str]) -> Values:
        """As `stated`, fast where every dimension is."""
        if self._pick is not None:
            try:
                values: tuple[str, ...] = self._pick(given)
            except KeyError:
                return stated(given, self._names)
            if "" not in values:
                return values
        return stated(given, self._names)


def stated(given: Mapping[str, str], names: Iterable[str]) -> Values:
    """The values of a moment's dimensions; an empty one is not stated."""
    return tuple([given.get(name) or None for name in names])


def expire(moment: Moment, rows: Iterable[Promised], closed: tuple[Micros, Micros], changes: Changes) -> None:
    """Break the promises that nobody settled by their due, as a moment's closing passes it.

    `rows`: the ledger rows with a due time in the stretch of `closed`, from and through.
    """
    for row in rows:
        was, now = (account(row, through, moment.window) for through in closed)
        settle(moment, row, was, now, closed[0], changes)
        wait(moment, (row, closed[0]), (row, closed[1]), changes.tally)


def wait(moment: Moment, was: tuple[Promised, Micros], now: tuple[Promised, Micros], tally: Tally) -> None:
    """Bring the counts of promises open past their due from one state of a promise to the next.

    `was`, `now`: the row, and how far its moment is closed. These counts only ever mean something summed up, so what
    comes too late for its window counts in the first one that is still open: how many are open is then right again.
    """
    for sign, (row, through) in ((-1, was), (1, now)):
        if row.first is None:
            continue
        values = stated(row.first.dimensions or {}, moment.dimensions)
        for at, name in past_due(row, through):
            window = max(window_of(at, moment.window), was[1])
            tally.cell(moment.name, window, values, late=False).count_signal(name, sign)


def settle(moment: Moment, row: Promised, was: Account, now: Account, closed_through: Micros, changes: Changes) -> None:
    """Bring the tallies and the break rows from one state of a promise to the next.

    What windows before `closed_through` were to be judged by came too late for them, and amends.
    """
    if was == now:
        return
    tally, width = changes.tally, moment.window
    for sign, side, other in ((-1, was, now), (1, now, was)):
        for each in side.judged:
            if not other.judged or each not in other.judged:
                _count(moment, each, sign, tally, late=window_of(each.at, width) < closed_through)
        if side.amends:
            if side.amended:
                _count(moment, side.amended, sign, tally, late=True)
            for each in side.judged:
                _count(moment, each, -sign, tally, late=True)
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
            promised=row.first is not None,
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
