"""How many of the promises due soon will miss: by hand, against chance, and where the flow of completions stalls."""

from random import Random

import pytest

from service.core.counting.ledger import Entry, Promised
from service.core.event import DAY, HOUR, Micros
from service.core.reporting.due_soon import Forecast, forecast

NOW = 400 * DAY


def life(due: Micros, made: Micros, settled: Micros | None, word: str = "kept", region: str = "") -> Promised:
    """A promise that was made so long before its due, and settled so long before it; None: never."""
    outcome = None if settled is None else Entry(due - settled, "o", "c")
    first = Entry(due - made, "p", "c", due=due, dimensions={"region": region})
    return Promised("m", "k", first, first, **({word: outcome} if outcome else {}))


def test_what_is_open_late_misses_as_often_as_what_was() -> None:
    # Of 100 a day, 80 are kept two days before their due, 10 in the last twelve hours, 10 never.
    rows = [
        life(NOW - day * DAY - i, 5 * DAY, 2 * DAY if i < 80 else 6 * HOUR if i < 90 else None)
        for day in range(1, 11)
        for i in range(100)
    ]
    found = forecast(rows, [(12 * HOUR, 40)])
    assert found is not None
    assert (found.open, found.middle) == (40, 20)
    assert found.low <= 15
    assert found.high >= 25
    early = forecast(rows, [(3 * DAY, 40)])
    assert early is not None
    assert early.middle == 4
    # With less than six hours left, nobody was ever served.
    last = forecast(rows, [(5 * HOUR, 40)])
    assert last == Forecast(40, 38, 40, 40)


def test_more_open_than_usual_miss_more_before_any_is_broken() -> None:
    rows = [life(NOW - i * HOUR, 5 * DAY, HOUR * 30 if i % 10 else None) for i in range(1, 300)]
    usual, stalled = (forecast(rows, [(20 * HOUR, n)]) for n in (10, 100))
    assert usual is not None
    assert stalled is not None
    assert stalled.low > usual.high


@pytest.mark.parametrize("word", ["cancelled", "kept"])
def test_what_was_settled_in_time_did_not_miss(word: str) -> None:
    rows = [life(NOW - i * HOUR, DAY, HOUR, word) for i in range(1, 100)]
    found = forecast(rows, [(2 * HOUR, 50)])
    assert found is not None
    assert found.middle == 0
    late = forecast([life(NOW - i * HOUR, DAY, -HOUR, word) for i in range(1, 100)], [(2 * HOUR, 50)])
    assert late is not None
    assert late.middle == 50


@pytest.mark.parametrize("early", [True, False])
def test_promises_made_later_say_nothing_of_earlier(*, early: bool) -> None:
    """Those made in the last hour fare one way, those open for a day the other."""
    rows = [life(NOW - i * HOUR, HOUR, HOUR // 2 if early else None) for i in range(1, 300)]
    rows += [life(NOW - i * HOUR, DAY, None if early else 2 * HOUR) for i in range(1, 300)]
    found = forecast(rows, [(12 * HOUR, 50)])
    assert found is not None
    assert found.middle == (50 if early else 0)


def test_too_little_past_says_nothing() -> None:
    rows = [life(NOW - i * HOUR, DAY, None) for i in range(49)]
    assert forecast(rows, [(HOUR, 5)]) is None
    # What was due before it was promised is no life at all.
    assert forecast([*rows, life(NOW, -HOUR, None)], [(HOUR, 5)]) is None
    assert forecast([*rows, life(NOW, HOUR, None)], [(HOUR, 5)]) is not None


@pytest.mark.parametrize("sway", [0.0, 0.6])
def test_the_interval_holds_nine_times_in_ten_also_where_days_differ(sway: float) -> None:
    """Each day has its own chance to miss; the day to come is drawn like those before it."""
    random, inside, widths, trials = Random(7), 0, 0, 120
    for _ in range(trials):
        rows: list[Promised] = []
        for day in range(15):
            chance = 0.2 * (1 + random.uniform(-sway, sway))
            missed = [random.random() < chance for _ in range(150)]
            if day == 0:
                continue
            due = NOW - day * DAY
            rows += [life(due + 160 * i, 3 * DAY, None if miss else HOUR) for i, miss in enumerate(missed)]
        chance = 0.2 * (1 + random.uniform(-sway, sway))
        actual = sum(random.random() < chance for _ in range(150))
        found = forecast(rows, [(12 * HOUR, 150)])
        assert found is not None
        inside += found.low <= actual <= found.high
        widths += found.high - found.low
    assert 0.84 <= inside / trials <= 0.99
    assert widths / trials < 60


def test_a_segment_fares_as_its_own_past_did_and_as_the_whole_where_it_has_none() -> None:
    # Of the south's every second one misses, of the north's every tenth: 30 % of all.
    rows = [life(NOW - i * HOUR, 5 * DAY, DAY if i % 10 else None, region="north") for i in range(1, 301)]
    rows += [life(NOW - i * HOUR, 5 * DAY, DAY if i % 2 else None, region="south") for i in range(1, 301)]
    steps = [(30 * HOUR, 100)]
    north, south, west = (forecast(rows, steps, (("region", (name,)),)) for name in ("north", "south", "west"))
    assert (north and round(north.middle, -1), south and round(south.middle, -1)) == (10, 50)
    assert west is not None
    assert west.middle == 30
    # What nothing is known of is the less certain.
    assert south is not None
    assert west.high - west.low > south.high - south.low
    both = forecast(rows, steps, (("region", ("north", "south")),))
    assert both is not None
    assert both.middle == 30
