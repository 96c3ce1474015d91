"""What a store must know of a ledger row: when it breaks by itself, and how to take a customer out of it."""

import msgspec

from service.core.counting.identity import without
from service.core.counting.ledger import Entry, Promised
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


def forgotten_in(row: Promised, known_as: str, tombstone: str) -> Promised:
    """The row with a tombstone in the place of an id, in whichever of its events it stands, and as its key.

    `known_as`: the name under which events have the customer.
    """

    def entry(of: Entry | None) -> Entry | None:
        if of is None:
            return None
        name = tombstone if of.customer == known_as else of.customer
        dimensions = without(of.dimensions, known_as, tombstone) if of.dimensions else of.dimensions
        return msgspec.structs.replace(of, customer=name, dimensions=dimensions)

    events = (row.first, row.newest, row.kept, row.broken, row.cancelled)
    return Promised(row.moment, tombstone if row.key == known_as else row.key, *map(entry, events))
