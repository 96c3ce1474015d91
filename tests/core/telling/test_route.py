"""Who is told about what, and that the same news has the same key."""

from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest

from service.core.catalog import Catalog, Moment, Owner, Target
from service.core.event import HOUR, MINUTE, Micros, micros
from service.core.interruption import EVERYTHING, Change, ChangeWord, Interruption, Segment
from service.core.telling.desk import Desk, Reason
from service.core.telling.message import Facts
from service.core.telling.route import Notice, news_of, notices
from service.core.telling.routing import route
from service.core.telling.verdict import World

ONSET: Micros = micros(datetime(2017, 12, 13, 9, tzinfo=UTC))
FOUND = ONSET + HOUR

CATALOG = Catalog(
    owners={
        "ops": Owner("ops", targets=("ops-mail", "ops-chat", "ops-mail")),
        "rio": Owner("rio", targets=("rio-mail",)),
        "mute": Owner("mute"),
    },
    targets={name: Target(name) for name in ("ops-mail", "ops-chat", "rio-mail")},
    moments={
        "delivered": Moment(
            "delivered",
            "ops",
            owner_by={"region": {"RJ": "rio", "ES": "rio", "SP": "ops", "XX": "gone"}},
            dimensions=("region",),
        ),
        "unheard": Moment("unheard", "mute"),
    },
)


def interruption(segment: Segment = EVERYTHING, moment: str = "delivered", **changed: object) -> Interruption:
    made = Interruption(
        id="11111111-2222-5333-8444-555555555555",
        moment=moment,
        segment=segment,
        kind="failure_rate",
        kinds=("failure_rate",),
        rule=None,
        level="high",
        state="open",
        onset=ONSET,
        opened=FOUND,
        detected_at=FOUND,
    )
    return msgspec.structs.replace(made, **changed)


def told(change: Change, *, muted: Reason | None = None, now: Micros = FOUND) -> list[Notice]:
    """What a change gives whoever heard of the opening before."""
    it, desk = change.interruption, Desk()
    news = news_of(change, muted)
    if news is None:
        return []
    opening = news_of(Change("opened", FOUND, it), None)
    if change.what != "opened" and muted is None and opening is not None:
        route(desk, [opening], World(now, CATALOG, [it]))
    turn = route(desk, [news], World(now, CATALOG, [it]))
    link = "https://watch.example/"
    return [n for dispatch in turn.dispatches for n in notices(dispatch, {it.id: Facts(now)}, CATALOG, link)]


def change(what: ChangeWord, it: Interruption | None = None, at: Micros = FOUND) -> Change:
    return Change(what, at, it or interruption())


def test_each_target_of_the_owner_is_told_once() -> None:
    made = told(change("opened"))
    assert [notice.target for notice in made] == ["ops-mail", "ops-chat"]
    assert {notice.owner for notice in made} == {"ops"}
    assert {notice.message.thread for notice in made} == {interruption().id}
    assert made[0].message.link == f"https://watch.example/interruptions/{interruption().id}"


@pytest.mark.parametrize(
    ("values", "owner"),
    [
        (("RJ",), "rio"),
        (("ES", "RJ"), "rio"),
        (("RJ", "SP"), "ops"),
        (("RJ", "MG"), "ops"),
        (("MG",), "ops"),
        (("XX",), "ops"),
    ],
)
def test_a_segment_has_its_own_owner_where_all_of_it_has_the_same(values: tuple[str, ...], owner: str) -> None:
    made = told(change("opened", interruption((("region", values),))))
    assert {notice.owner for notice in made} == {owner}


def test_opened_level_changed_and_resolved_are_told_and_nothing_else() -> None:
    reasons = {what: [notice.reason for notice in told(change(what))][:1] for what in get_args(ChangeWord)}
    assert reasons == {
        "opened": ["opened"],
        "level": ["level_changed"],
        "resolved": ["resolved"],
        "evidence": [],
        "located": [],
        "recovering": [],
        "relapsed": [],
        "withdrawn": ["withdrawn"],
        "stale": ["stale"],
        "returned": [],
    }


def test_an_experimental_rule_an_owner_without_targets_and_a_moment_that_went_tell_nobody() -> None:
    assert told(change("opened", interruption(notifies=False))) == []
    assert told(change("opened", interruption(moment="unheard"))) == []
    assert told(change("opened", interruption(moment="removed"))) == []


def test_the_same_news_has_the_same_key_however_often_it_is_worked_out() -> None:
    assert told(change("opened")) == told(change("opened"))
    assert told(change("opened"))[0].key == told(change("opened"), now=FOUND + HOUR)[0].key


def test_other_news_and_other_targets_have_other_keys() -> None:
    made = [
        *told(change("opened")),
        *told(change("level", at=FOUND)),
        *told(change("level", at=FOUND + MINUTE)),
        *told(change("level", interruption(level="critical"))),
        *told(change("resolved", at=FOUND + HOUR)),
        *told(change("resolved", at=FOUND + 2 * HOUR)),
        *told(change("opened", interruption(id="other"))),
    ]
    assert len({notice.key for notice in made}) == len(made) == 14


# --- after a time unheard ---


def test_what_is_still_open_after_catching_up_is_told_once_and_that_it_is_late() -> None:
    made = told(change("opened"), muted="found_late", now=FOUND + 6 * HOUR)
    assert {notice.reason for notice in made} == {"found_late"}
    assert "Found 6 h late: the watch was behind." in made[0].message.lines
    assert "Found late: the watch was behind." in told(change("opened"), muted="found_late")[0].message.lines
    assert made[0].key == told(change("opened"))[0].key
    assert told(change("level"), muted="found_late") == []
    assert told(change("resolved"), muted="found_late") == []


def test_what_came_and_went_meanwhile_is_one_quiet_notice() -> None:
    over = interruption(level="critical", state="resolved", resolved_at=FOUND + HOUR)
    assert told(change("opened", over), muted="was_open_while_away") == []
    made = told(change("resolved", over, FOUND + HOUR), muted="was_open_while_away")
    assert [notice.message.level for notice in made] == ["low", "low"]
    assert {notice.message.state for notice in made} == {"resolved"}
    assert made[0].message.title.startswith("OVER · delivered was unreliable")


@pytest.mark.parametrize("muted", ["digest", "test", "opened"])
def test_muted_for_any_other_reason_tells_nobody(muted: Reason) -> None:
    assert [told(change(what), muted=muted) for what in get_args(ChangeWord)] == [[]] * len(get_args(ChangeWord))
