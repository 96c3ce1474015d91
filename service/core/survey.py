"""One look at many moments at once, for a wall of them: a store is asked a few times, however many there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.core.catalog import Moment
from service.core.counting.changes import BlindSpan
from service.core.event import DAY, Micros
from service.core.ports import MomentStatus, Reader, Totals


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of one moment. `days`: by their start, `by_value`: of the week, both without counting customers.

    `week`: the last seven days, with customers. `due`: (open promises, all promises) of the next seven days.
    `last`: the start of the last window in which anything happened; None: nothing did since the first day.
    """

    status: MomentStatus
    days: Mapping[Micros, Totals]
    week: Totals
    by_value: Mapping[str, Sequence[tuple[str | None, Totals]]]
    due: tuple[int, int]
    blind: Sequence[BlindSpan]
    last: Micros | None


WEEK: Micros = 7 * DAY


def one_by_one(
    reader: Reader, moments: Mapping[str, Moment], first: Micros, seen: Micros, now: Micros
) -> dict[str, Survey]:
    """By asking for each moment apart: what a store with a quicker way has to agree with."""
    found = {}
    for name, moment in moments.items():
        week = reader.totals(name, now + 1 - WEEK, now + 1, WEEK)
        sums = week[0][1] if week else Totals()
        windows = reader.totals(name, first, now + 1, moment.window, customers=False)
        found[name] = Survey(
            status=reader.status(name),
            days=dict(reader.totals(name, first, now + 1, DAY, customers=False)),
            week=sums,
            by_value={
                dimension: reader.by_value(name, dimension, now + 1 - WEEK, now + 1, customers=False)
                for dimension in (moment.dimensions if sums.broken else ())
            },
            due=reader.due(name, now, now + WEEK),
            blind=reader.blind(name, seen, now + 1),
            last=max((at for at, each in windows if each.attempts), default=None),
        )
    return found
