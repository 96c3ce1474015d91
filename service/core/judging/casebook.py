"""One cause, one interruption: which breaches open an interruption, which are evidence in one, and which end it.

A breach of everything and a breach of a segment inside it are one cause, unless the segment is worse than the rest
at the same time. Segments of different dimensions that breach together are one cause as well: the one with the most
evidence names it, and the others stay covered by it until they end or it does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from detectors.frame import JSON
from service.core.catalog import Level, Moment
from service.core.counting.tally import Window
from service.core.event import DAY, HOUR, Micros
from service.core.interruption import EVERYTHING, Interruption, Kind, Segment, interruption_id, rows_of, segment_of
from service.core.judging.frames import Explained
from service.core.judging.level import Counted, Past, cells_of

STALE_AFTER = 7 * DAY
"""An open interruption without any data for so long is stale, never resolved."""
_APART = DAY
"""By so much two onsets of one cause may be apart, as they are estimated."""
LIKELY_OVER, _GOES_ON = 2.0, 1.0
"""From such odds that it is over an interruption recovers, and below such it does not after all."""


class Breach(msgspec.Struct, frozen=True, gc=False):
    """One watcher holds that one row is broken now."""

    watcher: str
    kind: Kind
    row: str
    onset: Micros
    evidence: float
    expected: float | None = None
    seen: float | None = None
    rule: str | None = None
    level: Level | None = None
    """A rule's own; else the harm decides."""
    trial: bool = False
    """The rule is experimental: nobody is told, and it takes part in no other case."""
    contrast: bool = False
    over: float = 0.0
    """The odds that it is over already; it stands until that is sure."""

    @property
    def claim(self) -> tuple[str, str]:
        """Who says it of what."""
        return (self.watcher, self.row)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Something that the judge decided about an interruption at the end of a window.

    `pulse`: it has been open so much longer that its level is to be looked at again; ever more seldom. `return`:
    there is data again for one that was stale. `locate`: segments of it broke by themselves, `located`. `recover`:
    it is likely to be over, `relapse`: it goes on after all.
    """

    what: Literal["open", "evidence", "locate", "pulse", "recover", "relapse", "resolve", "stale", "return"]
    id: str
    at: Micros
    segment: Segment
    kind: Kind
    window: Micros
    onset: Micros
    rule: str | None = None
    level: Level | None = None
    notifies: bool = True
    expected: float | None = None
    seen: float | None = None
    past: Past = Past()
    """The moment's usual at that time."""
    counted: Counted = Counted()
    """The harm since the opening."""
    located: Segment = EVERYTHING


class _Case(msgspec.Struct, gc=False):
    """An open interruption: the claims that keep it open, and those that it covers."""

    opening: Decision
    kinds: set[Kind]
    claims: set[tuple[str, str]]
    covers: set[tuple[str, str]]
    usual: dict[str, float]
    fed_at: Micros
    pulsed_at: Micros
    counted: Counted
    stale: bool = False
    recovering: bool = False
    located: set[str] = msgspec.field(default_factory=set)
    """The rows that were said to be where it is, beside those that it opened with."""

    @property
    def experimental(self) -> str | None:
        """The rule on trial that owns this case; such a case takes in nobody else's evidence."""
        return None if self.opening.notifies else self.opening.rule


class Casebook:
    """The open interruptions of one moment."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._cases: dict[str, _Case] = {}

    def standing(self) -> list[list[Decision]]:
        """Each open case's opening, and then its further evidence."""
        return [
            [
                case.opening,
                *(
                    msgspec.structs.replace(case.opening, what="evidence", kind=kind, counted=case.counted)
                    for kind in sorted(case.kinds - {case.opening.kind})
                ),
            ]
            for case in self._cases.values()
        ]

    def count(self, windows: Sequence[Window]) -> None:
        """Add the harm of some windows to the open cases that they are about."""
        for case in self._cases.values():
            chosen = cells_of(case.opening.segment, self._moment.dimensions)
            case.counted = case.counted.plus(windows, chosen)

    def adopt(self, identity: str, row: Interruption) -> None:
        """Go on with a case under the name of an interruption that is known already, in its turn among the others."""
        case = self._cases[identity]
        case.opening = msgspec.structs.replace(
            case.opening, id=row.id, at=row.opened, kind=row.kind, onset=row.onset, rule=row.rule
        )
        case.kinds.update(row.kinds)
        case.recovering = row.state == "recovering"
        self._cases = {row.id if each == identity else each: held for each, held in self._cases.items()}

    @property
    def by_segment(self) -> bool:
        """Whether an interruption of a segment is open, of which harm and explanation are told by tuples of values."""
        return any(case.opening.segment for case in self._cases.values())

    def explained(self) -> list[Explained]:
        """What open interruptions of segments account for, so that no other row is blamed for it.

        While everything breaks they account for nothing: beside a segment that is taken to be as usual the rest would
        seem to break by itself.
        """
        if any(case.usual and case.opening.segment == EVERYTHING for case in self._cases.values()):
            return []
        return [
            Explained(case.opening.segment[0][0], by_value)
            for case in self._cases.values()
            if case.opening.segment and case.usual
            for by_value in [{row.partition("=")[2]: share for row, share in case.usual.items()}]
        ]

    def advance(self, start: Micros, end: Micros, breaches: Sequence[Breach], *, arrived: bool) -> list[Decision]:
        """The decisions at the end of one frame or window, given all that is in breach then."""
        decisions: list[Decision] = []
        if not breaches and not self._cases:
            return decisions
        standing = {breach.claim: breach for breach in breaches}
        self._let_go(standing)
        loose = [b for b in breaches if not self._held(b)]
        for group in _groups(loose):
            decisions += self._place(group, start, end)
        for identity, case in list(self._cases.items()):
            decisions += self._look_after(identity, case, end, arrived=arrived)
            decisions += self._turn(case, standing, end)
        return decisions

    def _let_go(self, standing: Mapping[tuple[str, str], Breach]) -> None:
        for case in self._cases.values():
            case.claims &= standing.keys()
            case.covers &= standing.keys()

    def _held(self, breach: Breach) -> bool:
        return any(breach.claim in case.claims or breach.claim in case.covers for case in self._cases.values())

    def _place(self, group: list[Breach], start: Micros, end: Micros) -> list[Decision]:
        """Lay breaches of one watcher and dimension on an interruption that is open, or open one."""
        first = group[0]
        rows = {breach.row for breach in group}
        claims = {breach.claim for breach in group}
        trial = first.rule if first.trial else None
        peers = [case for case in self._cases.values() if case.experimental == trial]
        for case in peers:
            known = [breach for breach in group if breach.row in rows_of(case.opening.segment)]
            if known:
                case.claims.update(breach.claim for breach in known)
                for breach in known:
                    if breach.kind == "failure_rate" and breach.expected is not None:
                        case.usual.setdefault(breach.row, breach.expected)
                rest = [breach for breach in group if breach not in known]
                return self._evidence(case, known[0], end) + (self._place(rest, start, end) if rest else [])
        segment = segment_of(sorted(rows))
        covering = self._covering(peers, segment, first)
        if covering is not None:
            covering.covers |= claims
            return self._evidence(covering, first, end) + self._locate(covering, group, end)
        # What is about to be missed has broken nothing yet: the harm begins when it is known, or later.
        opening = Decision(
            what="open",
            # Of the window its end: a rule's window and the frame around it may begin together.
            id=interruption_id(self._moment.name, segment, end, trial),
            at=end,
            segment=segment,
            kind=first.kind,
            window=start,
            onset=min([start, *(breach.onset for breach in group if breach.kind != "due_soon")]),
            rule=first.rule,
            level=first.level,
            notifies=not first.trial,
            expected=first.expected,
            seen=first.seen,
            counted=Counted(since=end),
        )
        usual = {b.row: b.expected for b in group if b.kind == "failure_rate" and b.expected is not None}
        self._cases[opening.id] = _Case(opening, {first.kind}, claims, set(), usual, end, end, opening.counted)
        return [opening]

    @staticmethod
    def _covering(peers: Sequence[_Case], segment: Segment, breach: Breach) -> _Case | None:
        """The open interruption that accounts for a segment's breach without being about it.

        One of everything does so unless the segment is set apart from the rest since then: what set it apart before,
        without being enough to open, is weighed anew by so much that breaks at once, and is not what broke now.
        One of another dimension does so only for what began before it opened: from then on its share is imputed.
        """
        if segment == EVERYTHING:
            return None
        for case in peers:
            whole = case.opening
            if whole.segment == EVERYTHING and not (breach.contrast and breach.onset >= whole.onset - _APART):
                return case
        for case in peers:
            other = case.opening.segment
            if other and other[0][0] != segment[0][0] and breach.onset <= case.opening.at:
                return case
        return None

    @staticmethod
    def _evidence(case: _Case, breach: Breach, end: Micros) -> list[Decision]:
        if breach.kind in case.kinds:
            return []
        case.kinds.add(breach.kind)
        opening = case.opening
        counted = case.counted
        return [
            msgspec.structs.replace(
                opening, what="evidence", at=end, kind=breach.kind, level=breach.level, counted=counted
            )
        ]

    @staticmethod
    def _locate(case: _Case, group: Sequence[Breach], end: Micros) -> list[Decision]:
        """Where an open interruption is found to be later, each row once; its segment stays what it was."""
        rows = {breach.row for breach in group if breach.rule is None} - case.located
        if not rows or end == case.opening.at:
            return []
        case.located |= rows
        segment = segment_of(sorted(rows))
        return [msgspec.structs.replace(case.opening, what="locate", at=end, located=segment, counted=case.counted)]

    def _look_after(self, identity: str, case: _Case, end: Micros, *, arrived: bool) -> list[Decision]:
        opening = msgspec.structs.replace(case.opening, counted=case.counted)
        if not case.claims:
            del self._cases[identity]
            return [msgspec.structs.replace(opening, what="resolve", at=end)]
        was_stale = case.stale
        if arrived:
            case.fed_at, case.stale = end, False
            if was_stale:
                return [msgspec.structs.replace(opening, what="return", at=end)]
        elif end - case.fed_at >= STALE_AFTER and not case.stale:
            case.stale = True
            return [msgspec.structs.replace(opening, what="stale", at=end)]
        if end - case.pulsed_at >= max(HOUR, (end - opening.at) // 4):
            case.pulsed_at = end
            return [msgspec.structs.replace(opening, what="pulse", at=end)]
        return []

    @staticmethod
    def _turn(case: _Case, standing: Mapping[tuple[str, str], Breach], end: Micros) -> list[Decision]:
        """Whether one begins to recover, or goes on after all: all that keeps it open has to be likely over."""
        odds = min((standing[claim].over for claim in case.claims), default=0.0)
        recovering = not case.stale and odds >= (_GOES_ON if case.recovering else LIKELY_OVER)
        # Of one that ended or that nobody has data of nothing else is said.
        turns = recovering != case.recovering and bool(case.claims) and not case.stale
        case.recovering = recovering
        what: Literal["recover", "relapse"] = "recover" if recovering else "relapse"
        return [msgspec.structs.replace(case.opening, what=what, at=end, counted=case.counted)] if turns else []

    def dump(self) -> JSON:
        """Plain JSON of the open cases."""
        return [
            {
                "opening": msgspec.to_builtins(case.opening),
                "kinds": [*sorted(case.kinds)],
                "claims": [list(claim) for claim in sorted(case.claims)],
                "covers": [list(claim) for claim in sorted(case.covers)],
                "usual": dict(case.usual),
                "fed_at": case.fed_at,
                "pulsed_at": case.pulsed_at,
                "counted": msgspec.to_builtins(case.counted),
                "stale": case.stale,
                "recovering": case.recovering,
                "located": [*sorted(case.located)],
            }
            for case in self._cases.values()
        ]

    @classmethod
    def load(cls, moment: Moment, state: Sequence[Mapping[str, Any]]) -> "Casebook":
        """Go on from a dump."""
        book = cls(moment)
        for saved in state:
            case = msgspec.convert(saved, _Case)
            book._cases[case.opening.id] = case
        return book


def _groups(breaches: Sequence[Breach]) -> list[list[Breach]]:
    """Breaches that may open together: of one watcher and one dimension.

    Everything comes first, then contrasts, then by evidence, rules last.
    """
    grouped: dict[tuple[str, str], list[Breach]] = {}
    for breach in breaches:
        grouped.setdefault((breach.watcher, breach.row.partition("=")[0]), []).append(breach)
    return sorted(
        grouped.values(),
        key=lambda group: (
            group[0].rule is not None,
            group[0].row != "",
            not group[0].contrast,
            -sum(breach.evidence for breach in group),
            group[0].watcher,
            group[0].row,
        ),
    )
