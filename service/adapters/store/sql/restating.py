"""The transaction in which a stretch of closed windows is counted anew, and the record of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from sqlalchemy import Connection, delete, select

from service.adapters.store.sql.bulk import plan
from service.adapters.store.sql.database import Database, Transaction
from service.adapters.store.sql.failures import translated
from service.adapters.store.sql.keeping import forgetting
from service.adapters.store.sql.packing import ValuesCodec
from service.adapters.store.sql.reader import break_of
from service.adapters.store.sql.recording import NO_PARTITION, Recorder
from service.adapters.store.sql.tables import (
    breaks,
    counts,
    dead_letters,
    durations,
    partitions,
    promises,
    restatements,
    tallies,
)
from service.core.counting.changes import Break, Changes
from service.core.counting.identity import Forgetting
from service.core.counting.ledger import Promised
from service.core.counting.reach import Reach
from service.core.counting.tally import Cell, Values
from service.core.event import Micros, Partition
from service.core.keeping import Restatement

_ADD_COUNTS = plan(counts, "add")
_APPEND = plan(restatements, "append")
_FIELDS = tuple(column.name for column in restatements.columns if column.name != "id")
_SUMS = ("attempts", "broken", "cancelled", "arrivals", "value", "broken_value", "duration_ms")
_PAGE = 10_000
_SOME = 500

_promised = msgspec.json.Decoder(Promised).decode


@contextmanager
def restating(database: Database, recorder: Recorder, codec: ValuesCodec, moment: str) -> Iterator["_Stretch"]:
    """A moment's transaction: nobody takes in, closes or judges anything of it meanwhile."""
    with database.transaction() as transaction:
        with translated(database.where):
            reach = recorder.reaches(transaction.connection, [moment], exclusive=True)[moment]
            stretch = _Stretch(database, recorder, codec, (transaction, moment), reach)
            stretch.forgetting = forgetting(transaction.connection)
        yield stretch


class _Stretch:
    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        codec: ValuesCodec,
        of: tuple[Transaction, str],
        reach: Reach,
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._codec = codec
        self._transaction, self._moment = of
        self.reach = reach
        self.forgetting = Forgetting()

    def rows(self) -> Iterator[Promised]:
        after = ""
        while True:
            query = (
                select(promises.c.key, promises.c.body)
                .where(promises.c.moment == self._moment, promises.c.key > after)
                .order_by(promises.c.key)
                .limit(_PAGE)
            )
            with translated(self._transaction.where):
                page = self._transaction.connection.execute(query).all()
            if not page:
                return
            after = page[-1].key
            for row in page:
                yield _promised(row.body)

    def cells(self, since: Micros, until: Micros) -> Mapping[tuple[Micros, Values], Cell]:
        found: dict[tuple[Micros, Values], Cell] = {}
        of_cells = select(tallies.c.opens, tallies.c.dims, *(tallies.c[name] for name in _SUMS))
        of_durations = select(durations.c.opens, durations.c.dims, durations.c.bucket, durations.c.n)
        with translated(self._transaction.where):
            connection = self._transaction.connection
            mine = (tallies.c.moment == self._moment, tallies.c.opens >= since, tallies.c.opens < until)
            for opens, dims, *sums in connection.execute(of_cells.where(*mine)):
                found.setdefault((opens, self._codec.values(dims)), Cell()).add(Cell(*sums))
            mine = (durations.c.moment == self._moment, durations.c.opens >= since, durations.c.opens < until)
            for opens, dims, bucket, n in connection.execute(of_durations.where(*mine)):
                found.setdefault((opens, self._codec.values(dims)), Cell()).count_duration(bucket, n)
        return found

    def breaks(self, since: Micros, until: Micros) -> list[Break]:
        query = select(breaks).where(breaks.c.moment == self._moment, breaks.c.at >= since, breaks.c.at < until)
        with translated(self._transaction.where):
            return [break_of(row) for row in self._transaction.connection.execute(query)]

    def save(self, changes: Changes, taken: Mapping[Partition, Sequence[int]], row: Restatement) -> int:
        connection = self._transaction.connection
        with translated(self._transaction.where):
            # Whatever was promised is known: the moment is ours alone.
            known = self._recorder.promised(connection, list(changes.promises))
            self._recorder.write(connection, changes, known, NO_PARTITION)
            freed = sum(self._free(connection, partition, offsets) for partition, offsets in taken.items())
            row = msgspec.structs.replace(row, arrivals=row.arrivals - freed)
            self._database.bulk.run(connection, _APPEND, [tuple(getattr(row, name) for name in _FIELDS)])
        self._transaction.commit()
        return freed

    def _free(self, connection: Connection, partition: Partition, offsets: Sequence[int]) -> int:
        """Of records that were counted now, none waits among the dead to be counted once more."""
        columns = partitions.c
        number = connection.scalar(
            select(columns.id)
            .where(columns.topic == partition.topic, columns.number == partition.number)
            .where(columns.topic_id == partition.topic_id)
        )
        if number is None:
            return 0
        gone: list[str] = []
        for start in range(0, len(offsets), _SOME):
            some = offsets[start : start + _SOME]
            mine = delete(dead_letters).where(dead_letters.c.partition == number, dead_letters.c.record.in_(some))
            gone += connection.scalars(mine.returning(dead_letters.c.reason))
        added = [(number, "dead", reason, -gone.count(reason)) for reason in set(gone)]
        if gone:
            added.append((number, "accepted", self._moment, len(gone)))
        self._database.bulk.run(connection, _ADD_COUNTS, added)
        return len(gone)


def recorded(connection: Connection, limit: int) -> list[Restatement]:
    """What was counted anew, newest first."""
    rows = connection.execute(select(restatements).order_by(restatements.c.id.desc()).limit(limit))
    return [Restatement(*(getattr(row, name) for name in _FIELDS)) for row in rows]
