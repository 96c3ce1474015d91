"""Writing what a batch or a closing changes: tallies, breaks, the ledger, voices, dead letters, counts."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, select

from service.adapters.store.ledger_rows import expires_at
from service.adapters.store.sql.bulk import Plan, Row, plan
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.expiring import reach_of
from service.adapters.store.sql.packing import ValuesCodec, pack_dimensions
from service.adapters.store.sql.tables import (
    blind_spans,
    breaks,
    counts,
    customers,
    dead_letters,
    durations,
    gaps,
    moments,
    partitions,
    promises,
    signals,
    tallies,
    voices,
)
from service.core.counting.changes import BlindSpan, Break, Changes, Counts, Gap, PromiseKey, View, Voice
from service.core.counting.ledger import Promised
from service.core.counting.reach import Reach
from service.core.counting.tally import Tally
from service.core.event import DeadLetter, Micros, Partition
from service.core.ports import StoreBusy

_ADD_TALLIES = plan(tallies, "add")
_ADD_DURATIONS = plan(durations, "add")
_ADD_SIGNALS = plan(signals, "add")
_PUT_BREAKS = plan(breaks, "put")
_DELETE_BREAKS = plan(breaks, "delete")
_PUT_PROMISES = plan(promises, "put")
_NEW_PROMISES = plan(promises, "new")
_APPEND_VOICES = plan(voices, "append")
_APPEND_DEAD = plan(dead_letters, "append")
_ADD_COUNTS = plan(counts, "add")
_APPEND_GAPS = plan(gaps, "append")
_PUT_BLIND = plan(blind_spans, "put")
_TELL_VALUES = Plan(customers, "newer", ("customer", "told_value", "told_at"), ("customer",))
_TELL_CUSTOMERS = Plan(customers, "new", ("customer", "told_at"), ("customer",))
_NEW_MOMENTS = Plan(moments, "new", ("moment",), ("moment",))
_MOMENTS = {
    exclusive: select(moments).order_by(moments.c.moment).with_for_update(read=not exclusive)
    for exclusive in (True, False)
}
_ONE_MOMENT = {exclusive: query.where(moments.c.moment == bindparam("of")) for exclusive, query in _MOMENTS.items()}

_encode = msgspec.json.Encoder().encode
_promised = msgspec.json.Decoder(Promised).decode

NO_PARTITION = 0
"""Under which a closing's counts stand."""


class Recorder:
    """Writes changes. `codec`: of a moment's dimension values. `clock`: the wall time, for burials."""

    def __init__(self, database: Database, codec: Callable[[str], ValuesCodec], clock: Callable[[], Micros]) -> None:
        self._database = database
        self._codec = codec
        self._clock = clock

    def write(
        self, connection: Connection, changes: Changes, known: Mapping[PromiseKey, Promised], partition: int
    ) -> None:
        """Everything that a transaction changes besides positions and clocks.

        `known`: the ledger rows that were locked to be read; a row that was not there then must not be now.
        """
        run = self._database.bulk.run
        cells, buckets, beside = self._tally_rows(changes.tally)
        run(connection, _ADD_TALLIES, cells)
        run(connection, _ADD_DURATIONS, buckets)
        run(connection, _ADD_SIGNALS, beside)
        kept = [_break_row(row) for row in changes.breaks.values() if row is not None]
        run(connection, _PUT_BREAKS, kept)
        run(connection, _DELETE_BREAKS, [place for place, row in changes.breaks.items() if row is None])
        self._write_promises(connection, changes.promises, known)
        run(connection, _APPEND_VOICES, [_voice_row(partition, voice) for voice in changes.voices])
        valued = [(name, *worth) for name, worth in changes.told.items() if worth is not None]
        run(connection, _TELL_VALUES, valued)
        run(connection, _TELL_CUSTOMERS, [(name, 0) for name, worth in changes.told.items() if worth is None])
        if changes.dead:
            now = self._clock()
            run(connection, _APPEND_DEAD, [_dead_row(partition, letter, now) for letter in changes.dead])
        run(connection, _ADD_COUNTS, list(_count_rows(partition, changes.counts)))
        run(connection, _APPEND_GAPS, [_gap_row(_place_of(connection, gap.partition), gap) for gap in changes.gaps])
        run(connection, _PUT_BLIND, [blind_row(span) for span in changes.blind])

    def _tally_rows(self, tally: Tally) -> tuple[list[Row], list[Row], list[Row]]:
        rows: list[Row] = []
        buckets: list[Row] = []
        beside: list[Row] = []
        for moment, windows in tally.cells.items():
            texts = self._codec(moment).texts
            for (window, late), cells in windows.items():
                for dims, cell in zip(texts(cells.keys()), cells.values(), strict=True):
                    # Nearly all have had something: to ask the whole cell costs as much as its row.
                    if not (cell.arrivals or cell):
                        continue
                    rows.append(
                        (
                            moment,
                            window,
                            dims,
                            late,
                            cell.attempts,
                            cell.broken,
                            cell.cancelled,
                            cell.arrivals,
                            cell.value,
                            cell.broken_value,
                            cell.duration_ms,
                        )
                    )
                    if cell.durations:
                        buckets += [(moment, window, dims, late, bucket, n) for bucket, n in cell.durations.items()]
                    if cell.signals:
                        beside += [(moment, window, dims, late, name, n) for name, n in cell.signals.items()]
        return rows, buckets, beside

    def _write_promises(
        self,
        connection: Connection,
        changed: Mapping[PromiseKey, Promised],
        known: Mapping[PromiseKey, Promised],
    ) -> None:
        run = self._database.bulk.run
        run(connection, _PUT_PROMISES, [_promise_row(row) for place, row in changed.items() if place in known])
        new = [_promise_row(row) for place, row in changed.items() if place not in known]
        if run(connection, _NEW_PROMISES, new) < len(new):
            raise StoreBusy("two batches began the same promise at once")

    def promised(self, connection: Connection, keys: Iterable[PromiseKey]) -> dict[PromiseKey, Promised]:
        """The ledger rows of some keys, locked until the transaction ends."""
        by_moment: dict[str, list[str]] = {}
        for moment, key in keys:
            by_moment.setdefault(moment, []).append(key)
        found: dict[PromiseKey, Promised] = {}
        for moment in sorted(by_moment):
            wanted = self._database.among(promises.c.key, by_moment[moment])
            rows = connection.execute(
                select(promises.c.key, promises.c.body)
                .where(promises.c.moment == moment, wanted)
                .order_by(promises.c.key)
                .with_for_update()
            )
            for key, body in rows:
                found[moment, key] = _promised(body)
        return found

    def view(self, connection: Connection, moments: Sequence[str], keys: Iterable[PromiseKey]) -> View:
        """The state as a batch sees it, locked until the transaction ends."""
        reaches = self.reaches(connection, moments, exclusive=False)
        return View(reaches, self.promised(connection, keys))

    def make_moments(self, connection: Connection, names: Sequence[str]) -> None:
        """Give moments that have none a row to lock."""
        self._database.bulk.run(connection, _NEW_MOMENTS, [(name,) for name in names])

    def reaches(self, connection: Connection, names: Sequence[str], *, exclusive: bool) -> dict[str, Reach]:
        """How far some moments have come, locked until the transaction ends: shared, or alone."""
        wanted = sorted(set(names))
        if len(wanted) == 1:
            query, of = _ONE_MOMENT[exclusive], {"of": wanted[0]}
        else:
            among = self._database.among(moments.c.moment, wanted)
            query, of = _MOMENTS[exclusive].where(among), {}
        known = {row.moment: reach_of(row) for row in connection.execute(query, of)}
        if len(known) < len(wanted):
            # There must be a row to lock.
            self.make_moments(connection, [name for name in wanted if name not in known])
            known = {row.moment: reach_of(row) for row in connection.execute(query, of)}
        return known


def _break_row(row: Break) -> Row:
    return (
        row.moment,
        row.ref,
        row.at,
        row.customer,
        row.value,
        pack_dimensions(row.dimensions),
        row.reason,
        row.settled_at,
        row.late,
        row.promised,
    )


def _promise_row(row: Promised) -> Row:
    due = row.due
    return (row.moment, row.key, due, row.waiting, expires_at(row) is not None, _encode(row).decode(), row.customer)


def _voice_row(partition: int, voice: Voice) -> Row:
    event = voice.event
    kind = type(event).__struct_config__.tag
    moment = getattr(event, "moment", None)
    return (partition, voice.offset, voice.at, kind, moment, _encode(event).decode(), getattr(event, "customer", None))


def _dead_row(partition: int, letter: DeadLetter, now: Micros) -> Row:
    headers = None if letter.headers is None else msgspec.msgpack.encode(letter.headers)
    return (partition, letter.offset, letter.reason, letter.detail, letter.payload, now, headers)


def _place_of(connection: Connection, partition: Partition) -> int:
    """The row of a partition, which may be that of a topic that was there before."""
    table = partitions.c
    where = (table.topic == partition.topic, table.number == partition.number, table.topic_id == partition.topic_id)
    return int(connection.execute(select(table.id).where(*where)).scalar_one())


def _gap_row(partition: int, gap: Gap) -> Row:
    return (partition, gap.first, gap.after, gap.at, gap.since, gap.until)


def blind_row(span: BlindSpan) -> Row:
    """A span as a row of its table."""
    return (span.moment, span.since, span.until, span.reason)


def _count_rows(partition: int, given: Counts) -> Iterable[Row]:
    if given.read:
        yield partition, "read", "", given.read
    if given.unfolded:
        yield partition, "unfolded", "", given.unfolded
    if given.duplicate:
        yield partition, "duplicate", "", given.duplicate
    for name, counter in (("accepted", given.accepted), ("late", given.late), ("dead", given.dead)):
        for label, n in counter.items():
            if n:
                yield partition, name, label, n
