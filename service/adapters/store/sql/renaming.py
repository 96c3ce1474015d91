"""Brings the names of everything stored to the keys in force: on the day when pseudonyms begin, or a key is added."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Table, delete, func, insert, select, tuple_, update

from service.adapters.store.sql.bulk import plan
from service.adapters.store.sql.database import Database
from service.adapters.store.sql.keeping import KEYS
from service.adapters.store.sql.tables import (
    breaks,
    contacts,
    customers,
    dead_letters,
    moments,
    partitions,
    promises,
    salts,
    voices,
)
from service.core.counting.identity import Pseudonyms
from service.core.counting.ledger import Promised
from service.core.ports import StoreRefused

_CHUNK = 10_000
_OF_KEYS = "pseudonyms of keys"
"""Under which it is written down which keys were applied to promises' keys: at first they were to customers only."""
_AWAY = "+"
"""No moment's name begins so."""
_REMEMBERED = 1_000_000

Name = Callable[[str], str]
Changed = dict[str, Any]

_encode = msgspec.json.Encoder().encode
_promised = msgspec.json.Decoder(Promised).decode


def adopt(connection: Connection, database: Database, names: Pseudonyms) -> int:
    """Apply the keys that were not yet; how many rows changed. Raises StoreRefused for other keys, or fewer."""
    names = names.fixed()
    # Whoever takes a claim meanwhile waits, and sees the new ones.
    known, of_keys = (_applied(connection, name) for name in (KEYS, _OF_KEYS))
    wanted = names.fingerprints
    if known == of_keys == wanted:
        return 0
    if wanted[: len(known)] != known:
        raise StoreRefused(
            f"{database.where}: its customers are pseudonyms made with {len(known)} keys, and customers.pseudonym_keys "
            f"of the settings does not begin with these; keep the old keys, oldest first, and add new ones behind them"
        )
    # No moment is closed meanwhile, under whose old keys promises would break; asked for in the order of intake.
    connection.execute(select(moments.c.moment).order_by(moments.c.moment).with_for_update()).all()
    connection.execute(update(partitions).values(epoch=partitions.c.epoch + 1))
    customer = lru_cache(_REMEMBERED)(lambda name: names(name, since=len(known)))
    changed = _rename_all(connection, database, customer, lambda key: names(key, since=len(of_keys)))
    # What could not be read may hold an id anywhere.
    connection.execute(update(dead_letters).values(payload=b"", headers=None))
    for name, before in ((KEYS, known), (_OF_KEYS, of_keys)):
        value = " ".join(wanted).encode()
        if before:
            connection.execute(update(salts).where(salts.c.name == name).values(value=value))
        else:
            connection.execute(insert(salts).values(name=name, value=value))
    return changed


def _applied(connection: Connection, name: str) -> tuple[str, ...]:
    """The fingerprints of the keys that were applied to customers, or to the keys of promises."""
    stored = connection.scalar(select(salts.c.value).where(salts.c.name == name).with_for_update())
    return tuple(bytes(stored).decode().split()) if stored else ()


def _rename_all(connection: Connection, database: Database, name: Name, key: Name) -> int:
    def promise(row: Row[Any]) -> Changed:
        known = _promised(row.body)
        entries = {
            field: msgspec.structs.replace(entry, customer=name(entry.customer))
            for field in ("first", "newest", "kept", "broken", "cancelled")
            if (entry := getattr(known, field)) is not None
        }
        after = msgspec.structs.replace(known, key=key(known.key), **entries)
        return {"key": after.key, "body": _encode(after).decode(), "customer": after.customer}

    def broken(row: Row[Any]) -> Changed:
        ref = "=" + key(row.ref[1:]) if row.ref.startswith("=") else row.ref
        return {"ref": ref, "customer": name(row.customer)}

    def voice(row: Row[Any]) -> Changed:
        if row.customer is None:
            return {}
        body = msgspec.json.decode(row.body)
        return {"body": _encode(body | {"customer": name(row.customer)}).decode(), "customer": name(row.customer)}

    def contact(row: Row[Any]) -> Changed:
        return {"customer": name(row.customer)}

    changed = 0
    for table, change in ((contacts, contact), (voices, voice)):
        put = plan(table, "put")
        for rows in _chunks(connection, table):
            after = [tuple((row._asdict() | change(row)).values()) for row in rows]
            changed += sum(before != tuple(now) for before, now in zip(map(tuple, rows), after, strict=True))
            database.bulk.run(connection, put, after)
    # Here a name is the key.
    changed += _moved(connection, database, promises, promise) + _moved(connection, database, breaks, broken)
    known = [row._asdict() for row in connection.execute(select(customers))]
    connection.execute(delete(customers))
    renamed = [tuple((row | {"customer": name(row["customer"])}).values()) for row in known]
    return changed + database.bulk.run(connection, plan(customers, "put"), renamed)


def _moved(connection: Connection, database: Database, table: Table, change: Callable[[Row[Any]], Changed]) -> int:
    """Rename rows whose key changes: to a moment that there cannot be, so that none is met twice, and back."""
    gone, put = plan(table, "delete"), plan(table, "new")
    moved = table.c.moment.startswith(_AWAY)
    keys = [column.name for column in table.primary_key]
    changed = 0
    while rows := connection.execute(select(table).where(~moved).limit(_CHUNK)).all():
        before = [row._asdict() for row in rows]
        after = [row._asdict() | change(row) for row in rows]
        changed += sum(one != other for one, other in zip(before, after, strict=True))
        database.bulk.run(connection, gone, [tuple(row[key] for key in keys) for row in before])
        database.bulk.run(connection, put, [tuple((row | {"moment": _AWAY + row["moment"]}).values()) for row in after])
    connection.execute(update(table).where(moved).values(moment=func.substr(table.c.moment, len(_AWAY) + 1)))
    return changed


def _chunks(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """A table's rows in the order of its key, which stays as it is while they are rewritten."""
    keys = list(table.primary_key)
    query = select(table).order_by(*keys).limit(_CHUNK)
    rows = connection.execute(query).all()
    while rows:
        yield rows
        last = [getattr(rows[-1], key.name) for key in keys]
        rows = connection.execute(query.where(tuple_(*keys) > tuple_(*last))).all()
