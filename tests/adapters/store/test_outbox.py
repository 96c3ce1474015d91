"""Notices waiting for a sender: each held by one at a time, doubled only where the answer was unclear."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

from service.core.event import HOUR, MINUTE
from service.core.outbox import Delivery
from tests.adapters.store.scene import T0, notice

if TYPE_CHECKING:
    from service.core.outbox import Leased
    from service.core.ports import Store
    from service.core.telling.route import Notice

SENT = Delivery("sent", "250 OK")
DOWN = Delivery("failed", "connection refused")
DOUBT = Delivery("unknown", "timeout")


def lease(store: Store, now: int, limit: int = 10) -> list[Leased]:
    return store.lease(now, now + MINUTE, limit)


def names(leased: list[Leased]) -> list[str]:
    return [one.notice.key for one in leased]


def test_a_notice_is_put_once(store: Store) -> None:
    assert store.enqueue([notice("a"), notice("b"), notice("a", "pager")], T0) == 2
    assert store.enqueue([notice("b"), notice("c")], T0 + 1) == 1
    assert store.enqueue([], T0) == 0

    rows = store.outbox()
    assert [row.notice.key for row in rows] == ["c", "b", "a"]
    assert rows[-1].notice == notice("a")
    assert [row.notice.key for row in store.outbox(limit=1)] == ["c"]


def test_notices_put_together_are_sent_in_the_order_given(store: Store) -> None:
    given = ["opened", "level", "a", "resolved", "b"]
    store.enqueue([notice(key) for key in given], T0)
    assert names(lease(store, T0)) == given


def test_a_fresh_row_waits_from_when_it_was_put(store: Store) -> None:
    store.enqueue([notice("a")], T0)
    (row,) = store.outbox()
    assert (row.state, row.attempts, row.created_at, row.due_at, row.sent_at) == ("waiting", 0, T0, T0, None)
    assert (row.last_error, row.ambiguous) == ("", False)
    assert lease(store, T0 - 1) == []


def test_a_leased_row_is_nobody_elses(store: Store) -> None:
    store.enqueue([notice("a"), notice("b"), notice("c")], T0)

    first = lease(store, T0, 2)
    assert names(first) == ["a", "b"]
    assert [(one.attempts, one.created_at, one.ambiguous) for one in first] == [(0, T0, False)] * 2
    assert names(lease(store, T0)) == ["c"]
    assert lease(store, T0 + MINUTE - 1) == []
    assert {row.state for row in store.outbox()} == {"attempting"}


def test_a_lease_that_ran_out_comes_back_ambiguous_and_the_late_word_is_refused(store: Store) -> None:
    store.enqueue([notice("a")], T0)
    (lost,) = lease(store, T0)

    (again,) = lease(store, T0 + MINUTE)

    assert (again.attempts, again.ambiguous) == (1, True)
    assert again.epoch != lost.epoch
    assert not store.delivered(lost, SENT, T0 + MINUTE, None)
    assert store.outbox()[0].state == "attempting"
    assert store.delivered(again, SENT, T0 + MINUTE, None)
    (row,) = store.outbox()
    assert (row.state, row.attempts, row.ambiguous) == ("sent", 2, True)


def test_sent_ends_it(store: Store) -> None:
    store.enqueue([notice("a")], T0)
    (one,) = lease(store, T0)

    assert store.delivered(one, SENT, T0 + 5, T0 + 9)

    (row,) = store.outbox()
    assert (row.state, row.sent_at, row.attempts, row.last_error, row.ambiguous) == (
        "sent",
        T0 + 5,
        1,
        "",
        False,
    )
    assert lease(store, T0 + HOUR) == []
    assert not store.delivered(one, SENT, T0 + 6, None)


def test_failed_is_tried_again_when_it_is_due(store: Store) -> None:
    store.enqueue([notice("a")], T0)
    (one,) = lease(store, T0)
    assert store.delivered(one, DOWN, T0, T0 + HOUR)

    (row,) = store.outbox()
    assert (row.state, row.due_at, row.last_error, row.ambiguous) == (
        "waiting",
        T0 + HOUR,
        "connection refused",
        False,
    )
    assert lease(store, T0 + HOUR - 1) == []
    (again,) = lease(store, T0 + HOUR)
    assert (again.attempts, again.ambiguous) == (1, False)

    assert store.delivered(again, DOWN, T0 + HOUR, None)
    assert store.outbox()[0].state == "failed"
    assert lease(store, T0 + 9 * HOUR) == []


def test_an_unclear_answer_is_remembered(store: Store) -> None:
    store.enqueue([notice("a")], T0)
    (one,) = lease(store, T0)
    assert store.delivered(one, DOUBT, T0, T0 + 1)

    (again,) = lease(store, T0 + 1)
    assert again.ambiguous
    store.delivered(again, DOWN, T0 + 1, None)
    (row,) = store.outbox()
    assert (row.state, row.ambiguous, row.last_error) == ("failed", True, "connection refused")


def test_a_released_row_was_not_tried(store: Store) -> None:
    store.enqueue([notice("a")], T0)
    (one,) = lease(store, T0)

    assert store.release(one, T0 + HOUR)

    (row,) = store.outbox()
    assert (row.state, row.attempts, row.due_at, row.ambiguous) == ("waiting", 0, T0 + HOUR, False)
    assert not store.release(one, T0 + HOUR)
    assert not store.delivered(one, SENT, T0, None)
    (again,) = lease(store, T0 + HOUR)
    assert (again.attempts, again.ambiguous) == (0, False)


def test_the_longest_due_come_first_and_targets_can_be_passed_over(store: Store) -> None:
    store.enqueue([notice("late", "mail")], T0 + 2)
    store.enqueue([notice("early", "mail"), notice("pager", "pager")], T0)

    assert names(store.lease(T0 + 5, T0 + HOUR, 9, skip=["pager"])) == ["early", "late"]
    assert names(store.lease(T0 + 5, T0 + HOUR, 9)) == ["pager"]


def test_senders_at_once_take_different_rows(store: Store) -> None:
    store.enqueue([notice(f"n{i:03}") for i in range(60)], T0)
    taken: list[str] = []

    def sender() -> None:
        while some := lease(store, T0, 3):
            taken.extend(names(some))
            for one in some:
                assert store.delivered(one, SENT, T0, None)

    threads = [threading.Thread(target=sender) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    # A sender that finds rows locked goes home; what it left is there for the next.
    sender()
    assert sorted(taken) == [f"n{i:03}" for i in range(60)]
    assert {(row.state, row.attempts) for row in store.outbox(limit=100)} == {("sent", 1)}


def talking(key: str, thread: str = "t", target: str = "pager") -> Notice:
    made = notice(key, target)
    return msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, thread=thread))


def test_in_a_conversation_one_waits_for_another_and_learns_what_the_first_was_called(store: Store) -> None:
    store.enqueue([talking("opened"), talking("other", "u"), talking("same", target="chat")], T0)
    opened, other, same = lease(store, T0)
    assert names([opened, other, same]) == ["opened", "other", "same"]
    assert {one.root for one in (opened, other, same)} == {""}
    store.enqueue([talking("resolved")], T0)
    assert lease(store, T0) == [], "the opening is under way"
    assert store.delivered(other, SENT, T0, None)
    assert store.delivered(same, SENT, T0, None)
    # Refused for now: what follows must not overtake it.
    assert store.delivered(opened, DOWN, T0, T0 + HOUR)
    assert names(lease(store, T0)) == []
    (again,) = lease(store, T0 + HOUR, 1)
    assert again.notice.key == "opened", "what waits for it must not crowd it out"
    assert store.release(again, T0 + HOUR)
    again, after = lease(store, T0 + HOUR)
    assert names([again, after]) == ["opened", "resolved"]
    assert store.release(after, T0 + HOUR)
    assert store.delivered(again, Delivery("sent", handle="C1 17.5"), T0 + HOUR, None)
    (resolved,) = lease(store, T0 + HOUR)
    assert (resolved.notice.key, resolved.root) == ("resolved", "C1 17.5")
    assert store.delivered(resolved, Delivery("sent", handle="C1 18.0"), T0 + HOUR, None)
    store.enqueue([talking("more")], T0 + HOUR)
    (more,) = lease(store, T0 + HOUR)
    assert more.root == "C1 17.5", "a thread hangs on its first post"


def test_what_was_given_up_holds_nothing_back(store: Store) -> None:
    store.enqueue([talking("opened"), talking("resolved")], T0)
    (opened,) = lease(store, T0, 1)
    assert store.delivered(opened, DOWN, T0, None)
    (resolved,) = lease(store, T0)
    assert (resolved.notice.key, resolved.root) == ("resolved", "")
