"""After a restore: what happened while the service before lived is not sent again, and what came later is."""

import pytest

from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Moment, Owner
from service.core.event import HOUR, MINUTE
from service.core.interruption import Change
from service.core.telling.route import Message, Notice
from service.loops.announce import Announcer
from service.loops.send import Sender
from tests.core.telling.test_route import interruption
from tests.loops.test_send import START, Clock, Scripted

UNTIL = START - HOUR


def notice(key: str, at: int | None) -> Notice:
    return Notice(key, "ops", "opened", Message(key, key, "title", ("line",), "high"), at=at)


def test_only_what_happened_later_is_sent_and_the_rest_is_written_down_as_sent() -> None:
    store, notifier = MemoryStore(), Scripted()
    # One that only says that it goes on is as old as its row: it was waiting in the copy.
    store.enqueue([notice("waited", None)], UNTIL - MINUTE)
    store.enqueue([notice("before", UNTIL - 1), notice("after", UNTIL), notice("goes-on", None)], START)

    Sender(store, notifier, Clock(), told_until=UNTIL).run_once()

    assert sorted(message.key for _, message in notifier.sent) == ["after", "goes-on"]
    assert {row.state for row in store.outbox()} == {"sent"}


@pytest.mark.parametrize(("at", "heard"), [(UNTIL - MINUTE, True), (UNTIL + MINUTE, False)])
def test_history_is_news_to_the_desk_where_it_was_told(at: int, *, heard: bool) -> None:
    it = interruption()
    catalog = Catalog(owners={"ops": Owner("ops")}, moments={it.moment: Moment(it.moment, "ops")})
    announcer = Announcer(MemoryStore(), catalog, lambda: START, told_until=UNTIL)
    assert (announcer(Change("opened", at, it)) is not None) is heard
