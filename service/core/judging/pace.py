"""How long a frame is: as the traffic is thick, and cut short where nothing comes."""

from collections.abc import Iterable

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


class Pace:
    """Where frames end: whole steps, aligned to 1970, or sooner in a lull. A function of closed windows alone."""

    def __init__(self, window: Micros) -> None:
        self._window = window
        self.step = window_step(15 * MINUTE, window)
        self.lull: Micros | None = None
        """How long nothing has to come; None while too little is known to say."""

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

    def _shorter(self) -> Micros:
        """The next shorter step that whole windows fit in and that fits in a step."""
        fitting = [one for one in STEPS if one < self.step and self.step % one == 0 and one % self._window == 0]
        return max(fitting, default=self.step)


def window_step(step: Micros, width: Micros) -> Micros:
    """A frame's length: at least a window, and whole windows."""
    return max(width, step - step % width)
