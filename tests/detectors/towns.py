"""Seeded streams of arrivals as towns make them: local clocks, weekends, holidays, growth, days of their own."""

from dataclasses import dataclass

import numpy as np

from detectors.frame import WHOLE, Floats, Frame
from tests.detectors.frames import DAY, MINUTE, START, frame

_LENGTHS = (5, 10, 15, 20, 30, 60)


@dataclass(frozen=True)
class Town:
    """How arrivals come: `per_hour` by day in the middle of the run, `night` of it at night.

    `opens`, `closes`: hours of the local clock; `ramp`: hours in which the day's traffic comes up or goes;
    `late`: standard deviation in hours of each day's own start and end; `shift`: hours by which the local clock
    moves against UTC from day 90 to day 300; `daily`: coefficient of variation of a day's own factor;
    `growth`: factor a year; `holidays`: share of days with half the traffic; `weekend`: factor on two days.
    """

    per_hour: float
    night: float = 0.02
    opens: float = 7.0
    closes: float = 22.0
    ramp: float = 2.0
    late: float = 0.3
    shift: float = 1.0
    daily: float = 0.3
    growth: float = 3.0
    holidays: float = 0.03
    weekend: float = 0.6

    @property
    def length(self) -> int:
        """Minutes a frame, so that about ten events are in one."""
        return next((each for each in _LENGTHS if self.per_hour * each / 60.0 >= 10.0), 60)

    def means(self, seed: int, days: int, first: int = 0) -> Floats:
        """Expected arrivals of each frame."""
        rng = np.random.default_rng([seed, 1])
        number = first + np.arange(days)
        shift = np.where((number >= 90) & (number < 300), self.shift, 0.0)
        sigma = np.sqrt(np.log1p(self.daily**2))
        factor = np.exp(rng.normal(-0.5 * sigma**2, sigma, days)) * self.growth ** ((number - 180) / 365.0)
        factor = factor * np.where((START // DAY + number + 3) % 7 >= 5, self.weekend, 1.0)
        factor = factor * np.where(rng.random(days) < self.holidays, 0.5, 1.0)
        each = 60 // self.length * 24
        clock = (np.arange(each) + 0.5) * 24.0 / each
        local = clock[None, :] + shift[:, None]
        opens = self.opens + rng.normal(0.0, self.late, days)[:, None]
        closes = self.closes + rng.normal(0.0, self.late, days)[:, None]
        up = np.clip((local - opens) / self.ramp + 0.5, 0.0, 1.0)
        down = np.clip((closes - local) / self.ramp + 0.5, 0.0, 1.0)
        shape = self.night + (1.0 - self.night) * np.minimum(up, down)
        means: Floats = (self.per_hour * self.length / 60.0 * factor[:, None] * shape).ravel()
        return means

    def frames(self, seed: int, days: int, outages: tuple[tuple[int, int], ...] = ()) -> list[Frame]:
        """Frames from START on; nothing arrives in [from, to) of any outage, microseconds since START."""
        rng = np.random.default_rng([seed, 2])
        length = self.length * MINUTE
        made = []
        for number, mean in enumerate(self.means(seed, days)):
            begin, left = number * length, 1.0
            for since, until in outages:
                left -= max(min(begin + length, until) - max(begin, since), 0) / length
            count = int(rng.poisson(mean * max(left, 0.0)))
            made.append(frame(START + begin, length, {WHOLE: (0, 0.0)}, arrivals=count))
        return made


TOWNS = {
    "busy": Town(120.0, night=0.03),
    "flights": Town(38.0, night=0.0, ramp=0.5, late=0.1, growth=1.0, daily=0.15),
    "shop": Town(20.0, night=0.05, late=0.7),
    "small": Town(8.0, night=0.03, late=0.7),
    "thin": Town(2.5, night=0.05, late=0.7),
    "sharp": Town(60.0, night=0.0, ramp=0.2, late=0.5),
    "flat": Town(10.0, night=1.0, daily=0.01, growth=1.0, holidays=0.0, weekend=1.0),
}
