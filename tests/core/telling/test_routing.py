"""The routing desk: grouping, hiding, hours, repeats, escalation; and that every decision says why."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from service.core.catalog import Moment, Owner
from service.core.event import HOUR, MINUTE, SECOND, micros
from service.core.handling import Handling
from service.core.routes import Escalation, Inhibition, Matcher, Route, TimeInterval
from service.core.telling.labels import labels_of, matcher_of
from service.core.telling.route import notices
from service.core.telling.routing import route
from service.core.telling.silence import Silence
from service.core.telling.tree import nodes_of
from service.core.telling.verdict import World
from tests.core.telling.town import CATALOG, MONDAY, Town, names, with_routes

# --- without a route ---


def test_without_a_route_each_interruption_goes_to_whoever_is_accountable_at_once() -> None:
    town = Town()
    made = town.turn(town.opens("a"), town.opens("b", segment=(("region", ("RJ",)),)))
    assert [(d.receiver, d.targets, names(d)) for d in made] == [
        ("ops", ("chat", "pager"), ["a"]),
        ("rio", ("rio-chat",), ["b"]),
    ]
    assert town.why() == [("a", "sent", "opened"), ("b", "sent", "opened")]
    assert town.turn() == []


def test_an_ending_is_told_to_those_who_heard_of_the_opening_and_then_all_is_forgotten() -> None:
    town = Town()
    town.turn(town.opens("a"))
    [end] = town.turn(town.ends("a"))
    assert (end.reason, end.over) == ("resolved", True)
    assert town.desk.groups == {}
    stranger = Town()
    stranger.opens("x")
    assert stranger.turn(stranger.ends("x")) == []


def test_what_somebody_opens_again_goes_to_the_owner_and_the_pager_once_more() -> None:
    town = Town()
    opening = town.opens("a")
    [first] = town.turn(opening)
    it = opening.interruption
    # Somebody says that it is over; the judge does not.
    town.handlings["a"] = Handling(resolved_at=town.now)
    town.turn(town.news("resolved", it), after=MINUTE)
    assert town.turn(after=HOUR) == []
    town.handlings["a"] = Handling()
    [again] = town.turn(msgspec.structs.replace(opening, key="again", what="reopened"), after=MINUTE)
    assert (again.reason, again.targets, again.over) == ("reopened", ("chat", "pager"), False)
    [notice, pager] = notices(again, {}, town.catalog, "https://watch.example", lambda *_: "token")
    assert pager.message.anew
    assert pager.message.thread == notices(first, {}, town.catalog, "")[1].message.thread
    assert notice.message.title.startswith("OPEN AGAIN · HIGH")
    assert "somebody opened it again" in " ".join(notice.message.lines)
    assert notice.message.asks
    [escalated] = [d for d in town.turn(town.ends("a"), after=MINUTE) if d.reason == "resolved"]
    assert escalated.targets == ("chat", "pager")


def test_a_group_that_comes_back_is_told_anew_in_a_conversation_of_its_own() -> None:
    town = Town(with_routes(GROUPED))
    told = []
    for _ in range(2):
        town.turn(town.opens("a"), town.opens("b"))
        [made] = town.turn(after=30 * SECOND)
        told += notices(made, {}, town.catalog, "")
        [end] = town.turn(town.ends("a"), town.ends("b"), after=10 * MINUTE)
        assert end.over
        told += notices(end, {}, town.catalog, "")
    keys = [notice.key for notice in told]
    assert len(set(keys)) == len(keys), "an outbox would drop the second group's notices as doubles of the first's"
    threads = [notice.message.thread for notice in told if notice.target == "pager"]
    assert [threads[0] == threads[1], threads[1] == threads[2], threads[2] == threads[3]] == [True, False, True]


def test_what_opened_and_ended_between_two_looks_is_told_as_both_where_nothing_is_gathered() -> None:
    town = Town()
    opening = town.opens("a")
    made = town.turn(opening, town.ends("a"))
    assert [d.reason for d in made] == ["opened", "resolved"]


def test_nothing_is_forgotten_while_there_may_be_more_news_of_it() -> None:
    town = Town()
    town.turn(town.opens("a"))
    end = town.ends("a")
    route(town.desk, [], World(town.now, town.catalog), whole=False)
    assert [d.reason for d in town.turn(end)] == ["resolved"]


def test_what_is_not_urgent_wakes_nobody() -> None:
    town = Town()
    [made] = town.turn(town.opens("a", level="medium"))
    assert made.targets == ("chat",)
    only = replace(CATALOG, owners={"ops": Owner("ops", targets=("pager",))})
    quiet = Town(only)
    assert quiet.turn(quiet.opens("a", level="low")) == []
    assert quiet.why() == [("a", "dropped", "not_urgent")]


def test_a_spent_page_budget_lets_only_what_is_critical_through() -> None:
    town = Town()
    town.noise = {"ops": 1}
    made = town.turn(town.opens("a"), town.opens("b", "handed-over", "critical"))
    assert [d.targets for d in made] == [("chat",), ("chat", "pager")]


# --- grouping ---

GROUPED = Route("shop", group_by=("owner",), group_wait=30 * SECOND, group_interval=5 * MINUTE)


def test_a_group_waits_and_leaves_as_one_message() -> None:
    town = Town(with_routes(GROUPED))
    assert town.turn(*(town.opens(f"i{n}", level="medium") for n in range(50))) == []
    assert {(verdict, reason) for _, verdict, reason in town.why()} == {("held", "waiting_for_group")}
    worst = town.opens("worst", "handed-over", "critical")
    [made] = town.turn(worst, after=30 * SECOND)
    assert len(made.items) == 51
    assert not made.late, "what is gathered is in time"
    assert names(made)[0] == "worst"
    assert town.turn(after=10 * MINUTE) == []


def test_what_comes_to_a_group_later_waits_for_its_interval() -> None:
    town = Town(with_routes(GROUPED))
    town.turn(town.opens("a"))
    assert len(town.turn(after=30 * SECOND)) == 1
    assert town.turn(town.opens("b"), after=MINUTE) == []
    [made] = town.turn(after=4 * MINUTE)
    assert (names(made), made.number) == (["b"], 2)


def test_what_is_over_before_anybody_was_told_is_told_to_nobody() -> None:
    town = Town(with_routes(GROUPED))
    town.turn(town.opens("a"))
    assert town.turn(town.ends("a"), after=MINUTE) == []
    assert town.why()[-1] == ("a", "dropped", "over_before_told")
    assert town.desk.groups == {}


def test_a_group_is_over_when_the_last_of_it_is() -> None:
    town = Town(with_routes(GROUPED))
    town.turn(town.opens("a"), town.opens("b"))
    town.turn(after=30 * SECOND)
    [first] = town.turn(town.ends("a"), after=10 * MINUTE)
    [second] = town.turn(town.ends("b"), after=10 * MINUTE)
    assert (first.over, second.over) == (False, True)


# --- the tree ---


def test_the_deepest_node_of_the_first_that_matches_has_it_and_continue_asks_on() -> None:
    critical = Route("shop/critical", (Matcher("level", "=", "critical"),))
    shop = Route("shop", (Matcher("moment", "=~", "deliv.*"),), routes=(critical,), go_on=True)
    rest = Route("rest")
    labels = {"moment": "delivered", "level": "critical"}
    assert [node.path for node in nodes_of((shop, rest), labels)] == ["shop/critical", "rest"]
    assert [node.path for node in nodes_of((shop, rest), {"moment": "paid"})] == ["rest"]


def test_a_pattern_must_match_the_whole_label() -> None:
    assert nodes_of((Route("r", (matcher_of('moment=~"deliv"'),)),), {"moment": "delivered"}) == []


def test_a_receiver_may_be_an_owner_or_a_target() -> None:
    to_owner = Town(with_routes(Route("r", receiver="boss")))
    to_target = Town(with_routes(Route("r", receiver="rio-chat")))
    assert to_owner.turn(to_owner.opens("a"))[0].targets == ("boss-mail",)
    assert to_target.turn(to_target.opens("a"))[0].targets == ("rio-chat",)


def test_whoever_heard_of_it_hears_how_it_goes_on_when_its_level_leads_elsewhere() -> None:
    high = Route("high", (matcher_of("level=~high|critical"),), receiver="boss")
    town = Town(with_routes(high, Route("rest")))
    town.turn(town.opens("a", level="medium"))
    town.open["a"] = msgspec.structs.replace(town.open["a"], level="high")
    made = town.turn(town.news("level", town.open["a"]))
    assert sorted(d.receiver for d in made) == ["boss", "ops"]


def test_a_route_that_is_gone_gives_what_waits_there_to_todays() -> None:
    town = Town(with_routes(GROUPED))
    town.turn(town.opens("a"))
    town.catalog = CATALOG
    assert [names(d) for d in town.turn(after=SECOND)] + [names(d) for d in town.turn(after=SECOND)] == [["a"]]


def test_labels_come_from_the_catalogue_and_the_segment_and_nothing_overrides_what_is_always_there() -> None:
    moment = Moment("delivered", "ops", labels={"tier": "one", "level": "low"}, dimensions=("region",))
    catalog = replace(CATALOG, moments={"delivered": moment})
    town = Town(catalog)
    it = town.opens("a", segment=(("region", ("MG", "RJ")),)).interruption
    labels = labels_of(it, catalog)
    assert (labels["tier"], labels["level"], labels["region"], labels["owner"]) == ("one", "high", "MG,RJ", "ops")


# --- hiding ---

UPSTREAM = Inhibition((Matcher("moment", "=", "handed-over"),), (Matcher("moment", "=", "delivered"),), ("owner",))


def test_an_upstream_moment_hides_those_below_also_when_they_arrive_together() -> None:
    town = Town(with_routes(inhibitions=(UPSTREAM,)))
    below, above = town.opens("below"), town.opens("above", "handed-over")
    assert [names(d) for d in town.turn(below, above)] == [["above"]]
    assert ("below", "held", "inhibited") in town.why()
    # And what it hid is told when it is gone and the other is not.
    made = town.turn(town.ends("above"), after=MINUTE)
    assert [(names(d), d.late) for d in made] == [(["above"], False), (["below"], True)]


def test_labels_that_must_agree_and_do_not_hide_nothing() -> None:
    town = Town(with_routes(inhibitions=(UPSTREAM,)))
    rio = town.opens("rio", segment=(("region", ("RJ",)),))
    made = town.turn(rio, town.opens("above", "handed-over"))
    assert len(made) == 2


def test_what_somebody_has_resolved_hides_nothing_any_more() -> None:
    town = Town(with_routes(inhibitions=(UPSTREAM,)))
    town.turn(town.opens("above", "handed-over", "critical"))
    town.handlings["above"] = Handling(resolved_at=town.now, resolved_by="ann")
    assert [names(d) for d in town.turn(town.opens("below"))] == [["below"]]


def test_two_that_would_hide_one_another_are_both_told() -> None:
    both = (Matcher("level", "=", "high"),)
    town = Town(with_routes(inhibitions=(Inhibition(both, both),)))
    assert len(town.turn(town.opens("a"), town.opens("b", "handed-over"))) == 2


def test_a_silence_holds_until_its_end_and_says_whose_it_is() -> None:
    town = Town()
    town.silences = [Silence("s", (matcher_of("moment=delivered"),), MONDAY, MONDAY + HOUR, "ann", "rebuild", MONDAY)]
    assert town.turn(town.opens("a")) == []
    assert "by ann until" in town.decisions[-1].detail
    assert town.turn(after=HOUR - SECOND) == []
    assert [names(d) for d in town.turn(after=SECOND)] == [["a"]]
    # Held was written once, not at every look.
    assert [reason for _, verdict, reason in town.why() if verdict == "held"] == ["silenced"]


def test_a_silence_does_not_keep_the_end_from_those_who_were_told() -> None:
    town = Town()
    town.turn(town.opens("a"))
    town.silences = [Silence("s", (), MONDAY, MONDAY + HOUR, "ann", "quiet", MONDAY)]
    assert [d.reason for d in town.turn(town.ends("a"))] == ["resolved"]


NIGHT = TimeInterval(times=((0, 6 * 60), (22 * 60, 24 * 60)), zone="Europe/London")
OFFICE = TimeInterval(times=((9 * 60, 17 * 60),), weekdays=((0, 4),), zone="Europe/London")


def test_a_muted_route_speaks_when_the_interval_is_over() -> None:
    town = Town(with_routes(Route("r", mute=(("night", (NIGHT,)),))))
    town.now = micros(datetime(2024, 3, 4, 23, 30, tzinfo=UTC))
    assert town.turn(town.opens("a")) == []
    assert town.turn(after=6 * HOUR) == []
    assert len(town.turn(after=HOUR)) == 1


def test_off_duty_queues_until_on_duty_but_not_what_is_critical() -> None:
    owners = {"ops": replace(CATALOG.owners["ops"], service_hours=(OFFICE,))}
    town = Town(replace(CATALOG, owners=owners))
    town.now = micros(datetime(2024, 3, 2, 12, tzinfo=UTC))
    made = town.turn(town.opens("a"), town.opens("b", "handed-over", "critical"))
    assert [names(d) for d in made] == [["b"]]
    assert "on duty again at 2024-03-04T09:00:00Z" in town.decisions[0].detail
    assert town.turn(after=44 * HOUR) == []
    assert [(names(d), d.late) for d in town.turn(after=HOUR)] == [(["a"], True)]


# --- going on ---


def test_repeats_come_only_where_a_route_asks_and_slow_with_age() -> None:
    town = Town(with_routes(Route("r", repeat=((0, HOUR), (4 * HOUR, 12 * HOUR)))))
    town.turn(town.opens("a"))
    said = [town.now for _ in range(24) if town.turn(after=HOUR)]
    assert [round((at - MONDAY) / HOUR) for at in said] == [1, 2, 3, 15]
    silent = Town()
    silent.turn(silent.opens("a"))
    assert silent.turn(after=100 * HOUR) == []


STEPS = (Escalation(15 * MINUTE, "rio"), Escalation(HOUR, "manager"))


def test_nobody_acknowledging_tells_the_next_and_then_the_manager() -> None:
    town = Town(with_routes(Route("r", escalation=STEPS)))
    [first] = town.turn(town.opens("a"))
    assert first.escalates_at == MONDAY + 15 * MINUTE
    assert town.turn(after=15 * MINUTE - SECOND) == []
    [second] = town.turn(after=SECOND)
    assert (second.reason, second.targets) == ("escalated", ("rio-chat",))
    [third] = town.turn(after=45 * MINUTE)
    assert third.targets == ("boss-mail",)
    assert town.turn(after=10 * HOUR) == []


@pytest.mark.parametrize("handling", [Handling(acknowledged_at=1), Handling(resolved_at=1)])
def test_what_somebody_has_is_neither_repeated_nor_escalated(handling: Handling) -> None:
    town = Town(with_routes(Route("r", escalation=STEPS, repeat=((0, HOUR),))))
    town.turn(town.opens("a"))
    town.handlings["a"] = handling
    assert town.turn(after=5 * HOUR) == []


def test_the_level_that_somebody_gave_counts() -> None:
    town = Town()
    town.handlings["a"] = Handling(level="low")
    [made] = town.turn(town.opens("a", level="critical"))
    assert (made.targets, made.items[0].level) == (("chat",), "low")


def test_what_vanishes_without_a_word_is_forgotten() -> None:
    town = Town()
    town.turn(town.opens("a"))
    town.open.clear()
    town.turn()
    assert town.desk.groups == {}
