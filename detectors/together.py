"""Doing the work of several detectors on one frame at once, before each of them is asked."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from detectors.frame import Detector, Frame
from detectors.rates import RateDetector, work_out


@runtime_checkable
class Joins(Protocol):
    """A detector whose work may be done together with others'."""

    def asks(self, frame: Frame) -> list[tuple[RateDetector, Frame]]:
        """Whose work it is, and on what frame: its own, or one of the same time that it makes of it."""
        ...


def joining(detectors: Iterable[Detector]) -> list[Joins]:
    """Those whose work may be done together."""
    return [detector for detector in detectors if isinstance(detector, Joins)]


_FEW = 500
"""Rows up to which it is worth it: more than that keep numpy busy by themselves, and a larger matrix the cache."""


def prepare(detectors: Iterable[Joins], frame: Frame) -> None:
    """Work the frame out for all of them; it changes nothing but what scoring and learning that frame cost then."""
    asked = [each for detector in detectors for each in detector.asks(frame)]
    if len(asked) > 1 and sum(len(one.segments) for _, one in asked) <= _FEW:
        work_out(asked)
