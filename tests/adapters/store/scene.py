"""Two moments and short ways to feed a store with what happens in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from service.core.catalog import Catalog, Moment
from service.core.counting.changes import Changes, keys_of
from service.core.counting.closing import PART, close_part
from service.core.counting.intake import Intake
from service.core.counting.watermark import PartitionClock
from service.core.event import HOUR, MINUTE, SECOND, Outcome, Partition, Promise, Record, instant
from service.core.interruption import Interruption, interruption_id
from service.core.standing import Judgement
from service.core.telling.desk import News
from service.core.telling.route import Message, Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.counting.changes import Break
    from service.core.event import Event, Micros
    from service.core.interruption import Segment
    from service.core.ports import Claim, Store

T0: Micros = 1_357_000_000_000_000 // HOUR * HOUR
"""An hour in January 2013."""
FOREVER: Micros = T0 + 10_000 * HOUR

PAID = Moment("paid", "ops", dimensions=("region", "channel"))
DELIVERED = Moment("delivered", "ops", dimensions=("region",))
MOMENTS = {"paid": PAID, "delivered": DELIVERED}
HERE = Partition("events", 0, "id-1")


def outcome(at: Micros, word: str = "kept", **more: Any) -> Outcome:
    """An outcome; `more` may name moment, customer, key, reason, duration_s, value, dimensions, id."""
    given = {"id": f"o{at}", "moment": "paid", "customer": "ann"} | more
    return Outcome(time=instant(at), outcome=word, **given)  # type: ignore[arg-type]


def promise(at: Micros, key: str, due: Micros | None, **more: Any) -> Promise:
    """A promise of the moment `delivered`."""
    given = {"id": f"p{key}{at}", "moment": "delivered", "customer": "ann"} | more
    return Promise(time=instant(at), key=key, due=None if due is None else instant(due), **given)


def records(events: Sequence[Event], first: int = 0) -> list[Record]:
    """Events as they stand in a partition from an offset on."""
    origin = instant(0)
    second = instant(SECOND) - origin
    return [
        Record(first + place, round((event.time - origin) / second * SECOND), event)
        for place, event in enumerate(events)
    ]


@dataclass
class Reader:
    """Reads one partition into a store as the service's loop does, batch by batch."""

    store: Store
    partition: Partition = HERE
    claim: Claim = field(init=False)

    def __post_init__(self) -> None:
        self.claim = self.store.claim(self.partition)

    @property
    def position(self) -> int:
        return self.claim.position or 0

    def take(self, *events: Event, claim: Claim | None = None, changes: Changes | None = None) -> Claim:
        """One batch in one transaction."""
        claim = claim or self.claim
        batch = records(events, claim.position or 0)
        changes = changes or Changes()
        changes.counts.read += len(batch)
        with self.store.ingest(claim, list(MOMENTS), sorted(keys_of(batch))) as transaction:
            Intake(Catalog(moments=MOMENTS)).take(self.partition, batch, transaction.view, changes)
            latest = max([claim.clock.latest or 0, *(record.at for record in batch)])
            clock = PartitionClock(self.partition, latest)
            self.claim = transaction.save(changes, (claim.position or 0) + len(batch), clock)
        return self.claim


def close(store: Store, moment: str, through: Micros, given_up: Micros | None = None, part: int = PART) -> int:
    """Close a moment's windows as the watch loop does; how many promises expired.

    `given_up`: as if the moment had the patience for that; None: it gives nothing up.
    """
    expired = 0
    while True:
        with store.closing(moment) as transaction:
            patience = through - (transaction.reach.given_up[0] if given_up is None else given_up)
            patient = replace(MOMENTS[moment], give_up_after=patience)
            changes, now = close_part(patient, transaction, through, part)
            transaction.save(changes, now)
        expired += sum(cell.attempts for key, cell in changes.tally)
        if now.closed >= through:
            return expired


def close_a_part(store: Store, moment: str, through: Micros, part: int) -> None:
    """Begin to close a moment's windows, unless they are few enough to be closed at once, and leave it there."""
    with store.closing(moment) as transaction:
        patience = through - transaction.reach.given_up[0]
        patient = replace(MOMENTS[moment], give_up_after=patience)
        changes, now = close_part(patient, transaction, through, part)
        if now.closed < through:
            transaction.save(changes, now)


def opened(
    moment: str = "paid", segment: Segment = (), at: Micros = T0, state: str = "open", rule: str | None = None
) -> Interruption:
    """An interruption that opened at a time."""
    return Interruption(
        id=interruption_id(moment, segment, at, rule),
        moment=moment,
        segment=segment,
        kind="failure_rate",
        kinds=("failure_rate",),
        rule=rule,
        level="high",
        state=state,  # type: ignore[arg-type]
        onset=at - MINUTE,
        opened=at,
        detected_at=at + 30 * SECOND,
        resolved_at=at + HOUR if state == "resolved" else None,
        expected=0.01,
        seen=float("inf"),
    )


def judgement(through: Micros, *changes: Any, **more: Any) -> Judgement:
    """What judging gave up to a time."""
    return Judgement(through, tuple(changes), **more)


def notice(key: str, target: str = "mail") -> Notice:
    """A notice that something opened."""
    message = Message(key=key, thread=key, title="Payments fail — Zürich", lines=("one", "two"), level="high")
    return Notice(key=key, target=target, reason="opened", message=message, moment="paid", owner="ops")


def news(key: str, at: Micros = T0) -> News:
    """News that something opened."""
    return News(key, "opened", at, opened())


def every_break(store: Store, moment: str = "paid") -> list[Break]:
    """All of a moment's break rows."""
    return store.breaks(moment, (), 0, FOREVER, limit=100_000)
