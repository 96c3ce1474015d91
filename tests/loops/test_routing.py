"""The route loop: news becomes notices with figures, once, however many replicas there are."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from service.core.catalog import Catalog, Moment, Owner, Target
from service.core.event import DAY, HOUR, MINUTE, SECOND, Event, Micros
from service.core.handling import Action
from service.core.interruption import Change, ChangeWord, Interruption
from service.core.meter import NoMeter
from service.core.outbox import OutboxRow
from service.core.ports import StaleClaim, StoreAway, StoreBusy
from service.core.routes import Escalation, Route
from service.core.standing import Judgement
from service.core.telling.desk import Decision
from service.core.telling.route import news_of
from service.loops.announce import Money
from service.loops.routing import STORM, Pages, Routing
from tests.adapters.web.world import World, interruption
from tests.core.making import at, outcome

MOMENT = Moment("arrives", "ops", dimensions=("region",), promise="On time.", loss_probability=0.5)
CATALOG = Catalog(
    owners={
        "ops": Owner("ops", targets=("desk", "phone"), escalation=(Escalation(15 * MINUTE, "boss"),)),
        "boss": Owner("boss", targets=("boss-mail",)),
    },
    targets={"desk": Target("desk"), "phone": Target("phone"), "boss-mail": Target("boss-mail")},
    moments={"arrives": MOMENT},
)
ONSET, NOW = at(0), at(60)


class Post:
    """A store with ten customers let down, and a route loop over it with a clock moved by hand."""

    def __init__(self, catalog: Catalog = CATALOG) -> None:
        self.world = World(catalog)
        broke: list[Event] = [outcome(n, "broken", key=None, customer=f"c{n}", value=10.0) for n in range(10)]
        self.world.take(broke)
        self.store = self.world.store
        self.now = NOW
        self.routing = self.replica(catalog)

    def replica(self, catalog: Catalog = CATALOG) -> Routing:
        return Routing(self.store, lambda: catalog, Money("EUR", 2), Pages("https://watch.example"), lambda: self.now)

    def judged(self, what: ChangeWord, it: Interruption) -> None:
        news = news_of(Change(what, self.now, it), None)
        assert news is not None
        judgement = Judgement(self.now, (Change(what, self.now, it),))
        tick = self.store.judged("arrives").tick
        self.store.save_judgement("arrives", tick, judgement, None, [news])

    def turn(self, after: Micros = 0) -> Sequence[OutboxRow]:
        self.now += after
        before = {row.row for row in self.store.outbox()}
        self.routing.turn()
        return [row for row in reversed(self.store.outbox()) if row.row not in before]


def row(name: str = "", **more: object) -> Interruption:
    segment = (("region", (name,)),) if name else ()
    return interruption("arrives", segment, ONSET, at(15), **({"expected": 0.1, "level": "high"} | more))


def test_a_notice_says_what_happened_to_whom_and_links_to_the_page() -> None:
    post, it = Post(), row()
    post.judged("opened", it)
    first, second = post.turn()
    assert (first.notice.target, second.notice.target) == ("desk", "phone")
    message = first.notice.message
    assert message.title.startswith("HIGH")
    assert any("10 customers let down" in line for line in message.lines)
    assert any("At risk EUR 50.00" in line for line in message.lines)
    assert "Escalates" in message.lines[-1]
    assert message.link == f"https://watch.example/interruptions/{it.id}"
    assert (first.notice.owner, first.notice.moment, first.notice.interruption) == ("ops", "arrives", it.id)
    assert first.created_at == NOW
    assert post.turn() == []


def test_a_signed_link_is_each_targets_own_and_the_page_itself_is_named_beside_it() -> None:
    post, it = Post(), row()
    pages = Pages("https://watch.example/", lambda identity, target: f"{target}-{identity[:4]}")
    post.routing = Routing(post.store, lambda: CATALOG, Money(), pages, lambda: post.now)
    post.judged("opened", it)
    first, second = (each.notice.message for each in post.turn())
    assert first.link == f"https://watch.example/acknowledge/desk-{it.id[:4]}"
    assert second.link == f"https://watch.example/acknowledge/phone-{it.id[:4]}"
    assert first.lines[-1] == f"Everything about it: https://watch.example/interruptions/{it.id}"
    # What is over needs no button.
    post.judged("resolved", row(state="resolved", resolved_at=NOW + HOUR))
    assert post.turn(HOUR)[0].notice.message.link == f"https://watch.example/interruptions/{it.id}"


def test_what_was_resolved_is_told_in_the_same_conversation() -> None:
    post, it = Post(), row()
    post.judged("opened", it)
    [opened, _] = post.turn()
    post.judged("resolved", row(state="resolved", resolved_at=NOW + HOUR))
    [resolved, _] = post.turn(HOUR)
    assert resolved.notice.message.thread == opened.notice.message.thread == it.id
    assert (opened.notice.message.state, resolved.notice.message.state) == ("open", "resolved")


def test_many_together_are_one_message_that_names_the_worst_and_counts_the_rest() -> None:
    post = Post(replace(CATALOG, routes=(Route("shop", group_by=("owner",), group_wait=30 * SECOND),)))
    for n in range(15):
        post.judged("opened", row(f"r{n:02}", level="critical" if n == 14 else "medium"))
    assert post.turn() == []
    [notice] = [each.notice for each in post.turn(30 * SECOND) if each.notice.target == "desk"]
    assert notice.message.title == "CRITICAL · 15 interruptions · arrives"
    assert "region r14" in notice.message.lines[1]
    assert "And 5 more." in notice.message.lines
    assert notice.message.link == "https://watch.example"
    assert len(notice.about) == 15


def test_nobody_acknowledging_is_told_to_the_next_with_the_figures_of_then() -> None:
    post, it = Post(), row()
    post.judged("opened", it)
    post.turn()
    [escalated] = post.turn(15 * MINUTE)
    assert (escalated.notice.target, escalated.notice.reason) == ("boss-mail", "escalated")
    assert escalated.notice.message.title.startswith("ESCALATED · HIGH · ")
    assert any("Nobody has acknowledged it for" in line for line in escalated.notice.message.lines)


def test_an_acknowledgement_stops_the_escalation() -> None:
    post, it = Post(), row()
    post.judged("opened", it)
    post.turn()
    post.store.act(Action(it.id, post.now, "acknowledge", "ann"))
    assert post.turn(DAY) == []


def test_in_a_replay_news_is_told_as_it_would_have_been_at_its_time() -> None:
    post = Post()
    replay = Routing(
        post.store, post.routing._catalog, Money(), Pages(), lambda: post.now, replayed=lambda: NOW + 9 * DAY
    )
    post.judged("opened", row("a"))
    post.now += DAY
    post.judged("resolved", row("a", state="resolved", resolved_at=post.now))
    replay.turn()
    assert [each.notice.reason for each in reversed(post.store.outbox())][::2] == ["opened", "resolved"]


def test_two_replicas_tell_once() -> None:
    post = Post()
    post.judged("opened", row())
    other = post.replica()
    world_seen = post.store.desk()
    assert len(post.turn()) == 2
    # The other had read before the first one wrote.
    with pytest.raises(StaleClaim):
        post.store.save_desk(world_seen, [], [], [], NOW)
    assert other.turn() is False
    assert len(post.store.outbox()) == 2


def test_every_decision_is_kept_with_its_reason() -> None:
    post, it = Post(), row()
    post.judged("opened", it)
    post.turn()
    assert post.store.decisions(it.id) == [Decision(NOW, it.id, "default", "ops", "sent", "opened", "desk, phone")]


class _Failures(NoMeter):
    def __init__(self) -> None:
        self.failed_loops: list[str] = []

    def failed(self, loop: str) -> None:
        self.failed_loops.append(loop)


class _Stop(threading.Event):
    def __init__(self, turns: int) -> None:
        super().__init__()
        self._turns = turns

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self._turns -= 1
        if self._turns <= 0:
            self.set()
        return self.is_set()


@pytest.mark.parametrize(("error", "counted"), [(StaleClaim, 0), (StoreBusy, 0), (StoreAway, 1), (KeyError, 1)])
def test_after_a_failure_it_goes_on_from_the_store(
    error: type[Exception], counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, meter = Post(), _Failures()
    post.judged("opened", row())
    routing = Routing(post.store, lambda: CATALOG, Money(), Pages(), lambda: post.now, meter=meter)
    whole, calls = post.store.save_desk, []

    def failing(*given: object) -> None:
        calls.append(given)
        if len(calls) == 1:
            raise error("once")
        whole(*given)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(post.store, "save_desk", failing)
    routing.run(_Stop(3))
    assert len(post.store.outbox()) == 2
    assert meter.failed_loops == ["route"] * counted


def test_in_a_storm_what_opens_is_told_before_what_ends_and_nothing_is_left_out() -> None:
    post = Post()
    ending = [row(f"old{n}") for n in range(STORM)]
    for it in ending:
        post.judged("opened", it)
    assert {each.notice.reason for each in post.turn()} == {"opened"}

    flapped = row("flapped")
    for it in ending:
        post.judged("resolved", over(it))
    post.judged("opened", flapped)
    post.judged("resolved", over(flapped))
    for n in range(3):
        post.judged("opened", row(f"new{n}"))

    first, then = post.turn(), post.turn()
    assert {(each.notice.reason, len(each.notice.about)) for each in first} == {("opened", 1)}
    assert len({each.notice.interruption for each in first}) == 3
    # What opened and ended at once is told in that order, as it is without a storm.
    mine = [each.notice.reason for each in then if each.notice.interruption == flapped.id]
    assert mine == ["opened", "opened", "resolved", "resolved"]
    rest = {(each.notice.interruption, each.notice.reason) for each in then} - {
        (flapped.id, "opened"),
        (flapped.id, "resolved"),
    }
    assert rest == {(it.id, "resolved") for it in ending}
    assert post.turn() == []


def over(it: Interruption) -> Interruption:
    return msgspec.structs.replace(it, state="resolved", resolved_at=NOW + HOUR)


def test_whoever_writes_news_wakes_the_desk() -> None:
    post = Post()
    stop, patience = threading.Event(), 30.0
    routing = Routing(post.store, lambda: CATALOG, Money(), Pages(), lambda: post.now, pause=10 * patience)
    running = threading.Thread(target=routing.run, args=(stop,), daemon=True)
    began = time.monotonic()
    running.start()
    post.judged("opened", row())
    try:
        while not post.store.outbox():
            assert time.monotonic() - began < patience
            routing.stir()
            time.sleep(0.01)
    finally:
        stop.set()
        routing.stir()
        running.join(patience)
    assert not running.is_alive()
