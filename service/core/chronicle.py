"""From the judge's decisions to what is written of an interruption, with the facts that its level rests on."""

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from service.core.casebook import Decision
from service.core.catalog import Level, Moment
from service.core.event import DAY, Micros
from service.core.interruption import Change, Impact, Interruption, Segment
from service.core.level import Harm, higher, level_of
from service.core.ports import Totals


class Facts(Protocol):
    """The questions that a level asks of a store."""

    def impact(self, moment: str, segment: Segment, start: Micros, end: Micros) -> Impact:
        """Exact distinct customers, breaks and value of [start, end) in a segment."""
        ...

    def totals(self, moment: str, start: Micros, end: Micros, step: Micros) -> list[tuple[Micros, Totals]]:
        """Sums by step."""
        ...

    def by_value(self, moment: str, dimension: str, start: Micros, end: Micros) -> list[tuple[str | None, Totals]]:
        """Sums by a dimension's values."""
        ...


def attempts_in(facts: Facts, moment: str, segment: Segment, start: Micros, end: Micros) -> int:
    """How many promises fell due in a segment in [start, end)."""
    if not segment:
        return sum(totals.attempts for _, totals in facts.totals(moment, start, end, DAY))
    dimension, values = segment[0]
    return sum(totals.attempts for value, totals in facts.by_value(moment, dimension, start, end) if value in values)


class Chronicle:
    """Writes one moment's decisions as changes of its interruptions."""

    def __init__(
        self, facts: Facts, moment: Moment, delay: Micros, known: Callable[[str], Interruption | None]
    ) -> None:
        self._facts = facts
        self._moment = moment
        self._delay = delay
        self._known = known
        self._rows: dict[str, Interruption] = {}

    def changes(self, decisions: Iterable[Decision]) -> list[Change]:
        """The changes in order; an interruption's later decisions build on its earlier ones."""
        return [change for decision in decisions for change in self._changes(decision)]

    def _changes(self, decision: Decision) -> list[Change]:
        at = decision.at + self._delay
        row = self._rows.get(decision.id) or self._known(decision.id)
        if decision.what == "open" and row is None:
            return [Change("opened", at, self._put(self._opened(decision)))]
        # Rules are judged ahead of the frame around them, so that after a restart some windows are judged again:
        # what is written already, an opening or an end, is not written twice.
        if decision.what == "open" or row is None or not row.is_open:
            return []
        changes: list[Change] = []
        if decision.what == "evidence" and decision.kind not in row.kinds:
            row = msgspec.structs.replace(row, kinds=(*row.kinds, decision.kind))
            changes.append(Change("evidence", at, row, decision.kind))
        level = higher(row.level, decision.level or self._level(row, decision))
        if level != row.level:
            note = f"{row.level} to {level}"
            row = msgspec.structs.replace(row, level=level)
            changes.append(Change("level", at, row, note))
        if decision.what == "resolve":
            row = msgspec.structs.replace(row, state="resolved", resolved_at=at)
            changes.append(Change("resolved", at, row))
        elif decision.what == "return" and row.state == "stale":
            row = msgspec.structs.replace(row, state="open")
            changes.append(Change("returned", at, row))
        elif decision.what == "stale" and row.state != "stale":
            row = msgspec.structs.replace(row, state="stale")
            changes.append(Change("stale", at, row))
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
        name, at = self._moment.name, decision.at
        impact = self._facts.impact(name, row.segment, row.onset, at)
        attempts = attempts_in(self._facts, name, row.segment, row.onset, at)
        harm = Harm(impact.broken, (row.expected or 0.0) * attempts, impact.value, at - row.onset)
        return level_of(harm, decision.past)
