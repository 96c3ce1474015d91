"""The questions of pages, digests and reports, in SQL; every answer is fetched before it is given."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Label, Row, Select, bindparam, case, func, literal_column, select

from service.adapters.store.sql import asking, outbox, positions
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.desk import SqlDeskReader
from service.adapters.store.sql.judging import read_series
from service.adapters.store.sql.packing import unpack, unpack_all, unpack_dimensions, unpack_numbers
from service.adapters.store.sql.people import SqlPeople
from service.adapters.store.sql.survey import survey
from service.adapters.store.sql.tables import (
    blind_spans,
    breaks,
    counts,
    dead_letters,
    edits,
    gaps,
    interruptions,
    judged,
    moments,
    partitions,
    promises,
    signals,
    tallies,
    timeline,
)
from service.core.catalog import Moment
from service.core.counting.changes import BlindSpan, Break, Counts, Gap, Voice
from service.core.counting.ledger import Entry, Promised
from service.core.counting.tally import Values
from service.core.counting.watermark import PartitionClock
from service.core.event import Annotation, Complaint, CustomerChange, DeadLetter, Feedback, Micros, Partition
from service.core.interruption import Impact, Interruption, Segment
from service.core.outbox import OutboxRow
from service.core.people import Place
from service.core.standing import MomentStatus, TimelineEntry, Totals
from service.core.survey import Survey
from service.core.terms import Edit

_promised = msgspec.json.Decoder(Promised).decode
_event = msgspec.json.Decoder(Complaint | Feedback | CustomerChange | Annotation).decode

_STATED = Entry.__struct_fields__.index("dimensions")

_headers = msgspec.msgpack.Decoder(dict[str, bytes]).decode

_SUMS = ("attempts", "broken", "cancelled", "value", "broken_value")
_NOTHING = (0, 0, 0, 0, 0)
_BROKEN = (
    select(breaks.c.moment, func.count().label("many"))
    .where(breaks.c.at >= bindparam("start"), breaks.c.at < bindparam("end"))
    .group_by(breaks.c.moment)
)


class SqlReader(SqlDeskReader, SqlPeople):
    """The reading half of the protocol."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def interruptions(
        self, *, moment: str | None = None, open_only: bool = False, since: Micros | None = None
    ) -> list[Interruption]:
        """In order of detection; `since`: those not resolved before it."""
        table = interruptions.c
        query = select(table.body).order_by(table.detected_at, table.id)
        if moment is not None:
            query = query.where(table.moment == moment)
        if open_only:
            query = query.where(table.is_open)
        if since is not None:
            query = query.where(table.resolved_at.is_(None) | (table.resolved_at >= since))
        with self._database.read() as connection:
            return [unpack(body, Interruption) for body in connection.scalars(query)]

    def interruption(self, identity: str) -> Interruption | None:
        """One interruption by its id."""
        query = select(interruptions.c.body).where(interruptions.c.id == identity)
        with self._database.read() as connection:
            body = connection.scalar(query)
        return None if body is None else unpack(body, Interruption)

    def timeline(self, identity: str) -> list[TimelineEntry]:
        """An interruption's history as it was written."""
        query = select(timeline).where(timeline.c.interruption == identity).order_by(timeline.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [TimelineEntry(row.interruption, row.at, row.what, row.note, row.author) for row in rows]

    def impact(self, moment: str, segment: Segment, start: Micros, end: Micros) -> Impact:
        """Exact distinct customers, breaks and value of [start, end) in a segment."""
        return self.harm([Place(moment, segment, start, end)])

    def broken(self, moments: Collection[str], start: Micros, end: Micros) -> dict[str, int]:
        """How many promises of each moment broke in [start, end); those of which none did are left out."""
        among = self._database.among(breaks.c.moment, sorted(moments))
        with self._database.read() as connection:
            rows = connection.execute(_BROKEN.where(among), {"start": start, "end": end}).all()
        return {row.moment: row.many for row in rows}

    def breaks(  # the port's
        self, moment: str, segment: Segment, start: Micros, end: Micros, *, limit: int = 1000, offset: int = 0
    ) -> list[Break]:
        """In order of time."""
        query = (
            select(breaks)
            .where(*self._within(moment, segment, start, end))
            .order_by(breaks.c.at, breaks.c.ref)
            .limit(limit)
            .offset(offset)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [break_of(row) for row in rows]

    def _within(self, moment: str, segment: Segment, start: Micros, end: Micros) -> list[ColumnElement[bool]]:
        return [
            breaks.c.moment == moment,
            breaks.c.at >= start,
            breaks.c.at < end,
            *self._stating(breaks.c.dims, segment),
        ]

    def _stating(self, dims: ColumnElement[str], segment: Segment) -> list[ColumnElement[bool]]:
        return [self._database.dimension(dims, name).in_(values) for name, values in segment]

    def totals(
        self, moment: str, start: Micros, end: Micros, step: Micros, *, segment: Segment = (), customers: bool = True
    ) -> list[tuple[Micros, Totals]]:
        """Sums by step aligned to `start`; steps in which nothing happened are left out."""
        found = self._sums(
            ((tallies.c.opens - start) // step).label("place"),
            ((breaks.c.at - start) // step).label("place"),
            Place(moment, segment, start, end),
            people=customers,
        )
        return [(start + place * step, totals) for place, totals in sorted(found.items())]

    def arrivals(
        self, moment: str, start: Micros, end: Micros, step: Micros, *, segment: Segment = ()
    ) -> dict[Micros, int]:
        """How many events came by step, aligned to `start`; steps in which none came are left out."""
        cells = (
            select(((tallies.c.opens - start) // step).label("place"), tallies.c.arrivals)
            .where(tallies.c.moment == moment, tallies.c.opens >= start, tallies.c.opens < end)
            .where(tallies.c.arrivals > 0, *self._stating(tallies.c.dims, segment))
            .subquery()
        )
        query = select(cells.c.place, asking.summed(cells.c.arrivals)).group_by(cells.c.place).order_by(cells.c.place)
        with self._database.read() as connection:
            return {start + place * step: count for place, count in connection.execute(query)}

    def survey(self, moments: Mapping[str, Moment], first: Micros, seen: Micros, now: Micros) -> dict[str, Survey]:
        """Each moment as it stands."""
        return survey(self._database, moments, first, seen, now)

    def by_value(
        self, moment: str, dimension: str, start: Micros, end: Micros, *, customers: bool = True
    ) -> list[tuple[str | None, Totals]]:
        """Sums by a dimension's values, most broken first; None is "not stated"."""
        found = self._sums(
            self._database.dimension(tallies.c.dims, dimension).label("place"),
            self._database.dimension(breaks.c.dims, dimension).label("place"),
            Place(moment, (), start, end),
            people=customers,
        )
        return sorted(found.items(), key=lambda each: (-each[1].broken, each[0] is None, each[0] or ""))

    def outcomes(self, moment: str, spans: Sequence[tuple[Micros, Micros]]) -> list[tuple[Mapping[str, str], int, int]]:
        """(values by dimension, attempts, broken) of every tuple of values, over all of some spans."""
        given: dict[str, Any] = {"of": moment}
        for number, (start, end) in enumerate(spans):
            given |= {f"first{number}": start, f"end{number}": end}
        with self._database.read() as connection:
            dims, attempts, broken = connection.execute(asking.outcomes(len(spans)), given).one()
        if dims is None:
            return []
        return list(zip(unpack_all(dims), unpack_numbers(attempts), unpack_numbers(broken), strict=True))

    def _sums(self, of_tally: Label[Any], of_break: Label[Any], place: Place, *, people: bool) -> dict[Any, Totals]:
        """Sums of a place by what a tally and a break say."""
        # Places are computed inside, and grouped by outside: a database cannot see that two expressions with
        # parameters in them are the same one.
        cells = (
            select(of_tally, *(tallies.c[name] for name in _SUMS))
            .where(tallies.c.moment == place.moment, tallies.c.opens >= place.start, tallies.c.opens < place.end)
            .where(*self._stating(tallies.c.dims, place.segment))
            .subquery()
        )
        sums = select(cells.c.place, *(asking.summed(cells.c[name]) for name in _SUMS)).group_by(cells.c.place)
        hurt = (
            select(of_break, breaks.c.customer)
            .where(*self._within(place.moment, place.segment, place.start, place.end))
            .distinct()
            .subquery()
        )
        customers = select(hurt.c.place, func.count()).group_by(hurt.c.place)
        with self._database.read() as connection:
            summed = {row[0]: tuple(row[1:]) for row in connection.execute(sums)}
            counted = {row[0]: row[1] for row in connection.execute(customers)} if people else {}
        totals = {}
        for by in summed.keys() | counted.keys():
            numbers = dict(zip(_SUMS, summed.get(by, _NOTHING), strict=True))
            if any(numbers.values()) or by in counted:
                totals[by] = Totals(**numbers, customers=counted.get(by, 0))
        return totals

    def customers(self, moments: Sequence[str], start: Micros, end: Micros) -> tuple[int, int]:
        """(distinct customers let down, distinct breaks) over several moments."""
        hurt = self.harm([Place(moment, (), start, end) for moment in sorted(set(moments))])
        return hurt.customers, hurt.broken

    def complaints(self, moment: str | None, start: Micros, end: Micros) -> list[Voice]:
        """Complaints in order of time; `moment` None: all."""
        return self._voices("complaint", start, end, moment)

    def voices(self, kind: Literal["feedback", "customer", "annotation"], start: Micros, end: Micros) -> list[Voice]:
        """What else was said, gained, lost or done, in order of time."""
        return self._voices(kind, start, end)

    def _voices(self, kind: str, start: Micros, end: Micros, moment: str | None = None) -> list[Voice]:
        given = {"kind": kind, "first": start, "end": end} | ({} if moment is None else {"of": moment})
        with self._database.read() as connection:
            rows = connection.execute(asking.voiced(about=moment is not None), given).all()
        found = [Voice(_partition(row), row.record, row.at, _event(row.body)) for row in rows]
        return sorted(found, key=lambda voice: (voice.at, voice.partition, voice.offset))

    def signals(self, moment: str, start: Micros, end: Micros) -> dict[str, int]:
        """Sums of what windows counted beside outcomes, by name."""
        table = signals.c
        query = (
            select(table.name, asking.summed(table.n))
            .where(table.moment == moment, table.opens >= start, table.opens < end)
            .group_by(table.name)
        )
        with self._database.read() as connection:
            return {name: n for name, n in connection.execute(query) if n}

    def edits(self, start: Micros, end: Micros) -> list[Edit]:
        """Changes of moments' terms, in order."""
        table = edits.c
        query = select(edits).where(table.at >= start, table.at < end, table.was != "").order_by(table.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Edit(row.moment, row.what, row.was, row.now, row.looser, row.at) for row in rows]

    def due(self, moment: str, start: Micros, end: Micros) -> tuple[int, int]:
        """(open promises, all promises) with a due time in [start, end)."""
        with self._database.read() as connection:
            waiting, known = connection.execute(asking.due(), {"of": moment, "first": start, "end": end}).one()
        return waiting or 0, known

    def coming(
        self, moment: str, start: Micros, end: Micros, step: Micros, dimensions: tuple[str, ...] = ()
    ) -> list[tuple[int, Values, int]]:
        """(number of the step since start, values of the dimensions, open promises) of those due in [start, end)."""
        stated = self._database.inside(promises.c.body, "first", _STATED)
        if not dimensions:
            # Each notice asks this, so that it is made once; which values are sought is different each time.
            with self._database.read() as connection:
                rows = connection.execute(asking.coming(), {"of": moment, "first": start, "end": end, "step": step})
                return [(number, (), waiting) for number, waiting in rows]
        # What is empty is not stated, as in a tally.
        parts = [func.nullif(self._database.dimension(stated, name), "") for name in dimensions]
        steps = (promises.c.due - start) // step
        query = (
            select(steps, *parts, func.count())
            .where(promises.c.moment == moment, promises.c.due >= start, promises.c.due < end, promises.c.waiting)
            .group_by(*(literal_column(str(place + 1)) for place in range(1 + len(parts))))
        )
        with self._database.read() as connection:
            return [(row[0], tuple(row[1:-1]), row[-1]) for row in connection.execute(query)]

    def lives(self, moment: str, start: Micros, end: Micros, *, limit: int) -> list[Promised]:
        """The promises with a due time in [start, end) and what became of them, the last due first."""
        query = (
            select(promises.c.body)
            .where(promises.c.moment == moment, promises.c.due >= start, promises.c.due < end)
            .order_by(promises.c.due.desc(), promises.c.key.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_promised(body) for body in connection.scalars(query)]

    def clocks(self) -> list[PartitionClock]:
        """Of the partitions that exist."""
        with self._database.read() as connection:
            return positions.clocks(connection)

    def status(self, moment: str) -> MomentStatus:
        """Where a moment stands."""
        blind = (
            select(blind_spans.c.since, blind_spans.c.reason)
            .where(blind_spans.c.moment == moment, blind_spans.c.until.is_(None))
            .order_by(blind_spans.c.since)
            .limit(1)
        )
        with self._database.read() as connection:
            far = select(moments.c.closed_through, moments.c.given_up_through).where(moments.c.moment == moment)
            closed, given_up = connection.execute(far).one_or_none() or (None, None)
            row = connection.execute(select(judged).where(judged.c.moment == moment)).one_or_none()
            unseen = connection.execute(blind).one_or_none()
        learning, series = read_series(row) if row else (None, ())
        through = row.judged_through if row else None
        since, reason = unseen or (None, "")
        return MomentStatus(moment, closed, through, learning, since, series, reason, max(given_up or 0, 0))

    def blind(self, moment: str, start: Micros, end: Micros) -> list[BlindSpan]:
        """Stretches without trustworthy data that touch [start, end), in order."""
        table = blind_spans.c
        query = (
            select(blind_spans)
            .where(table.moment == moment, table.since < end, table.until.is_(None) | (table.until > start))
            .order_by(table.since)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [BlindSpan(row.moment, row.since, row.until, row.reason) for row in rows]

    def dead_letters(self, *, limit: int = 100, offset: int = 0) -> list[tuple[Micros | None, DeadLetter]]:
        """Newest first, with the wall time of their burial."""
        table = dead_letters.c
        query = buried().order_by(table.id.desc()).limit(limit).offset(offset)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            (
                row.buried_at,
                dead_letter(row),
            )
            for row in rows
        ]

    def counts(self) -> Counts:
        """Since the store was made."""
        query = select(counts.c.name, counts.c.label, asking.summed(counts.c.n)).group_by(counts.c.name, counts.c.label)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = Counts()
        labelled: Mapping[str, Any] = {"accepted": found.accepted, "late": found.late, "dead": found.dead}
        for name, label, n in rows:
            if name in labelled:
                labelled[name][label] = n
            # Another version may count what this one has no name for.
            elif hasattr(found, name):
                setattr(found, name, n)
        return found

    def gaps(self) -> list[Gap]:
        """What was gone before it was read, newest first."""
        table = gaps.c
        query = asking.with_partition(table.first, table.after, table.at, table.since, table.until)
        with self._database.read() as connection:
            rows = connection.execute(query.join_from(gaps, partitions).order_by(table.id.desc())).all()
        return [Gap(_partition(row), row.first, row.after, row.at, row.since, row.until) for row in rows]

    def rejected(self) -> dict[str, tuple[int, int]]:
        """(records read, dead letters not taken anew) by topic."""
        of = [asking.summed(case((counts.c.name == name, counts.c.n), else_=0)) for name in ("read", "dead")]
        query = select(partitions.c.topic, *of).join_from(partitions, counts, partitions.c.id == counts.c.partition)
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(partitions.c.topic)).all()
        return {topic: (read, dead) for topic, read, dead in rows}

    def outbox(self, *, limit: int = 100) -> list[OutboxRow]:
        """Newest first."""
        with self._database.read() as connection:
            return outbox.rows(connection, limit)


def buried() -> Select[Any]:
    """Dead letters with their partitions."""
    table = dead_letters.c
    kept = (table.id, table.record, table.reason, table.detail, table.payload, table.buried_at, table.headers)
    return asking.with_partition(*kept).join_from(dead_letters, partitions)


def dead_letter(row: Row[Any]) -> DeadLetter:
    """The dead letter of a row of `buried`."""
    headers = None if row.headers is None else _headers(bytes(row.headers))
    return DeadLetter(_partition(row), row.record, row.reason, row.detail, bytes(row.payload), headers)


def _partition(row: Row[Any]) -> Partition:
    return Partition(row.topic, row.number, row.topic_id)


def break_of(row: Row[Any]) -> Break:
    """The break of a row of the table."""
    return Break(
        moment=row.moment,
        ref=row.ref,
        at=row.at,
        customer=row.customer,
        value=row.value,
        dimensions=unpack_dimensions(row.dims),
        reason=row.reason,
        settled_at=row.settled_at,
        late=row.late,
        promised=row.promised,
    )
