"""Who hears how it goes on; and what an earlier stage of a journey hides."""

from dataclasses import replace

import msgspec
import pytest

from service.core.catalog import Journey, Level, Moment, Stage
from service.core.event import HOUR, MINUTE, SECOND, Micros
from service.core.handling import Handling
from service.core.interruption import Segment
from service.core.routes import Escalation, Route
from tests.core.telling.town import CATALOG, MONDAY, Town, names, with_routes

# --- whoever heard hears the end ---


def test_an_end_reaches_what_it_woke_though_its_level_fell() -> None:
    town = Town()
    [made] = town.turn(town.opens("a"))
    assert made.targets == ("chat", "pager")
    town.open["a"] = msgspec.structs.replace(town.open["a"], level="low")
    [lowered] = town.turn(town.news("level", town.open["a"]))
    assert lowered.targets == ("chat",)
    [end] = town.turn(town.ends("a"))
    assert end.targets == ("chat", "pager")


def test_who_was_told_by_escalation_hears_how_it_goes_on_and_that_it_is_over() -> None:
    steps = (Escalation(15 * MINUTE, "rio"), Escalation(HOUR, "manager"))
    town = Town(with_routes(Route("all", escalation=steps)))
    town.turn(town.opens("a"))
    town.turn(after=15 * MINUTE)
    town.open["a"] = msgspec.structs.replace(town.open["a"], level="critical")
    [worse] = town.turn(town.news("level", town.open["a"]))
    assert worse.targets == ("chat", "pager", "rio-chat")
    [end] = town.turn(town.ends("a"))
    assert set(end.targets) == {"chat", "pager", "rio-chat"}


def test_an_end_is_told_to_nobody_who_was_not_told_of_the_beginning() -> None:
    town = Town()
    town.noise = {"ops": 1}
    [made] = town.turn(town.opens("a"))
    town.noise = {}
    [end] = town.turn(town.ends("a"))
    assert end.targets == made.targets == ("chat",)


@pytest.mark.parametrize("what", ["withdrawn", "stale"])
def test_what_nobody_will_hear_of_any_more_is_said_once_to_those_who_were_told(what: str) -> None:
    town = Town()
    it = town.opens("a").interruption
    assert town.turn(town.news(what, it)) == []
    assert town.why() == [("a", "dropped", "over_before_told")]
    town.turn(town.opens("a"))
    if what == "withdrawn":
        del town.open["a"]
    [said] = town.turn(town.news(what, it))
    assert (said.reason, said.targets, said.over) == (what, ("chat", "pager"), what == "withdrawn")
    assert town.turn(after=HOUR) == []


def test_an_acknowledgement_is_passed_on_once_to_incidents_of_others_and_to_nobody_else() -> None:
    town = Town(with_routes(Route("all", group_by=("owner",))))
    town.keeps = {"pager", "rio-chat"}
    town.turn(town.opens("a"), town.opens("b", "handed-over"))
    town.handlings["a"] = Handling(acknowledged_at=town.now, acknowledged_by="ann")
    assert town.turn() == [], "half of what the incident stands for"
    town.handlings["b"] = Handling(acknowledged_at=town.now, acknowledged_by="bob")
    [taken] = town.turn()
    assert (taken.reason, taken.targets, taken.by) == ("acknowledged", ("pager",), "ann, bob")
    assert town.turn(after=HOUR) == []
    town.handlings["b"] = Handling()
    assert town.turn() == []
    town.handlings["b"] = Handling(acknowledged_at=town.now, acknowledged_by="cas")
    assert [d.by for d in town.turn()] == ["ann, cas"]


# --- what a journey hides ---

STAGES = (Stage("hand-over", "", "COO", ("handed-over",)), Stage("delivery", "", "COO", ("delivered", "told")))
JOURNEY = Journey("parcels", "Parcels", "", STAGES)
RIO: Segment = (("region", ("RJ",)),)


def on_a_journey(**more: object) -> Town:
    moments = {**CATALOG.moments, "told": Moment("told", "ops")}
    return Town(replace(CATALOG, moments=moments, journeys={"parcels": replace(JOURNEY, **more)}))  # type: ignore[arg-type]  # fields by name


def test_by_default_an_earlier_stage_hides_what_it_explains_in_a_later_one() -> None:
    town = on_a_journey()
    below, above = town.opens("below", segment=RIO), town.opens("above", "handed-over")
    assert [names(d) for d in town.turn(below, above)] == [["above"]]
    [held] = [one for one in town.decisions if one.verdict == "held"]
    assert (held.reason, held.detail) == ("inhibited", "by handed-over upstream, interruption above")
    made = town.turn(town.ends("above"), after=MINUTE)
    assert [(names(d), d.late) for d in made] == [(["above"], False), (["below"], True)]


@pytest.mark.parametrize(
    ("level", "above", "below", "began"),
    [
        ("critical", (), (), 0),
        ("high", RIO, (), 0),
        ("high", RIO, (("region", ("SP",)),), 0),
        ("high", RIO, (("carrier", ("X",)),), 0),
        ("high", (), (), HOUR),
    ],
    ids=["worse-below", "wider-below", "elsewhere", "other-dimension", "began-after"],
)
def test_what_it_does_not_explain_is_told(level: Level, above: Segment, below: Segment, began: Micros) -> None:
    town = on_a_journey()
    lower = town.opens("below", level=level, segment=below)
    upper = town.opens("above", "handed-over", segment=above)
    town.open["above"] = msgspec.structs.replace(town.open["above"], onset=MONDAY + began)
    told = {name for d in town.turn(lower, upper) for name in names(d)}
    assert told == {"above", "below"}


def test_what_somebody_has_resolved_upstream_hides_nothing_any_more() -> None:
    town = on_a_journey()
    town.turn(town.opens("above", "handed-over"))
    town.handlings["above"] = Handling(resolved_at=town.now, resolved_by="ann")
    assert [names(d) for d in town.turn(town.opens("below", segment=RIO))] == [["below"]]


def test_moments_of_one_stage_hide_one_another_no_more_than_a_later_one_an_earlier() -> None:
    town = on_a_journey()
    assert len(town.turn(town.opens("a"), town.opens("b", "told"))) == 2
    assert len(town.turn(town.opens("c", "handed-over"))) == 1


def test_a_journey_may_hide_nothing() -> None:
    town = on_a_journey(upstream_inhibits=False)
    assert len(town.turn(town.opens("below"), town.opens("above", "handed-over"))) == 2


@pytest.mark.parametrize("change", [{"state": "stale"}, {"notifies": False}], ids=["stale", "on-trial"])
def test_what_nobody_knows_of_hides_nothing(change: dict[str, object]) -> None:
    town = on_a_journey()
    town.opens("above", "handed-over")
    town.open["above"] = msgspec.structs.replace(town.open["above"], **change)
    assert [names(d) for d in town.turn(town.opens("below"))] == [["below"]]


def test_what_is_found_below_first_waits_until_the_stages_above_are_judged_as_far() -> None:
    town = on_a_journey()
    town.judged = {"handed-over": MONDAY - MINUTE}
    below = town.opens("below")
    assert town.turn(below) == []
    assert town.why() == [("below", "held", "awaiting_upstream")]
    # Two seconds later its window is judged as well, and there it is.
    town.judged = {"handed-over": MONDAY}
    assert [names(d) for d in town.turn(town.opens("above", "handed-over"), after=2 * SECOND)] == [["above"]]
    assert ("below", "held", "inhibited") in town.why()


def test_it_waits_a_minute_at_most() -> None:
    town = on_a_journey()
    town.judged = {"handed-over": None}
    assert town.turn(town.opens("below")) == []
    assert town.turn(after=59 * SECOND) == []
    assert [names(d) for d in town.turn(after=SECOND)] == [["below"]]
