"""How long a frame is: as the traffic is thick, and cut short where nothing comes or what has come is enough."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np

from detectors.frame import Scores
from service.core.counting.tally import Window
from service.core.event import DAY, HOUR, MINUTE, Micros

STEPS: tuple[Micros, ...] = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)
EVENTS_A_STEP = 10.0
"""A frame is as long as keeps the expected number of events in it below this."""
MISSED = 3.0
"""Once so many events did not come that usually do, the next shorter step is looked at by itself.

A silence is worth an alarm after some ten: half a frame would be a third of its delay. Frames cut short of full
ones would cost everybody; by chance such a lull follows one event in twenty.
"""
SUSPICIOUS, ALARMING = 0.02, 0.2
"""From these shares of the evidence for an alarm a frame is looked at before it is over: at each next shorter step, and
at each of the shortest. If what has come is enough, it ends there.

What opens an interruption would else wait for the end of its frame: a third of the delay where much breaks at once.
To take in shorter frames instead would be as soon, and blunt: in pieces a bad hour is told from a stream that wanders
by less than as a whole.
"""
ENOUGH = 1.25
"""So much of the evidence for an alarm ends a frame: a statistic is looked at more often, and is at its height just
after a failure. On steady streams of 2 an hour 34 false alarms came of 32 promised, as many as without looks, and 36
where less was enough."""
_ABSENT = frozenset({"silence", "drop", "absence"})
"""Kinds whose evidence grows by the clock: what is missed are those that did not come, or not as many."""


class Suspicion:
    """How much of the evidence for an alarm each detector has, of what is not in breach yet."""

    def __init__(self, shares: Mapping[str, float] | None = None) -> None:
        self._shares = dict(shares or {})
        self.most = max(self._shares.values(), default=0.0)

    def take(self, kind: str, scores: Scores) -> None:
        """Take in what a detector says now."""
        evidence = scores.evidence
        share = float(np.add.reduce(evidence))
        if share >= SUSPICIOUS:
            share = float(np.add.reduce(evidence[~scores.breach]))
        before = self._shares.get(kind, 0.0)
        self._shares[kind] = share
        # Nearly always there is next to none.
        self.most = max(self._shares.values()) if before == self.most else max(self.most, share)

    def asks(self, kind: str, *, tells: bool) -> bool:
        """Whether a detector may have come nearer to an alarm since it was asked, and is near it.

        What broke (`tells`) adds to the evidence of most, and every minute to that of those who miss something.
        """
        return self._shares.get(kind, 0.0) >= SUSPICIOUS and (tells or kind in _ABSENT)

    def dump(self) -> dict[str, float]:
        """Each detector's share."""
        return dict(self._shares)


class Pace:
    """Where frames end: whole steps, aligned to 1970, or sooner in a lull. A function of closed windows alone."""

    def __init__(self, window: Micros) -> None:
        self._window = window
        self.step = window_step(15 * MINUTE, window)
        self.lull: Micros | None = None
        """How long nothing has to come; None while too little is known to say."""
        self.suspicion = Suspicion()
        """As it was at the end of the last frame."""
        self._looked = 0, self.suspicion
        """Where the frame under way was looked at last, and the suspicion there."""

    def settle(self, hourly: float) -> None:
        """Take in how many events come in an hour."""
        fitting = [step for step in STEPS if hourly * step / HOUR <= EVENTS_A_STEP]
        self.step = window_step(max(fitting, default=STEPS[0]), self._window)
        self.lull = round(MISSED / hourly * HOUR) if hourly > 0.0 else None

    def end(self, start: Micros, through: Micros, heard: Micros | None, following: Iterable[Window]) -> Micros | None:
        """Where the frame that begins at `start` ends; None while that is not closed `through` there.

        `heard`: the end of the last window before it that held anything; `following`: what does from `start` on.
        """
        whole = start + self.step - start % self.step if DAY % self.step == 0 else start + self.step
        if self.lull is not None and heard is not None and DAY % self.step == 0:
            windows = iter(following)
            window = next(windows, None)
            short = self._shorter()
            for end in range(start + short - start % short, min(whole, through + 1), short):
                while window is not None and window.start < end:
                    heard = window.end
                    window = next(windows, None)
                if end - heard >= self.lull:
                    return end
        return whole if whole <= through else None

    def looks(self, start: Micros, before: Micros) -> Iterator[tuple[Micros, Micros, Suspicion]]:
        """Where to look at the frame that began at `start`, from where on it was not seen yet, and what is suspected.

        Each look is had once, and whoever has it says of the suspicion what it has become. How far it is closed each
        time when somebody asks changes nothing of where that is.
        """
        since, suspicion = self._looked
        if since <= start:
            since, suspicion = start, Suspicion(self.suspicion.dump())
        while suspicion.most >= SUSPICIOUS and DAY % self.step == 0:
            short = self._shorter(most=suspicion.most >= ALARMING)
            at = since + short - since % short
            if at >= before:
                return
            yield since, at, suspicion
            since = at
            self._looked = at, suspicion

    def _shorter(self, *, most: bool = False) -> Micros:
        """The next shorter step that whole windows fit in and that fits in a step, or the shortest."""
        fitting = [one for one in STEPS if one < self.step and self.step % one == 0 and one % self._window == 0]
        return (min if most else max)(fitting, default=self.step)


def window_step(step: Micros, width: Micros) -> Micros:
    """A frame's length: at least a window, and whole windows."""
    return max(width, step - step % width)


def enough(kind: str, scores: Scores, known: Collection[str]) -> bool:
    """Whether anything is in breach that is not `known` to be, by so much evidence that a frame may end there."""
    if not np.count_nonzero(scores.breach):
        return False
    new = np.array([name not in known for name in scores.segments])
    if not np.count_nonzero(scores.breach & new):
        return False
    return kind in _ABSENT or float(np.add.reduce(scores.evidence[new])) >= ENOUGH
