"""The questions about promises on their course, and about the terms on which they are kept."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.core.counting.ledger import Promised
from service.core.counting.tally import Values
from service.core.event import Micros
from service.core.terms import Edit, Place


class CourseReader(Protocol):
    """What falls due, what became of it, and what moved the goalposts; as amended."""

    def due(self, moment: str, start: Micros, end: Micros) -> tuple[int, int]:
        """(open promises, all promises) with a due time in [start, end)."""
        ...

    def coming(
        self, moment: str, start: Micros, end: Micros, step: Micros, dimensions: tuple[str, ...] = ()
    ) -> list[tuple[int, Values, int]]:
        """(number of the step since start, values of the dimensions, open promises) of those due in [start, end)."""
        ...

    def lives(self, moment: str, start: Micros, end: Micros, *, limit: int) -> list[Promised]:
        """The promises with a due time in [start, end) and what became of them, the last due first."""
        ...

    def signals(self, moment: str, start: Micros, end: Micros) -> Mapping[str, int]:
        """Sums of what windows counted beside outcomes, by name; see `course` for what promises are counted as."""
        ...

    def edits(self, start: Micros, end: Micros) -> list[Edit]:
        """Changes of moments' terms made in [start, end), in order; what was first seen of them is none."""
        ...


class CourseStore(CourseReader, Protocol):
    """What is written of terms, each call a transaction of its own."""

    def terms(self) -> Mapping[Place, str]:
        """The moments' terms as they were last written down."""
        ...

    def add_edits(self, given: Sequence[Edit]) -> None:
        """Append what differs of them."""
        ...
