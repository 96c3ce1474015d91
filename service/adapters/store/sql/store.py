"""The store over SQL: the protocol's verbs, each a short transaction."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import msgspec
from sqlalchemy import Connection, select

from service.adapters.store.sql import expiring, judging, keeping, outbox, positions, renaming
from service.adapters.store.sql.bulk import plan
from service.adapters.store.sql.database import CommitUnknown, Database, Transaction
from service.adapters.store.sql.desk import SqlDesk, put_news
from service.adapters.store.sql.failures import translated
from service.adapters.store.sql.graves import SqlGraves
from service.adapters.store.sql.packing import LEAST_CACHED, MOST_CACHED, ValuesCodec
from service.adapters.store.sql.reader import SqlReader
from service.adapters.store.sql.reconciling import accounts
from service.adapters.store.sql.recording import NO_PARTITION, Recorder, blind_row
from service.adapters.store.sql.restating import recorded, restating
from service.adapters.store.sql.retention import SqlRetention
from service.adapters.store.sql.shown import SqlShown
from service.adapters.store.sql.tables import blind_spans, edits
from service.adapters.store.sql.windows import windows as read_windows
from service.core.catalog import Moment
from service.core.counting.changes import BlindSpan, Changes, PromiseKey, View
from service.core.counting.identity import Pseudonyms
from service.core.counting.ledger import Promised
from service.core.counting.reach import Position, Reach
from service.core.counting.tally import Window
from service.core.counting.watermark import PartitionClock
from service.core.event import Micros, Partition
from service.core.keeping import Account, Restatement, StretchTransaction
from service.core.marks import Mark
from service.core.outbox import Delivery, Leased
from service.core.people import AuditEntry, Client, Contact, Erased, forgot
from service.core.ports import Claim, StoreBusy
from service.core.standing import Judged, Judgement, Snapshot, TimelineEntry
from service.core.telling.desk import News
from service.core.telling.route import Notice
from service.core.terms import Edit, Place

_APPEND_EDITS = plan(edits, "append")
_PUT_BLIND = plan(blind_spans, "put")


class SqlStore(SqlDesk, SqlShown, SqlReader):
    """Keeps everything in a database. `clock`: the wall time, for burials."""

    def __init__(self, database: Database, declared: Mapping[str, Moment], clock: Callable[[], Micros]) -> None:
        super().__init__(database)
        self._moments: dict[str, Moment] = {}
        self._codecs: dict[str, ValuesCodec] = {}
        self.recorder = Recorder(database, self._codec, clock)
        self.declare(declared)

    def _codec(self, moment: str) -> ValuesCodec:
        return self._codecs[moment]

    def declare(self, moments: Mapping[str, Moment]) -> None:
        """Say which dimensions and window width each moment has."""
        # What all moments remember together is bounded: where tuples hardly come again it would be memory for nothing.
        most = max(LEAST_CACHED, MOST_CACHED // max(1, len(moments)))
        codecs = {name: ValuesCodec(moment.dimensions, most) for name, moment in moments.items()}
        self._moments = {**self._moments, **moments}
        self._codecs = {**self._codecs, **codecs}
        # A moment's row is there before anybody locks it: whoever made it in a batch would keep others waiting.
        names = sorted(moments)
        self._database.write(lambda connection: self.recorder.make_moments(connection, names))

    def terms(self) -> dict[Place, str]:
        """The moments' terms as they were last written down."""
        table = edits.c
        with self._database.read() as connection:
            rows = connection.execute(select(table.moment, table.what, table.now).order_by(table.id)).all()
        return {(row.moment, row.what): row.now for row in rows}

    def add_edits(self, given: Sequence[Edit]) -> None:
        """Append what differs of them."""
        rows = [(edit.at, edit.moment, edit.what, edit.was, edit.now, edit.looser) for edit in given]
        self._database.write(lambda connection: self._database.bulk.run(connection, _APPEND_EDITS, rows))

    def claim(self, partition: Partition) -> Claim:
        """Take a partition: bumps the epoch, so that earlier claims are stale."""

        def work(connection: Connection) -> Claim:
            claim = positions.claim(connection, self._database.bulk, partition)
            return msgspec.structs.replace(claim, forgetting=keeping.forgetting(connection))

        return self._database.write(work)

    @contextmanager
    def ingest(self, claim: Claim, moments: Sequence[str], keys: Sequence[PromiseKey]) -> Iterator["_Ingest"]:
        """One batch's transaction."""
        with self._database.transaction() as transaction:
            with translated(self._database.where):
                connection = transaction.connection
                view = self.recorder.view(connection, moments, keys)
            yield _Ingest(self, transaction, claim, view)

    def went_through(self, claim: Claim, position: int) -> bool:
        """Whether a batch is there whose COMMIT had no answer."""
        return self._database.write(lambda connection: positions.went_through(connection, claim, position))

    def graves(self) -> SqlGraves:
        """Its dead letters, and the way back for them."""
        return SqlGraves(self._database, self.recorder)

    def retention(self) -> SqlRetention:
        """What time does to its tables."""
        widths = {name: moment.window for name, moment in self._moments.items()}
        return SqlRetention(self._database, self.recorder, widths)

    def accounts(self) -> list[Account]:
        """The lines of its books, recounted row by row."""
        return accounts(self._database)

    def restating(self, moment: str) -> AbstractContextManager[StretchTransaction]:
        """A moment's transaction in which closed windows are counted anew."""
        return restating(self._database, self.recorder, self._codec(moment), moment)

    def restatements(self, *, limit: int = 100) -> list[Restatement]:
        """The records of what was counted anew, newest first."""
        with self._database.read() as connection:
            return recorded(connection, limit)

    def positions(self) -> dict[Partition, int]:
        """How far each partition that exists was read."""
        with self._database.read() as connection:
            return positions.read_through(connection)

    def expect(self, partitions: Sequence[Partition]) -> None:
        """Say which partitions there are, so that time waits for all of them."""
        bulk = self._database.bulk
        self._database.write(lambda connection: positions.expect(connection, bulk, partitions))

    def retire(self, gone: Sequence[Partition], known: Sequence[Partition] = ()) -> None:
        """Forget the clocks of partitions that no longer exist; time waits for what is in their places."""
        bulk = self._database.bulk
        self._database.write(lambda connection: positions.retire(connection, bulk, gone, known))

    def together(self) -> AbstractContextManager[None]:
        """One transaction of several, where the database wants that."""
        return self._database.together()

    def reading(self) -> AbstractContextManager[None]:
        """One transaction of several reads."""
        return self._database.reading()

    @contextmanager
    def closing(self, moment: str) -> Iterator["_Closing"]:
        """A closing's transaction."""
        with self._database.transaction() as transaction:
            with translated(self._database.where):
                connection = transaction.connection
                reach = self.recorder.reaches(connection, [moment], exclusive=True)[moment]
            yield _Closing(self, transaction, moment, reach)

    def close_at_once(self, ways: Mapping[str, tuple[Micros, Micros]]) -> dict[str, Micros]:
        """Close many moments that have no promises on their way in one transaction."""
        return self._database.write(lambda connection: expiring.close_at_once(connection, self._database, ways))

    def judged(self, moment: str) -> Judged:
        """How far a moment was judged."""
        with self._database.read() as connection:
            return judging.read_judged(connection, moment)

    def windows(self, moment: str, after: Micros | None, through: Micros) -> Iterator[Window]:
        """As judged: closed windows with start ≥ after and end ≤ through that hold anything, in order."""
        width = self._moments[moment].window
        return read_windows(self._database, moment, self._codec(moment), width, (after, through))

    def save_judgement(  # the port's
        self,
        moment: str,
        tick: int,
        judgement: Judgement,
        snapshot: Snapshot | None,
        told: Sequence[News] = (),
    ) -> None:
        """Write a judgement with a compare-and-set on the tick."""
        bulk = self._database.bulk

        def work(connection: Connection) -> None:
            judging.save(connection, bulk, (moment, tick), judgement, snapshot)
            put_news(connection, bulk, told)

        self._database.write(work)

    def save_blind(self, spans: Sequence[BlindSpan]) -> None:
        """Put spans by (moment, since)."""
        once = {(span.moment, span.since): span for span in spans}
        rows = [blind_row(span) for span in once.values()]
        self._database.write(lambda connection: self._database.bulk.run(connection, _PUT_BLIND, rows))

    def note(self, entry: TimelineEntry) -> None:
        """Append a line to an interruption's history."""
        self._database.write(lambda connection: judging.note(connection, self._database.bulk, [entry]))

    def enqueue(self, notices: Sequence[Notice], now: Micros) -> int:
        """Put notices in the outbox; how many were new."""
        bulk = self._database.bulk
        return self._database.write(lambda connection: outbox.enqueue(connection, bulk, notices, now))

    def lease(self, now: Micros, until: Micros, limit: int, skip: Collection[str] = ()) -> list[Leased]:
        """Take due rows for sending until a time."""
        return self._database.write(lambda connection: outbox.lease(connection, now, until, limit, skip))

    def release(self, leased: Leased, due_at: Micros) -> bool:
        """Hand back a row that was not tried."""
        return self._database.write(lambda connection: outbox.release(connection, leased, due_at))

    def delivered(self, leased: Leased, delivery: Delivery, now: Micros, next_at: Micros | None) -> bool:
        """Record an attempt; False when the lease was no longer ours."""
        return self._database.write(lambda connection: outbox.delivered(connection, leased, delivery, now, next_at))

    def add_contacts(self, contacts: Sequence[Contact]) -> None:
        """Append what was done for customers."""
        self._database.write(lambda connection: keeping.add_contacts(connection, self._database.bulk, contacts))

    def add_audit(self, entry: AuditEntry) -> None:
        """Append who saw or changed what of customers."""
        self._database.write(lambda connection: keeping.add_audit(connection, self._database.bulk, entry))

    def save_mark(self, mark: Mark) -> bool:
        """Freeze money; False where it was frozen before."""
        return self._database.write(lambda connection: keeping.save_mark(connection, self._database.bulk, mark))

    def list_clients(self, clients: Iterable[Client], name: Callable[[str], str] = str) -> int:
        """Replace the operators' table of customers; how many rows it has now."""
        rows, bulk = list(clients), self._database.bulk
        return self._database.write(lambda connection: keeping.list_clients(connection, bulk, rows, name))

    def adopt(self, names: Pseudonyms) -> int:
        """Go on with some keys for pseudonyms; how many rows got new names."""
        return self._database.write(lambda connection: renaming.adopt(connection, self._database, names))

    def forget(self, customer: str, *, by: str, at: Micros, known_as: str | None = None) -> Erased:
        """Put a random tombstone in the place of an id."""
        bulk = self._database.bulk

        def work(connection: Connection) -> Erased:
            erased = keeping.forget(connection, bulk, customer, known_as or customer, at)
            keeping.add_audit(connection, bulk, forgot(erased, by, at))
            return erased

        return self._database.write(work)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


class _Ingest:
    def __init__(self, store: SqlStore, transaction: Transaction, claim: Claim, view: View) -> None:
        self._store = store
        self._transaction = transaction
        self._claim = claim
        self.view = view

    def save(self, changes: Changes, position: int, clock: PartitionClock) -> Claim:
        claim, connection = self._claim, self._transaction.connection
        with translated(self._transaction.where):
            row = positions.advance(connection, claim, position, clock, changes, _records(changes))
            self._store.recorder.write(connection, changes, self.view.promises, row)
        try:
            self._transaction.commit()
        except CommitUnknown:
            if not self._store.went_through(claim, position):
                raise StoreBusy(f"{self._transaction.where}: a commit was lost on its way") from None
        return Claim(claim.partition, claim.epoch, position, clock)


class _Closing:
    def __init__(self, store: SqlStore, transaction: Transaction, moment: str, reach: Reach) -> None:
        self._store = store
        self._transaction = transaction
        self._moment = moment
        self.reach = reach

    def due(self, end: Position, limit: int) -> tuple[Sequence[Promised], Position]:
        with translated(self._transaction.where):
            return expiring.due(self._transaction.connection, self._moment, (self.reach.next, end), limit)

    def unsettled(self, end: Position, limit: int) -> tuple[Sequence[Promised], Position]:
        with translated(self._transaction.where):
            return expiring.unsettled(self._transaction.connection, self._moment, (self.reach.given_up, end), limit)

    def save(self, changes: Changes, reach: Reach) -> None:
        connection = self._transaction.connection
        with translated(self._transaction.where):
            # Nobody else can have begun a promise meanwhile: the moment is ours alone.
            self._store.recorder.write(connection, changes, changes.promises, NO_PARTITION)
            expiring.come_to(connection, self._moment, self.reach, reach)
        self._transaction.commit()


def _records(changes: Changes) -> int:
    """How many records were read, whatever number of events they told."""
    return changes.counts.read - changes.counts.unfolded
