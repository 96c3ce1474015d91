"""Closed windows as they were judged, and what judging leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from service.adapters.store.sql import windows as reading
from service.core.catalog import Moment
from service.core.counting.changes import BlindSpan, Changes
from service.core.counting.tally import Cell, duration_bucket
from service.core.event import DAY, HOUR, MINUTE
from service.core.interruption import Change
from service.core.ports import StaleClaim, StoreRefused
from service.core.standing import Judged, MomentStatus, Series, Snapshot, TimelineEntry
from tests.adapters.store.scene import (
    FOREVER,
    MOMENTS,
    T0,
    Reader,
    close,
    judgement,
    news,
    opened,
    outcome,
)

if TYPE_CHECKING:
    from service.core.interruption import Interruption
    from service.core.ports import Store


def test_only_closed_windows_are_given_in_order(store: Store) -> None:
    Reader(store).take(
        outcome(T0 + 5 * MINUTE, "broken", dimensions={"region": "b"}, value=3),
        outcome(T0, dimensions={"region": "a", "channel": "web"}, duration_s=2),
        outcome(T0 + 1, dimensions={"region": "a", "channel": "web"}, duration_s=2),
        outcome(T0 + 2, "cancelled"),
        outcome(T0 + 9 * MINUTE),
    )
    assert list(store.windows("paid", None, FOREVER)) == []
    close(store, "paid", T0 + 9 * MINUTE)

    first, second = store.windows("paid", None, FOREVER)

    assert (first.start, first.end) == (T0, T0 + MINUTE)
    assert set(first.cells) == {("a", "web"), (None, None)}
    web = first.cells["a", "web"]
    assert (web.attempts, web.arrivals, web.duration_ms, sum((web.durations or {}).values())) == (
        2,
        2,
        4000,
        2,
    )
    assert first.cells[None, None].cancelled == 1
    broken = second.cells["b", None]
    assert (broken.attempts, broken.broken, broken.value, broken.broken_value) == (1, 1, 300, 300)


def test_the_stretch_asked_for_is_the_stretch_given(store: Store) -> None:
    Reader(store).take(*(outcome(T0 + i * MINUTE) for i in range(10)))
    close(store, "paid", T0 + DAY)

    def starts(after: int | None, through: int) -> list[int]:
        return [(w.start - T0) // MINUTE for w in store.windows("paid", after, through)]

    assert starts(None, T0 + 3 * MINUTE) == [0, 1, 2]
    assert starts(T0 + 3 * MINUTE, T0 + 6 * MINUTE) == [3, 4, 5]
    assert starts(T0 + 3 * MINUTE, T0 + 6 * MINUTE - 1) == [3, 4]
    assert starts(T0 + 10 * MINUTE, FOREVER) == []
    assert list(store.windows("delivered", None, FOREVER)) == []


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_pages_of_any_length_fit_together(store: Store, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", page)
    regions = ("a", "b", "c")
    Reader(store).take(
        *(outcome(T0 + i * MINUTE, dimensions={"region": r}, id=f"{i}{r}") for i in range(4) for r in regions)
    )
    close(store, "paid", T0 + DAY)

    windows = list(store.windows("paid", None, FOREVER))

    assert [w.start for w in windows] == [T0 + i * MINUTE for i in range(4)]
    assert [len(w.cells) for w in windows] == [3, 3, 3, 3]


def test_a_window_stays_as_it_was_judged(store: Store) -> None:
    reader = Reader(store)
    reader.take(outcome(T0, "broken"))
    close(store, "paid", T0 + HOUR)
    before = list(store.windows("paid", None, FOREVER))

    reader.take(outcome(T0 + 1, "broken"), outcome(T0 + 30 * MINUTE, "broken"))

    assert list(store.windows("paid", None, FOREVER)) == before
    ((_, totals),) = store.totals("paid", T0, T0 + HOUR, HOUR)
    assert totals.broken == 3
    assert store.counts().late == {"paid": 2}


def test_stored_values_outlive_a_catalogue_that_chooses_dimensions_anew(lasting_store: Store) -> None:
    store = lasting_store
    changes = Changes()
    for channel, more in (("web", 1), ("app", -1)):
        for region, heard in (("a", {"complaints": 1, "overdue": more}), ("b", {"overdue": more})):
            changes.tally.cell("paid", T0, (region, channel), late=False).add(Cell(signals=heard))
    Reader(store).take(
        outcome(T0, dimensions={"region": "a", "channel": "web"}, value=2, duration_s=3),
        outcome(T0 + 1, "broken", dimensions={"region": "a", "channel": "app"}, value=3, duration_s=3),
        outcome(T0 + 2, "broken", dimensions={"region": "b", "channel": "app"}),
        outcome(T0 + MINUTE, dimensions={"region": "a", "channel": "web"}),
        changes=changes,
    )
    close(store, "paid", T0 + HOUR)

    store.declare(MOMENTS | {"paid": Moment("paid", "ops", dimensions=("channel", "region"))})
    first, second = store.windows("paid", None, FOREVER)
    assert {*first.cells} == {("web", "a"), ("app", "a"), ("web", "b"), ("app", "b")}
    assert {*second.cells} == {("web", "a")}

    store.declare(MOMENTS | {"paid": Moment("paid", "ops", dimensions=("region",))})
    first, second = store.windows("paid", None, FOREVER)
    durations = {duration_bucket(3_000): 2}
    assert first.cells == {
        ("a",): Cell(2, 1, 0, 2, 500, 300, 6_000, durations, {"complaints": 2}),
        ("b",): Cell(1, 1, 0, 1),
    }
    assert second.cells == {("a",): Cell(1, 0, 0, 1)}


def test_what_comes_to_nothing_is_no_cell_and_no_window(store: Store) -> None:
    reader = Reader(store)
    bucket, other = duration_bucket(2_000), duration_bucket(5_000)
    here: dict[tuple[str, int], Cell] = {
        ("a", 0): Cell(1, 1, 0, 1, 5, 5, 2_000, {bucket: 1}, {"complaints": 1, "overdue": 1}),
        ("b", 0): Cell(1, 0, 0, 0, 0, 0, 2_000, {bucket: 1}, {"complaints": 1}),
        ("c", 0): Cell(cancelled=1),
        ("a", 1): Cell(attempts=1),
        ("b", 2): Cell(signals={"complaints": 2}),
        ("a", 2): Cell(attempts=-1, arrivals=1),
    }
    gone: dict[tuple[str, int], Cell] = {
        ("a", 0): Cell(-1, -1, 0, -1, -5, -5, -2_000, {bucket: -1}, {"complaints": -1, "overdue": -1}),
        ("b", 0): Cell(0, 0, 0, 0, 0, 0, 3_000, {bucket: -1, other: 1}, {"complaints": -1, "overdue": 1}),
        ("a", 1): Cell(attempts=-1),
    }
    for given in (here, gone):
        changes = Changes()
        for (region, minute), cell in given.items():
            changes.tally.cell("paid", T0 + minute * MINUTE, (region, None), late=False).add(cell)
        reader.take(changes=changes)
    close(store, "paid", T0 + HOUR)
    assert [(window.start, window.cells) for window in store.windows("paid", None, FOREVER)] == [
        (T0, {("b", None): Cell(1, 0, 0, 0, 0, 0, 5_000, {other: 1}, {"overdue": 1}), ("c", None): Cell(cancelled=1)}),
        (T0 + 2 * MINUTE, {("a", None): Cell(-1, arrivals=1), ("b", None): Cell(signals={"complaints": 2})}),
    ]


def test_a_moment_nobody_judged(store: Store) -> None:
    assert store.judged("paid") == Judged()
    assert store.status("paid") == MomentStatus("paid")


def test_a_judgement_is_kept_with_its_snapshot(store: Store) -> None:
    snapshot = Snapshot(T0, "v1", {"base": [0.1, 1e-300], "n": 3, "name": "Zürich", "none": None})
    series = (Series("mix", "region=a", 2.5, 0.1, 0.0, float("inf")),)

    store.save_judgement("paid", 0, judgement(T0, series=series, learning=(3.5, 14.0)), snapshot, [])
    assert store.judged("paid") == Judged(T0, 1, snapshot)
    assert store.status("paid") == MomentStatus("paid", judged_through=T0, learning=(3.5, 14.0), series=series)

    # A judgement without one leaves the last snapshot where it is.
    store.save_judgement("paid", 1, judgement(T0 + HOUR), None)
    assert store.judged("paid") == Judged(T0 + HOUR, 2, snapshot)
    assert store.status("paid") == MomentStatus("paid", judged_through=T0 + HOUR)


def test_a_judgement_on_an_old_tick_is_refused_whole(store: Store) -> None:
    store.save_judgement("paid", 0, judgement(T0), None)

    for tick in (0, 2):
        change = Change("opened", T0, opened())
        with pytest.raises(StaleClaim):
            store.save_judgement("paid", tick, judgement(T0 + HOUR, change), None, [news("n")])

    assert store.judged("paid") == Judged(T0, 1)
    assert (store.interruptions(), store.news(9)) == ([], [])


def changes(*given: tuple[str, Interruption]) -> list[Change]:
    return [Change(what, T0 + i, one, f"note {i}") for i, (what, one) in enumerate(given)]  # type: ignore[arg-type]


def test_an_interruption_stands_as_its_last_change_left_it(store: Store) -> None:
    segment = (("carrier", ("AA", "MQ")),)
    one = opened(segment=segment)
    worse = msgspec.structs.replace(one, level="critical")
    store.save_judgement("paid", 0, judgement(T0, *changes(("opened", one), ("level", worse))), None)

    assert store.interruption(one.id) == worse
    assert store.interruption("unknown") is None
    assert store.timeline(one.id) == [
        TimelineEntry(one.id, T0, "opened", "note 0"),
        TimelineEntry(one.id, T0 + 1, "level", "note 1"),
    ]

    store.note(TimelineEntry(one.id, T0 - DAY, "acknowledged", "on it", "ann"))
    assert store.timeline(one.id)[-1] == TimelineEntry(one.id, T0 - DAY, "acknowledged", "on it", "ann")
    assert store.timeline("unknown") == []


def test_interruptions_are_found_by_moment_state_and_end(store: Store) -> None:
    late = opened(at=T0 + DAY)
    over = opened(segment=(("region", ("a",)),), at=T0, state="resolved")
    stale = opened("delivered", at=T0 + HOUR, state="stale")
    named = opened(rule="r", at=T0 + 2 * DAY)
    store.save_judgement(
        "paid", 0, judgement(T0, *changes(("opened", late), ("resolved", over), ("opened", named))), None, []
    )
    store.save_judgement("delivered", 0, judgement(T0, *changes(("stale", stale))), None)

    assert store.interruptions() == [over, stale, late, named]
    assert store.interruptions(moment="paid") == [over, late, named]
    assert store.interruptions(open_only=True) == [stale, late, named]
    assert store.interruptions(since=T0 + HOUR) == [over, stale, late, named]
    assert store.interruptions(since=T0 + HOUR + 1) == [stale, late, named]


def test_one_resolves_and_the_next_opens_in_one_judgement(store: Store) -> None:
    first = opened()
    store.save_judgement("paid", 0, judgement(T0, *changes(("opened", first))), None)
    over = msgspec.structs.replace(first, state="resolved", resolved_at=T0 + HOUR)
    second = opened(at=T0 + DAY)

    store.save_judgement("paid", 1, judgement(T0 + DAY, *changes(("opened", second), ("resolved", over))), None)

    assert store.interruptions() == [over, second]


def test_two_open_interruptions_of_one_segment_are_refused(store: Store) -> None:
    store.save_judgement("paid", 0, judgement(T0, *changes(("opened", opened()))), None)

    with pytest.raises(StoreRefused):
        store.save_judgement("paid", 1, judgement(T0, *changes(("opened", opened(at=T0 + DAY)))), None)

    assert store.judged("paid").tick == 1


def test_news_of_a_judgement_is_put_up_for_routing_once(store: Store) -> None:
    store.save_judgement("paid", 0, judgement(T0), None, [news("a")])
    store.save_judgement("paid", 1, judgement(T0 + 1), None, [news("a"), news("b")])

    assert store.news(9) == [news("a"), news("b")]


def test_blind_spans_are_put_by_moment_and_beginning(store: Store) -> None:
    begun = BlindSpan("paid", T0, None, "brokers away")
    store.save_blind([begun, BlindSpan("delivered", T0, None, "brokers away")])
    assert store.status("paid").blind_since == T0

    ended = BlindSpan("paid", T0, T0 + HOUR, "brokers away")
    again = BlindSpan("paid", T0 + DAY, None, "too many dead letters")
    store.save_blind([again, ended])

    assert store.status("paid").blind_since == T0 + DAY
    assert store.blind("paid", T0, FOREVER) == [ended, again]
    assert store.blind("paid", T0 - HOUR, T0) == []
    assert store.blind("paid", T0 + HOUR, T0 + DAY) == []
    assert store.blind("paid", T0 + 2 * DAY, FOREVER) == [again]
    assert store.blind("unknown", T0, FOREVER) == []
