"""How far event time has moved, and which windows that closes."""

from hypothesis import given
from hypothesis import strategies as st

from service.core.counting.watermark import PartitionClock, advanced, partition_watermark, watermark
from service.core.counting.window import closable, window_of
from service.core.event import MINUTE, SECOND, Batch, Micros
from tests.core.making import PLACE, at, outcome, record

FRESH = PartitionClock(PLACE)


def batch(*, looked_at: Micros | None = None, ended: bool = False) -> Batch:
    return Batch(PLACE, [], [], 0, looked_at=looked_at, ended=ended)


def shown(clock: PartitionClock, *minutes: float, now: Micros | None = None, **more: object) -> PartitionClock:
    records = [record(outcome(minute, "kept")) for minute in minutes]
    return advanced(clock, batch(**more), records, now)  # type: ignore[arg-type]  # as batch has them


def test_a_window_holds_its_start_and_not_its_end() -> None:
    assert window_of(at(3), MINUTE) == at(3)
    assert window_of(at(4) - 1, MINUTE) == at(3)


def test_a_window_closes_when_the_watermark_reaches_its_end_and_the_delay() -> None:
    assert closable(at(6) - 1, MINUTE, 2 * MINUTE) == at(3)
    assert closable(at(6), MINUTE, 2 * MINUTE) == at(4)


@given(st.lists(st.lists(st.integers(0, 50), max_size=4), max_size=5))
def test_the_watermark_does_not_reverse(batches: list[list[int]]) -> None:
    clock, marks = FRESH, []
    for minutes in batches:
        clock = shown(clock, *minutes)
        marks.append(partition_watermark(clock) or 0)
    assert marks == sorted(marks)
    latest = max((minute for minutes in batches for minute in minutes), default=None)
    assert clock.latest == (None if latest is None else at(latest))


def test_a_live_source_cannot_be_moved_beyond_the_wall_clock() -> None:
    assert shown(FRESH, 5, now=at(3)).latest == at(3)
    assert shown(FRESH, 5).latest == at(5)


def test_an_idle_live_partition_stands_where_it_was_last_seen_to_be_empty() -> None:
    clock = shown(shown(FRESH, 1, now=at(2)), now=at(9), looked_at=at(8))
    assert (clock.latest, clock.looked_at) == (at(1), at(8))
    assert partition_watermark(clock) == at(8)


def test_a_look_that_comes_late_does_not_turn_it_back() -> None:
    clock = shown(shown(FRESH, now=at(9), looked_at=at(8)), now=at(9), looked_at=at(5))
    assert clock.looked_at == at(8)


def test_on_event_time_only_records_move_the_clock() -> None:
    assert shown(FRESH, looked_at=at(8)).looked_at is None
    assert partition_watermark(shown(FRESH, looked_at=at(8))) is None


def test_the_slowest_partition_holds_back_the_rest() -> None:
    clocks = [shown(FRESH, 5), shown(FRESH, 3), shown(FRESH, 9)]
    assert watermark(clocks) == at(3)


def test_a_partition_that_has_shown_nothing_holds_back_everything() -> None:
    assert watermark([shown(FRESH, 5), FRESH]) is None
    assert watermark([]) is None


def test_what_has_ended_holds_nothing_back() -> None:
    ended = shown(FRESH, 3, ended=True)
    assert ended.ended
    assert shown(ended).ended
    assert watermark([shown(FRESH, 5), ended]) == at(5)


def test_when_all_have_ended_the_latest_time_stands() -> None:
    assert watermark([shown(FRESH, 3, ended=True), shown(FRESH, 7, ended=True)]) == at(7)
    assert watermark([shown(FRESH, ended=True)]) is None


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(0, 600))
def test_no_event_within_the_delay_finds_its_window_closed(second: int, width: int, delay: int) -> None:
    mark = at(0) + second * SECOND
    through = closable(mark, width * SECOND, delay * SECOND)
    # The oldest event that may still come is no older than the delay before the watermark.
    assert window_of(mark - delay * SECOND, width * SECOND) >= through
