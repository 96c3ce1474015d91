"""Ingest, purely: the records of one batch and a view of the state become the changes of one transaction.

What is late does not depend on batches: a record's effect on a window is an amendment when the moment was closed
beyond that window before, or when the record's own time says that it must have been. Order of arrival within the
lateness changes nothing either, but for a promise that is made after its own due: that one amends the past by nature,
and which of two such events comes first decides which of them the past was judged by.
"""

from collections.abc import Iterable, Mapping

from service.core.catalog import Catalog, Moment
from service.core.changes import Break, Changes, PromiseKey, View, Voice
from service.core.event import Micros, Outcome, Partition, Promise, Record
from service.core.ledger import Contribution, Promised, contribution, fold, milliseconds
from service.core.tally import Tally, Values, duration_bucket
from service.core.window import closable, window_of


class Intake:
    """Turns records into changes for one catalogue; keeps nothing between batches."""

    def __init__(self, catalog: Catalog, minor_digits: int = 2) -> None:
        self._moments = catalog.moments
        self._delays = {name: catalog.delay_of(name) for name in catalog.moments}
        self._digits = minor_digits
        self._scale = 10**minor_digits

    def take(self, partition: Partition, records: Iterable[Record], view: View, changes: Changes) -> None:
        """Add what some records of one partition change, given the state before the batch."""
        self.take_runs([(partition, records)], view, changes)

    def take_runs(self, runs: Iterable[tuple[Partition, Iterable[Record]]], view: View, changes: Changes) -> None:
        """Add what several partitions' records change, in the order given."""
        rows: dict[PromiseKey, tuple[Promised, Contribution | None]] = {}
        for partition, records in runs:
            self._take(partition, records, view, rows, changes)

    def _take(
        self,
        partition: Partition,
        records: Iterable[Record],
        view: View,
        rows: dict[PromiseKey, tuple[Promised, Contribution | None]],
        changes: Changes,
    ) -> None:
        voices = changes.voices
        accepted, late = changes.counts.accepted, changes.counts.late
        closed_through = view.closed_through
        for record in records:
            event = record.event
            # A tuple, not a union: this runs for every event.
            if isinstance(event, (Outcome, Promise)):
                name = event.moment
                accepted[name] += 1
                is_late = record.at < closed_through.get(name, 0)
                if is_late:
                    late[name] += 1
                key = event.key
                if key is not None:
                    self._keyed(record, (name, key), view, rows, changes)
                elif isinstance(event, Outcome):
                    self._outcome(partition, record, event, late=is_late, changes=changes)
            else:
                accepted[getattr(event, "moment", None) or ""] += 1
                voices.append(Voice(partition, record.offset, record.at, event))

    def _keyed(
        self,
        record: Record,
        place: PromiseKey,
        view: View,
        rows: dict[PromiseKey, tuple[Promised, Contribution | None]],
        changes: Changes,
    ) -> None:
        """A promise, or an outcome that settles one: the difference that it makes to the tallies."""
        moment = self._moments[place[0]]
        through = view.closed_through.get(moment.name, 0)
        known = rows.get(place)
        if known is None:
            row = view.promises.get(place)
            known = (row, contribution(row, through)) if row else (Promised(*place), None)
        before, was = known
        given: Mapping[str, str] = getattr(record.event, "dimensions", None) or {}
        values = stated(given, moment.dimensions)
        window = record.at - record.at % moment.window
        changes.tally.cell(moment.name, window, values, late=window < through).arrivals += 1
        after = fold(before, record, moment, self._digits)
        if after is before:
            rows[place] = known
            return
        now = contribution(after, through)
        rows[place] = after, now
        changes.promises[place] = after
        delay = self._delays[moment.name]
        heard = closable(record.at, moment.window, delay)
        settle(moment, after, was, now, (max(through, heard), made_known(moment, delay, after)), changes)

    def _outcome(self, partition: Partition, record: Record, event: Outcome, *, late: bool, changes: Changes) -> None:
        """An outcome without a key: counted where it stands."""
        moment = self._moments[event.moment]
        given = event.dimensions
        at = record.at
        values = stated(given, moment.dimensions) if given else (None,) * len(moment.dimensions)
        cell = changes.tally.cell(moment.name, at - at % moment.window, values, late=late)
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
            changes.breaks[moment.name, ref] = Break(
                moment=moment.name,
                ref=ref,
                at=at,
                customer=event.customer,
                value=value,
                dimensions=given or {},
                reason=event.reason,
                late=late,
            )


def stated(given: Mapping[str, str], names: Iterable[str]) -> Values:
    """The values of a moment's dimensions; an empty one is not stated."""
    return tuple([given.get(name) or None for name in names])


def expire(
    moment: Moment,
    delay: Micros,
    rows: Iterable[Promised],
    closed: tuple[Micros, Micros],
    changes: Changes,
) -> None:
    """Break the promises that nobody settled by their due, as a moment's closing passes it.

    `rows`: the ledger rows with a due time in the stretch of `closed`, from and through. They count as judged,
    unless a promise was made so long after its due that its window must have been closed by then.
    """
    for row in rows:
        was, now = contribution(row, closed[0]), contribution(row, closed[1])
        known = made_known(moment, delay, row)
        settle(moment, row, was, now, (max(closed[0], known), known), changes)


def made_known(moment: Moment, delay: Micros, row: Promised) -> Micros:
    """How far a moment must have been closed, by the promise's own time, when the promise was made."""
    return closable(row.first.at, moment.window, delay) if row.first else 0


def settle(
    moment: Moment,
    row: Promised,
    was: Contribution | None,
    now: Contribution | None,
    closed: tuple[Micros, Micros],
    changes: Changes,
) -> None:
    """Bring the tallies and the break rows from one state of a promise to the next.

    `closed`: how far the moment is closed now, and was when the promise was made. Cells of windows before the first
    are amendments; a break that only gets news (it was kept after all) is late as it was when it was first counted.
    """
    if was == now:
        return
    through, known = closed
    place = (moment.name, "=" + row.key)
    if was is not None:
        _count(moment, was, -1, through, changes.tally)
        if was.broken:
            changes.breaks[place] = None
    if now is not None:
        late = _count(moment, now, 1, through, changes.tally)
        if was is not None and was.broken and was.at == now.at:
            late = window_of(now.at, moment.window) < known
        if now.broken:
            changes.breaks[place] = Break(
                moment=moment.name,
                ref=place[1],
                at=now.at,
                customer=now.customer,
                value=now.value,
                dimensions=dict(now.dimensions),
                reason=now.reason,
                settled_at=now.settled_at,
                late=late,
                promised=row.first is not None,
            )


def _count(moment: Moment, what: Contribution, sign: int, closed_through: Micros, tally: Tally) -> bool:
    window = what.at - what.at % moment.window
    late = window < closed_through
    cell = tally.cell(moment.name, window, what.values(moment.dimensions), late=late)
    if what.cancelled:
        cell.cancelled += sign
        return late
    cell.attempts += sign
    cell.value += sign * what.value
    if what.broken:
        cell.broken += sign
        cell.broken_value += sign * what.value
    bucket = what.bucket
    if bucket is not None:
        cell.duration_ms += sign * (what.duration_ms or 0)
        cell.count_duration(bucket, sign)
    return late
