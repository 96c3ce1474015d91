"""From decisions to what is written of an interruption."""

from dataclasses import dataclass, field

import msgspec
import pytest

from service.core.counting.tally import Window
from service.core.event import DAY, MINUTE, Micros
from service.core.interruption import Change, Interruption
from service.core.judging.casebook import Decision
from service.core.judging.chronicle import TURNED, Chronicle
from service.core.judging.level import Counted, Past
from tests.core.making import at, window
from tests.core.scripted import MOMENT

DELAY = 2 * MINUTE


@dataclass
class Known:
    """Windows and rows as a store would have them: so much was tried and broke before the opening."""

    broken: int = 0
    attempts: int = 0
    rows: dict[str, Interruption] = field(default_factory=dict)
    asked: list[tuple[Micros, Micros]] = field(default_factory=list)
    turned: dict[str, Micros] = field(default_factory=dict)

    def judged(self, start: Micros, end: Micros) -> list[Window]:
        self.asked.append((start, end))
        return [window(0, {("north",): (self.attempts, self.broken)})]

    def chronicle(self) -> Chronicle:
        return Chronicle(MOMENT, DELAY, self.judged, self.rows.get, self.turned.get)

    def take(self, *decisions: Decision) -> list[Change]:
        """As the watch does it: told, then kept."""
        changes = self.chronicle().changes(decisions)
        self.rows |= {change.interruption.id: change.interruption for change in changes}
        self.turned |= {change.interruption.id: change.at for change in changes if change.what in TURNED}
        return changes


OPENING = Decision(
    "open",
    "i",
    at(15),
    (),
    "failure_rate",
    at(0),
    at(-3),
    expected=0.1,
    seen=0.5,
    past=Past(100.0, 0.0),
    counted=Counted(at(15)),
)


def later(what: str, minutes: float, **more: object) -> Decision:
    return msgspec.structs.replace(OPENING, what=what, at=at(minutes), **more)


def test_an_opening_says_when_a_live_service_knew() -> None:
    [change] = Known().take(OPENING)
    row = change.interruption
    assert (change.what, change.at) == ("opened", at(17))
    assert (row.onset, row.opened, row.detected_at) == (at(-3), at(15), at(17))
    assert (row.state, row.kinds, row.expected, row.seen) == ("open", ("failure_rate",), 0.1, 0.5)


def test_where_it_is_found_to_be_later_is_an_entry_and_its_segment_stays() -> None:
    known = Known()
    known.take(OPENING)
    [change] = [
        change
        for change in known.take(later("locate", 60, located=(("region", ("RJ", "SP")),)))
        if change.what == "located"
    ]
    assert (change.at, change.note, change.interruption.segment) == (at(62), "region RJ, SP", ())


def test_an_entry_has_no_room_for_a_thousand_values() -> None:
    known = Known()
    known.take(OPENING)
    values = tuple(f"s{number:03}" for number in range(1000))
    [change] = [
        change for change in known.take(later("locate", 60, located=(("shop", values),))) if change.what == "located"
    ]
    assert change.note.endswith("s019 and 980 more")


def test_its_level_is_the_harm_against_the_past() -> None:
    assert Known(broken=1).take(OPENING)[0].interruption.level == "low"
    assert Known(broken=60).take(OPENING)[0].interruption.level == "critical"


def test_harm_is_counted_as_judged_from_the_onset_to_the_opening_and_since() -> None:
    known = Known(attempts=9, broken=1)
    known.take(OPENING)
    assert known.asked == [(at(-3), at(15))]
    # What is usual among so many attempts is no harm.
    assert known.take(later("pulse", 90, counted=Counted(at(15), attempts=6000, broken=600))) == []


def test_in_a_segment_its_own_harm_counts() -> None:
    known = Known(attempts=60, broken=60)
    south = msgspec.structs.replace(OPENING, segment=(("region", ("south",)),))
    assert known.take(south)[0].interruption.level == "low"


def test_a_rules_level_is_the_operators_word() -> None:
    known = Known(broken=1000)
    [change] = known.take(msgspec.structs.replace(OPENING, kind="rule", rule="r", level="low"))
    assert (change.interruption.level, change.interruption.rule) == ("low", "r")
    assert known.take(later("pulse", 90, rule="r", level="low")) == []


@pytest.mark.parametrize("kind", ["silence", "volume"])
def test_while_nothing_arrives_everybody_may_be_affected(kind: str) -> None:
    decision = msgspec.structs.replace(OPENING, kind=kind)
    assert Known().take(decision)[0].interruption.level == "high"


def test_more_evidence_is_written_once() -> None:
    known = Known()
    known.take(OPENING)
    assert [(c.what, c.note) for c in known.take(later("evidence", 30, kind="silence"))] == [("evidence", "silence")]
    assert known.rows["i"].kinds == ("failure_rate", "silence")
    assert known.take(later("evidence", 30, kind="silence")) == []


def test_a_level_rises_and_never_falls() -> None:
    known = Known(broken=1)
    known.take(OPENING)
    worse = Counted(at(15), attempts=700, broken=600)
    changes = known.take(later("pulse", 90, counted=worse))
    assert [(c.what, c.note) for c in changes] == [("level", "low to critical")]
    assert known.take(later("pulse", 180)) == []
    assert known.rows["i"].level == "critical"


def test_evidence_from_a_rule_brings_its_level() -> None:
    known = Known()
    known.take(OPENING)
    changes = known.take(later("evidence", 30, kind="rule", level="critical"))
    assert [c.what for c in changes] == ["evidence", "level"]
    assert changes[-1].interruption.level == "critical"


def test_it_is_over_when_a_live_service_knew() -> None:
    known = Known()
    known.take(OPENING)
    [change] = known.take(later("resolve", 60))
    assert (change.what, change.at, change.interruption.state) == ("resolved", at(62), "resolved")
    assert change.interruption.resolved_at == at(62)


def test_it_can_get_stale_and_be_over_later() -> None:
    known = Known()
    known.take(OPENING)
    stale = later("stale", 8 * DAY / MINUTE)
    assert [c.what for c in known.take(stale)] == ["stale"]
    assert known.take(stale) == []
    assert [c.what for c in known.take(later("resolve", 9 * DAY / MINUTE))] == ["resolved"]


def test_with_data_again_it_is_open_again() -> None:
    known = Known()
    known.take(OPENING)
    back = later("return", 9 * DAY / MINUTE)
    assert known.take(back) == []
    known.take(later("stale", 8 * DAY / MINUTE))
    assert [c.what for c in known.take(back)] == ["returned"]
    assert known.rows["i"].state == "open"


def test_it_recovers_and_goes_on_after_all() -> None:
    known, told = Known(), list[tuple[str, str]]()
    known.take(OPENING)
    for minute, what in ((20, "relapse"), (30, "recover"), (40, "recover"), (50, "relapse")):
        told += [(change.what, change.interruption.state) for change in known.take(later(what, minute))]
    assert told == [("recovering", "recovering"), ("relapsed", "open")]


def test_a_turn_that_is_written_is_not_written_again_when_its_windows_are_judged_again() -> None:
    known = Known()
    known.take(OPENING)
    turns = [later(what, 20 + each) for each, what in enumerate(("recover", "relapse", "recover"))]
    assert [change.what for change in known.take(*turns)] == ["recovering", "relapsed", "recovering"]
    assert known.take(*turns) == []
    assert [change.what for change in known.take(later("relapse", 23))] == ["relapsed"]


def test_several_decisions_build_on_each_other() -> None:
    changes = Known().take(OPENING, later("evidence", 20, kind="silence"), later("resolve", 30))
    assert [c.what for c in changes] == ["opened", "evidence", "resolved"]
    assert changes[-1].interruption.kinds == ("failure_rate", "silence")


def test_what_is_written_already_is_not_written_again() -> None:
    known = Known()
    story = (OPENING, later("evidence", 20, kind="silence"), later("resolve", 30))
    known.take(*story)
    assert known.take(*story) == []


def test_what_is_not_open_any_more_is_left_alone() -> None:
    known = Known()
    known.take(OPENING)
    known.rows["i"] = msgspec.structs.replace(known.rows["i"], state="withdrawn")
    assert known.take(later("resolve", 60), later("pulse", 120)) == []
    assert known.take(later("resolve", 60, id="unheard of")) == []
