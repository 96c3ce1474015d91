"""A moment's rules over windows: each looks at every window, and only once, whatever frame the window is judged in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from detectors.frame import JSON
from service.core.catalog import Asked, Moment, Rule
from service.core.counting.tally import Window
from service.core.event import Micros
from service.core.judging.casebook import LIKELY_OVER, Breach
from service.core.judging.rules import Firing, RuleWatch
from service.core.judging.unseen import Span, touch
from service.core.judging.watcher import finite, of_rule


@dataclass(frozen=True, slots=True)
class Ruled:
    """What one rule holds for broken after a window; `arrived`: whether anything was in that."""

    name: str
    breaches: list[Breach]
    start: Micros
    end: Micros
    arrived: bool


class RuleBook:
    """The rules of one moment that read windows; those that name a detector are watchers."""

    def __init__(self, moment: Moment, rules: Sequence[Rule]) -> None:
        self.through: Micros | None = None
        """Every window before this time was looked at; None before the first, and where there are no rules."""
        self._window = moment.window
        self._watches = [
            RuleWatch(rule, detect, moment.dimensions)
            for rule in rules
            for detect in rule.detect
            if not isinstance(detect, Asked)
        ]

    @property
    def by_segment(self) -> bool:
        """Whether any of them may open an interruption of a segment."""
        return any(watch.by_segment for watch in self._watches)

    def skip(self, through: Micros) -> None:
        """Look at nothing before this time."""
        self.through = max(self.through or 0, through)

    def advance(self, start: Micros, end: Micros, windows: Iterable[Window], unseen: Sequence[Span]) -> Iterator[Ruled]:
        """What each rule says after each window from `start` on that nobody looked at yet, and that ends by `end`.

        Within `unseen` records are missing: nothing is said of it. To be gone through to its end.
        """
        if not self._watches:
            return
        by_start = {window.start: window for window in windows}
        at = start if self.through is None else max(start, self.through)
        while (until := at + self._window) <= end:
            window = by_start.get(at)
            if touch(unseen, at, until):
                for watch in self._watches:
                    watch.pass_over(at, until, window)
            else:
                for index, watch in enumerate(self._watches):
                    name = f"rule:{watch.rule.name}:{index}"
                    breaches = [_breach(name, watch.rule, firing) for firing in watch.advance(at, until, window)]
                    yield Ruled(name, breaches, at, until, window is not None)
            at = until
        self.through = max(at, self.through or 0)

    def dump(self) -> list[JSON]:
        """Plain JSON of each rule's sums; `through` is kept by whoever keeps this."""
        return [watch.dump() for watch in self._watches]

    def load(self, through: Micros | None, state: Sequence[Any]) -> None:
        """Go on from a dump."""
        self.through = through
        for watch, saved in zip(self._watches, state, strict=True):
            watch.load(saved)


def _breach(name: str, rule: Rule, firing: Firing) -> Breach:
    over = 0.0 if firing.holds else LIKELY_OVER
    expected, seen = finite(firing.expected), finite(firing.seen)
    return of_rule(Breach(name, "rule", firing.row, firing.since, 1.0, expected, seen, over=over), rule)
