"""Brings the names of everything stored to the keys in force: on the day when pseudonyms begin, or a key is added."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Table, delete, insert, select, tuple_, update

from service.adapters.store.sql.bulk import plan
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.keeping import KEYS
from service.adapters.store.sql.tables import (
    breaks,
    contacts,
    customers,
    dead_letters,
    partitions,
    promises,
    salts,
    voices,
)
from service.core.counting.identity import Pseudonyms
from service.core.counting.ledger import Promised
from service.core.ports import StoreRefused

_CHUNK = 10_000
_REMEMBERED = 1_000_000

_encode = msgspec.json.Encoder().encode
_promised = msgspec.json.Decoder(Promised).decode


def adopt(connection: Connection, database: Database, names: Pseudonyms) -> int:
    """Apply the keys that were not yet; how many rows changed. Raises StoreRefused for other keys, or fewer."""
    names = names.fixed()
    # Whoever takes a claim meanwhile waits, and sees the new ones.
    row = select(salts.c.value).where(salts.c.name == KEYS).with_for_update()
    stored = connection.scalar(row)
    known: tuple[str, ...] = tuple(bytes(stored).decode().split()) if stored else ()
    wanted = names.fingerprints
    if wanted == known:
        return 0
    if wanted[: len(known)] != known:
        raise StoreRefused(
            f"{database.where}: its customers are pseudonyms made with {len(known)} keys, and customers.pseudonym_keys "
            f"of the settings does not begin with these; keep the old keys, oldest first, and add new ones behind them"
        )
    connection.execute(update(partitions).values(epoch=partitions.c.epoch + 1))
    changed = _rename_all(connection, database, lru_cache(_REMEMBERED)(lambda name: names(name, since=len(known))))
    # What could not be read may hold an id anywhere.
    connection.execute(update(dead_letters).values(payload=b"", headers=None))
    value = " ".join(wanted).encode()
    if stored is None:
        connection.execute(insert(salts).values(name=KEYS, value=value))
    else:
        connection.execute(update(salts).where(salts.c.name == KEYS).values(value=value))
    return changed


def _rename_all(connection: Connection, database: Database, name: Callable[[str], str]) -> int:
    def promise(row: Row[Any]) -> dict[str, Any]:
        known = _promised(row.body)
        entries = {
            field: msgspec.structs.replace(entry, customer=name(entry.customer))
            for field in ("first", "newest", "kept", "broken", "cancelled")
            if (entry := getattr(known, field)) is not None
        }
        after = msgspec.structs.replace(known, **entries)
        return {"body": _encode(after).decode(), "customer": after.customer}

    def voice(row: Row[Any]) -> dict[str, Any]:
        if row.customer is None:
            return {}
        body = msgspec.json.decode(row.body)
        return {"body": _encode(body | {"customer": name(row.customer)}).decode(), "customer": name(row.customer)}

    def plainly(row: Row[Any]) -> dict[str, Any]:
        return {"customer": name(row.customer)}

    changed = 0
    for table, change in ((breaks, plainly), (contacts, plainly), (promises, promise), (voices, voice)):
        put = plan(table, "put")
        for rows in _chunks(connection, table):
            after = [tuple((row._asdict() | change(row)).values()) for row in rows]
            changed += sum(before != tuple(now) for before, now in zip(map(tuple, rows), after, strict=True))
            database.bulk.run(connection, put, after)
    # Here the name is the key.
    known = [row._asdict() for row in connection.execute(select(customers))]
    connection.execute(delete(customers))
    renamed = [tuple((row | {"customer": name(row["customer"])}).values()) for row in known]
    return changed + database.bulk.run(connection, plan(customers, "put"), renamed)


def _chunks(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """A table's rows in the order of its key, which stays as it is while they are rewritten."""
    keys = list(table.primary_key)
    query = select(table).order_by(*keys).limit(_CHUNK)
    rows = connection.execute(query).all()
    while rows:
        yield rows
        last = [getattr(rows[-1], key.name) for key in keys]
        rows = connection.execute(query.where(tuple_(*keys) > tuple_(*last))).all()
