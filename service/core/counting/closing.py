"""A closing, purely: its promises break and are given up in parts of so many rows, the last of which closes."""

from collections.abc import Sequence
from typing import Protocol

from service.core.catalog import Moment
from service.core.counting.changes import Changes
from service.core.counting.intake import expire
from service.core.counting.ledger import Promised
from service.core.counting.reach import Position, Reach
from service.core.event import Micros

PART = 1_000
"""Rows of the ledger in one part: what waits for it waits a fraction of a second."""


class Expiring(Protocol):
    """The promises of a moment in order of due and key, and how far it has come."""

    @property
    def reach(self) -> Reach:
        """How far it has come."""
        ...

    def due(self, end: Position, limit: int) -> tuple[Sequence[Promised], Position]:
        """The first promises from `reach.next` up to a position that nobody kept or withdrew in time.

        At most `limit` of them, and the position that this comes to: `end` where that is all.
        """
        ...

    def unsettled(self, end: Position, limit: int) -> tuple[Sequence[Promised], Position]:
        """The promises between `reach.given_up` and a position, after or before it, that have no outcome at all.

        No more than `limit` rows are looked at; and the position that this comes to.
        """
        ...


def close_part(moment: Moment, rows: Expiring, through: Micros, limit: int = PART) -> tuple[Changes, Reach]:
    """What one part of closing a moment through a time changes, and how far the moment has come then.

    It is done when `closed` of that is the time: until then nothing of it may be judged.
    """
    was, end = rows.reach, (through, "")
    due, expired = rows.due(end, limit)
    forsaken: Sequence[Promised] = ()
    now = was._replace(expired=expired)
    left = limit - len(due)
    if expired >= end and left:
        patience = (through - moment.give_up_after, "")
        forsaken, given_up = rows.unsettled(patience, left)
        now = Reach(through if given_up == patience else was.closed, given_up, expired)
    changes = Changes()
    expire(moment, due, forsaken, (was, now), changes)
    return changes, now
