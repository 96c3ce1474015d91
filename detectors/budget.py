"""One promise of how often a reliable moment has a false alarm, split over the kinds that have anything to read."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from detectors.frame import NOTHING, Frame

SHARES: Mapping[str, float] = MappingProxyType(
    {
        "failure_rate": 0.4,
        "contrast": 0.25,
        "absence": 0.05,
        "silence": 0.1,
        "drop": 0.1,
        "duration": 0.1,
        "overdue": 0.1,
        "complaints": 0.05,
        "due_soon": 0.1,
    }
)
"""Each default detector's weight among those in use."""

_FOUND: Mapping[str, Callable[[Frame], bool]] = MappingProxyType(
    {
        "contrast": lambda frame: len(frame.segments) > 1,
        "absence": lambda frame: len(frame.segments) > 1,
        "duration": lambda frame: bool(frame.beside.durations),
        "overdue": lambda frame: any(count > 0 for count in frame.beside.overdue.values()),
        "due_soon": lambda frame: bool(frame.beside.way),
        "complaints": lambda frame: any(count > 0 for count in frame.beside.complaints.values()),
    }
)
"""What a kind reads; the others read outcomes and arrivals, which every moment has."""


class Budget:
    """False alarms a day add up: a kind with a share s of them gets the whole interval divided by s.

    A kind has a share from the first frame on in which there is anything for it to read; the others' shares shrink
    then, and never grow again. So a moment without durations pays nothing for watching them, what is decided depends
    on the past alone, and at any time the promises of those in use add up to the moment's. What a kind's first frame is
    judged by is all the time before it: once in a moment's life a kind may overspend, by its own share at the most.

    >>> import numpy as np
    >>> from detectors.frame import Beside, Frame
    >>> one = np.array([1])
    >>> budget = Budget(90.0, {"failure_rate": 0.4, "complaints": 0.1})
    >>> budget.intervals()
    {'failure_rate': 90.0}
    >>> budget.take(Frame(0, 1, ("",), one, one, one, beside=Beside(complaints={"": 1})))
    True
    >>> {kind: round(days) for kind, days in budget.intervals().items()}
    {'failure_rate': 112, 'complaints': 450}
    """

    def __init__(self, false_alarm_interval: float, weights: Mapping[str, float], used: Iterable[str] = ()) -> None:
        self._interval = false_alarm_interval
        self._weights = dict(weights)
        self._waiting = [kind for kind in weights if kind in _FOUND and kind not in set(used)]

    def used(self, kind: str) -> bool:
        """Whether there ever was anything to read for a kind."""
        return kind not in self._waiting

    def take(self, frame: Frame) -> bool:
        """Look for what comes into use; whether the intervals changed."""
        if not self._waiting or (frame.beside is NOTHING and len(frame.segments) == 1):
            return False
        found = [kind for kind in self._waiting if _FOUND[kind](frame)]
        for kind in found:
            self._waiting.remove(kind)
        return bool(found)

    def intervals(self) -> dict[str, float]:
        """Days between false alarms of each kind in use."""
        used = {kind: weight for kind, weight in self._weights.items() if kind not in self._waiting}
        total = sum(used.values())
        return {kind: self._interval * total / weight for kind, weight in used.items()}

    def dump(self) -> list[str]:
        """The kinds in use that were not from the beginning."""
        return [kind for kind in self._weights if kind in _FOUND and kind not in self._waiting]
