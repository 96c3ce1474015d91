"""What shows that a window can be closed is written at once: somebody waits for what it tells."""

from service.core.event import SECOND, Batch
from service.loops.ingest import Pace
from tests.loops.ingesting import PLACE, START, Live, outcome


class TestAtAWindowsEnd:
    """Closable are windows of a minute at 30 s past each; START is 20 s past one."""

    def test_what_shows_that_time_is_written_without_gathering(self) -> None:
        live = Live(PLACE, pace=Pace(gather=3600))
        live.turn()
        live.now = START + 10 * SECOND - 1
        live.loop.handle(Batch(PLACE, [0], [outcome(9)], 1))
        assert live.store.counts().read == 0

        live.now = START + 10 * SECOND + 1
        live.loop.handle(Batch(PLACE, [1], [outcome(10)], 2))
        assert live.store.counts().read == 2

        live.loop.handle(Batch(PLACE, [2], [outcome(10)], 3))
        assert live.store.counts().read == 2

    def test_a_look_that_shows_it_is_written_at_once(self) -> None:
        live = Live(PLACE, pace=Pace(look=3600))
        live.now = START
        live.turn()
        live.now = START + 10 * SECOND
        before = live.store.saves

        for _ in range(3):
            live.loop.handle(Batch(PLACE, [], [], 0, looked_at=live.now))

        assert live.clock().looked_at == START + 10 * SECOND
        assert live.store.saves == before + 1

    def test_later_or_on_the_clock_of_events_it_waits_as_ever(self) -> None:
        for late, clock in ((2 * SECOND, True), (0, False)):
            live = Live(PLACE, pace=Pace(gather=3600))
            live.loop._live = {PLACE: clock}.__getitem__
            live.turn()
            live.now = START + 10 * SECOND + late

            live.loop.handle(Batch(PLACE, [0], [outcome(10)], 1))

            assert live.store.counts().read == 0

    def test_a_moment_before_it_little_is_gathered(self) -> None:
        for early, clock, count in ((0.3, True, 2), (0.3, False, 0), (0.5, True, 0)):
            live = Live(PLACE, pace=Pace(gather=3600, lead=0.4, hurry=0.1))
            live.loop._live = {PLACE: clock}.__getitem__
            live.turn()
            live.now = START + 10 * SECOND - round(early * SECOND)
            live.loop.handle(Batch(PLACE, [0], [outcome(9)], 1))
            assert live.store.counts().read == 0

            live.time += 0.15
            live.loop.handle(Batch(PLACE, [1], [outcome(9)], 2))

            assert live.store.counts().read == count
