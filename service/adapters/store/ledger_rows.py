"""What a store must know of a ledger row to find it when its due time passes."""

from service.core.counting.ledger import Promised
from service.core.event import Micros


def expires_at(row: Promised) -> Micros | None:
    """The due time at which a row breaks by itself; None when there is none or an outcome came in time."""
    due = row.due
    if due is None:
        return None
    for outcome in (row.kept, row.broken, row.cancelled):
        if outcome is not None and outcome.at <= due:
            return None
    return due
