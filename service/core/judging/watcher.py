"""A detector that watches a moment, and what its scores hold for broken."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from detectors.frame import Default, Detector, Frame, Scores
from service.core.catalog import Asked, Rule
from service.core.interruption import Kind
from service.core.judging.casebook import Breach


class Watcher(msgspec.Struct, frozen=True, gc=False):
    """A detector with what it is called and the rule that asked for it, if any."""

    name: str
    kind: Kind
    detector: Detector
    rule: Rule | None = None
    contrast: bool = False
    """It compares a segment with the rest, so that it may speak up inside an interruption of everything."""
    asked: Asked | None = None
    """What a rule demands of its breaches before they count."""
    share: Default | None = None
    """The detector again where it shares the moment's promise; None: a rule asked for it, outside of the budget."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one watcher holds: days that it has learned and needs to, its latest scores, and a way to ask it."""

    name: str
    kind: Kind
    rule: str | None
    progress: tuple[float, float]
    scores: Scores | None
    ask: Callable[[Frame], Scores | None]


def breaking(watcher: Watcher, scores: Scores, frame: Frame) -> Iterable[Breach]:
    """A breach for each row that the scores say is in one."""
    for index in np.flatnonzero(scores.breach).tolist():
        row = scores.segments[index]
        place = bisect_left(frame.segments, row)
        here = place < len(frame.segments) and frame.segments[place] == row
        trials, hits, arrivals = (
            (frame.trials[place], frame.hits[place], frame.arrivals[place]) if here else (0, 0.0, 0)
        )
        if scores.seen is not None:
            share = float(scores.seen[index])
        elif watcher.kind == "failure_rate":
            share = float(hits) / float(trials) if trials else float("nan")
        else:
            share = float(arrivals)
        breach = Breach(
            watcher.name,
            watcher.kind,
            row,
            int(scores.onset[index]),
            finite(float(scores.evidence[index])) or 0.0,
            finite(float(scores.expected[index])),
            finite(share),
            contrast=watcher.contrast,
            over=0.0 if scores.over is None else float(scores.over[index]),
        )
        yield of_rule(breach, watcher.rule)


def of_rule(breach: Breach, rule: Rule | None) -> Breach:
    """The breach with the name and level of the rule that asked for it."""
    if rule is None:
        return breach
    return msgspec.structs.replace(breach, rule=rule.name, level=rule.level, trial=rule.status == "experimental")


def finite(number: float) -> float | None:
    """The number, or None where there is none to tell."""
    return number if math.isfinite(number) else None
