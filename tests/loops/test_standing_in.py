"""A notice that is given up after a day of trying comes to whoever is next in line, while somebody has to act."""

from random import Random

import msgspec
import pytest

from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Owner
from service.core.event import DAY, HOUR, MINUTE
from service.core.handling import Action
from service.core.interruption import Change
from service.core.outbox import Delivery
from service.core.standing import Judgement
from service.core.telling.route import Message, Notice
from service.loops.retry import Policy
from service.loops.routing import Pages
from service.loops.send import Limits, Sender
from service.loops.standing_in import StandingIn
from tests.core.telling.test_route import interruption
from tests.loops.test_send import DOWN, SENT, START, Clock, Scripted

LINE = Catalog(
    owners={"ops": Owner("ops", manager="head", targets=("pager",)), "head": Owner("head", targets=("mail",))}
)


def down(target: str, _: Message) -> Delivery:
    return DOWN if target == "pager" else SENT


@pytest.mark.parametrize("end", ["open", "acknowledged", "over"])
def test_one_that_is_given_up_comes_to_the_manager_unless_it_is_over_or_somebody_has_it(end: str) -> None:
    clock, store, notifier = Clock(), MemoryStore(), Scripted(down)
    pages = Pages("https://x", lambda identity, target: f"{identity}-{target}")
    sender = Sender(
        store,
        notifier,
        clock,
        random=Random(1),
        policy=Policy(jitter=0.0),
        limits=Limits(breaker_limit=10**9),
        instead=StandingIn(store, lambda: LINE, pages),
    )
    it = interruption()
    changes = [Change("opened", START, it)]
    if end == "over":
        over = msgspec.structs.replace(it, state="resolved", resolved_at=START)
        changes.append(Change("resolved", START, over))
    store.save_judgement(it.moment, 0, Judgement(START, tuple(changes)), None)
    if end == "acknowledged":
        store.act(Action(it.id, START, "acknowledge", "ann"))
    message = Message("a", "i", "HIGH · late", ("31 customers",), "high", link="https://x/1", asks=True)
    store.enqueue([Notice("a", "pager", "opened", message, it.id, it.moment, "ops")], START)

    while clock.now < START + DAY + HOUR:
        sender.run_once()
        clock.now += 10 * MINUTE

    states = {row.notice.target: row.state for row in store.outbox()}
    told = [(target, message.title, message.link) for target, message in notifier.sent if target != "pager"]
    if end == "open":
        assert told == [("mail", "NOT DELIVERED · HIGH · late", f"https://x/acknowledge/{it.id}-mail")]
        assert states == {"pager": "failed", "mail": "sent"}
    else:
        assert told == []
        assert states == {"pager": "failed"}
