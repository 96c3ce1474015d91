"""Writing about customers: contacts, audit, the table of customers, frozen money, and forgetting."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from service.adapters.store.ledger_rows import forgotten_in
from service.adapters.store.sql.bulk import Bulk, Plan, plan
from service.adapters.store.sql.packing import pack, pack_dimensions, unpack_dimensions
from service.adapters.store.sql.tables import (
    audit,
    breaks,
    contacts,
    counts,
    customers,
    dead_letters,
    forgotten,
    partitions,
    promises,
    risk_marks,
    salts,
    voices,
)
from service.core.counting.identity import TOMBSTONE, Forgetting, anonymous, holds_id, without
from service.core.counting.ledger import Promised
from service.core.event import Annotation, Complaint, CustomerChange, Feedback, Micros
from service.core.marks import Mark
from service.core.people import AuditEntry, Client, Contact, Erased

_ADD_COUNTS = plan(counts, "add")
_APPEND_CONTACTS = plan(contacts, "append")
_NEW_MARKS = plan(risk_marks, "new")
_APPEND_AUDIT = plan(audit, "append")
_PUT_BREAKS = plan(breaks, "put")
_PUT_PROMISES = plan(promises, "put")
_PUT_VOICES = plan(voices, "put")
_LIST = Plan(customers, "put", ("customer", "segment", "listed", "listed_value"), ("customer",))
_CHUNK = 10_000
_SALT = "forgetting"
KEYS = "pseudonyms"

_encode = msgspec.json.Encoder().encode
_promised = msgspec.json.Decoder(Promised).decode
_event = msgspec.json.Decoder(Complaint | Feedback | CustomerChange | Annotation).decode


def add_contacts(connection: Connection, bulk: Bulk, rows: Sequence[Contact]) -> None:
    """Append what was done for customers."""
    given = [(row.interruption, row.customer, row.state, row.at, row.by, row.note) for row in rows]
    bulk.run(connection, _APPEND_CONTACTS, given)


def add_audit(connection: Connection, bulk: Bulk, entry: AuditEntry) -> None:
    """Append who saw or changed what."""
    row = (entry.at, entry.by, entry.role, entry.what, entry.subject, entry.note)
    bulk.run(connection, _APPEND_AUDIT, [row])


def save_mark(connection: Connection, bulk: Bulk, mark: Mark) -> bool:
    """Freeze money, once."""
    row = (mark.interruption, mark.what, mark.at, pack(mark))
    return bulk.run(connection, _NEW_MARKS, [row]) == 1


def list_clients(connection: Connection, bulk: Bulk, clients: Iterable[Client], name: Callable[[str], str]) -> int:
    """Replace the operators' table; what customer events told stays, and who was forgotten stays away."""
    gone = forgetting(connection)
    connection.execute(
        update(customers).where(customers.c.listed).values(segment=None, listed=False, listed_value=None)
    )
    rows: dict[str, tuple[object, ...]] = {}
    for client in clients:
        if gone.tombstone(client.customer) is not None:
            continue
        known_as = name(client.customer)
        rows[known_as] = (known_as, client.segment, True, client.yearly)
        if len(rows) >= _CHUNK:
            bulk.run(connection, _LIST, list(rows.values()))
            rows.clear()
    bulk.run(connection, _LIST, list(rows.values()))
    connection.execute(delete(customers).where(~customers.c.listed, customers.c.told_at.is_(None)))
    return connection.scalar(select(func.count()).where(customers.c.listed)) or 0


def forgetting(connection: Connection) -> Forgetting:
    """Who was forgotten, and what the names of the others are made with; that stays so until the transaction ends."""
    rows = connection.execute(select(forgotten.c.mark, forgotten.c.tombstone)).all()
    kept = dict(map(tuple, connection.execute(select(salts.c.name, salts.c.value).with_for_update(read=True))))
    keys = tuple(bytes(kept.get(KEYS, b"")).decode().split())
    return Forgetting(bytes(kept.get(_SALT, b"")), {row.mark: row.tombstone for row in rows}, keys)


def forget(connection: Connection, bulk: Bulk, customer: str, known_as: str, at: Micros) -> Erased:
    """Put a tombstone in the place of an id. `known_as`: the name under which the rows have it, if it is another."""
    # First, so that whatever holds a claim has written before the rows are looked through, or is refused after.
    connection.execute(update(partitions).values(epoch=partitions.c.epoch + 1))
    tombstone = _tombstone(connection, customer, at)
    return Erased(
        tombstone,
        breaks=_breaks(connection, bulk, known_as, tombstone),
        promises=_promises(connection, bulk, known_as, tombstone),
        voices=_voices(connection, bulk, known_as, tombstone),
        contacts=_contacts(connection, known_as, tombstone),
        dead_letters=_dead_letters(connection, bulk, customer),
    )


def _tombstone(connection: Connection, customer: str, at: Micros) -> str:
    salt = connection.scalar(select(salts.c.value).where(salts.c.name == _SALT))
    if salt is None:
        salt = secrets.token_bytes(32)
        connection.execute(insert(salts).values(name=_SALT, value=salt))
    mark = Forgetting(bytes(salt)).mark(customer)
    known = connection.scalar(select(forgotten.c.tombstone).where(forgotten.c.mark == mark))
    if known is not None:
        return str(known)
    tombstone = TOMBSTONE + secrets.token_hex(12)
    connection.execute(insert(forgotten).values(mark=mark, tombstone=tombstone, at=at))
    return tombstone


def _breaks(connection: Connection, bulk: Bulk, known_as: str, tombstone: str) -> int:
    """Theirs, and those of promises whose key is their id, whosever these are."""
    own = "=" + known_as
    rows = connection.execute(select(breaks).where((breaks.c.customer == known_as) | (breaks.c.ref == own))).all()
    changed = []
    for row in rows:
        dims = pack_dimensions(without(unpack_dimensions(row.dims), known_as, tombstone))
        name = tombstone if row.customer == known_as else row.customer
        changed.append(_with(row, customer=name, dims=dims, ref="=" + tombstone if row.ref == own else row.ref))
    connection.execute(delete(breaks).where(breaks.c.ref == own))
    bulk.run(connection, _PUT_BREAKS, changed)
    return len(changed)


def _promises(connection: Connection, bulk: Bulk, known_as: str, tombstone: str) -> int:
    """Also those of others that the customer's outcome settled, or whose key is the id."""
    inside = _encode(known_as)[1:-1].decode()
    query = select(promises).where(
        (promises.c.customer == known_as)
        | promises.c.body.contains(inside, autoescape=True)
        | (promises.c.key == known_as)
    )
    changed = []
    for row in connection.execute(query).all():
        before = _promised(row.body)
        after = forgotten_in(before, known_as, tombstone)
        if after != before:
            changed.append(_with(row, key=after.key, body=_encode(after).decode(), customer=after.customer))
    connection.execute(delete(promises).where(promises.c.key == known_as))
    bulk.run(connection, _PUT_PROMISES, changed)
    return len(changed)


def _voices(connection: Connection, bulk: Bulk, customer: str, tombstone: str) -> int:
    rows = connection.execute(select(voices).where(voices.c.customer == customer)).all()
    changed = []
    for row in rows:
        body = _encode(anonymous(_event(row.body), tombstone)).decode()
        changed.append(_with(row, body=body, customer=tombstone))
    bulk.run(connection, _PUT_VOICES, changed)
    # What the operators' table says of them goes; that they were a customer, and of which value, stays.
    mine = update(customers).where(customers.c.customer == customer)
    connection.execute(mine.values(customer=tombstone, segment=None, listed=False, listed_value=None))
    return len(changed)


def _contacts(connection: Connection, customer: str, tombstone: str) -> int:
    # A note may say anything of them.
    change = update(contacts).where(contacts.c.customer == customer).values(customer=tombstone, note="")
    return connection.execute(change).rowcount


def _dead_letters(connection: Connection, bulk: Bulk, customer: str) -> int:
    table = dead_letters.c
    last = 0
    gone: list[int] = []
    purged: Counter[tuple[int, str]] = Counter()
    while True:
        query = (
            select(table.id, table.partition, table.reason, table.payload, table.detail)
            .where(table.id > last)
            .order_by(table.id)
            .limit(_CHUNK)
        )
        rows = connection.execute(query).all()
        if not rows:
            break
        last = rows[-1].id
        mine = [row for row in rows if holds_id(bytes(row.payload), row.detail, customer)]
        gone += [row.id for row in mine]
        purged.update((row.partition, row.reason) for row in mine)
    # The counts stand; that they are gone is counted beside them.
    bulk.run(connection, _ADD_COUNTS, [(partition, "purged", reason, n) for (partition, reason), n in purged.items()])
    bulk_delete = delete(dead_letters)
    for start in range(0, len(gone), _CHUNK):
        connection.execute(bulk_delete.where(table.id.in_(gone[start : start + _CHUNK])))
    return len(gone)


def _with(row: Row[Any], **changed: object) -> tuple[object, ...]:
    return tuple((row._asdict() | changed).values())
