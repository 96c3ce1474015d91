"""One look at many moments at once, for a wall of them: a store is asked a few times, however many there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.core.counting.changes import BlindSpan
from service.core.event import DAY, Micros
from service.core.standing import MomentStatus, Totals

WEEK: Micros = 7 * DAY


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
