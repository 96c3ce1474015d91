"""What is told of an interruption is of its own segment, and of the break that opened it."""

from collections.abc import Iterator

from service.core.catalog import Moment
from service.core.counting.tally import Values, Window
from service.core.event import Micros, rfc3339
from service.core.reporting.evidence import _largest, _onset
from tests.adapters.web.world import interruption
from tests.core.making import at, window

DAY = 24 * 60
MOMENT = Moment("arrives", "ops", dimensions=("carrier", "origin"))
SEGMENT = (("carrier", ("AA",)),)


def hours(first: float, count: int, broken: int) -> list[Window]:
    """Ten attempts of AA an hour, so many of which broke, and a hundred of UA elsewhere, as bad."""
    cells: dict[Values, tuple[int, int]] = {("AA", "JFK"): (10, broken), ("UA", "EWR"): (100, 10 * broken)}
    return [window(first + 60 * hour, cells) for hour in range(count)]


def test_a_break_that_was_over_is_not_where_the_next_one_began() -> None:
    """All broke for half a day, a day went as usual, and since three hours all breaks again."""
    past = [*hours(0.0, 12, 10), *hours(12 * 60.0, 24, 1), *hours(36 * 60.0, 3, 10)]

    def judged(after: Micros | None, through: Micros) -> Iterator[Window]:
        return (one for one in past if (after or 0) <= one.start < through)

    it = interruption("arrives", SEGMENT, at(1.5 * DAY), at(1.5 * DAY + 180))
    onset = _onset(judged, MOMENT, it, 0.1)
    assert onset is not None
    assert onset.at == rfc3339(at(1.5 * DAY))
    assert onset.earliest >= rfc3339(at(1.2 * DAY))


def test_what_carries_a_segment_is_inside_of_it() -> None:
    before, since = hours(0.0, 24, 1), hours(DAY, 3, 9)
    found = _largest(MOMENT, before, since, 1, 0.1, lambda values: values[0] == "AA")
    assert [(share.where, share.broken) for share in found] == [({"carrier": "AA"}, 27), ({"origin": "JFK"}, 27)]
