"""What people's marks suggest for a rule and for a moment's own watch."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest

from service.adapters.digest import as_json, as_text
from service.core.catalog import Catalog, Moment, Owner, Rule, Threshold
from service.core.event import DAY, HOUR, MINUTE, Micros
from service.core.handling import Action
from service.core.interruption import Change
from service.core.standing import Judgement
from service.core.weekly.digest import Asked, digest
from service.core.weekly.suggestions import Suggestion, of_owner, spelled, suggestions
from service.core.weekly.week import Week
from tests.adapters.web.world import World, interruption

END: Micros = Week(2017, 50).end(ZoneInfo("UTC"))
RULE = Rule("late", ("arrives",), (Threshold("broken", ">", 5.0, HOUR),), hold=10 * MINUTE)
CATALOG = Catalog(
    owners={"ops": Owner("ops", "Operations")},
    moments={"arrives": Moment("arrives", "ops", "Arrives on time")},
    rules={"late": RULE, "now": Rule("now", ("arrives",), RULE.detect)},
)


def marked(marks: Sequence[str], rule: str | None = None, ago: Micros = DAY, catalog: Catalog = CATALOG) -> World:
    world = World(catalog)
    for n, mark in enumerate(marks):
        at = END - ago - n * HOUR
        it = interruption("arrives", (), at - HOUR, at, rule=rule, state="resolved", resolved_at=at + MINUTE)
        tick = world.store.judged("arrives").tick
        world.store.save_judgement("arrives", tick, Judgement(END, (Change("opened", at, it),)), None)
        if mark:
            world.store.act(Action(it.id, END, "mark", "ann", mark))
    return world


def said(world: World) -> list[str]:
    return [one.says for one in suggestions(world.store, world.catalog, END)]


@pytest.mark.parametrize(
    ("marks", "rule", "says"),
    [
        (["noise", "noise", "useful"], "late", ["try for: 20m (now 10m), or a stricter threshold"]),
        (["too_late"] * 3, "late", ["try for: 5m (now 10m)"]),
        (["noise"] * 3, "now", ["try for: 5m (now 0s), or a stricter threshold"]),
        (["too_late"] * 3, "now", ["it waits for nothing already: try a lower threshold or a shorter window"]),
        (["noise"] * 4, None, ["try false_alarm_interval: 180d (now 90d)"]),
        (["too_late"] * 3, None, ["try false_alarm_interval: 45d (now 90d); a false alarm comes twice as often then"]),
        (["noise", "noise"], None, []),
        (["noise", "noise", "useful", "useful"], None, []),
        (["useful"] * 5, None, []),
        (["noise", "noise", "", ""], None, []),
    ],
)
def test_what_most_marks_say_is_suggested(marks: list[str], rule: str | None, says: list[str]) -> None:
    assert said(marked(marks, rule)) == says


def test_marks_of_long_ago_say_nothing() -> None:
    assert said(marked(["noise"] * 5, ago=29 * DAY)) == []


def test_the_week_shows_them_under_the_owner_with_the_count() -> None:
    world = marked(["noise", "noise", "too_late"])
    zone = ZoneInfo("UTC")
    page = digest(world.store, CATALOG, Asked(Week(2017, 50), zone), END)
    assert page.suggestions == (
        Suggestion("ops", "arrives", None, 2, 0, 1, "try false_alarm_interval: 180d (now 90d)"),
    )
    text = " ".join(as_text(page).split())
    assert "of 3 marked in 4 weeks 2 were noise: try false_alarm_interval: 180d (now 90d)." in text
    assert '"suggestions"' in as_json(page)
    assert of_owner(page.suggestions, "ops") == list(page.suggestions)
    assert of_owner(page.suggestions, "somebody") == []


def test_durations_are_spelled_as_the_catalogue_has_them() -> None:
    assert [spelled(at) for at in (0, 90 * MINUTE, 2 * HOUR, 90 * DAY)] == ["0s", "90m", "2h", "90d"]
