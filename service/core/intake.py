"""Ingest, purely: the records of one batch and a view of the state become the changes of one transaction."""

from collections.abc import Iterable, Mapping

from service.core.catalog import Catalog, Moment
from service.core.changes import Break, Changes, PromiseKey, View, Voice
from service.core.event import Micros, Outcome, Partition, Promise, Record
from service.core.ledger import Contribution, Promised, contribution, fold, milliseconds
from service.core.tally import Tally, Values, duration_bucket


class Intake:
    """Turns records into changes for one catalogue; keeps nothing between batches."""

    def __init__(self, catalog: Catalog, minor_digits: int = 2) -> None:
        self._moments = catalog.moments
        self._digits = minor_digits
        self._scale = 10**minor_digits

    def take(self, partition: Partition, records: Iterable[Record], view: View, changes: Changes) -> None:
        """Add what some records of one partition change, given the state before the batch."""
        folded: dict[PromiseKey, Promised] = {}
        voices = changes.voices
        accepted, late = changes.counts.accepted, changes.counts.late
        closed_through = view.closed_through
        for record in records:
            event = record.event
            if isinstance(event, Outcome | Promise):
                name = event.moment
                moment = self._moments[name]
                accepted[name] += 1
                is_late = record.at < closed_through.get(name, 0)
                if is_late:
                    late[name] += 1
                if event.key is None:
                    self._outcome(partition, record, moment, late=is_late, changes=changes)  # type: ignore[arg-type]
                else:
                    self._arrival(record, moment, late=is_late, tally=changes.tally)
                    place = (name, event.key)
                    row = folded.get(place) or view.promises.get(place) or Promised(name, event.key)
                    folded[place] = fold(row, record, moment, self._digits)
            else:
                accepted[getattr(event, "moment", None) or ""] += 1
                voices.append(Voice(partition, record.offset, record.at, event))
        for place, row in folded.items():
            before = view.promises.get(place)
            if before != row:
                moment = self._moments[place[0]]
                through = closed_through.get(place[0], 0)
                settle(moment, before, row, (through, through), changes)

    def _arrival(self, record: Record, moment: Moment, *, late: bool, tally: Tally) -> None:
        event = record.event
        given: Mapping[str, str] = event.dimensions or {}  # type: ignore[union-attr]
        values = tuple(given.get(name) for name in moment.dimensions)
        window = record.at - record.at % moment.window
        tally.cell(moment.name, window, values, late=late).arrivals += 1

    def _outcome(
        self, partition: Partition, record: Record, moment: Moment, *, late: bool, changes: Changes
    ) -> None:
        """An outcome without a key: counted where it stands."""
        event: Outcome = record.event  # type: ignore[assignment]  # the caller looked
        given = event.dimensions
        names = moment.dimensions
        values: Values = tuple([given.get(name) for name in names]) if given else (None,) * len(names)
        at = record.at
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


def expire(
    moment: Moment, rows: Iterable[Promised], closed_through: Micros, through: Micros, changes: Changes
) -> None:
    """Break the promises that nobody settled by their due, as a moment's closing passes it.

    `rows`: the ledger rows with a due time in [closed_through, through). They count as judged, not as amendments.
    """
    for row in rows:
        settle(moment, row, row, (closed_through, through), changes)


def settle(
    moment: Moment, before: Promised | None, after: Promised, closed: tuple[Micros, Micros], changes: Changes
) -> None:
    """Bring the tallies, the break rows and the ledger from one state of a promise to the next.

    `closed`: how far the moment was closed before and is after. Cells of windows that were closed before are
    amendments.
    """
    was = contribution(before, closed[0]) if before is not None else None
    now = contribution(after, closed[1])
    if before is not after:
        changes.promises[moment.name, after.key] = after
    if was == now:
        return
    ref = "=" + after.key
    if was is not None:
        _count(moment, was, -1, closed[0], changes.tally)
        if was.broken:
            changes.breaks[moment.name, ref] = None
    if now is not None:
        late = _count(moment, now, 1, closed[0], changes.tally)
        if now.broken:
            changes.breaks[moment.name, ref] = Break(
                moment=moment.name,
                ref=ref,
                at=now.at,
                customer=now.customer,
                value=now.value,
                dimensions=dict(now.dimensions),
                reason=now.reason,
                settled_at=now.settled_at,
                late=late,
                promised=after.first is not None,
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
        buckets = cell.durations = cell.durations or {}
        buckets[bucket] = buckets.get(bucket, 0) + sign
    return late
