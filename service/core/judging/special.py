"""When a moment's time is special: known events of calendars, and for a while after something was done.

What is special is judged against a wider null, and no base learns from it; a strong break still opens. An annotation
tells of something that we did ourselves, such as a deployment, which may go wrong: it must not silence its own harm.
"""

from collections.abc import Sequence

from detectors.frame import JSON
from service.core.catalog import KnownEvent
from service.core.event import DAY, HOUR, Micros
from service.core.judging.gathered import Gathered

AFTER: Micros = HOUR
"""So long after an annotation its time is special."""
FACTOR = 2.0
"""Within what the usual is right then, 19 times in 20."""
MOST = 0.25
"""Special time after annotations, as a share of the last week: who deploys all day long is not special any more."""
_WEEK: Micros = 7 * DAY


class Special:
    """Says of a stretch of time within what factor the usual is right in it; 1 where it is as always."""

    def __init__(
        self, known: Sequence[KnownEvent], until: Micros = 0, spent: Sequence[tuple[Micros, Micros]] = ()
    ) -> None:
        self._known = known
        self._until = until
        self._spent = [(start, end) for start, end in spent]

    def factor(self, start: Micros, end: Micros, given: Gathered) -> float:
        """The factor of [start, end); its cells tell of annotations."""
        factor = max((event.factor for event in self._known if event.start < end and start < event.end), default=1.0)
        if given.noted:
            self._spent = [span for span in self._spent if span[1] > end - _WEEK]
            if sum(until - since for since, until in self._spent) < MOST * _WEEK:
                since = max(start, self._until)
                self._until = max(self._until, end + AFTER)
                self._spent.append((since, self._until))
        return max(factor, FACTOR) if start < self._until else factor

    def foretold(self, start: Micros, end: Micros, given: Gathered) -> float:
        """The factor, with nothing taken in."""
        return Special(self._known, self._until, self._spent).factor(start, end, given)

    def dump(self) -> JSON:
        """Plain JSON."""
        return {"until": self._until, "spent": [list(span) for span in self._spent]}
