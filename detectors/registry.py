"""Detectors by the kind in their dump, and the ones that a moment gets without asking."""

from collections.abc import Mapping
from types import MappingProxyType

from detectors.absence import Absence
from detectors.adapted import Adapted
from detectors.budget import SHARES
from detectors.complaints import Complaints
from detectors.contrast import Contrast
from detectors.drop import Drop
from detectors.due_soon import DueSoon
from detectors.duration import Duration
from detectors.failure_rate import FailureRate
from detectors.frame import JSON, Default, Detector
from detectors.overdue import Overdue
from detectors.silence import Silence
from detectors.value import Value

DEFAULT: tuple[type[Default], ...] = (
    FailureRate,
    Contrast,
    Absence,
    Silence,
    Drop,
    Duration,
    Overdue,
    Complaints,
    DueSoon,
)
"""What watches every moment; who is absent is asked before what is missed of the whole."""
_ALL: tuple[type[Detector], ...] = (*DEFAULT, Adapted, Value)
KINDS: Mapping[str, type[Detector]] = MappingProxyType({one.kind: one for one in _ALL})


def load(state: Mapping[str, JSON]) -> Detector:
    """The detector of a dump, whichever it is; ValueError for a kind that does not exist."""
    kind = state.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"detector state: kind {kind!r} is unknown; known are {', '.join(sorted(KINDS))}")
    return KINDS[kind].load(state)


def defaults(
    false_alarm_interval: float, cold_start: float = 14.0, shares: Mapping[str, float] | None = None
) -> list[Default]:
    """The detectors of a moment under one promise of `false_alarm_interval` days between false alarms.

    `shares` by kind, as weights above 0; a kind that is left out is not watched. Each keeps the interval that
    `Budget` gives it once all are in use.

    >>> [(one.kind, one.false_alarm_interval) for one in defaults(90.0, shares={"failure_rate": 2, "silence": 1})]
    [('failure_rate', 135.0), ('silence', 270.0)]
    """
    makers = {one.kind: one for one in DEFAULT}
    weights = SHARES if shares is None else shares
    for kind, weight in weights.items():
        if kind not in makers or not weight > 0:
            raise ValueError(
                f"shares: {kind!r}: {weight!r}; give weights above 0 to some of {', '.join(sorted(makers))}"
            )
    total = sum(weights.values())
    return [
        make(false_alarm_interval * total / weights[kind], cold_start)
        for kind, make in makers.items()
        if kind in weights
    ]
