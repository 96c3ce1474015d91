"""docs/examples/routing does what docs/routing.md says it does, decision by decision."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from service.adapters.catalog import load
from service.cli.main import main
from service.core.event import DAY, HOUR, MINUTE, SECOND, micros
from service.core.handling import Handling
from service.core.telling.desk import Held, Reason
from service.core.telling.labels import matcher_of
from service.core.telling.silence import Silence
from tests.core.telling.town import Town, names

if TYPE_CHECKING:
    from service.core.interruption import Segment

DOCS = Path(__file__).parents[3] / "docs"
FOLDER = DOCS / "examples" / "routing"
NOON = micros(datetime(2024, 3, 4, 15, tzinfo=UTC))
"""A Monday in São Paulo, with everybody on duty."""
LATE, HANDED = "delivered-by-promise", "handed-to-carrier"
RIO: Segment = (("region", ("RJ",)),)
SOUTH: Segment = (("region", ("RS",)),)


@pytest.fixture
def town() -> Town:
    made = Town(load(FOLDER).catalog)
    made.now = NOON
    return made


def last(town: Town) -> tuple[str, str, str]:
    one = town.decisions[-1]
    return one.receiver, one.verdict, one.reason


def test_check_finds_nothing_wrong_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(FOLDER)]) == 0
    said = capsys.readouterr()
    assert "page_budget 1" in said.out
    assert "warning" not in (said.out + said.err).lower()


def test_what_is_urgent_goes_at_once_to_chat_and_pager_and_alone(town: Town) -> None:
    made = town.turn(town.opens("a", LATE), town.opens("b", LATE, segment=SOUTH))
    assert [(d.receiver, d.targets, names(d)) for d in made] == [
        ("delivery-ops", ("delivery-chat", "delivery-pager"), ["a"]),
        ("delivery-ops", ("delivery-chat", "delivery-pager"), ["b"]),
    ]
    assert last(town) == ("delivery-ops", "sent", "opened")


def test_what_is_not_urgent_is_gathered_and_wakes_nobody(town: Town) -> None:
    assert town.turn(town.opens("a", LATE, "medium"), town.opens("b", LATE, "low", SOUTH)) == []
    assert last(town) == ("delivery-ops", "held", "waiting_for_group")
    [made] = town.turn(after=30 * SECOND)
    assert (made.targets, len(made.items)) == (("delivery-chat",), 2)


def test_inside_rio_the_depot_is_told(town: Town) -> None:
    [made] = town.turn(town.opens("a", LATE, segment=RIO))
    assert (made.receiver, made.targets) == ("rio-depot", ("rio-chat",))


def test_a_late_hand_over_hides_the_late_parcels_of_its_region_also_when_both_come_together(town: Town) -> None:
    made = town.turn(
        town.opens("below", LATE, segment=SOUTH),
        town.opens("above", HANDED, segment=SOUTH),
        town.opens("other", LATE, segment=(("region", ("SP",)),)),
    )
    assert [names(d) for d in made] == [["above"], ["other"]]
    assert ("below", "held", "inhibited") in town.why()
    detail = next(one.detail for one in town.decisions if one.reason == "inhibited")
    assert detail == f"by {HANDED}, interruption above"


def test_off_duty_it_waits_until_somebody_is_unless_it_is_critical(town: Town) -> None:
    town.now = NOON + 9 * HOUR
    [made] = town.turn(town.opens("a", LATE), town.opens("worst", LATE, "critical", SOUTH))
    assert names(made) == ["worst"]
    assert ("a", "held", "off_duty") in town.why()
    [morning] = [d for d in town.turn(after=11 * HOUR + MINUTE) if d.reason == "opened"]
    assert (names(morning), morning.late) == (["a"], True)


def test_nobody_has_it_so_the_depot_hears_and_then_the_head_and_it_is_said_again_slower_with_age(town: Town) -> None:
    town.turn(town.opens("a", LATE, "critical"))
    told = [(d.reason, d.targets) for n in range(64) for d in town.turn(after=HOUR if n else 15 * MINUTE)]
    assert told[:2] == [("escalated", ("rio-chat",)), ("escalated", ("head-mail",))]
    repeats = [reason for reason, _ in told[2:]]
    assert repeats == ["repeat"] * 6, "every 4 hours of the first day, and then a day later"


def test_what_somebody_has_is_left_in_peace(town: Town) -> None:
    town.turn(town.opens("a", LATE, "critical"))
    town.handlings["a"] = Handling(acknowledged_at=town.now, acknowledged_by="ann")
    assert [d for _ in range(30) for d in town.turn(after=HOUR)] == []


def test_a_spent_page_budget_keeps_the_pager_for_what_is_critical(town: Town) -> None:
    town.noise = {"delivery-ops": 1}
    high, critical = town.turn(town.opens("a", LATE), town.opens("b", LATE, "critical", SOUTH))
    assert (high.targets, critical.targets) == (("delivery-chat",), ("delivery-chat", "delivery-pager"))


def test_stocktaking_mutes_what_is_not_urgent(town: Town) -> None:
    town.now = micros(datetime(2024, 7, 1, 15, tzinfo=UTC))
    [made] = town.turn(town.opens("a", LATE, "medium"), town.opens("b", LATE, "high", SOUTH))
    assert names(made) == ["b"]
    town.turn(after=MINUTE)
    assert ("a", "held", "muted") in town.why()


def test_a_silence_is_the_author_s_and_has_an_end(town: Town) -> None:
    region = matcher_of('region="RS"')
    town.silences.append(Silence("s", (region,), NOON, NOON + HOUR, "ann", "a road is closed", NOON))
    assert town.turn(town.opens("a", LATE, segment=SOUTH)) == []
    assert last(town) == ("delivery-ops", "held", "silenced")
    assert "ann" in town.decisions[-1].detail
    assert [names(d) for d in town.turn(after=HOUR)] == [["a"]]


def test_the_others_are_told_in_office_hours(town: Town) -> None:
    town.now = NOON - 2 * DAY
    assert town.turn(town.opens("a", HANDED)) == []
    assert last(town) == ("sellers", "held", "muted")
    assert [d.targets for d in town.turn(after=2 * DAY)] == [("sellers-chat",)]


def test_the_page_walks_through_every_file_and_names_every_reason() -> None:
    page = (DOCS / "routing.md").read_text()
    for file in FOLDER.iterdir():
        assert f"examples/routing/{file.name}" in page
    for reason in (*get_args(Reason), *get_args(Held)):
        assert f"| `{reason}` |" in page, reason
