"""Where a moment stands, in one word: what pages, metrics and digests call its state."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from detectors.frame import WHOLE
from service.core.catalog import Catalog, Moment
from service.core.event import MINUTE, Micros
from service.core.interruption import Interruption
from service.core.standing import MomentStatus

StandingWord = Literal["reliable", "watch", "unreliable", "unknown", "learning"]
STANDINGS: tuple[StandingWord, ...] = ("reliable", "watch", "unreliable", "unknown", "learning")

_WORK: Micros = 15 * MINUTE
_SUSPICION = 0.5
"""From this share of the evidence that opens an interruption a moment is worth a look."""


class Standing(msgspec.Struct, frozen=True, gc=False):
    """The word, since when (None: nobody can say), and the interruption that says so, if one does."""

    word: StandingWord
    since: Micros | None = None
    worst: Interruption | None = None


def expected_through(catalog: Catalog, moment: Moment, now: Micros) -> Micros:
    """How far a moment that keeps up is judged by now, with some time for the work itself."""
    return now - catalog.delay_of(moment.name) - 2 * moment.window - _WORK


def standing(status: MomentStatus, interruptions: Iterable[Interruption], expected: Micros | None = None) -> Standing:
    """One word from what is known of a moment and its interruptions.

    `expected`: how far it should be judged by now; one that is behind is not known since then.

    Trouble that was found outranks not seeing, for customers are let down all the same; not seeing outranks
    learning and calm, so that nothing looks well only because nobody can tell. What only an experimental rule
    says, what is of low level, what recovers or has been without data for long is worth a look and no more.
    """
    mine = [one for one in interruptions if one.moment == status.moment and one.is_open]
    loud = [one for one in mine if _is_loud(one)]
    if loud:
        return _from("unreliable", loud)
    judged = status.judged_through
    unseen = status.blind_since
    if unseen is None and expected is not None and judged is not None and judged < expected:
        unseen = judged
    if unseen is not None:
        return Standing("unknown", unseen)
    if mine:
        return _from("watch", mine)
    if judged is None or status.learning is not None:
        return Standing("learning")
    if any(series.segment == WHOLE and series.evidence >= _SUSPICION for series in status.series):
        return Standing("watch")
    return Standing("reliable")


def _is_loud(one: Interruption) -> bool:
    return one.level != "low" and one.notifies and one.state in {"open", "acknowledged"}


_ORDER = {"critical": 0, "high": 1, "medium": 2, "low": 3}


def _from(word: StandingWord, interruptions: Sequence[Interruption]) -> Standing:
    worst = min(interruptions, key=lambda one: (_ORDER[one.level], one.onset, one.id))
    return Standing(word, min(one.onset for one in interruptions), worst)
