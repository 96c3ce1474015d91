"""Detectors by the kind in their dump, and the ones that a moment gets without asking."""

from collections.abc import Mapping
from types import MappingProxyType

from detectors.adapted import Adapted
from detectors.contrast import Contrast
from detectors.failure_rate import FailureRate
from detectors.frame import JSON, Detector
from detectors.silence import Silence

KINDS: Mapping[str, type[Detector]] = MappingProxyType(
    {one.kind: one for one in (FailureRate, Contrast, Silence, Adapted)}
)
SHARES: Mapping[str, float] = MappingProxyType({"failure_rate": 0.5, "contrast": 0.35, "silence": 0.15})
"""Each default detector's share of a moment's false alarms."""


def load(state: Mapping[str, JSON]) -> Detector:
    """The detector of a dump, whichever it is; ValueError for a kind that does not exist."""
    kind = state.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"detector state: kind {kind!r} is unknown; known are {', '.join(sorted(KINDS))}")
    return KINDS[kind].load(state)


def defaults(
    false_alarm_interval: float, cold_start: float = 14.0, shares: Mapping[str, float] | None = None
) -> list[Detector]:
    """The detectors of a moment under one promise of `false_alarm_interval` days between false alarms.

    False alarms per day add up, so a detector with a share s of them gets the interval divided by s. `shares` by
    kind, as weights above 0; a kind that is left out is not watched.

    >>> [(one.kind, one.false_alarm_interval) for one in defaults(90.0, shares={"failure_rate": 2, "silence": 1})]
    [('failure_rate', 135.0), ('silence', 270.0)]
    """
    makers = {one.kind: one for one in (FailureRate, Contrast, Silence)}
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
