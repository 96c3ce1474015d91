"""How long a stream's wander lasts, learned from how alike the deviations of one day and the next are."""

import math
from collections.abc import Mapping

import numpy as np

from detectors.frame import JSON, Floats
from detectors.plain import number, numbers

_HYPOTHESIS = 0.8
"""Days for which the longest wander lasts that is stretched; those of several days are long enough by themselves."""
_LONGEST = 4.0
_GUESSED = 7.0
"""The guess counts as much as so many days of which all is known."""
_MEMORY = 90.0
_FAR = 3.0
"""No day counts as further off than so many standard deviations: one storm says nothing of how long they last."""


def _alike(days: Floats) -> Floats:
    """The correlation of one day's mean with the next one's in an Ornstein-Uhlenbeck process of these times."""
    gone = 1.0 - np.exp(-1.0 / days)
    found: Floats = days * gone**2 / (2.0 * (1.0 - days * gone))
    return found


_TIMES: Floats = _HYPOTHESIS * np.linspace(1.0, _LONGEST, 25)
_ALIKE = _alike(_TIMES)


class Lasting:
    """By how much the hypotheses of a wander have to be stretched, 1 to 4, from a stream's own days.

    Promises that fall due on one day were made on several, and those made on one day fall due on several: what slowed
    these is seen for days, and a week of it is not seven days' evidence. How many a moment's own is, is not known
    before, so it is learned: the whole's deviation on each day, shrunk by how little is known of it, times that of
    the day before, over what their squares come to. The guess weighs as a week, old days fade within a quarter.
    Not chosen: more hypotheses of wanders that last, each of which costs every stream its time; and to learn it of
    outcomes that nobody was promised for a day: a storm of two days there is one that began on the first.

    >>> lasting = Lasting()
    >>> lasting.begin()
    >>> for day in range(60):
    ...     lasting.take(day + 1.0, (600.0, 60.0 + 20.0 * (day // 5 % 2)), 0.117, 0.04)
    >>> lasting.value > 2.0
    True
    >>> for day in range(60, 300):
    ...     lasting.take(day + 1.0, (600.0, 60.0 + 20.0 * (day % 2)), 0.117, 0.04)
    >>> lasting.value
    1.0
    """

    __slots__ = ("_alike", "_begun", "_guess", "_last", "_now", "value")

    def __init__(self, guess: float = 1.0) -> None:
        self._guess = float(np.interp(_HYPOTHESIS * guess, _TIMES, _ALIKE))
        self.value = guess
        self._begun = False
        self._now = -1.0, 0.0, 0.0
        """The day that is being counted, failures beyond what was expected, and what they say of the log odds."""
        self._last = -1.0, 0.0, 0.0
        """A day before it, its deviation in standard deviations, and how much of that is known, 0 to 1."""
        self._alike = 0.0, 0.0
        """Products of deviations of one day and the next, and what they come to where these are the same."""

    def begin(self) -> None:
        """These are promises, each with a day of its own: learn from now on."""
        self._begun = True

    def take(self, now: float, window: tuple[float, float], rate: float, wander: float) -> None:
        """Take in a window that ends at `now`, in days: its trials and failures, the rate that was expected.

        `wander`: the variance of the log odds that is believed.
        """
        if not self._begun:
            return
        if self._now[0] != math.ceil(now):
            self._settle(wander)
            self._now = float(math.ceil(now)), 0.0, 0.0
        day, excess, information = self._now
        trials, hits = window
        self._now = day, excess + hits - rate * trials, information + trials * rate * (1.0 - rate)

    def _settle(self, wander: float) -> None:
        """Hold the day that is over against the one before it."""
        day, excess, information = self._now
        before, other, known_other = self._last
        total = 1.0 + information * wander
        known = information * wander / total
        deviation = min(max(math.sqrt(wander) * excess / total, -_FAR), _FAR)
        if before == day - 1.0 >= 0.0:
            fading = math.exp(-1.0 / _MEMORY)
            products = self._alike[0] * fading + deviation * other
            squares = self._alike[1] * fading + 0.5 * (deviation**2 * known_other + other**2 * known)
            self._alike = products, squares
            alike = (products + _GUESSED * self._guess) / (squares + _GUESSED)
            self.value = float(np.interp(alike, _ALIKE, _TIMES)) / _HYPOTHESIS
        self._last = day, deviation, known

    def dump(self) -> dict[str, JSON]:
        """Plain JSON."""
        days: dict[str, JSON] = {"now": [*self._now], "last": [*self._last], "alike": [*self._alike]}
        return {"value": self.value, "begun": self._begun, **days}

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Take in a dump."""
        self.value, self._begun = number(state["value"]), bool(state["begun"])
        day, excess, information = numbers(state, "now")
        self._now = day, excess, information
        before, deviation, known = numbers(state, "last")
        self._last = before, deviation, known
        products, squares = numbers(state, "alike")
        self._alike = products, squares
