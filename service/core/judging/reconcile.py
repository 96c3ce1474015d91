"""After a judge came back: what it holds open and what the store has open are brought together.

They differ when a rule or a detector was changed, so that the judge learned again, or when a moment was withdrawn and
declared again. Nobody is paged about it: nothing happened to customers, we only see it otherwise.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from service.core.event import Micros
from service.core.interruption import Change, Interruption, Segment
from service.core.judging.casebook import Decision
from service.core.judging.chronicle import Chronicle

GONE = "no longer found after learning again"
FOUND = "found after learning again"

Place = tuple[Segment, str | None]
"""A segment, and the rule on trial whose case it is: of each, one at most is open."""


class Holder(Protocol):
    """Whoever holds interruptions open: a judge."""

    def standing(self) -> list[list[Decision]]:
        """Each open case's opening, and then its further evidence."""
        ...

    def adopt(self, identity: str, row: Interruption) -> None:
        """Go on with a case under the name of one that is known already."""
        ...


def reconcile(
    judge: Holder,
    chronicle: Chronicle,
    rows: Iterable[Interruption],
    known: Callable[[str], Interruption | None],
    span: tuple[Micros, Micros],
) -> list[Change]:
    """The changes that make the store agree with the judge.

    `rows`: the moment's interruptions that are open in the store; `known`: gives any by its id. `span`: how far was
    judged, and when that was known. What is open in both goes on under its old name, even where it would be called
    otherwise now.
    """
    through, at = span
    held = {_place(decisions[0]): decisions for decisions in judge.standing()}
    gone: list[Change] = []
    for row in rows:
        decisions = held.pop((row.segment, None if row.notifies else row.rule), None)
        if row.opened > through:
            # A rule's, from a window ahead of the frame around it: it is about to be judged again.
            continue
        if decisions is None:
            ended = msgspec.structs.replace(row, state="resolved", resolved_at=at)
            gone.append(Change("resolved", at, ended, GONE))
        else:
            judge.adopt(decisions[0].id, row)
    found: list[Change] = []
    for decisions in held.values():
        over = known(decisions[0].id)
        if over is None:
            pulse = msgspec.structs.replace(decisions[0], what="pulse", at=through)
            changes = chronicle.changes([*decisions, pulse])
            found.append(Change("opened", changes[0].at, changes[-1].interruption, FOUND))
        elif over.resolved_at is None or over.resolved_at <= at:
            again = msgspec.structs.replace(over, state="open", resolved_at=None)
            found.append(Change("opened", at, again, FOUND))
    return gone + found


def _place(opening: Decision) -> Place:
    return (opening.segment, None if opening.notifies else opening.rule)
