"""A world in which everything that comes from outside tries to run as a script."""

from service.core.catalog import Catalog, Journey, KnownEvent, Moment, Owner, Source, Stage
from service.core.counting.changes import BlindSpan
from service.core.event import HOUR, Annotation, Complaint, Outcome, Promise
from service.core.handling import Action
from service.core.interruption import Change
from service.core.ports import Store
from service.core.routes import Matcher
from service.core.standing import Judgement, TimelineEntry
from service.core.telling.route import Message, Notice
from service.core.telling.silence import Silence
from tests.adapters.web.world import NOW, World, interruption, stamp

HOSTILE = "<script>window.ran = 1</script>\"'><img src=x onerror=window.ran=1>"


def paths(identity: str) -> tuple[str, ...]:
    """Every page of it."""
    return (
        "/",
        "/interruptions",
        f"/interruptions/{identity}",
        "/moments/m",
        "/journeys/j",
        "/owners",
        "/owners/ops",
        "/customers",
        "/silences",
        "/data",
        "/dead-letters",
    )


def hostile_world(store: Store | None = None) -> tuple[World, str]:
    """A script tag in every field that anyone outside can fill, and in every text of the catalogue."""
    catalog = Catalog(
        owners={"ops": Owner("ops", title=HOSTILE)},
        moments={
            "m": Moment(
                "m",
                "ops",
                title=HOSTILE,
                promise=HOSTILE,
                unit=HOSTILE,
                dimensions=("region", "carrier"),
                known_events=(KnownEvent(HOSTILE, NOW - 2 * HOUR, NOW, 2.0),),
                runbook_url=f"javascript:{HOSTILE}",
            )
        },
        journeys={"j": Journey("j", HOSTILE, HOSTILE, (Stage("s", HOSTILE, HOSTILE, ("m",)),))},
        sources={"s": Source("s", "shop.orders")},
    )
    world = World(catalog, store)
    at = stamp(NOW - HOUR)
    found = {"region": HOSTILE, "carrier": HOSTILE, HOSTILE: HOSTILE}
    world.take(
        [
            Outcome(
                id=HOSTILE,
                time=at,
                moment="m",
                customer=HOSTILE,
                outcome="broken",
                reason=HOSTILE,
                value=12,
                dimensions=found,
            ),
            Promise(id="p", time=at, moment="m", customer=HOSTILE, key=HOSTILE, due=at, dimensions=found),
            Annotation(id="a", time=at, title=HOSTILE, url=f"javascript:{HOSTILE}", dimensions=found),
            Complaint(id="c", time=at, customer=HOSTILE, moment=HOSTILE, channel=HOSTILE, text=HOSTILE),
        ],
        dead=1,
    )
    world.close("m", NOW)
    one = interruption("m", (("region", (HOSTILE,)),), NOW - 2 * HOUR, NOW - HOUR)
    message = Message("k", "t", HOSTILE, (HOSTILE,), "high")
    notice = Notice("k", HOSTILE, "opened", message, one.id, "m", HOSTILE)
    world.judge("m", Judgement(NOW, (Change("opened", NOW, one, HOSTILE),)), (notice,))
    world.store.save_blind([BlindSpan("m", NOW - HOUR, None, HOSTILE)])
    for verb in ("annotate", "assign"):
        world.store.act(Action(one.id, NOW, verb, HOSTILE, HOSTILE, HOSTILE))
    world.store.act(Action(one.id, NOW, "ask", HOSTILE, HOSTILE, HOSTILE, until=NOW))
    world.store.act(Action(one.id, NOW, "level", HOSTILE, "high", HOSTILE))
    world.store.put_silence(
        Silence("s", (Matcher("region", "=", HOSTILE),), NOW - HOUR, NOW + HOUR, HOSTILE, HOSTILE, NOW)
    )
    world.store.note(TimelineEntry(one.id, NOW, HOSTILE, HOSTILE, HOSTILE))
    return world, one.id
