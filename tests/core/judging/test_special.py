"""Time that is special widens what is usual; it silences nothing."""

import json

import numpy as np
import pytest

from detectors.failure_rate import FailureRate
from detectors.frame import Frame
from service.core.catalog import KnownEvent, Moment
from service.core.counting.tally import Cell, Window
from service.core.event import DAY, HOUR, MINUTE, Micros
from service.core.judging.gathered import gather
from service.core.judging.judge import Judge
from service.core.judging.special import FACTOR, MOST, Special
from service.core.judging.watcher import Watcher
from tests.core.scripted import Scripted

SALE = KnownEvent("Sale", 10 * HOUR, 20 * HOUR, 3.0)


def noted(start: Micros) -> list[Window]:
    return [Window(start, start + MINUTE, {(None,): Cell(signals={"notes": 1})})]


@pytest.mark.parametrize(("hour", "factor"), [(9, 1.0), (10, 3.0), (19, 3.0), (20, 1.0)])
def test_a_known_event_holds_from_its_start_until_its_end(hour: int, factor: float) -> None:
    assert Special((SALE,)).factor(hour * HOUR, (hour + 1) * HOUR, gather(())) == factor


def test_an_annotation_holds_for_the_hour_after_it_and_from_a_dump() -> None:
    special = Special(())
    found = []
    for minute in range(100):
        start = DAY + minute * MINUTE
        found.append(special.factor(start, start + MINUTE, gather(noted(start) if minute == 10 else ())))
        special = Special((), **json.loads(json.dumps(special.dump())))
    assert found == [1.0] * 10 + [FACTOR] * 61 + [1.0] * 29


def test_what_is_foretold_is_not_taken_in() -> None:
    special = Special(())
    assert special.foretold(DAY, DAY + MINUTE, gather(noted(DAY))) == FACTOR
    assert special.dump() == Special(()).dump()
    assert special.factor(DAY, DAY + MINUTE, gather(())) == 1.0


def test_who_deploys_all_day_long_is_not_special() -> None:
    special = Special(())
    hours = [special.factor(at, at + HOUR, gather(noted(at))) > 1.0 for at in range(DAY, 15 * DAY, HOUR)]
    assert sum(hours) <= 2 * MOST * 168 + 4


class Noting(Scripted):
    """A detector that remembers which frames were special."""

    def __init__(self) -> None:
        super().__init__()
        self.widened: dict[Micros, float] = {}

    def learn(self, frame: Frame) -> None:
        super().learn(frame)
        if not frame.usual:
            self.widened[frame.start] = frame.widen


def test_the_judge_tells_detectors_what_is_special() -> None:
    noting = Noting()
    moment = Moment("m", "ops", dimensions=("region",), known_events=(SALE,))
    judge = Judge(moment, (), [Watcher("failure_rate", "failure_rate", noting)])
    judge.advance([*noted(0), *noted(30 * HOUR)], 40 * HOUR)
    assert {start // HOUR for start in noting.widened} == {0, 1, *range(10, 20), 30, 31}
    assert noting.widened[12 * HOUR] == 3.0


def hour(number: int, broken: float, *, usual: bool = True, widen: float = 1.0) -> Frame:
    count = np.array([600])
    start = 20_454 * DAY + number * HOUR
    return Frame(start, start + HOUR, ("",), count, np.array([broken]), count, usual, widen=widen)


def test_a_strong_break_opens_in_special_time_and_a_weak_one_does_not() -> None:
    detector = FailureRate(90.0)
    for number in range(24 * 14):
        detector.learn(hour(number, 12.0))
    now = 24 * 14

    def opens(broken: float, **special: float) -> bool:
        scores = detector.score(hour(now, broken, usual=not special, **special))
        assert scores is not None
        return bool(scores.breach[0])

    weak, strong = 40.0, 400.0
    assert opens(weak)
    assert not opens(weak, widen=3.0)
    assert opens(strong, widen=3.0)
