"""Revenue at risk: its arithmetic in figures, frozen when an interruption opens and closes, held against peers later.

What is lost is not known when it is feared. So the estimate is frozen as it was told, and 30 and 90 days after the end
the customers who were hit are compared with those who were not: how many of each left. The difference of the two shares
has a 95 % interval by Newcombe's method (Wilson's interval for each share, combined), and its ends, times the yearly
value of those hit, are the money's. With few customers, or few who left, nothing is concluded.
"""

import math
from collections.abc import Sequence

from service.core.catalog import Moment
from service.core.event import DAY, CustomerChange, Micros
from service.core.interruption import Impact, Interruption
from service.core.marks import Mark, MarkWord, Peers, Risk, Share
from service.core.people import Place, place_of
from service.core.ports import Reader
from service.core.reporting.report import COUNTS_NOBODY

LATER: tuple[tuple[MarkWord, Micros], ...] = (("day30", 30 * DAY), ("day90", 90 * DAY))
_Z = 1.959964
"""Of a normal distribution, for 95 %."""
LEAST_CUSTOMERS = 20
LEAST_LEFT = 5
"""Fewer on either side, or fewer who left together, say nothing."""


def at_risk(reader: Reader, moment: Moment, places: Sequence[Place], impact: Impact | None = None) -> Risk:
    """What broken promises in some places of a moment put at risk; `impact`: what they did, where that is known."""
    impact = impact or reader.harm(places)
    valued, yearly = reader.worth(places) if impact.broken else (0, 0)
    share = moment.loss_probability
    basis = moment.value_basis
    whole = yearly if basis == "customers" else impact.value
    amount = round(whole * (1.0 if share is None else share))
    return Risk(impact.customers, impact.broken, impact.value, valued, yearly, basis, share, amount)


def due_marks(it: Interruption, now: Micros) -> list[tuple[MarkWord, Micros]]:
    """The marks that an interruption should have by now, each with its time."""
    if it.kind in COUNTS_NOBODY or it.moment == "":
        return []
    marks: list[tuple[MarkWord, Micros]] = [("opened", it.detected_at)]
    if it.resolved_at is not None:
        marks.append(("closed", it.resolved_at))
        marks += [(what, it.resolved_at + after) for what, after in LATER]
    return [(what, at) for what, at in marks if at <= now]


def mark(reader: Reader, moment: Moment, it: Interruption, what: MarkWord, at: Micros) -> Mark:
    """What is to be frozen: the harm up to the opening, or all of it; later on with what the peers did."""
    end = at if what == "opened" else None
    place = place_of(it, at)
    place = Place(place.moment, place.segment, place.start, max(min(place.end, end or place.end), place.start))
    risk = at_risk(reader, moment, [place])
    compared = peers(reader, place, it.resolved_at, at, risk) if what in {"day30", "day90"} and it.resolved_at else None
    return Mark(it.id, what, at, risk, compared)


def peers(reader: Reader, place: Place, over: Micros, until: Micros, risk: Risk) -> Peers:
    """How many left in (over, until], of the known customers who were hit and of those who were not.

    Known are the customers of the operators' table and of customer events; not those who had left before, nor those
    who joined only after.
    """
    here: dict[str, bool] = {}
    left: set[str] = set()
    late: set[str] = set()
    for voice in reader.voices("customer", 0, until + 1):
        event = voice.event
        if not isinstance(event, CustomerChange):
            continue
        if voice.at <= over:
            here[event.customer] = event.change != "left"
        elif event.change == "left":
            left.add(event.customer)
        elif event.change == "joined" and event.customer not in here:
            late.add(event.customer)
    gone = {customer for customer, stays in here.items() if not stays} | late
    left -= gone
    known, known_hit = reader.known([place])
    hit_gone, hit_left = reader.hit_among([place], gone), reader.hit_among([place], left)
    hit = Share(known_hit - len(hit_gone), len(hit_left))
    spared = Share(known - known_hit - (len(gone) - len(hit_gone)), len(left) - len(hit_left))
    return compared(hit, spared, risk.yearly)


def compared(hit: Share, spared: Share, yearly: int) -> Peers:
    """The difference of two shares with its interval, in customers and in money.

    >>> few = compared(Share(10, 2), Share(1000, 20), 100_00)
    >>> few.difference is None, few.concluded
    (True, False)
    >>> clear = compared(Share(200, 30), Share(2000, 100), 1_000_000)
    >>> round(clear.difference, 3), round(clear.lower, 3), round(clear.upper, 3), clear.lost
    (0.1, 0.056, 0.157, 100000)
    """
    if min(hit.customers, spared.customers) < LEAST_CUSTOMERS or hit.left + spared.left < LEAST_LEFT:
        return Peers(hit, spared)
    p1, l1, u1 = wilson(hit)
    p2, l2, u2 = wilson(spared)
    difference = p1 - p2
    lower = difference - math.hypot(p1 - l1, u2 - p2)
    upper = difference + math.hypot(u1 - p1, p2 - l2)
    money = [round(yearly * share) for share in (difference, lower, upper)]
    return Peers(hit, spared, difference, lower, upper, *money)


def wilson(share: Share) -> tuple[float, float, float]:
    """A share with its 95 % interval: the share itself, the lower and the upper end."""
    n = share.customers
    p = share.left / n
    middle = (p + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z * math.sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n)) / (1 + _Z * _Z / n)
    return p, max(middle - half, 0.0), min(middle + half, 1.0)
