"""Where a moment stands, in one word: what pages, metrics and digests call its state."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from detectors.frame import WHOLE
from service.core.event import Micros
from service.core.interruption import Interruption
from service.core.ports import MomentStatus

StandingWord = Literal["reliable", "watch", "unreliable", "unknown", "learning"]
STANDINGS: tuple[StandingWord, ...] = ("reliable", "watch", "unreliable", "unknown", "learning")

_SUSPICION = 0.5
"""From this share of the evidence that opens an interruption a moment is worth a look."""


class Standing(msgspec.Struct, frozen=True, gc=False):
    """The word, since when (None: nobody can say), and the interruption that says so, if one does."""

    word: StandingWord
    since: Micros | None = None
    worst: Interruption | None = None


def standing(status: MomentStatus, interruptions: Iterable[Interruption]) -> Standing:
    """One word from what is known of a moment and its interruptions.

    Trouble that was found outranks not seeing, for customers are let down all the same; not seeing outranks
    learning and calm, so that nothing looks well only because nobody can tell. What only an experimental rule
    says, what is of low level, what recovers or has been without data for long is worth a look and no more.
    """
    mine = [one for one in interruptions if one.moment == status.moment and one.is_open]
    loud = [one for one in mine if _is_loud(one)]
    if loud:
        return _from("unreliable", loud)
    if status.blind_since is not None:
        return Standing("unknown", status.blind_since)
    if mine:
        return _from("watch", mine)
    if status.judged_through is None or status.learning is not None:
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
