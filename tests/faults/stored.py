"""What a store holds, read from its tables in plain SQL, in the oracle's shape; and how the two differ."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, make_url, text

from tests.e2e.running import momentwatch
from tests.faults.feed import LIFE
from tests.faults.oracle import Expected

MOST_SHOWN = 5


def engine_of(url: str) -> Engine:
    """An engine of our own; nothing of the service's store is used."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(parsed)


def schema_of(url: str) -> str:
    """The version of its schema."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            return str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    finally:
        engine.dispose()


def stored(url: str) -> Expected:
    """Everything that the oracle knows of, from the tables; the service must have ended, or hold still."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            return _read(connection)
    finally:
        engine.dispose()


def _read(connection: Connection) -> Expected:
    found = Expected()
    for name, n in connection.execute(text("SELECT name, SUM(n) FROM counts GROUP BY name")):
        if name in {"read", "accepted", "duplicate"}:
            setattr(found, name, int(n))
    rows = connection.execute(text("SELECT id, topic, number, topic_id FROM partitions ORDER BY id"))
    spots = places([tuple(row) for row in rows])
    for partition, offset, reason in connection.execute(text("SELECT partition, record, reason FROM dead_letters")):
        spot = (*spots[partition], offset)
        found.dead[spot] = f"{found.dead[spot]} and {reason}" if spot in found.dead else reason
    for partition, offset in connection.execute(text("SELECT partition, record FROM voices")):
        found.voices[(*spots[partition], offset)] += 1
    sums = ", ".join(
        f"SUM({name})" for name in ("attempts", "broken", "cancelled", "arrivals", "value", "broken_value")
    )
    cells = f"SELECT moment, opens, dims, {sums} FROM tallies GROUP BY moment, opens, dims"  # noqa: S608  # ours
    for moment, opens, dims, *counted in connection.execute(text(cells)):
        if any(counted):
            found.cells[moment, opens, _stated(dims)] = tuple(int(n) for n in counted)
    broken = "SELECT moment, customer, at, value, dims, settled_at FROM breaks"
    for moment, customer, at, value, dims, settled_at in connection.execute(text(broken)):
        found.breaks[moment, customer, at, value, _stated(dims), settled_at] += 1
    for moment, key, due, waiting in connection.execute(text("SELECT moment, key, due, waiting FROM promises")):
        found.ledger[moment, key] = (due, bool(waiting))
    for partition, first, after in connection.execute(text("SELECT partition, first, after FROM gaps")):
        found.lost[(*spots[partition], first, after)] += 1
    closed = "SELECT moment, closed_through FROM moments WHERE closed_through IS NOT NULL"
    found.closed = dict(map(tuple, connection.execute(text(closed))))
    return found


def places(rows: Iterable[Sequence[Any]]) -> dict[int, tuple[str, int]]:
    """(topic, number) by the id of a partition; a topic that was made anew is called so, as the feed does."""
    found: dict[int, tuple[str, int]] = {}
    lives: dict[str, list[str]] = defaultdict(list)
    for identity, topic, number, topic_id in rows:
        if topic_id not in lives[topic]:
            lives[topic].append(topic_id)
        life = lives[topic].index(topic_id)
        found[identity] = (f"{topic}{LIFE}{life}" if life else topic, number)
    return found


def _stated(dims: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(json.loads(dims or "{}").items()))


def own_books(url: str) -> list[str]:
    """What the service itself finds wrong with what it wrote."""
    told = momentwatch("reconcile", "--url", url)
    return [f"reconcile: {told.stdout[-500:]} {told.stderr[-200:]}"] if told.returncode else []


class Verdict:
    """How many events a store lost and doubled, and every other difference, in words."""

    def __init__(self, expected: Expected, found: Expected) -> None:
        self.problems: list[str] = []
        self.lost = max(0, expected.accepted - found.accepted) + _missing(expected.breaks, found.breaks)
        self.doubled = max(0, found.accepted - expected.accepted) + _missing(found.breaks, expected.breaks)
        for name in ("read", "accepted", "duplicate"):
            wanted, got = getattr(expected, name), getattr(found, name)
            if wanted != got:
                self.problems.append(f"{name}: {got} in the store, {wanted} in the log")
        for name in ("dead", "cells", "breaks", "ledger", "voices", "closed", "lost"):
            self._compare(name, getattr(expected, name), getattr(found, name))
        if found.read != found.accepted + found.duplicate + len(found.dead):
            self.problems.append("read is not accepted + duplicate + dead-lettered")
        # A difference that the sums do not show is one all the same.
        attempts = [sum(cell[0] for cell in side.cells.values()) for side in (expected, found)]
        self.lost = max(self.lost, attempts[0] - attempts[1])
        self.doubled = max(self.doubled, attempts[1] - attempts[0])

    def _compare(self, name: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> None:
        differing = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
        for key in sorted(differing, key=repr)[:MOST_SHOWN]:
            self.problems.append(f"{name} {key}: {found.get(key)} in the store, {expected.get(key)} in the log")
        if len(differing) > MOST_SHOWN:
            self.problems.append(f"{name}: {len(differing)} differ in all")


def _missing(wanted: Counter[Any], got: Counter[Any]) -> int:
    return (wanted - got).total()
