"""Which detectors watch a moment: the defaults that every moment has, and those that its rules name."""

from collections.abc import Sequence

from detectors.adapted import Adapted
from detectors.registry import defaults
from service.core.catalog import Moment, Rule, Volume
from service.core.event import DAY
from service.core.interruption import Kind
from service.core.judging.judge import Watcher

_KINDS: dict[str, Kind] = {
    "failure_rate": "failure_rate",
    "contrast": "failure_rate",
    "silence": "silence",
    "drop": "volume",
    "duration": "duration",
    "overdue": "overdue",
    "complaints": "complaints",
}


def watchers(moment: Moment, rules: Sequence[Rule]) -> list[Watcher]:
    """A moment's watchers, new: the defaults share its false-alarm interval, rules stand outside of it."""
    found = [
        Watcher(
            name=detector.kind,
            kind=_KINDS[detector.kind],
            detector=detector,
            contrast=detector.kind == "contrast",
            share=detector,
        )
        for detector in defaults(
            false_alarm_interval=moment.false_alarm_interval / DAY,
            cold_start=moment.cold_start / DAY,
        )
    ]
    for rule in rules:
        for index, detect in enumerate(rule.detect):
            if isinstance(detect, Volume):
                detector = Adapted(
                    moment.false_alarm_interval / DAY,
                    moment.cold_start / DAY,
                    detector=detect.detector,
                    parameters=dict(detect.parameters),
                )
                found.append(Watcher(f"rule:{rule.name}:volume:{index}", "volume", detector, rule))
    return found
