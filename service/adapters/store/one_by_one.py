"""What a look at many moments at once has to agree with: the same, asked for each moment apart."""

from collections.abc import Mapping

from service.core.catalog import Moment
from service.core.event import DAY, Micros
from service.core.ports import Reader
from service.core.standing import Totals
from service.core.survey import WEEK, Survey


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
