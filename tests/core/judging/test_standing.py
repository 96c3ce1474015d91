"""Where a moment stands, in one word."""

import pytest

from service.core.catalog import Catalog, Moment
from service.core.event import DAY, HOUR, MINUTE
from service.core.interruption import Interruption
from service.core.judging.standing import expected_through, standing
from service.core.standing import MomentStatus, Series
from tests.adapters.web.world import NOW, interruption

SEEN = MomentStatus("m", judged_through=NOW)


def one(**more: object) -> Interruption:
    return interruption("m", (), NOW - DAY, NOW, **more)


@pytest.mark.parametrize(
    ("status", "interruptions", "word"),
    [
        (MomentStatus("m"), [], "learning"),
        (MomentStatus("m", judged_through=NOW, learning=(3.0, 14.0)), [], "learning"),
        (SEEN, [], "reliable"),
        (MomentStatus("m", judged_through=NOW, series=(Series("d", "", 0.6, 0, 0, 0),)), [], "watch"),
        (
            MomentStatus("m", judged_through=NOW, series=(Series("d", "region=RJ", 0.6, 0, 0, 0),)),
            [],
            "reliable",
        ),
        (SEEN, [one()], "unreliable"),
        (SEEN, [one(state="acknowledged")], "unreliable"),
        (SEEN, [one(level="low")], "watch"),
        (SEEN, [one(notifies=False)], "watch"),
        (SEEN, [one(state="recovering")], "watch"),
        (SEEN, [one(state="stale")], "watch"),
        (SEEN, [one(state="resolved", resolved_at=NOW)], "reliable"),
        (MomentStatus("m", judged_through=NOW, blind_since=NOW), [], "unknown"),
        (MomentStatus("m", judged_through=NOW, blind_since=NOW), [one()], "unreliable"),
        (MomentStatus("m", judged_through=NOW, blind_since=NOW), [one(level="low")], "unknown"),
        (MomentStatus("m", blind_since=NOW, learning=(3.0, 14.0)), [], "unknown"),
        (MomentStatus("other", judged_through=NOW), [one()], "reliable"),
    ],
    ids=[
        "never judged",
        "not warm",
        "calm",
        "evidence grows",
        "a segment's evidence is not the moment's",
        "an open interruption",
        "somebody has it",
        "a low one",
        "an experimental rule's",
        "it recovers",
        "long without data",
        "over",
        "blind",
        "blind, but trouble was found",
        "blind, and a low one is no comfort",
        "blind while learning",
        "another moment's trouble",
    ],
)
def test_a_moment_stands_so(status: MomentStatus, interruptions: list[Interruption], word: str) -> None:
    assert standing(status, interruptions).word == word


def test_what_is_judged_too_late_is_not_known() -> None:
    behind = MomentStatus("m", judged_through=NOW - DAY)
    assert standing(behind, [], NOW - DAY // 2).word == "unknown"
    assert standing(behind, [], NOW - DAY // 2).since == NOW - DAY
    assert standing(behind, [], NOW - 2 * DAY).word == "reliable"
    assert standing(behind, [one()], NOW).word == "unreliable"


def test_a_moment_may_take_its_delay_its_window_and_the_time_of_the_work() -> None:
    catalog = Catalog(moments={"m": Moment("m", "ops", completeness_delay=HOUR, window=MINUTE)})
    expected = expected_through(catalog, catalog.moments["m"], NOW)
    assert expected == NOW - HOUR - 17 * MINUTE


def test_the_worst_speaks_for_the_moment_and_the_first_says_since_when() -> None:
    old = interruption("m", (("region", ("RJ",)),), NOW - 3 * DAY, NOW, level="medium")
    bad = interruption("m", (), NOW - DAY, NOW, level="critical")
    found = standing(SEEN, [old, bad])
    assert (found.worst, found.since) == (bad, NOW - 3 * DAY)
