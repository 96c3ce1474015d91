"""When a notice that did not get through is tried again, and when no more."""

from dataclasses import dataclass
from random import Random

from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros
from service.core.outbox import Delivery, Leased


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the sender is.

    A failed attempt is followed by another after `first`, then twice as long each time up to `longest`. An
    unclear one may have arrived, so it is followed by a repeat, which says that it is one, only after
    `unclear_first`, then four times as long each time up to `unclear_longest`: a target that takes every
    message and never says so gets a dozen copies in a day, not hundreds, and one that takes none is not
    given up. Nothing is tried later than `give_up` after the notice was made, but for what was never tried
    at all.
    """

    first: Micros = 10 * SECOND
    longest: Micros = 30 * MINUTE
    unclear_first: Micros = 5 * MINUTE
    unclear_longest: Micros = 2 * HOUR
    give_up: Micros = DAY
    jitter: float = 0.25
    """As a share of the pause, to both sides: targets that went away together must not be called together."""

    def next_at(self, leased: Leased, delivery: Delivery, now: Micros, random: Random) -> Micros | None:
        """When to try again; None: never."""
        if delivery.outcome == "sent" or (delivery.outcome == "failed" and not delivery.retryable):
            return None
        if delivery.outcome == "unknown":
            pause = min(self.unclear_first * 4 ** min(leased.attempts, 16), self.unclear_longest)
        else:
            pause = min(self.first * 2 ** min(leased.attempts, 32), self.longest)
        pause = round(pause * random.uniform(1 - self.jitter, 1 + self.jitter))
        if delivery.retry_after is not None:
            # What the target asked for is the least; it knows best when it is well.
            pause = max(pause, round(delivery.retry_after * SECOND))
        at = now + pause
        return at if at <= leased.created_at + self.give_up else None
