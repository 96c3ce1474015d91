"""Dead letters where they lie, and the transaction that takes some of them back into the counts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from service.adapters.store.sql.bulk import plan
from service.adapters.store.sql.database import Database, Transaction
from service.adapters.store.sql.failures import translated
from service.adapters.store.sql.keeping import forgetting
from service.adapters.store.sql.reader import buried, dead_letter
from service.adapters.store.sql.recording import Recorder
from service.adapters.store.sql.tables import counts, dead_letters, id_hashes, partitions
from service.core.counting.changes import Changes, PromiseKey, View
from service.core.counting.duplicates import extent
from service.core.counting.identity import Forgetting
from service.core.event import Partition
from service.core.keeping import Buried, Group, Which
from service.core.ports import StoreBusy, StoreRefused

_ADD_COUNTS = plan(counts, "add")


class SqlGraves:
    """The dead letters of a database. `recorder` writes what becomes of those that are taken."""

    def __init__(self, database: Database, recorder: Recorder | None = None) -> None:
        self._database = database
        self._recorder = recorder

    def groups(self, which: Which) -> list[Group]:
        """By topic and reason, most first."""
        at, letters = dead_letters.c.buried_at, func.count().label("letters")
        query = (
            select(partitions.c.topic, dead_letters.c.reason, letters, func.min(at), func.max(at))
            .join_from(dead_letters, partitions)
            .where(*_meant(which))
            .group_by(partitions.c.topic, dead_letters.c.reason)
            .order_by(letters.desc(), partitions.c.topic, dead_letters.c.reason)
        )
        with self._database.read() as connection:
            return [Group(*row) for row in connection.execute(query)]

    def buried(self, which: Which, *, after: int = 0, before: int | None = None, limit: int = 100) -> list[Buried]:
        """See `Graves.buried`."""
        number = dead_letters.c.id
        query = buried().where(*_meant(which), number > after).limit(limit)
        query = query.order_by(number) if before is None else query.where(number < before).order_by(number.desc())
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Buried(row.id, row.buried_at, dead_letter(row)) for row in rows]

    def purge(self, which: Which, limit: int) -> Mapping[str, int]:
        """Delete so many of the oldest; how many of each reason."""

        def work(connection: Connection) -> Mapping[str, int]:
            rows = connection.execute(
                select(dead_letters.c.id, dead_letters.c.partition, dead_letters.c.reason)
                .join_from(dead_letters, partitions)
                .where(*_meant(which))
                .order_by(dead_letters.c.id)
                .limit(limit)
                .with_for_update(of=dead_letters)
            ).all()
            _take_away(connection, [row.id for row in rows])
            gone = Counter((row.partition, row.reason) for row in rows)
            added = [(partition, "purged", reason, n) for (partition, reason), n in gone.items()]
            self._database.bulk.run(connection, _ADD_COUNTS, added)
            return Counter(row.reason for row in rows)

        return self._database.write(work)

    @contextmanager
    def revise(self, partition: Partition, moments: Sequence[str], keys: Sequence[PromiseKey]) -> Iterator["_Revision"]:
        """A revision. Locks are taken in the order in which a batch takes them."""
        if self._recorder is None:
            raise StoreRefused(f"{self._database.where} is open for reading only")
        with self._database.transaction() as transaction:
            connection = transaction.connection
            with translated(self._database.where):
                view = self._recorder.view(connection, moments, keys)
                row = _hold(connection, partition)
                hashes = _hashes(connection, row)
            revision = _Revision(self._recorder, transaction, row, view, hashes)
            with translated(self._database.where):
                revision.forgetting = forgetting(connection)
            yield revision


class _Revision:
    def __init__(
        self, recorder: Recorder, transaction: Transaction, partition: int, view: View, hashes: Sequence[bytes]
    ) -> None:
        self._recorder = recorder
        self._transaction = transaction
        self._partition = partition
        self.view = view
        self.hashes = hashes
        self.forgetting = Forgetting()

    def save(self, changes: Changes, numbers: Sequence[int] = ()) -> None:
        connection = self._transaction.connection
        with translated(self._transaction.where):
            _take_away(connection, numbers)
            if changes.hashes:
                _remember(connection, self._partition, changes.hashes)
            self._recorder.write(connection, changes, self.view.promises, self._partition)
        self._transaction.commit()


def _meant(which: Which) -> list[ColumnElement[bool]]:
    table = dead_letters.c
    found: list[ColumnElement[bool]] = []
    if which.reasons:
        found.append(table.reason.in_(which.reasons))
    if which.topics:
        found.append(partitions.c.topic.in_(which.topics))
    if which.numbers:
        found.append(table.id.in_(which.numbers))
    if which.since is not None:
        found.append(table.buried_at >= which.since)
    if which.until is not None:
        found.append(table.buried_at < which.until)
    return found


def _take_away(connection: Connection, numbers: Sequence[int]) -> None:
    if not numbers:
        return
    if connection.execute(delete(dead_letters).where(dead_letters.c.id.in_(numbers))).rowcount < len(numbers):
        raise StoreBusy("a dead letter was taken away by somebody else")


def _hold(connection: Connection, partition: Partition) -> int:
    """Lock a partition's row, and have its reader claim it again; its number."""
    columns = partitions.c
    number: int | None = connection.scalar(
        update(partitions)
        .where(columns.topic == partition.topic, columns.number == partition.number)
        .where(columns.topic_id == partition.topic_id)
        .values(epoch=columns.epoch + 1)
        .returning(columns.id)
    )
    if number is None:
        raise StoreRefused(f"{partition.topic}[{partition.number}] ({partition.topic_id!r}) was never read")
    return number


def _hashes(connection: Connection, partition: int) -> list[bytes]:
    query = select(id_hashes.c.blob).where(id_hashes.c.partition == partition).order_by(id_hashes.c.upto)
    return [bytes(blob) for blob in connection.scalars(query)]


def _remember(connection: Connection, partition: int, blob: bytes) -> None:
    fresh, watermark = extent(blob)
    upto = connection.scalar(
        update(partitions)
        .where(partitions.c.id == partition)
        .values(ids=partitions.c.ids + fresh)
        .returning(partitions.c.ids)
    )
    connection.execute(insert(id_hashes).values(partition=partition, upto=upto, watermark=watermark, blob=blob))
