"""Windows that wait for their frame may be without their cells, and all that is made of them is the same."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from detectors.frame import Frame
from service.core.catalog import Moment, Rule, Threshold
from service.core.counting.tally import Cell, Values, Window
from service.core.event import MINUTE
from service.core.judging import judge as judging
from service.core.judging.casebook import Decision
from service.core.judging.frames import Framer
from service.core.judging.gathered import Folded, gather
from service.core.judging.judge import Judge
from service.core.judging.watchers import watchers
from tests.core.making import at, window
from tests.core.scripted import MOMENT

NAMES = ("region", "carrier")
WHOLE_RULE = Rule("r", ("arrives",), (Threshold("broken", ">=", 30.0, 5 * MINUTE),), keep_firing=2 * MINUTE)


def cells(number: int) -> dict[Values, Cell]:
    """Of one window: outcomes, durations, complaints and an annotation, and values that other windows have not."""
    made: dict[Values, Cell] = {
        (f"r{number}", "a"): Cell(attempts=3, broken=number % 3, arrivals=4, value=70, broken_value=5 * number),
        ("r", None): Cell(attempts=5, arrivals=5, durations={number: 3, 7: 2}),
        (None, "b"): Cell(signals={"complaints": 2, "notes": number % 2}),
    }
    return made


def plain(frame: Frame) -> Any:
    columns = [column.tolist() for column in (frame.trials, frame.hits, frame.arrivals)]
    return frame.segments, columns, asdict(frame.beside)


def test_a_frame_of_folded_windows_is_that_of_their_cells() -> None:
    windows = [Window(at(n), at(n + 1), cells(n)) for n in range(6)]
    framer = Framer(NAMES)
    folded = [framer.fold(one) if one.start != at(3) else one for one in windows]

    assert [(one.start, one.end, len(one.cells)) for one in folded] == [
        (at(n), at(n + 1), 3 if n == 3 else 0) for n in range(6)
    ]
    whole, given = gather(windows), gather(folded)
    assert plain(framer.frame(at(0), at(6), given)) == plain(Framer(NAMES).frame(at(0), at(6), whole))
    sums = ("events", "failures", "value", "broken_value", "noted")
    assert [getattr(given, name) for name in sums] == [getattr(whole, name) for name in sums]
    assert gather([framer.fold(windows[1])]).noted
    assert not gather([framer.fold(windows[2])]).noted


@pytest.mark.parametrize(
    ("cell", "tells"),
    [
        (Cell(attempts=3, arrivals=4, value=70), False),
        (Cell(attempts=3, broken=1, arrivals=4), True),
        (Cell(attempts=3, arrivals=3, durations={7: 3}), True),
        (Cell(signals={"complaints": 1}), True),
    ],
)
@pytest.mark.parametrize("fold", [False, True])
def test_failures_durations_and_signals_may_tell_of_a_break(cell: Cell, tells: bool, fold: bool) -> None:
    window = Window(at(0), at(1), {("north", "a"): cell})
    assert gather([Framer(NAMES).fold(window) if fold else window]).tells is tells


def history(judge: Judge, *, fold: bool) -> tuple[list[Decision], str]:
    """Forty minutes, one at a time: well, broken everywhere for a while, well again."""
    said: list[Decision] = []
    waiting: list[Window] = []
    for n in range(40):
        bad = 12 <= n < 20
        mine: dict[Values, tuple[int, int]] = {(f"r{k % 5}",): (20, 10 if bad else k % 2) for k in range(5)}
        verdicts = judge.advance([*waiting, window(n, mine)], at(n + 1))
        said += verdicts.decisions
        waiting = [one for one in [*waiting, window(n, mine)] if one.start >= verdicts.through]
        if fold:
            waiting = judge.fold(waiting)
    return said, json.dumps(judge.dump())


def made(rule: Rule = WHOLE_RULE, moment: Moment = MOMENT) -> Judge:
    return Judge(moment, (rule,), watchers(moment, ()))


def test_folding_what_waits_changes_no_decision_and_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MANY", 1)

    said, state = history(made(), fold=True)

    assert (said, state) == history(made(), fold=False)
    assert [(one.what, one.kind) for one in said if one.what != "pulse"] == [
        ("open", "rule"),
        ("recover", "rule"),
        ("resolve", "rule"),
    ]
    assert said[-1].counted.broken == 100


def test_few_cells_are_not_folded_and_none_where_a_rule_goes_by_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    one = window(0, {("r",): (3, 1)})
    assert made().fold([one]) == [one]

    monkeypatch.setattr(judging, "MANY", 1)
    assert isinstance(made().fold([one])[0], Folded)
    assert made(replace(WHOLE_RULE, group_by=("region",))).fold([one]) == [one]


def test_nothing_is_folded_while_an_interruption_of_a_segment_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MANY", 1)
    one = made(replace(WHOLE_RULE, group_by=("region",)))
    one.advance([window(0, {("north",): (40, 40)})], at(1))
    monkeypatch.setattr(one, "_rules", [])
    waits = window(1, {("north",): (3, 1)})

    assert one.fold([waits]) == [waits]
