"""Which detectors watch a moment: the defaults that every moment has, and those that its rules name."""

from collections.abc import Mapping, Sequence

from detectors.adapted import Adapted
from detectors.drop import Drop
from detectors.duration import Duration
from detectors.failure_rate import FailureRate
from detectors.frame import Detector
from detectors.registry import defaults
from detectors.silence import Silence
from detectors.value import Value
from service.core.catalog import Asked, Moment, Rule
from service.core.event import DAY
from service.core.interruption import Kind
from service.core.judging.watcher import Watcher

_KINDS: dict[str, Kind] = {
    "failure_rate": "failure_rate",
    "contrast": "failure_rate",
    "absence": "volume",
    "silence": "silence",
    "drop": "volume",
    "duration": "duration",
    "overdue": "overdue",
    "complaints": "complaints",
    "due_soon": "due_soon",
}


def watchers(moment: Moment, rules: Sequence[Rule], shares: Mapping[str, float] | None = None) -> list[Watcher]:
    """A moment's watchers, new: the defaults share its false-alarm interval, rules stand outside of it.

    `shares`: the defaults' weights, where not all of them are to watch.
    """
    found = [
        Watcher(
            name=detector.kind,
            kind=_KINDS[detector.kind],
            detector=detector,
            contrast=detector.kind in {"contrast", "absence"},
            share=detector,
        )
        for detector in defaults(
            false_alarm_interval=moment.false_alarm_interval / DAY,
            cold_start=moment.cold_start / DAY,
            shares=shares,
        )
    ]
    for rule in rules:
        for index, detect in enumerate(rule.detect):
            if isinstance(detect, Asked):
                name = f"rule:{rule.name}:{detect.kind}:{index}"
                found.append(Watcher(name, detect.kind, _asked(moment, detect), rule, asked=detect))
    return found


def _asked(moment: Moment, asked: Asked) -> Detector:
    """The detector that a rule names: river's by name, or ours for the kind."""
    interval = moment.false_alarm_interval / DAY
    cold_start = (moment.cold_start if asked.cold_start is None else asked.cold_start) / DAY
    if asked.kind == "failure_rate":
        return FailureRate(interval, cold_start)
    if asked.kind == "duration":
        return Duration(interval, cold_start)
    if asked.kind == "silence":
        return Silence(interval, cold_start)
    if asked.kind == "value":
        return Value(interval, cold_start)
    if asked.detector is None and asked.direction == "down":
        return Drop(interval, cold_start)
    return Adapted(
        interval,
        cold_start,
        detector=asked.detector or "standard_absolute_deviation",
        parameters=dict(asked.parameters),
        direction=asked.direction,
    )
