"""From the judge's decisions to what is written of an interruption, with the level that its harm makes.

The harm is counted as judged: what amends it later changes what reports count, and wakes nobody.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache

import msgspec

from service.core.catalog import LEVELS, Level, Moment
from service.core.counting.tally import Window
from service.core.counting.window import window_of
from service.core.event import DAY, Micros
from service.core.interruption import Change, ChangeWord, Interruption, Segment, State
from service.core.judging.casebook import Decision
from service.core.judging.level import Counted, Harm, cells_of, higher, level_of

_TURNS: Mapping[str, tuple[Collection[State], State, ChangeWord]] = {
    "recover": ({"open", "acknowledged"}, "recovering", "recovering"),
    "relapse": ({"recovering"}, "open", "relapsed"),
    "stale": ({"open", "acknowledged", "recovering"}, "stale", "stale"),
    "return": ({"stale"}, "open", "returned"),
}
"""Decisions after which an interruption is still open: the states they turn, into which, and the word for it."""
TURNED: Collection[str] = frozenset(word for _, _, word in _TURNS.values())
"""The words for such a turn."""
_MOST = 20
"""Values that an entry of a timeline names."""


class Chronicle:
    """Writes one moment's decisions as changes of its interruptions.

    `judged`: gives the windows from one time to another, as judged. `known`: gives an interruption by its id, and
    `turned` when it last turned, as far as it is written.
    """

    def __init__(
        self,
        moment: Moment,
        delay: Micros,
        judged: Callable[[Micros, Micros], Iterable[Window]],
        known: Callable[[str], Interruption | None],
        turned: Callable[[str], Micros | None],
    ) -> None:
        self._moment = moment
        self._judged = judged
        self._delay = delay
        self._known = known
        self._turned = cache(turned)
        self._rows: dict[str, Interruption] = {}
        self._before: dict[str, tuple[tuple[Micros, Micros], Counted]] = {}

    def changes(self, decisions: Iterable[Decision]) -> list[Change]:
        """The changes in order; an interruption's later decisions build on its earlier ones."""
        return [change for decision in decisions for change in self._changes(decision)]

    def _changes(self, decision: Decision) -> list[Change]:
        at = decision.at + self._delay
        row = self._rows.get(decision.id) or self._known(decision.id)
        if decision.what == "open" and row is None:
            return [Change("opened", at, self._put(self._opened(decision)))]
        # Rules are judged ahead of the frame around them, so that after a restart some windows are judged again:
        # what is written already, an opening, a turn or an end, is not written twice.
        if decision.what == "open" or row is None or not row.is_open:
            return []
        changes: list[Change] = []
        if decision.what == "evidence" and decision.kind not in row.kinds:
            row = msgspec.structs.replace(row, kinds=(*row.kinds, decision.kind))
            changes.append(Change("evidence", at, row, decision.kind))
        if decision.what == "locate":
            changes.append(Change("located", at, row, _words(decision.located)))
        level = higher(row.level, decision.level or self._level(row, decision))
        if level != row.level:
            note = f"{row.level} to {level}"
            row = msgspec.structs.replace(row, level=level)
            changes.append(Change("level", at, row, note))
        if decision.what == "resolve":
            row = msgspec.structs.replace(row, state="resolved", resolved_at=at)
            changes.append(Change("resolved", at, row))
        elif decision.what in _TURNS:
            before, state, word = _TURNS[decision.what]
            if row.state in before and at > (self._turned(row.id) or 0):
                row = msgspec.structs.replace(row, state=state)
                changes.append(Change(word, at, row))
        self._put(row)
        return changes

    def _opened(self, decision: Decision) -> Interruption:
        row = Interruption(
            id=decision.id,
            moment=self._moment.name,
            segment=decision.segment,
            kind=decision.kind,
            kinds=(decision.kind,),
            rule=decision.rule,
            level=decision.level or "low",
            state="open",
            onset=decision.onset,
            opened=decision.at,
            detected_at=decision.at + self._delay,
            expected=decision.expected,
            seen=decision.seen,
            notifies=decision.notifies,
        )
        if decision.level is not None:
            return row
        return msgspec.structs.replace(row, level=self._level(row, decision))

    def _put(self, row: Interruption) -> Interruption:
        self._rows[row.id] = row
        return row

    def _level(self, row: Interruption, decision: Decision) -> Level:
        if row.rule is not None:
            return row.level
        if row.kind in {"silence", "volume"}:
            # Nobody is counted while nothing arrives, and everybody may be affected.
            return "high"
        least: Level = "low"
        if row.kind in {"duration", "complaints", "due_soon", "value"}:
            # No promise is broken by that: the owner sees it, and what breaks besides is evidence of its own.
            least = "medium"
            if not {"failure_rate", "overdue"} & set(row.kinds):
                return least
        if row.level == LEVELS[-1]:
            # It never falls.
            return row.level
        since = decision.counted
        chosen = cells_of(row.segment, self._moment.dimensions)
        start = window_of(row.onset, self._moment.window)
        known = self._before.get(row.id)
        if known is None or known[0] != (start, since.since):
            # What was judged stays as judged: it is counted once.
            known = (start, since.since), Counted(start).plus(self._judged(start, since.since), chosen)
            self._before[row.id] = known
        before = known[1]
        attempts, broken = before.attempts + since.attempts, before.broken + since.broken
        usual = (row.expected or 0.0) * attempts
        if least != "low":
            # What opened it has no usual share of broken ones: then the moment's usual days have to do.
            usual = decision.past.broken * (decision.at - start) / DAY
        harm = Harm(broken, usual, before.value + since.value, decision.at - row.onset)
        return higher(least, level_of(harm, decision.past))


def _words(segment: Segment) -> str:
    """`region RJ, SP`; a line in a timeline has no room for a thousand."""
    return "; ".join(
        f"{dimension} {', '.join(values[:_MOST])}" + (f" and {len(values) - _MOST} more" if len(values) > _MOST else "")
        for dimension, values in segment
    )
