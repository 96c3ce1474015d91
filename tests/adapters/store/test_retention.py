"""Old minutes become hours and reports do not notice; old rows go, and the books still balance."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from service.adapters.store.sql.store import SqlStore
from service.core.event import DAY, HOUR, MINUTE, Complaint, instant
from service.core.handling import Action
from service.core.keeping import Keep
from service.core.outbox import Delivery
from service.core.people import AuditEntry
from service.core.standing import TimelineEntry
from service.loops.retaining import Retaining
from tests.adapters.store.scene import T0, Reader, close, every_break, news, notice, outcome, promise
from tests.adapters.store.test_graves import bury, payload
from tests.adapters.store.test_reconciling import wrong
from tests.adapters.store.test_restating import replay

if TYPE_CHECKING:
    from service.core.ports import Store


@pytest.fixture
def store(lasting_store: Store) -> SqlStore:
    assert isinstance(lasting_store, SqlStore)
    return lasting_store


def filled(store: SqlStore) -> Reader:
    """Three days, an event every seven minutes, and some promises."""
    reader = Reader(store)
    for day in range(3):
        start = T0 + day * DAY
        words = ("kept", "broken", "cancelled")
        reader.take(
            *(
                outcome(
                    start + n * 7 * MINUTE,
                    words[n % 3],
                    id=f"{day}-{n}",
                    customer=f"c{n % 5}",
                    value=n,
                    duration_s=n,
                    dimensions={"region": "ab"[n % 2]},
                )
                for n in range(200)
            ),
            promise(start, f"k{day}", start + 3 * HOUR),
        )
    for moment in ("paid", "delivered"):
        close(store, moment, T0 + 3 * DAY)
    reader.take(outcome(T0 + 5 * MINUTE, "broken", id="late", customer="late"))
    return reader


def run(store: SqlStore, keep: Keep, now: int = T0 + 3 * DAY) -> int:
    return Retaining(store.retention(), keep, lambda: now).round(threading.Event(), breath=0)


def hourly(store: SqlStore) -> object:
    return (
        [store.totals(moment, T0, T0 + 3 * DAY, HOUR) for moment in ("paid", "delivered")],
        store.by_value("paid", "region", T0, T0 + 3 * DAY),
    )


def counted(store: SqlStore) -> list[int]:
    """The minutes of two days in which something is counted."""
    return [at for at, sums in store.totals("paid", T0, T0 + 2 * DAY, MINUTE) if sums.attempts]


def test_hours_say_what_minutes_said(store: SqlStore) -> None:
    filled(store)
    before = hourly(store)
    minutes = counted(store)

    touched = run(store, Keep(minutes=DAY))

    assert touched > 300
    assert hourly(store) == before
    after = counted(store)
    assert len(after) < len(minutes) / 5
    assert {at % HOUR for at in after} == {0}
    assert wrong(store) == []
    assert run(store, Keep(minutes=DAY)) == 0


def test_what_is_younger_stays_in_minutes_and_is_all_that_is_judged_by(store: SqlStore) -> None:
    filled(store)
    before = list(store.windows("paid", None, T0 + 3 * DAY))

    run(store, Keep(minutes=DAY))

    after = list(store.windows("paid", None, T0 + 3 * DAY))
    assert after == [window for window in before if window.start >= T0 + 2 * DAY]
    assert after


def test_stopped_anywhere_it_goes_on(store: SqlStore) -> None:
    filled(store)
    before = hourly(store)
    while store.retention().step(Keep(minutes=DAY), T0 + 3 * DAY):
        assert hourly(store) == before
        assert wrong(store) == []


def test_open_windows_are_left_alone(store: SqlStore) -> None:
    reader = Reader(store)
    reader.take(outcome(T0 + 7 * MINUTE, id="a"), outcome(T0 + 8 * MINUTE, id="b"))
    assert run(store, Keep(minutes=DAY), T0 + 99 * DAY) == 0


def test_what_comes_late_or_is_restated_in_an_old_hour_counts(store: SqlStore) -> None:
    reader = filled(store)
    run(store, Keep(minutes=DAY))
    reader.take(outcome(T0 + 9 * MINUTE, "kept", id="later", customer="x"))
    [(_, sums)] = store.totals("paid", T0, T0 + HOUR, HOUR)
    assert (sums.attempts, sums.broken) == (8, 4)
    replay(store, [])
    assert store.totals("paid", T0, T0 + HOUR, HOUR) == []
    assert wrong(store) == []


def test_old_rows_go_and_the_books_balance(store: SqlStore) -> None:
    reader = filled(store)
    bury(reader, payload(1), payload(2))
    reader.take(Complaint(id="c", time=instant(T0), customer="ann", moment="paid"))
    store.enqueue([notice("done"), notice("waits")], T0)
    leased = store.lease(T0, T0 + HOUR, 1)
    store.delivered(leased[0], Delivery("sent"), T0, None)
    rows = len(every_break(store))

    run(store, Keep(dead_letters=DAY, notices=DAY, breaks=2 * DAY, voices=DAY))

    assert store.dead_letters() == []
    assert [row.notice.key for row in store.outbox()] == ["waits"]
    assert 0 < len(every_break(store)) < rows
    assert min(row.at for row in every_break(store)) >= T0 + DAY
    assert store.complaints("paid", 0, T0 + 9 * DAY) == []
    assert wrong(store) == []


def rows_of(store: SqlStore, *names: str) -> list[int]:
    with store._database.read() as connection:
        return [connection.scalar(text(f"SELECT COUNT(*) FROM {name}")) or 0 for name in names]  # noqa: S608  # ours


def test_settled_promises_and_old_history_go_and_what_waits_stays(store: SqlStore) -> None:
    reader = filled(store)
    reader.take(outcome(T0 + HOUR, id="k0-kept", moment="delivered", key="k0", customer="c"))
    tables = ("timeline", "news", "audit", "actions")
    for at in (T0, T0 + 9 * DAY):
        store.note(TimelineEntry("i", at, "noted", "x"))
        store.tell([news(f"n{at}", at)])
        store.add_audit(AuditEntry(at, "ann", "admin", "exported", "i"))
        store.act(Action("i", at, "annotate", "ann", note="x"))
    before = rows_of(store, *tables)
    waiting = rows_of(store, "promises WHERE waiting")

    run(store, Keep(promises=DAY, timeline=DAY, audit=DAY), T0 + 9 * DAY)

    # Whoever still waits is counted by the row, and news that nobody routed yet is still to be told.
    assert rows_of(store, "promises WHERE waiting") == waiting
    assert rows_of(store, "promises WHERE NOT waiting") == [0]
    after = rows_of(store, *tables)
    assert after[1] == before[1] == 2
    assert [after[0], *after[2:]] != [before[0], *before[2:]]
    assert all(n > 0 for n in after)
    assert rows_of(store, *(f"{name} WHERE at < {T0 + DAY}" for name in ("timeline", "audit", "actions"))) == [0, 0, 0]
    assert wrong(store) == []


def test_told_nothing_it_does_nothing(store: SqlStore) -> None:
    filled(store)
    assert run(store, Keep(), T0 + 999 * DAY) == 0
