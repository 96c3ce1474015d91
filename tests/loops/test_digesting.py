"""The weekly schedule: once a week whatever happens, caught up when missed, never about a week not read yet."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from service.adapters.store.memory import MemoryStore
from service.core.catalog import Moment
from service.core.counting.changes import Changes
from service.core.counting.reach import Reach
from service.core.counting.watermark import PartitionClock
from service.core.event import DAY, HOUR, MINUTE, Micros, Partition, micros
from service.core.telling.route import Message, Notice
from service.core.weekly.week import Schedule, Week
from service.loops.digesting import CATCH_UP, PATIENCE, Digesting

ZONE = ZoneInfo("Europe/London")
MONDAY = micros(datetime(2013, 4, 22, 7, tzinfo=ZONE))
MOMENTS = {"m": Moment("m", "ops")}


class Desk:
    """A store that outlives the services over it, and a clock moved by hand."""

    def __init__(self) -> None:
        self.now: Micros = MONDAY - DAY
        self.store = MemoryStore(MOMENTS)
        self.made: list[str] = []
        self.read()
        self.close(MONDAY)
        self.service = self.restarted()

    def restarted(self) -> Digesting:
        self.service = Digesting(self.store, Schedule(1, time(7), ZONE), ["m"], self._make, lambda: self.now)
        return self.service

    def _make(self, week: Week, now: Micros) -> list[Notice]:
        assert now == self.now
        self.made.append(str(week))
        key = f"key-{week}"
        return [Notice(key, "cco", "digest", Message(key, key, f"Week {week}", (), "low"))]

    def read(self) -> None:
        here = Partition("t", 0)
        with self.store.ingest(self.store.claim(here), ["m"], []) as transaction:
            changes = Changes()
            changes.counts.read = changes.counts.duplicate = 1
            transaction.save(changes, 1, PartitionClock(here, MONDAY))

    def close(self, through: Micros) -> None:
        with self.store.closing("m") as closing:
            closing.save(Changes(), Reach(through))

    def at(self, now: Micros) -> int:
        self.now = now
        return self.service.tick()

    @property
    def sent(self) -> list[str]:
        return [row.notice.key for row in self.store.outbox()]


def test_nothing_is_sent_before_its_time_and_the_last_week_at_it() -> None:
    desk = Desk()
    assert desk.at(MONDAY - MINUTE) == 0
    assert desk.at(MONDAY) == 1
    assert desk.sent == ["key-2013-W16"]


def test_it_is_sent_once_and_made_once() -> None:
    desk = Desk()
    assert [desk.at(MONDAY + n * HOUR) for n in range(5)] == [1, 0, 0, 0, 0]
    assert desk.made == ["2013-W16"]


def test_a_restart_sends_nothing_twice() -> None:
    desk = Desk()
    desk.at(MONDAY)
    desk.restarted()
    assert desk.at(MONDAY + HOUR) == 0
    assert desk.sent == ["key-2013-W16"]


def test_two_replicas_send_one_page() -> None:
    desk = Desk()
    desk.at(MONDAY)
    other = desk.restarted()
    assert (other.tick(), len(desk.sent)) == (0, 1)


def test_a_missed_page_is_caught_up_within_three_days_and_not_after() -> None:
    desk = Desk()
    assert desk.at(MONDAY + CATCH_UP) == 1
    desk = Desk()
    assert desk.at(MONDAY + CATCH_UP + 1) == 0


def test_the_next_week_has_the_next_page() -> None:
    desk = Desk()
    desk.at(MONDAY)
    desk.close(MONDAY + 7 * DAY)
    assert desk.at(MONDAY + 7 * DAY) == 1
    assert desk.made == ["2013-W16", "2013-W17"]


def test_it_goes_by_the_local_clock_when_the_clocks_change() -> None:
    desk = Desk()
    after = micros(datetime(2013, 10, 28, 7, tzinfo=UTC))
    desk.close(after)
    assert desk.at(after - MINUTE) == 0
    assert desk.at(after) == 1
    assert desk.made == ["2013-W43"]


def test_a_week_that_is_not_read_to_its_end_is_waited_for_but_not_for_ever() -> None:
    desk = Desk()
    desk.store = MemoryStore(MOMENTS)
    desk.read()
    desk.close(MONDAY - 2 * DAY)
    desk.restarted()
    assert desk.at(MONDAY) == 0
    assert desk.at(MONDAY + PATIENCE - 1) == 0
    assert desk.at(MONDAY + PATIENCE) == 1


def test_after_a_stop_the_backlog_gets_its_time() -> None:
    desk = Desk()
    desk.store = MemoryStore(MOMENTS)
    desk.read()
    desk.close(MONDAY - 2 * DAY)
    desk.now = MONDAY + DAY
    desk.restarted()
    assert desk.at(MONDAY + DAY) == 0
    desk.close(MONDAY)
    assert desk.at(MONDAY + DAY + MINUTE) == 1


def test_a_store_that_never_read_anything_has_no_page() -> None:
    desk = Desk()
    desk.store = MemoryStore(MOMENTS)
    desk.restarted()
    assert desk.at(MONDAY + DAY) == 0
    assert desk.made == []
