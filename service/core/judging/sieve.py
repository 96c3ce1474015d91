"""What a rule demands of a detector's breach before it counts: so many attempts, so much more than expected."""

from collections.abc import Sequence
from typing import Any

from detectors.frame import JSON, Frame
from service.core.catalog import Asked
from service.core.judging.casebook import Breach


class Sieve:
    """Sums over each breach so far; one that met the demands once counts until the detector ends it."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], tuple[float, float, float]] = {}

    def sift(self, watcher: str, asked: Asked, found: Sequence[Breach], frame: Frame) -> list[Breach]:
        """The breaches of one watcher that count."""
        rows = {breach.row for breach in found}
        for claim in [claim for claim in self._sums if claim[0] == watcher and claim[1] not in rows]:
            del self._sums[claim]
        tried = dict(zip(frame.segments, zip(frame.trials, frame.arrivals, strict=True), strict=True))
        counted = []
        for breach in found:
            trials, arrivals = (float(count) for count in tried.get(breach.row, (0, 0)))
            count, seen, expected = self._sums.get(breach.claim, (0.0, 0.0, 0.0))
            if asked.kind in {"volume", "silence"}:
                one, weight = arrivals, 1.0
            else:
                one, weight = trials, trials
            if breach.seen is not None and breach.expected is not None:
                count, seen, expected = count + one, seen + weight * breach.seen, expected + weight * breach.expected
            self._sums[breach.claim] = (count, seen, expected)
            if self._meets(asked, count, seen, expected):
                self._sums[breach.claim] = (float("inf"), seen, expected)
                counted.append(breach)
        return counted

    @staticmethod
    def _meets(asked: Asked, count: float, seen: float, expected: float) -> bool:
        if count == float("inf"):
            return True
        falls = asked.kind == "silence" or (asked.kind == "volume" and asked.direction == "down")
        ratio = (expected or 1e-9) / (seen or 1e-9) if falls else (seen or 1e-9) / (expected or 1e-9)
        return count >= asked.min_count and (asked.min_ratio <= 1.0 or ratio >= asked.min_ratio)

    def dump(self) -> JSON:
        """Plain JSON; a breach that counts has no number left to reach."""
        return [
            [*claim, None if count == float("inf") else count, seen, expected]
            for claim, (count, seen, expected) in sorted(self._sums.items())
        ]

    @classmethod
    def load(cls, state: Sequence[Any]) -> "Sieve":
        """Go on from a dump."""
        made = cls()
        for watcher, row, count, seen, expected in state:
            made._sums[watcher, row] = (float("inf") if count is None else count, seen, expected)
        return made
