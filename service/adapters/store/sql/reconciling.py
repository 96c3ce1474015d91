"""The books of a store, recounted: records read against what became of them, offsets and rows against the counts."""

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Select, func, select

from service.adapters.store.sql.database import Database
from service.adapters.store.sql.tables import (
    breaks,
    counts,
    dead_letters,
    gaps,
    partitions,
    restatements,
    tallies,
    voices,
)
from service.core.keeping import Account

_READ = "read = accepted + duplicate + dead"
_SPAN = "read ≤ offsets passed"
_DEAD = "dead letters = counted - purged"
_BREAKS = "broken in the windows = break rows"
_EVENTS = "events in the windows = accepted"


def accounts(database: Database) -> list[Account]:
    """Every line, partitions first; all of one moment's state."""
    with database.read() as connection:
        return [*_of_partitions(connection), *_of_moments(connection)]


def _of_partitions(connection: Connection) -> list[Account]:
    of: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    sums = select(counts.c.partition, counts.c.name, func.sum(counts.c.n)).group_by(counts.c.partition, counts.c.name)
    for partition, name, n in connection.execute(sums):
        of[partition][name] = int(n)
    query = select(dead_letters.c.partition, func.count()).group_by(dead_letters.c.partition)
    letters = {partition: int(n) for partition, n in connection.execute(query)}
    # What was read anew after a log was cut back was passed twice.
    again = select(gaps.c.partition, func.sum(gaps.c.first - gaps.c.after)).where(gaps.c.after < gaps.c.first)
    twice = {partition: int(n) for partition, n in connection.execute(again.group_by(gaps.c.partition))}
    found = []
    for row in connection.execute(select(partitions).order_by(partitions.c.topic, partitions.c.number)):
        mine, name = of[row.id], f"{row.topic}[{row.number}]"
        if row.superseded:
            name += " (made anew since)"
        found.append(Account(name, _READ, mine["read"], mine["accepted"] + mine["duplicate"] + mine["dead"]))
        found.append(Account(name, _DEAD, letters.get(row.id, 0), mine["dead"] - mine["purged"]))
        if row.first is not None and row.position is not None:
            # What was passed and not read: control records, what was compacted away, what was gone before it was read.
            passed = row.position - row.first + twice.get(row.id, 0)
            records = mine["read"] - mine["unfolded"]
            found.append(Account(name, _SPAN, max(records - passed, 0), 0, f"{records:,} of {passed:,}"))
    return found


def _of_moments(connection: Connection) -> list[Account]:
    def by_moment(query: Select[Any]) -> dict[str, int]:
        return {moment: int(n) for moment, n in connection.execute(query) if moment}

    def of(table: Any, what: Any, *where: Any) -> dict[str, int]:
        return by_moment(select(table.c.moment, what).where(*where).group_by(table.c.moment))

    broken, arrivals = of(tallies, func.sum(tallies.c.broken)), of(tallies, func.sum(tallies.c.arrivals))
    rows, said = of(breaks, func.count()), of(voices, func.count())
    moved = of(restatements, func.sum(restatements.c.arrivals))

    def counted(name: str) -> dict[str, int]:
        where = counts.c.name == name
        return by_moment(select(counts.c.label, func.sum(counts.c.n)).where(where).group_by(counts.c.label))

    accepted, gone = counted("accepted"), counted("retired_breaks")
    silent = counted("retired_voices")
    found = []
    for name in sorted({*broken, *rows, *arrivals, *accepted}):
        found.append(Account(name, _BREAKS, broken.get(name, 0), rows.get(name, 0) + gone.get(name, 0)))
        voiced = said.get(name, 0) + silent.get(name, 0)
        found.append(Account(name, _EVENTS, arrivals.get(name, 0), accepted.get(name, 0) - voiced + moved.get(name, 0)))
    return found
