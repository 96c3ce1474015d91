"""One moment's judge: frames that follow the traffic, and memory that can be put down anywhere."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.frame import Frame, Scores
from detectors.value import Value
from service.core.catalog import Asked, Moment, Rule, Threshold
from service.core.counting.tally import Cell, Values, Window
from service.core.counting.window import window_of
from service.core.event import DAY, HOUR, MINUTE, Micros
from service.core.judging.casebook import Decision
from service.core.judging.judge import Judge, fingerprint
from service.core.judging.pace import ALARMING, ENOUGH, SUSPICIOUS
from service.core.judging.watcher import Watcher
from service.core.judging.watchers import watchers
from tests.core.making import at, window
from tests.core.scripted import MOMENT, Scripted
from tests.core.streams import BEGIN

MIDNIGHT = BEGIN - BEGIN % DAY
RULE = Rule(
    "r", ("arrives",), (Threshold("broken", ">=", 6.0, 5 * MINUTE),), keep_firing=2 * MINUTE, group_by=("region",)
)


class Noted(Scripted):
    """Remembers its frames."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[tuple[Micros, Micros]] = []

    def learn(self, frame: Frame) -> None:
        super().learn(frame)
        self.frames.append((frame.start, frame.end))


class Uneasy(Noted):
    """Suspects everything where anything broke, by a part of what an alarm takes; remembers what it was shown."""

    def __init__(self, part: float = SUSPICIOUS) -> None:
        super().__init__()
        self.part = part
        self.open = ENOUGH
        self.false_alarm_interval = 90.0
        self.shown: list[tuple[Micros, Micros]] = []

    def promise(self, false_alarm_interval: float) -> None:
        self.false_alarm_interval = false_alarm_interval

    def score(self, frame: Frame) -> Scores | None:
        self.shown.append((frame.start, frame.end))
        scores = super().score(frame)
        assert scores is not None
        return replace(scores, evidence=np.where(scores.breach, self.open, self.part * (frame.hits[0] > 0)))

    @property
    def lengths(self) -> list[int]:
        """Of the third day's frames, in minutes."""
        return [(end - start) // MINUTE for start, end in self.frames if start >= MIDNIGHT + 2 * DAY]

    @property
    def looked(self) -> list[int]:
        """The minutes of the third day at which it was shown what was not a frame yet."""
        looks = [each for each in self.shown if each not in self.frames]
        return [(end - MIDNIGHT - 2 * DAY) // MINUTE for _, end in looks]


class Calmer(Uneasy):
    """Suspects less again where more broke than one."""

    def score(self, frame: Frame) -> Scores | None:
        scores = super().score(frame)
        assert scores is not None
        return replace(scores, evidence=scores.evidence * (frame.hits[0] == 1))


class Deaf(Uneasy):
    """Suspects something all the time, and is sure of it where nothing comes."""

    def score(self, frame: Frame) -> Scores | None:
        scores = super().score(frame)
        assert scores is not None
        nothing = np.full(len(scores.segments), frame.trials[0] == 0)
        return replace(scores, breach=nothing, evidence=np.where(nothing, 1.0, self.part))


class Cold(Scripted):
    """Never warm."""

    def score(self, frame: Frame) -> Scores | None:
        return None

    def progress(self) -> tuple[float, float]:
        return (3.0, 14.0)


def judge(detector: Scripted | None = None, moment: Moment = MOMENT, rules: tuple[Rule, ...] = ()) -> Judge:
    return Judge(moment, rules, [Watcher("failure_rate", "failure_rate", detector or Scripted())])


def days(count: int, an_hour: int, first: int = 0, width: Micros = MINUTE) -> list[Window]:
    """So many events an hour, evenly spread, from midnight on."""
    made = []
    each = max(an_hour * width // HOUR, 1)
    pause = each * HOUR // an_hour
    for number in range(count * DAY // pause):
        start = window_of(MIDNIGHT + first * DAY + number * pause, width)
        made.append(Window(start, start + width, window(0, {(None,): (each, 0)}).cells))
    return made


def minutes(first: int, last: int, cells: dict[Any, tuple[int, int]]) -> list[Window]:
    return [window(n, cells) for n in range(first, last)]


def words(decisions: tuple[Decision, ...]) -> list[tuple[str, str]]:
    return [(decision.what, decision.kind) for decision in decisions if decision.what != "pulse"]


# --- frames ---


def test_a_frame_is_a_quarter_of_an_hour_while_nothing_is_known_of_the_traffic() -> None:
    noted = Noted()
    judge(noted).advance(minutes(7, 40, {(None,): (3, 0)}), at(40))
    assert noted.frames == [(at(0), at(15)), (at(15), at(30))]


@pytest.mark.parametrize(
    ("an_hour", "step"),
    [(2, HOUR), (10, HOUR), (39, 15 * MINUTE), (41, 5 * MINUTE), (119, 5 * MINUTE), (10_000, MINUTE)],
)
def test_from_the_second_day_a_frame_holds_ten_events_at_most(an_hour: int, step: Micros) -> None:
    noted = Noted()
    judge(noted).advance(days(2, an_hour), MIDNIGHT + 2 * DAY)
    assert {end - start for start, end in noted.frames if start >= MIDNIGHT + DAY} == {step}


def test_a_frame_is_a_window_at_least() -> None:
    noted = Noted()
    moment = replace(MOMENT, window=30 * MINUTE)
    judge(noted, moment).advance(days(2, 10_000, width=30 * MINUTE), MIDNIGHT + 2 * DAY)
    assert {end - start for start, end in noted.frames} == {30 * MINUTE}


def test_a_frame_is_cut_short_where_three_events_are_missing() -> None:
    """Thirty an hour: a quarter of an hour a frame, and five minutes once six minutes are empty."""
    noted = Noted()
    one = judge(noted)
    one.advance([*days(2, 30), *days(1, 30, first=2)[:60]], MIDNIGHT + 2 * DAY + 3 * HOUR)
    later = [(start - MIDNIGHT) // MINUTE % (24 * 60) for start, _ in noted.frames if start >= MIDNIGHT + 2 * DAY]
    assert later == [*range(0, 120, 15), *range(120, 180, 5)]


def test_when_a_lull_is_looked_at_does_not_hang_on_how_far_windows_are_closed() -> None:
    windows = [*days(2, 30), *days(1, 30, first=2)[:47], *days(1, 30, first=2)[90:97]]
    through = MIDNIGHT + 2 * DAY + 4 * HOUR
    at_once, in_steps = Noted(), Noted()
    judge(at_once).advance(windows, through)
    stepping = judge(in_steps)
    for end in range(MIDNIGHT + 4 * MINUTE, through + 1, 4 * MINUTE):
        stepping.advance([w for w in windows if w.end <= end], end)
    assert in_steps.frames == at_once.frames


def uneasy(detector: Uneasy, *, shared: bool = True) -> Judge:
    """With one that counts for the moment's promise, or one that a rule asked for."""
    return Judge(MOMENT, (), [Watcher("failure_rate", "failure_rate", detector, share=detector if shared else None)])


def broken(minute: int, many: int = 1, **regions: int) -> Window:
    """A minute of the third day in which so many broke, in no region or in some."""
    start = MIDNIGHT + 2 * DAY + minute * MINUTE
    cells: dict[Values, tuple[int, int]] = {(None,): (many, many)}
    if regions:
        cells = {(region,): (each, each) for region, each in regions.items()}
    return Window(start, start + MINUTE, window(0, cells).cells)


def third_day(*more: Window) -> list[Window]:
    """Thirty an hour, and one hour more with something else in it."""
    made = {one.start: one for one in (*days(2, 30), *days(1, 30, first=2)[:30], *more)}
    return [made[start] for start in sorted(made)]


THIRD_HOUR = MIDNIGHT + 2 * DAY + HOUR


@pytest.mark.parametrize(
    ("part", "shared", "looks"),
    [
        (SUSPICIOUS, True, [20, 25]),
        (ALARMING, True, [16, 23]),
        (0.9 * SUSPICIOUS, True, []),
        (ALARMING, False, []),
    ],
)
def test_a_frame_is_looked_at_before_it_is_over_while_something_is_suspected(
    part: float, shared: bool, looks: list[int]
) -> None:
    """Where anything broke since the last look."""
    noted = Uneasy(part)
    uneasy(noted, shared=shared).advance(third_day(broken(8), broken(15), broken(22)), THIRD_HOUR)
    assert noted.looked == looks
    assert noted.lengths == [15] * 4


def test_nobody_looks_any_more_once_nothing_is_suspected() -> None:
    noted = Uneasy(ALARMING)
    uneasy(noted).advance(third_day(broken(8), broken(31)), THIRD_HOUR)
    assert noted.looked == []


def test_a_look_says_how_much_is_suspected_from_then_on_in_that_frame_alone() -> None:
    noted, windows = Calmer(ALARMING), third_day(broken(8), broken(15), broken(21), broken(25))
    one, looked = uneasy(noted), MIDNIGHT + 2 * DAY + 27 * MINUTE
    one.advance([w for w in windows if w.end <= looked], looked)
    assert noted.looked == [16, 22]
    # From a dump the frame is looked at anew from where it begins.
    assert one.dump()["suspicion"] == {"failure_rate": ALARMING}


@pytest.mark.parametrize(("kind", "lengths"), [("silence", [15, 5, 10, 15, 15]), ("failure_rate", [15, 15, 15, 15])])
def test_that_nothing_comes_is_looked_at_by_whoever_misses_it(kind: str, lengths: list[int]) -> None:
    noted = Deaf()
    watcher = Watcher(kind, "silence", noted, share=noted)
    gap = (MIDNIGHT + 2 * DAY + 15 * MINUTE, MIDNIGHT + 2 * DAY + 20 * MINUTE)
    windows = [one for one in third_day() if not gap[0] <= one.start < gap[1]]
    Judge(MOMENT, (), [watcher]).advance(windows, THIRD_HOUR)
    assert noted.lengths == lengths


def test_a_frame_ends_where_what_has_come_is_enough() -> None:
    noted = Uneasy()
    verdicts = uneasy(noted).advance(third_day(broken(8), broken(16, 9)), THIRD_HOUR)
    assert noted.lengths == [15, 5, 10, 15, 15]
    assert next((d.what, d.at) for d in verdicts.decisions) == ("open", MIDNIGHT + 2 * DAY + 20 * MINUTE)


@pytest.mark.parametrize(("evidence", "lengths"), [(0.99 * ENOUGH, [15, 15, 15, 15]), (ENOUGH, [15, 5, 10, 15, 15])])
def test_what_may_be_at_its_height_by_chance_has_to_be_more_to_end_a_frame(evidence: float, lengths: list[int]) -> None:
    noted = Uneasy()
    noted.open = evidence
    uneasy(noted).advance(third_day(broken(8), broken(16, 9)), THIRD_HOUR)
    assert noted.lengths == lengths


def test_what_has_come_is_looked_at_as_soon_as_it_is_closed() -> None:
    windows, through = third_day(broken(8), broken(16, 9)), MIDNIGHT + 2 * DAY + 20 * MINUTE
    verdicts = uneasy(Uneasy()).advance([w for w in windows if w.end <= through], through)
    assert ("open", "failure_rate") in words(verdicts.decisions)


def test_what_is_in_breach_already_is_no_suspicion() -> None:
    noted = Uneasy(ALARMING)
    uneasy(noted).advance(third_day(broken(8, 9), broken(16)), THIRD_HOUR)
    assert noted.looked == []
    assert noted.lengths == [15] * 4


def test_what_is_in_breach_already_ends_no_frame() -> None:
    noted = Uneasy(ALARMING)
    uneasy(noted).advance(third_day(broken(8, a=9), broken(9, b=1), broken(15, b=1)), THIRD_HOUR)
    assert noted.looked == [16]
    assert noted.lengths == [15] * 4


def test_what_does_not_count_for_the_promise_is_not_asked_before_the_frame_is_over() -> None:
    """One that a rule asked for, and one that never had anything to read."""
    counts, asked, waits = Uneasy(), Uneasy(), Uneasy()
    one = Judge(
        MOMENT,
        (),
        [
            Watcher("failure_rate", "failure_rate", counts, share=counts),
            Watcher("volume", "volume", asked),
            Watcher("duration", "duration", waits, share=waits),
        ],
    )
    one.advance(third_day(broken(8), broken(16)), THIRD_HOUR)
    assert (counts.looked, asked.looked, waits.shown) == ([20], [], [])


def test_what_is_special_is_taken_in_once_however_often_it_is_looked_at() -> None:
    deploy = MIDNIGHT + 2 * DAY + 16 * MINUTE
    special = Window(deploy, deploy + MINUTE, {(None,): Cell(signals={"notes": 1})})
    windows = third_day(broken(8), broken(15), special)
    looking, quiet = uneasy(Uneasy(ALARMING)), uneasy(Uneasy(0.0))
    looking.advance(windows, THIRD_HOUR)
    quiet.advance(windows, THIRD_HOUR)
    assert looking.dump()["special"] == quiet.dump()["special"]


def test_what_is_not_seen_is_not_looked_at() -> None:
    noted = Uneasy()
    hidden = (MIDNIGHT + 2 * DAY + 16 * MINUTE, MIDNIGHT + 2 * DAY + 17 * MINUTE)
    uneasy(noted).advance(third_day(broken(8), broken(18, 9), broken(31)), THIRD_HOUR, [hidden])
    assert noted.looked == [35]


def test_looks_are_alike_however_far_windows_are_closed_and_whenever_the_judge_is_put_down() -> None:
    windows = third_day(broken(8), broken(18), broken(22, 9), broken(50), broken(53))
    at_once, detectors = Uneasy(), [Uneasy()]
    decisions = uneasy(at_once).advance(windows, THIRD_HOUR).decisions
    stepping, found = uneasy(detectors[0]), list[Decision]()
    for end in range(MIDNIGHT + 4 * MINUTE, THIRD_HOUR + 1, 4 * MINUTE):
        found += stepping.advance([w for w in windows if w.end <= end], end).decisions
        state = json.loads(json.dumps(stepping.dump()))
        fresh = Uneasy.load(state["detectors"]["failure_rate"])
        fresh.frames = detectors[-1].frames
        detectors.append(fresh)
        watcher = Watcher("failure_rate", "failure_rate", fresh, share=fresh)
        stepping = Judge.load(MOMENT, (), [watcher], state, lambda _: detectors[-1])
    assert detectors[-1].frames == at_once.frames
    assert at_once.lengths == [15, 10, 5, 15, 15]
    assert tuple(found) == decisions


def test_each_look_is_had_once_however_often_windows_are_closed() -> None:
    windows, noted = third_day(broken(8), broken(15), broken(22), broken(29)), Uneasy(ALARMING)
    one = uneasy(noted)
    for end in range(MIDNIGHT + MINUTE, THIRD_HOUR + 1, MINUTE):
        one.advance([w for w in windows if w.end <= end], end)
    assert noted.looked == [16, 23]
    assert len(noted.shown) == len(set(noted.shown))


def test_the_step_follows_the_traffic_of_four_weeks() -> None:
    noted = Noted()
    one = judge(noted)
    one.advance([*days(30, 100), *days(40, 39, first=30)], MIDNIGHT + 70 * DAY)
    lengths = {day: {e - s for s, e in noted.frames if s // DAY - MIDNIGHT // DAY == day} for day in (29, 31, 69)}
    assert lengths == {29: {5 * MINUTE}, 31: {5 * MINUTE}, 69: {15 * MINUTE}}


def test_frames_have_no_gaps_and_do_not_overlap() -> None:
    noted = Noted()
    one = judge(noted)
    for day in range(1, 6):
        one.advance(days(1, 50, first=day - 1), MIDNIGHT + day * DAY)
    assert all(before[1] == after[0] for before, after in zip(noted.frames, noted.frames[1:], strict=False))


def test_windows_of_an_unfinished_frame_are_read_again() -> None:
    found = minutes(0, 30, {(None,): (3, 3)})
    one = judge()
    first = one.advance([w for w in found if w.end <= at(20)], at(20))
    assert (first.through, words(first.decisions)) == (at(15), [("open", "failure_rate")])
    one = judge()
    quarter = one.advance([w for w in found if w.end <= at(14)], at(14))
    assert (quarter.through, quarter.decisions) == (at(0), ())
    assert words(one.advance([w for w in found if w.start >= at(0)], at(30)).decisions) == [("open", "failure_rate")]


def test_before_the_first_window_there_is_nothing_to_judge() -> None:
    one = judge()
    verdicts = one.advance([], at(50))
    assert (one.through, verdicts.decisions) == (None, ())


def test_silence_after_the_first_window_is_judged() -> None:
    noted = Noted()
    one = judge(noted)
    one.advance(minutes(0, 1, {(None,): (1, 0)}), at(60))
    assert noted.frames[-1] == (at(45), at(60))


# --- detectors ---


def test_what_is_not_warm_says_nothing_and_how_far_it_is() -> None:
    verdicts = judge(Cold()).advance(minutes(0, 40, {(None,): (3, 3)}), at(40))
    assert (verdicts.decisions, verdicts.series, verdicts.learning) == ((), (), (3.0, 14.0))


def test_what_is_warm_is_not_learning() -> None:
    assert judge().advance(minutes(0, 40, {(None,): (3, 0)}), at(40)).learning is None


def test_the_series_are_the_whole_and_what_is_in_breach() -> None:
    cells = {("north",): (3, 3), ("south",): (9, 0)}
    verdicts = judge().advance(minutes(0, 15, cells), at(15))
    assert [(one.segment, one.evidence, one.expected) for one in verdicts.series] == [
        ("", 0.0, 0.1),
        ("region=north", 1.0, 0.1),
    ]


def test_a_decision_says_what_was_expected_and_seen_and_the_usual_of_that_time() -> None:
    [opening, *_] = judge().advance([*days(1, 60), *bad_day()], MIDNIGHT + 2 * DAY).decisions
    assert (opening.what, opening.expected, opening.seen) == ("open", 0.1, 1.0)
    assert opening.past.broken == 0.0


def bad_day() -> list[Window]:
    return [Window(w.start, w.end, window(0, {(None,): (60, 60)}).cells) for w in days(1, 60, first=1)]


# --- rules ---


def test_rules_look_at_every_window_and_detectors_at_frames() -> None:
    one = judge(Cold(), rules=(RULE,))
    found = minutes(0, 3, {("north",): (3, 3)})
    verdicts = one.advance(found, at(3))
    assert [(d.what, d.at, d.rule, d.level, d.segment) for d in verdicts.decisions] == [
        ("open", at(2), "r", "medium", (("region", ("north",)),))
    ]
    assert verdicts.through == at(0)


def test_a_window_that_a_rule_has_seen_is_not_shown_to_it_again() -> None:
    one = judge(Cold(), rules=(replace(RULE, detect=(Threshold("broken", ">=", 4, 5 * MINUTE),)),))
    first = minutes(0, 1, {("north",): (3, 3)})
    assert one.advance(first, at(1)).decisions == ()
    assert one.advance(first, at(1)).decisions == ()
    assert one.advance(first, at(2)).decisions == ()


def test_the_same_windows_give_the_same_whether_one_by_one_or_together() -> None:
    found = [
        *minutes(0, 10, {("north",): (3, 0)}),
        *minutes(10, 40, {("north",): (3, 3)}),
        *minutes(40, 80, {(None,): (3, 0)}),
    ]
    whole, stepped = judge(rules=(RULE,)), judge(rules=(RULE,))
    together = whole.advance(found, at(80)).decisions
    one_by_one: list[Decision] = []
    for n in range(1, 81):
        after = stepped.through or 0
        one_by_one += stepped.advance([w for w in found if w.start >= after and w.end <= at(n)], at(n)).decisions
    assert list(together) == one_by_one
    assert {what for what, _ in words(together)} == {"open", "evidence", "resolve"}


# --- memory ---

series = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([None, "north", "south"])), min_size=16, max_size=40
)


@settings(max_examples=20, deadline=None)
@given(series, st.integers(1, 40))
def test_a_dump_anywhere_changes_nothing(made: list[tuple[int, int, str | None]], cut: int) -> None:
    found = [window(n, {(region,): (max(a, b), min(a, b))}) for n, (a, b, region) in enumerate(made) if a or b]
    whole, first = judge(rules=(RULE,)), judge(rules=(RULE,))
    said, again = [], []
    for n in range(1, len(made) + 1):
        if n == cut:
            state = json.loads(json.dumps(first.dump()))
            fresh = [Watcher("failure_rate", "failure_rate", Scripted())]
            first = Judge.load(MOMENT, (RULE,), fresh, state, Scripted.load)
        closed = [w for w in found if w.end <= at(n)]
        said.append(whole.advance(closed, at(n)))
        again.append(first.advance(closed, at(n)))
    assert [v.decisions for v in said] == [v.decisions for v in again]
    assert [v.through for v in said] == [v.through for v in again]
    assert json.dumps(whole.dump()) == json.dumps(first.dump())


def test_the_real_detectors_go_on_from_a_dump_too() -> None:
    from detectors.registry import load

    found = days(20, 30)
    whole, first = (Judge(MOMENT, (), watchers(MOMENT, ())) for _ in range(2))
    whole.advance(found, MIDNIGHT + 20 * DAY)
    first.advance([w for w in found if w.start < MIDNIGHT + 12 * DAY], MIDNIGHT + 12 * DAY)
    state = json.loads(json.dumps(first.dump()))
    first = Judge.load(MOMENT, (), watchers(MOMENT, ()), state, load)
    first.advance([w for w in found if w.start >= MIDNIGHT + 12 * DAY], MIDNIGHT + 20 * DAY)
    assert json.dumps(whole.dump()) == json.dumps(first.dump())


def test_a_changed_definition_has_another_fingerprint() -> None:
    def of(moment: Moment = MOMENT, rules: tuple[Rule, ...] = (), detector: Scripted | None = None) -> str:
        return fingerprint(moment, rules, [Watcher("failure_rate", "failure_rate", detector or Scripted())])

    class Newer(Scripted):
        def dump(self) -> dict[str, Any]:
            return {**super().dump(), "version": 2}

    marks = [
        of(),
        of(replace(MOMENT, dimensions=("carrier",))),
        of(replace(MOMENT, false_alarm_interval=30 * DAY)),
        of(rules=(RULE,)),
        of(rules=(replace(RULE, keep_firing=0),)),
        of(detector=Newer()),
    ]
    assert len(set(marks)) == len(marks)
    assert of() == of()


def test_a_region_that_stops_is_one_interruption_of_that_region_however_much_it_was_of_everything() -> None:
    cells: dict[Any, tuple[int, int]] = {("north",): (20, 1), ("south",): (10, 1), ("west",): (40, 2)}
    rest = {name: cell for name, cell in cells.items() if name != ("west",)}
    made = [
        Window(start, start + HOUR, window(0, cells if number < 24 * 20 else rest).cells)
        for number in range(24 * 23)
        for start in [MIDNIGHT + number * HOUR]
    ]
    moment = replace(MOMENT, window=HOUR)
    verdicts = Judge(moment, (), watchers(moment, ())).advance(made, MIDNIGHT + 23 * DAY)
    opened = [(one.kind, one.segment, one.seen) for one in verdicts.decisions if one.what in {"open", "evidence"}]
    assert opened == [("volume", (("region", ("west",)),), 0.0)]


# --- which watchers a moment has ---


def test_a_moment_alone_is_watched() -> None:
    assert [(w.name, w.kind, w.contrast, w.rule) for w in watchers(MOMENT, ())] == [
        ("failure_rate", "failure_rate", False, None),
        ("contrast", "failure_rate", True, None),
        ("absence", "volume", True, None),
        ("silence", "silence", False, None),
        ("drop", "volume", False, None),
        ("duration", "duration", False, None),
        ("overdue", "overdue", False, None),
        ("complaints", "complaints", False, None),
        ("due_soon", "due_soon", False, None),
    ]


def test_a_rule_of_value_adds_a_watcher_at_the_moments_promise() -> None:
    rule = Rule("worth", ("arrives",), (Asked("value", cold_start=5 * DAY),))
    *_, added = watchers(replace(MOMENT, false_alarm_interval=30 * DAY), (rule,))
    assert (added.name, added.kind, added.rule, added.share) == ("rule:worth:value:0", "value", rule, None)
    assert isinstance(added.detector, Value)
    assert added.detector.false_alarm_interval == 30.0
    assert added.detector.progress() == (0.0, 5.0)


def test_a_rule_that_names_a_detector_adds_a_watcher_of_volume() -> None:
    rule = Rule("busy", ("arrives",), (Threshold("broken", ">", 1, HOUR), Asked("volume", "half_space_trees")))
    *_, added = watchers(MOMENT, (rule,))
    assert (added.name, added.kind, added.rule) == ("rule:busy:volume:1", "volume", rule)


def test_what_a_rule_opened_and_ended_and_its_frame_opens_again_are_two() -> None:
    one = judge(rules=(RULE,))
    found = [
        *minutes(0, 15, {("north",): (3, 0)}),
        *minutes(15, 17, {("north",): (9, 9)}),
        window(28, {("north",): (1, 1)}),
    ]
    opened = [d for d in one.advance(found, at(30)).decisions if d.what == "open"]
    assert [(d.kind, d.window) for d in opened] == [("rule", at(15)), ("failure_rate", at(15))]
    assert len({d.id for d in opened}) == 2


# --- missing records ---


def test_where_records_are_missing_nothing_is_judged_learned_opened_or_resolved() -> None:
    """A rule and a detector that both fire before, in and after it."""
    detector = Noted()
    mind = judge(detector, rules=(RULE,))
    bad = [window(m, {("north",): (8, 0)} if m < 40 else {("north",): (8, 8)}) for m in range(120)]
    unseen = [(at(50), at(62) + 1)]

    before = mind.advance([w for w in bad if w.end <= at(50)], at(50), unseen).decisions
    opened = [d for d in before if d.what == "open"]
    during = mind.advance([w for w in bad if at(45) <= w.start], at(75), unseen)
    assert opened
    assert [d.what for d in during.decisions if d.what in {"open", "resolve"}] == []
    assert during.through == at(75)
    mind.advance([w for w in bad if at(75) <= w.start], at(90), unseen)
    assert detector.frames[-2:] == [(at(30), at(45)), (at(75), at(90))]


def test_a_rule_says_nothing_of_windows_with_missing_records() -> None:
    bad = [window(m, {("north",): (8, 8 if m in {20, 21} else 0)}) for m in range(60)]
    unseen = [(at(20) + 1, at(21) + 1)]
    mind = judge(Cold(), rules=(RULE,))
    assert mind.advance(bad, at(60), unseen).decisions == ()
    assert judge(Cold(), rules=(RULE,)).advance(bad, at(60)).decisions != ()


def test_how_often_missing_records_are_looked_at_changes_nothing() -> None:
    windows, end = days(1, 4), MIDNIGHT + DAY
    unseen = [(MIDNIGHT + 5 * HOUR + 7, MIDNIGHT + 9 * HOUR)]
    at_once = judge(rules=(RULE,))
    at_once.advance(windows, end, unseen)
    step_by_step = judge(rules=(RULE,))
    for through in range(MIDNIGHT + HOUR, end + 1, HOUR + 7 * MINUTE):
        # Known only once time has come there, as in a store.
        known = unseen if through > MIDNIGHT + 5 * HOUR else []
        step_by_step.advance([w for w in windows if w.end <= through], through, known)
    step_by_step.advance(windows, end, unseen)
    assert step_by_step.dump() == at_once.dump()


# --- long gaps ---


def test_one_event_of_1970_costs_two_months_of_frames_and_not_fifty_years() -> None:
    detector = Noted()
    mind = judge(detector, rules=(RULE,))
    stray = Window(0, MINUTE, window(0, {(None,): (1, 0)}).cells)
    mind.advance([stray, *days(1, 4)], MIDNIGHT + DAY)
    before = [frame for frame in detector.frames if frame[0] < MIDNIGHT]
    after = detector.frames[len(before) :]
    assert 60 * DAY <= before[-1][1] <= 61 * DAY
    assert (after[0][0], after[-1][1]) == (MIDNIGHT, MIDNIGHT + DAY)
    assert all(one[1] == other[0] for one, other in pairwise(after))


def test_how_often_a_long_gap_is_looked_at_changes_nothing() -> None:
    later = [Window(w.start + 90 * DAY, w.end + 90 * DAY, w.cells) for w in days(1, 4)]
    windows, end = [*days(1, 4), *later], MIDNIGHT + 91 * DAY
    at_once = judge(rules=(RULE,))
    at_once.advance(windows, end)
    step_by_step = judge(rules=(RULE,))
    for through in range(MIDNIGHT + HOUR, end + 1, HOUR + 7 * MINUTE):
        step_by_step.advance([w for w in windows if w.end <= through], through)
    step_by_step.advance(windows, end)
    assert step_by_step.dump() == at_once.dump()
