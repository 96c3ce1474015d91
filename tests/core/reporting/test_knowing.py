"""Who knew first, and that the answer stands."""

from service.core.catalog import Catalog, Moment, Owner
from service.core.event import DAY, HOUR, Complaint, Micros, Outcome
from service.core.interruption import Change, Interruption
from service.core.reporting.knowing import Knowing
from service.core.standing import Judgement
from tests.adapters.web.world import NOW, World, interruption, stamp

CATALOG = Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops")})


def world_with(complaint_at: Micros, detected: Micros) -> tuple[World, Interruption]:
    """One customer's promise breaks an hour after the onset; they complain at a time."""
    world = World(CATALOG)
    onset = NOW - DAY
    world.take(
        [
            Outcome(id="o", time=stamp(onset + HOUR), moment="m", customer="ann", outcome="broken"),
            Complaint(id="x", time=stamp(complaint_at), customer="ann"),
        ]
    )
    one = interruption("m", (), onset, detected)
    world.judge("m", Judgement(NOW, (Change("opened", detected, one),)))
    return world, one


def test_we_knew_before_the_first_complaint() -> None:
    world, one = world_with(NOW - HOUR, NOW - 3 * HOUR)
    knowing = Knowing()
    knowing.look(world.store, CATALOG, NOW)
    assert knowing.first == {"us": 1, "customer": 0}
    assert knowing.lead(one.id) == 2 * HOUR
    assert knowing.leads == {"m": 2 * HOUR}


def test_the_customer_knew_first() -> None:
    world, one = world_with(NOW - 4 * HOUR, NOW - 3 * HOUR)
    knowing = Knowing()
    knowing.look(world.store, CATALOG, NOW)
    assert knowing.first == {"us": 0, "customer": 1}
    assert knowing.lead(one.id) == -HOUR


def test_a_complaint_from_before_their_break_is_about_something_else() -> None:
    world, one = world_with(NOW - DAY + HOUR // 2, NOW - 3 * HOUR)
    knowing = Knowing()
    knowing.look(world.store, CATALOG, NOW)
    assert knowing.first == {"us": 0, "customer": 0}
    assert knowing.lead(one.id) is None


def test_a_count_never_goes_back() -> None:
    world, _ = world_with(NOW - HOUR, NOW - 3 * HOUR)
    knowing = Knowing()
    knowing.look(world.store, CATALOG, NOW)
    earlier = Complaint(id="y", time=stamp(NOW - 5 * HOUR), customer="ann")
    world.take([earlier])
    knowing.look(world.store, CATALOG, NOW)
    assert knowing.first == {"us": 1, "customer": 0}
