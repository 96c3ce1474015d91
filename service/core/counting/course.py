"""The course of a promise beside its outcome: open on its way to its due and past it, given up, moved.

Counts of these are sums of what every row comes to, and a row's part is a pure function of it and of how far its moment
is closed, as in the ledger: whoever changes either adds the difference, in whatever order events come. Where a promise
stands on its way is known when it is made, so that each way mark is a count in a window still to come, and an outcome
before it takes the promise out of it: nothing has to look for promises that reach a mark.

The shape that was not chosen: rows counted by how long they have left, whenever a window closes. That would have read
every open promise again and again.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from service.core.catalog import Moment
from service.core.counting.ledger import Promised
from service.core.counting.reach import Reach
from service.core.counting.tally import Tally, Values, stated
from service.core.counting.window import window_of
from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros

WAY_MARKS: tuple[tuple[float, str, str], ...] = (
    (0.5, "reached_half", "open_half"),
    (0.75, "reached_most", "open_most"),
)
"""So much of the time given is over; how many promises come there, and how many of them open, no outcome known."""

_COARSE: tuple[Micros, ...] = (DAY, 6 * HOUR, HOUR, 15 * MINUTE, 5 * MINUTE)
_PARTS = 16
"""Way marks are counted at whole steps of the clock, so many to a promise at least: so that rows are few."""
_SHORTEST = 8
"""Windows that a promise has to last: what is due at once is on no way."""


def follow(
    moment: Moment, was: tuple[Promised, Reach], now: tuple[Promised, Reach], tally: Tally, floor: Micros | None = None
) -> None:
    """Bring the counts of a promise's course from one state of it to the next.

    `floor`: the first window that is still open; None: the one after what is closed in `was`.
    """
    before, after = was[0], now[0]
    first, known = after.first, before.first
    if first is None and known is None:
        # Nobody was promised anything.
        return
    values: Values = () if first is None else stated(first.dimensions, moment.dimensions)
    steps = []
    if known is not None:
        others = values if known is first else stated(known.dimensions, moment.dimensions)
        steps.append(_Step(-1, before, was[1], others))
    if first is not None:
        steps.append(_Step(1, after, now[1], values))
    if _is_past_due(*now) or _is_past_due(*was):
        _count_past_due(moment, steps, tally, was[1].closed if floor is None else floor)
    if before is after:
        return
    if known is not first or before.newest is not after.newest or _redated(after):
        _count_goalposts(moment, steps, tally)
    if known is first:
        _count_change(moment, before, after, values, tally, was[1].closed)
    else:
        _count_way(moment, steps, tally, was[1].closed)


class _Step(NamedTuple):
    """One state of a promise: to be counted out, or in."""

    sign: int
    row: Promised
    reach: Reach
    values: Values


def _count_past_due(moment: Moment, steps: Iterable[_Step], tally: Tally, floor: Micros) -> None:
    """These only ever mean something summed up: what comes too late for its window counts in the first one still open.

    How many are open is then right again.
    """
    for sign, row, reach, values in steps:
        for at, signal in past_due(row, reach, moment.give_up_after):
            window = max(window_of(at, moment.window), floor)
            tally.cell(moment.name, window, values, late=False).count_signal(signal, sign)


def _count_goalposts(moment: Moment, steps: Iterable[_Step], tally: Tally) -> None:
    for sign, row, _, values in steps:
        # Nearly always all of them stand at one day.
        at, cell = -1, None
        for day, signal, n in goalposts(row):
            if cell is None or day != at:
                at, cell = day, tally.cell(moment.name, day, values, late=True)
            cell.count_signal(signal, sign * n)


def _count_change(
    moment: Moment, before: Promised, after: Promised, values: Values, tally: Tally, through: Micros
) -> None:
    """What a promise reaches is as it was; where it comes to open may not be."""
    ended, until, width = settled_at(before), settled_at(after), moment.window
    for mark, _, signal in way_marks(after, width) if ended != until else ():
        more = (until is None or until >= mark) - (ended is None or ended >= mark)
        if more:
            place = mark - width
            tally.cell(moment.name, place, values, late=place < through).count_signal(signal, more)


def _count_way(moment: Moment, steps: Iterable[_Step], tally: Tally, through: Micros) -> None:
    name, width = moment.name, moment.window
    for sign, row, _, values in steps:
        settled = settled_at(row)
        for mark, reached, still_open in way_marks(row, width):
            place = mark - width
            cell = tally.cell(name, place, values, late=place < through)
            cell.count_signal(reached, sign)
            if settled is None or settled >= mark:
                cell.count_signal(still_open, sign)


def _is_past_due(row: Promised, reach: Reach) -> bool:
    due = row.first.due if row.first is not None else None
    return due is not None and reach.is_past(due, row.key)


def past_due(row: Promised, reach: Reach, give_up_after: Micros) -> Iterator[tuple[Micros, str]]:
    """When a promise began to be open past its due, and when an outcome or the wait for one ended that.

    Unlike a break, which stays one however late it is kept, this is over with any outcome.
    """
    first, due = row.first, row.due
    if first is None or due is None or not _is_past_due(row, reach):
        return
    since = max(due, first.at)
    settled = settled_at(row)
    if settled is None:
        yield since, "overdue"
        if (due, row.key) < reach.given_up:
            yield max(due + give_up_after, since), "given_up"
    elif settled > since:
        yield since, "overdue"
        yield settled, "caught_up"


def give_up(moment: Moment, rows: Iterable[Promised], reach: tuple[Reach, Reach], tally: Tally, floor: Micros) -> None:
    """Count promises as given up, or as waited for again, as a closing moves the time of it from one to another."""
    for row in rows:
        follow(moment, (row, reach[0]), (row, reach[1]), tally, floor)


def way_marks(row: Promised, width: Micros) -> Iterator[tuple[Micros, str, str]]:
    """The way marks of a promise: the end of the window in which it comes there, and what counts it then."""
    first, due = row.first, row.due
    if first is None or due is None or due - first.at < _SHORTEST * width:
        return
    given = due - first.at
    step = width
    for coarse in _COARSE:
        if coarse * _PARTS <= given and coarse % width == 0:
            step = coarse
            break
    for share, reached, still_open in WAY_MARKS:
        yield -(-(first.at + int(share * given)) // step) * step, reached, still_open


def goalposts(row: Promised) -> Iterator[tuple[Micros, str, int]]:
    """What moves the goalposts: by the day of it, as (day, name, number).

    `promised`: made, `given_s`: how long they were given in all. `redated_later`, `redated_sooner`: the customer was
    told another day since; `kept_by_later`: kept by that later one only, which does not count as kept.
    """
    first, newest = row.first, row.newest
    if first is None or first.due is None:
        return
    made = window_of(first.at, DAY)
    yield made, "promised", 1
    yield made, "given_s", max(first.due - first.at, 0) // SECOND
    if newest is not None and newest.due is not None and _redated(row):
        yield window_of(newest.at, DAY), "redated_later" if newest.due > first.due else "redated_sooner", 1
        if row.kept is not None and first.due < row.kept.at <= newest.due:
            yield window_of(first.due, DAY), "kept_by_later", 1


def _redated(row: Promised) -> bool:
    return row.first is not None and row.newest is not None and row.newest.due != row.first.due


def settled_at(row: Promised) -> Micros | None:
    """When the first outcome came."""
    first: Micros | None = None
    for entry in (row.kept, row.broken, row.cancelled):
        if entry is not None and (first is None or entry.at < first):
            first = entry.at
    return first
