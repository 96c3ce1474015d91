"""How far a moment has come: its windows are closed, its promises past their due, and what is given up.

A closing in which very many promises fall due is done in parts, each a transaction, so that nothing waits for all
of it. In between, the promises before a position in the order of due and key are past their due although their window
is not closed yet. What each counts for stays a pure function of its row and of how far the moment has come, so that
events may come between two parts, and another process may do the next one.

The shape that was not chosen: a mark on each row that broke by itself. It would have been written once more for each of
them, and what a row counts for would have depended on who looked at it first.
"""

from typing import NamedTuple

from service.core.event import Micros

Position = tuple[Micros, str]
"""A place among the promises of a moment in order of due and key: before it lies what is smaller, by code point."""
START: Position = (0, "")


class Reach(NamedTuple):
    """How far a moment is closed.

    `given_up`: the promises due before it that were never settled have no outcome to come. `expired`: while a closing
    is under way, the promises before it are past their due, though `closed` lies before.
    """

    closed: Micros
    given_up: Position = START
    expired: Position = START

    def is_past(self, due: Micros, key: str) -> bool:
        """Whether event time has passed the due of a promise."""
        return due < self.closed or (due <= self.expired[0] and (due, key) < self.expired)

    def until(self, end: Micros) -> "Reach":
        """As it was when no more than the windows before a time were closed; nothing is given up in it."""
        return Reach(min(self.closed, end), START, min(self.expired, (end, "")))

    @property
    def next(self) -> Position:
        """Where the promises begin that are not past their due."""
        return max((self.closed, ""), self.expired)


NOWHERE = Reach(0)
"""Of a moment that never closed."""
