"""Routing and people's handling: one contract for every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from service.core.event import HOUR
from service.core.handling import Action, Handling, Refused
from service.core.ports import StaleClaim
from service.core.telling.desk import Decision, Desk, Group, Member
from service.core.telling.labels import matcher_of
from service.core.telling.silence import Silence
from tests.adapters.store.scene import T0, news, notice, opened

if TYPE_CHECKING:
    from service.core.ports import Store


def sent(interruption: str, at: int = T0) -> Decision:
    return Decision(at, interruption, "default", "ops", "sent", "opened", "mail")


def test_news_is_put_up_once_and_taken_in_once(store: Store) -> None:
    assert store.tell([news("a"), news("b"), news("a")]) == 2
    assert store.tell([news("b"), news("c")]) == 1
    assert [one.key for one in store.news(2)] == ["a", "b"]

    store.save_desk(store.desk(), ["a", "c"], [], [], T0)

    assert store.news(9) == [news("b")]
    # Taken in is not forgotten: it is not news again.
    assert store.tell([news("a")]) == 0


def test_a_turn_is_written_whole_and_the_desk_comes_back_as_it_was(store: Store) -> None:
    assert store.desk().desk == Desk()
    at = store.desk()
    group = Group("shop", "ops", [("owner", "ops")], {"i": Member(opened(), [news("a")], "high")}, first_told=T0)
    at.desk.groups["key"] = group

    store.save_desk(at, [], [notice("n")], [sent("i"), sent("j")], T0 + HOUR)

    assert store.desk() == msgspec.structs.replace(at, tick=1)
    assert [(row.notice, row.created_at, row.due_at) for row in store.outbox()] == [(notice("n"), T0 + HOUR, T0 + HOUR)]
    assert store.decisions("i") == [sent("i")]
    assert store.decisions(None) == [sent("j"), sent("i")]


def test_a_stale_turn_is_refused_whole(store: Store) -> None:
    store.tell([news("a")])
    first, second = store.desk(), store.desk()
    store.save_desk(first, [], [], [], T0)

    second.desk.groups["key"] = Group("shop", "ops", [])
    with pytest.raises(StaleClaim):
        store.save_desk(second, ["a"], [notice("n")], [sent("i")], T0)

    assert (store.desk().desk, store.outbox(), store.decisions(None)) == (Desk(), [], [])
    assert store.news(9) == [news("a")]


def test_an_action_changes_the_handling_the_audit_the_timeline_and_the_news_together(store: Store) -> None:
    action = Action("i", T0, "acknowledge", "ann", origin="page")
    assert store.act(action, [news("a")]) == Handling(acknowledged_at=T0, acknowledged_by="ann")
    mark = Action("i", T0 + 1, "mark", "bob", "noise")
    store.act(mark)

    assert store.handlings(["i", "j"]) == {"i": Handling(acknowledged_at=T0, acknowledged_by="ann", mark="noise")}
    assert store.actions("i") == [action, mark]
    assert store.actions(None, limit=1) == [mark]
    assert [(entry.what, entry.by, entry.note) for entry in store.timeline("i")] == [
        ("acknowledge", "ann", ""),
        ("mark", "bob", "marked noise"),
    ]
    assert store.news(9) == [news("a")]


def test_what_does_not_fit_writes_nothing(store: Store) -> None:
    with pytest.raises(Refused):
        store.act(Action("i", T0, "reopen", "ann"), [news("a")])

    assert (store.handlings(["i"]), store.actions(None), store.timeline("i"), store.news(9)) == ({}, [], [], [])


def test_noise_is_what_still_is_marked_so(store: Store) -> None:
    for at, name, mark in ((T0, "old", "noise"), (T0 + 5, "new", "noise"), (T0 + 6, "good", "useful")):
        store.act(Action(name, at, "mark", "ann", mark))
    assert store.marked_noise(T0 + 1) == ["new"]
    store.act(Action("new", T0 + 7, "mark", "ann", "useful"))
    assert store.marked_noise(T0) == ["old"]


def test_silences_are_kept_until_they_end(store: Store) -> None:
    one = Silence("s", (matcher_of("moment=paid"),), T0, T0 + HOUR, "ann", "a rebuild", T0)
    later = msgspec.structs.replace(one, id="t", starts=T0 + 1, ends=T0 + 2 * HOUR)
    store.put_silence(later)
    store.put_silence(one)
    assert store.silences(T0) == [one, later]

    ended = msgspec.structs.replace(one, ends=T0 + 9, ended_by="bob")
    store.put_silence(ended)
    assert store.silences(T0 + 9) == [later]
    assert store.silences(T0) == [ended, later]
