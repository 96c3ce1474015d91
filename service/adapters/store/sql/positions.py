"""Partitions: who may write which one next, how far each was read, and how far its clock has moved."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, insert, or_, select, update

from service.adapters.store.sql.bulk import Bulk, Plan
from service.adapters.store.sql.tables import id_hashes, partitions
from service.core.counting.anew import Before, left_unread
from service.core.counting.changes import Changes, Unread
from service.core.counting.duplicates import LIMIT, SPAN, extent
from service.core.counting.watermark import PartitionClock, partition_watermark
from service.core.event import Partition
from service.core.ports import Claim, StaleClaim, StoreBusy

_columns = partitions.c
_PLACE = ("topic", "number", "topic_id")
_NEW = Plan(partitions, "new", _PLACE, _PLACE)


def _is_place(partition: Partition) -> ColumnElement[bool]:
    return and_(_columns.topic == partition.topic, _columns.number == partition.number)


def _is(partition: Partition) -> ColumnElement[bool]:
    return and_(_is_place(partition), _columns.topic_id == partition.topic_id)


def claim(connection: Connection, bulk: Bulk, partition: Partition) -> Claim:
    """Take a partition: bumps the epoch, so that earlier claims are stale.

    A re-created topic has another id: its partition begins anew, and nobody may write the old one's any more.
    """
    known = connection.execute(
        select(_columns.id, _columns.topic_id).where(_is_place(partition)).order_by(_columns.id).with_for_update()
    ).all()
    others = {row.topic_id: row.id for row in known}
    if partition.topic_id not in others:
        if "" in others:
            # It had no id when it was first read and has one now: the same topic, better known.
            connection.execute(
                update(partitions).where(_columns.id == others.pop("")).values(topic_id=partition.topic_id)
            )
        elif _replaced(connection, partition):
            raise _was_recreated(partition)
        else:
            _begin(connection, bulk, partition)
        _supersede(connection, others.values())
    row = connection.execute(
        update(partitions)
        .where(_is(partition), ~_columns.superseded)
        .values(epoch=_columns.epoch + 1, retired=False)
        .returning(partitions)
    ).one_or_none()
    if row is None:
        raise _was_recreated(partition)
    # An id is known by its source and partition, whichever topic of that name it came with: who makes a topic anew
    # often sends the last records again.
    blobs = connection.scalars(
        select(id_hashes.c.blob)
        .join_from(id_hashes, partitions)
        .where(_is_place(partition), or_(_columns.id == row.id, _columns.superseded))
        .order_by(_columns.id, id_hashes.c.upto)
    )
    clock = _clock(row)
    unread = _unread(connection, partition) if partition_watermark(clock) is None else ()
    return Claim(partition, row.epoch, row.position, clock, tuple(bytes(blob) for blob in blobs), unread=unread)


def _was_recreated(partition: Partition) -> StaleClaim:
    where = f"{partition.topic}/{partition.number}"
    return StaleClaim(f"{where} was re-created since; {partition.topic_id!r} is its old id")


def _replaced(connection: Connection, partition: Partition) -> bool:
    """Whether a partition's topic is known to have been made anew since, be it by another partition."""
    same = and_(_columns.topic == partition.topic, _columns.topic_id == partition.topic_id)
    return bool(connection.scalar(select(exists().where(same, _columns.superseded))))


def _supersede(connection: Connection, rows: Iterable[int]) -> None:
    connection.execute(
        update(partitions)
        .where(_columns.id.in_(list(rows)))
        .values(retired=True, superseded=True, epoch=_columns.epoch + 1)
    )


def _unread(connection: Connection, partition: Partition) -> tuple[Unread, ...]:
    """What the partition that was in this place before it was made anew left unread, and those that have no heir."""
    rows = connection.execute(select(partitions).where(_columns.topic == partition.topic).order_by(_columns.id))
    return left_unread(partition, [Before(_clock(row), row.position, row.log_end, row.superseded) for row in rows])


def _begin(connection: Connection, bulk: Bulk, partition: Partition) -> None:
    if not bulk.run(connection, _NEW, [(partition.topic, partition.number, partition.topic_id)]):
        raise StoreBusy(f"{partition.topic}/{partition.number}: claimed by two for the first time")


def expect(connection: Connection, bulk: Bulk, known: Sequence[Partition]) -> None:
    """Begin the partitions whose places nobody has ever heard of."""
    ids = {partition.topic: partition.topic_id for partition in known}
    found = connection.execute(select(partitions).where(_columns.topic.in_(sorted(ids)))).all()
    places = {(row.topic, row.number) for row in found}
    others = {row.topic for row in found if not row.superseded and row.topic_id not in {"", ids[row.topic]}}
    fresh = {
        (p.topic, p.number, p.topic_id) for p in known if p.topic not in others and (p.topic, p.number) not in places
    }
    bulk.run(connection, _NEW, sorted(fresh))


def advance(
    connection: Connection, claim: Claim, position: int, clock: PartitionClock, changes: Changes, read: int = 0
) -> int:
    """The compare-and-set of a batch of `read` records; the partition's row id. Raises StaleClaim."""
    blob = changes.hashes
    fresh, watermark = extent(blob) if blob else (0, 0)
    row = connection.execute(
        update(partitions)
        .where(
            _is(claim.partition),
            _columns.epoch == claim.epoch,
            _columns.position.is_not_distinct_from(claim.position),
            ~_columns.superseded,
        )
        .values(
            position=position,
            latest=clock.latest,
            looked_at=clock.looked_at,
            ended=clock.ended,
            ids=_columns.ids + fresh,
            **({"first": position - read} if claim.position is None else {}),
            **({} if changes.log_end is None else {"log_end": changes.log_end}),
        )
        .returning(_columns.id, _columns.ids)
    ).one_or_none()
    if row is None:
        where = f"{claim.partition.topic}/{claim.partition.number}"
        raise StaleClaim(f"{where}: another reader has claimed it since")
    if fresh:
        connection.execute(insert(id_hashes).values(partition=row.id, upto=row.ids, watermark=watermark, blob=blob))
        connection.execute(
            delete(id_hashes).where(
                id_hashes.c.partition == row.id,
                or_(id_hashes.c.watermark < watermark - SPAN, id_hashes.c.upto <= row.ids - LIMIT),
            )
        )
    identity: int = row.id
    return identity


def went_through(connection: Connection, claim: Claim, position: int) -> bool:
    """Whether a batch whose answer was lost is there. Raises StaleClaim when another has claimed since.

    The row is locked to be read: a transaction that still hangs at the other end is waited for.
    """
    row = connection.execute(
        select(_columns.epoch, _columns.position, _columns.superseded).where(_is(claim.partition)).with_for_update()
    ).one_or_none()
    if row is None or row.superseded or row.epoch != claim.epoch:
        where = f"{claim.partition.topic}/{claim.partition.number}"
        raise StaleClaim(f"{where}: another reader has claimed it since")
    return bool(row.position == position)


def retire(connection: Connection, bulk: Bulk, gone: Sequence[Partition], known: Sequence[Partition]) -> None:
    """Forget the clocks of partitions that no longer exist, and begin at once what is in their places."""
    instead = {(partition.topic, partition.number): partition for partition in known}
    ids = {partition.topic: partition.topic_id for partition in known}
    behind = {one.topic for one in known if _replaced(connection, one)}
    for partition in sorted(gone):
        if partition.topic in behind:
            continue
        row = connection.scalar(update(partitions).where(_is(partition)).values(retired=True).returning(_columns.id))
        new = instead.get((partition.topic, partition.number))
        if row is None:
            continue
        if new is not None:
            # No moment may close over what lies in a partition that nobody has claimed yet.
            bulk.run(connection, _NEW, [(new.topic, new.number, new.topic_id)])
        if ids.get(partition.topic, partition.topic_id) != partition.topic_id:
            # Nor may one wait for what is no more, because somebody who has not heard of it claims it once again.
            _supersede(connection, [row])


def clocks(connection: Connection) -> list[PartitionClock]:
    """Of the partitions that exist."""
    rows = connection.execute(select(partitions).where(~_columns.retired))
    return sorted((_clock(row) for row in rows), key=lambda clock: clock.partition)


def read_through(connection: Connection) -> dict[Partition, int]:
    """The next offset of every partition that exists and was read."""
    rows = connection.execute(select(partitions).where(~_columns.retired, _columns.position.is_not(None)))
    return {Partition(row.topic, row.number, row.topic_id): row.position for row in rows}


def _clock(row: Row[Any]) -> PartitionClock:
    return PartitionClock(Partition(row.topic, row.number, row.topic_id), row.latest, row.looked_at, ended=row.ended)
