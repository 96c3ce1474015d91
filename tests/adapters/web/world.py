"""A marketplace in December, made up: a moment in every state, so that pages have something to show.

The clock stands at Friday 15 December 2017, 15:04 UTC. Parcels to Rio have been late since Wednesday.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Journey, Moment, Objective, Owner, Source, Stage, Target
from service.core.counting.changes import BlindSpan, Changes, keys_of
from service.core.counting.closing import close_part
from service.core.counting.intake import Intake
from service.core.counting.watermark import PartitionClock
from service.core.event import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Complaint,
    DeadLetter,
    Event,
    Micros,
    Outcome,
    OutcomeWord,
    Partition,
    Promise,
    Record,
    instant,
    micros,
)
from service.core.interruption import Change, Interruption, Segment, interruption_id
from service.core.outbox import Delivery
from service.core.ports import Store
from service.core.standing import Judgement, Series, TimelineEntry
from service.core.telling.route import Message, Notice

NOW = micros(datetime(2017, 12, 15, 15, 4, tzinfo=UTC))
ONSET = micros(datetime(2017, 12, 13, 6, 0, tzinfo=UTC))
DETECTED = ONSET + 9 * HOUR + 41 * MINUTE
TODAY = micros(datetime(2017, 12, 15, tzinfo=UTC))
RIO: Segment = (("region", ("RJ",)),)
LATE = "delivered-by-promise"

CATALOG = Catalog(
    owners={
        "delivery-ops": Owner("delivery-ops", "Delivery operations", targets=("desk",)),
        "sellers": Owner("sellers", "Seller success"),
        "payments": Owner("payments", "Payments"),
        "care": Owner("care", "Customer care"),
    },
    targets={"desk": Target("desk")},
    moments={
        "order-approved-in-time": Moment(
            "order-approved-in-time",
            "payments",
            title="Order approved in time",
            promise="We confirm your order within two days.",
            dimensions=("payment",),
        ),
        "handed-to-carrier": Moment(
            "handed-to-carrier",
            "sellers",
            title="Handed to the carrier by the limit",
            promise="Your seller ships on time.",
            dimensions=("region",),
            loss_probability=0.03,
        ),
        LATE: Moment(
            LATE,
            "delivery-ops",
            title="Delivered by the promised day",
            promise="Your parcel is with you by the day we told you.",
            objectives=(Objective(0.95, 28 * DAY), Objective(0.9, 7 * DAY)),
            dimensions=("region", "carrier"),
            loss_probability=0.08,
            runbook_url="https://example.com/runbooks/late-parcels",
        ),
        "refunded-in-five-days": Moment(
            "refunded-in-five-days",
            "care",
            title="Refunded in five days",
            promise="Your money is back in five days.",
        ),
        "answered-in-a-day": Moment(
            "answered-in-a-day", "care", title="Answered within a day", promise="We answer within a day."
        ),
        "pays-at-checkout": Moment(
            "pays-at-checkout",
            "payments",
            title="Payment goes through",
            unit="payments",
            dimensions=("payment",),
        ),
    },
    journeys={
        "buying": Journey(
            "buying",
            "Buying something",
            "What I ordered is with me when you said it would be.",
            (
                Stage("order", "Order", "Head of commerce", ("order-approved-in-time",)),
                Stage("delivery", "Delivery", "Head of logistics", ("handed-to-carrier", LATE)),
                Stage("after", "Afterwards", "Head of service", ("answered-in-a-day", "refunded-in-five-days")),
            ),
        )
    },
    sources={"orders": Source("orders", "shop.orders", clock="event")},
)

PARTITION = Partition("shop.orders", 0)
REGIONS = (("SP", 42), ("RJ", 13), ("MG", 12), ("RS", 6), ("PR", 5), ("BA", 4), (None, 6))
CARRIERS = ("Correios", "Jadlog", "Total")


def stamp(at: Micros) -> datetime:
    """As an event has it."""
    return instant(at - at % SECOND)


class World:
    """The store and what was put into it."""

    def __init__(self, catalog: Catalog = CATALOG, store: Store | None = None) -> None:
        self.catalog = catalog
        self.store: Store = store or MemoryStore(catalog.moments)
        self._claim = self.store.claim(PARTITION)
        self._offset = 0
        self._ticks: dict[str, int] = {}

    def take(self, events: Sequence[Event], dead: int = 0) -> None:
        """One batch."""
        records = [
            Record(self._offset + place, micros(event.time), event)
            for place, event in enumerate(sorted(events, key=lambda event: event.time))
        ]
        changes = Changes()
        changes.counts.read = len(records) + dead
        for place in range(dead):
            changes.dead.append(DeadLetter(PARTITION, self._offset + place, "not_json", "no JSON", b"<script>"))
            changes.counts.dead["not_json"] += 1
        self._offset += len(records) + dead
        latest = max((record.at for record in records), default=None)
        keys = sorted(keys_of(records))
        with self.store.ingest(self._claim, list(self.catalog.moments), keys) as transaction:
            Intake(self.catalog).take(PARTITION, records, transaction.view, changes)
            self._claim = transaction.save(changes, self._offset, PartitionClock(PARTITION, latest))

    def close(self, moment: str, through: Micros) -> None:
        """Close a moment, so that promises expire."""
        with self.store.closing(moment) as closing:
            closing.save(*close_part(self.catalog.moments[moment], closing, through))

    def judge(self, moment: str, judgement: Judgement, notices: tuple[Notice, ...] = ()) -> None:
        """Write what a judge might have said."""
        tick = self._ticks.get(moment, 0)
        made = min((change.at for change in judgement.changes), default=judgement.through)
        self.store.save_judgement(moment, tick, judgement, None)
        self.store.enqueue(notices, made)
        self._ticks[moment] = tick + 1


def marketplace(seed: int = 7, store: Store | None = None) -> World:
    """Everything at once."""
    world = World(store=store)
    rng = random.Random(seed)
    events = [
        *_outcomes(rng, "order-approved-in-time", 60, 90, lambda _at: 0.012, {"payment": ("card", "boleto")}),
        *_outcomes(rng, "handed-to-carrier", 60, 80, lambda at: 0.06 if at < NOW - 5 * DAY else 0.13, {}),
        *_outcomes(rng, "refunded-in-five-days", 50, 20, lambda _at: 0.04, {}, until=TODAY - 2 * DAY),
        *_outcomes(rng, "answered-in-a-day", 4, 60, lambda _at: 0.1, {}),
        *_outcomes(rng, "pays-at-checkout", 60, 160, lambda _at: 0.03, {"payment": ("card", "boleto", "voucher")}),
        *_parcels(rng),
    ]
    world.take(events, dead=3)
    for name in world.catalog.moments:
        world.close(name, NOW - NOW % MINUTE)
    _judge(world)
    return world


def _outcomes(
    rng: random.Random,
    moment: str,
    days: int,
    a_day: int,
    broken: Callable[[Micros], float],
    dimensions: dict[str, tuple[str, ...]],
    until: Micros = NOW,
) -> Iterator[Outcome]:
    for number in range(days * a_day):
        at = NOW - days * DAY + int(number / a_day * DAY)
        if at >= until:
            return
        word: OutcomeWord = "broken" if rng.random() < broken(at) else "kept"
        region = rng.choices([r for r, _ in REGIONS], [w for _, w in REGIONS])[0]
        found = {name: rng.choice(values) for name, values in dimensions.items()}
        if region:
            found["region"] = region
        yield Outcome(
            id=f"{moment}-{number}",
            time=stamp(at),
            moment=moment,
            customer=f"c{rng.randrange(10**6):06d}",
            outcome=word,
            reason="out of stock" if word == "broken" and moment == "handed-to-carrier" else None,
            value=round(rng.lognormvariate(4.6, 0.6), 2),
            dimensions=found,
        )


def _parcels(rng: random.Random) -> Iterator[Event]:
    """Promises made ten days ahead; those for Rio that fall due since Wednesday are often late."""
    for number in range(72 * 160):
        due = NOW - 62 * DAY + number * DAY // 160
        region = rng.choices([r for r, _ in REGIONS], [w for _, w in REGIONS])[0]
        carrier = rng.choice(CARRIERS)
        found = {"carrier": carrier} | ({"region": region} if region else {})
        bad = due >= ONSET
        late = rng.random() < ((0.42 if region == "RJ" else 0.16) if bad else 0.057)
        customer, key = f"c{rng.randrange(10**6):06d}", f"order-{number:05d}"
        yield Promise(
            id=f"p{number}",
            time=stamp(due - 10 * DAY),
            moment=LATE,
            customer=customer,
            key=key,
            due=stamp(due),
            value=round(rng.lognormvariate(4.7, 0.7), 2),
            dimensions=found,
        )
        settled = due + int(rng.uniform(6, 90) * HOUR) if late else due - int(rng.uniform(1, 96) * HOUR)
        if settled < NOW:
            yield Outcome(id=f"o{number}", time=stamp(settled), moment=LATE, customer=customer, outcome="kept", key=key)
        if late and due + 3 * HOUR < NOW and rng.random() < 0.2:
            yield Complaint(
                id=f"x{number}",
                time=stamp(min(due + 11 * HOUR, NOW)),
                customer=customer,
                moment=LATE,
                score=1,
            )


def _series(evidence: float, expected: float) -> tuple[Series, ...]:
    return (Series("failure_rate", "", evidence, expected, expected * 0.5, expected * 1.6),)


def interruption(moment: str, segment: Segment, onset: Micros, detected: Micros, **more: object) -> Interruption:
    """One, open and of high level unless told otherwise."""
    fields: dict[str, object] = {
        "id": interruption_id(moment, segment, detected),
        "moment": moment,
        "segment": segment,
        "kind": "failure_rate",
        "kinds": ("failure_rate",),
        "rule": None,
        "level": "high",
        "state": "open",
        "onset": onset,
        "opened": detected,
        "detected_at": detected,
        "expected": 0.057,
        "seen": 0.34,
    } | more
    return Interruption(**fields)  # type: ignore[arg-type]  # named as the struct has them


RIO_LATE = interruption(LATE, RIO, ONSET, DETECTED, kinds=("failure_rate", "overdue"))
HAND_OVER = interruption("handed-to-carrier", (), NOW - 5 * DAY, NOW - 4 * DAY, level="low", expected=0.06)
OVER = interruption(
    "order-approved-in-time",
    (("payment", ("boleto",)),),
    NOW - 20 * DAY,
    NOW - 20 * DAY + 2 * HOUR,
    state="resolved",
    level="medium",
    resolved_at=NOW - 19 * DAY,
)


def _judge(world: World) -> None:
    closed = NOW - NOW % MINUTE
    rio = RIO_LATE
    message = Message(rio.id, rio.id, "HIGH · Delivered by the promised day is unreliable · region RJ", (), "high")
    notice = Notice(f"{rio.id}/opened/desk", "desk", "opened", message, rio.id, LATE, "delivery-ops")
    changes = (
        Change("opened", DETECTED, rio, "failure rate 34 %, usually 5.7 %, in region RJ"),
        Change("evidence", DETECTED + 5 * HOUR, rio, "promises overdue as well"),
    )
    world.judge(LATE, Judgement(closed, changes, _series(2.4, 0.057)), (notice,))
    [leased] = world.store.lease(DETECTED, DETECTED + MINUTE, 10)
    world.store.delivered(leased, Delivery("sent"), DETECTED + 2 * SECOND, None)
    opened = Change("opened", HAND_OVER.detected_at, HAND_OVER)
    world.judge("handed-to-carrier", Judgement(closed, (opened,), _series(1.1, 0.06)))
    ended = (Change("opened", OVER.detected_at, OVER), Change("resolved", OVER.resolved_at or 0, OVER))
    world.judge("order-approved-in-time", Judgement(closed, ended, _series(0.1, 0.012)))
    world.judge("refunded-in-five-days", Judgement(TODAY - 2 * DAY, (), _series(0.0, 0.04)))
    world.store.save_blind(
        [
            BlindSpan("refunded-in-five-days", TODAY + 9 * HOUR + 40 * MINUTE, None, "the source cannot be reached"),
            BlindSpan("refunded-in-five-days", TODAY - 9 * DAY, TODAY - 8 * DAY + 5 * HOUR, "no records"),
        ]
    )
    world.judge("answered-in-a-day", Judgement(closed, (), (), learning=(4.0, 14.0)))
    world.judge("pays-at-checkout", Judgement(closed, (), _series(0.05, 0.03)))
    world.store.note(TimelineEntry(rio.id, DETECTED + 6 * HOUR, "note", "Depot says: two drivers ill", "ana"))
