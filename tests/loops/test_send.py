"""The sending loop over the store in memory, with a clock moved by hand."""

import threading
import time
from collections.abc import Callable, Collection
from itertools import pairwise
from random import Random
from typing import Self

import pytest

from service.adapters.store.memory import MemoryStore
from service.core.event import DAY, HOUR, MINUTE, SECOND, Micros
from service.core.outbox import Delivery, Leased, OutboxRow
from service.core.ports import StoreAway
from service.core.telling.route import Message, Notice
from service.loops.retry import Policy
from service.loops.send import Limits, Sender

START: Micros = 1_700_000_000 * SECOND
SENT = Delivery("sent")
DOWN = Delivery("failed", "no connection")
UNCLEAR = Delivery("unknown", "no answer")


Answer = Callable[[str, Message], Delivery]


def always(delivery: Delivery) -> Answer:
    return lambda _target, _message: delivery


def in_turn(*deliveries: Delivery) -> Answer:
    left = list(deliveries)
    return lambda _target, _message: left.pop(0)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> Micros:
        return self.now


class Scripted:
    """A notifier that answers by target, and keeps what it was given."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.answer = answer or always(SENT)
        self._lock = threading.Lock()

    def keeps_incidents(self, target: str) -> bool:
        return False

    def send(self, target: str, message: Message) -> Delivery:
        with self._lock:
            self.sent.append((target, message))
        return self.answer(target, message)

    @property
    def targets(self) -> list[str]:
        return [target for target, _ in self.sent]


def notice(key: str, target: str = "ops") -> Notice:
    return Notice(key, target, "opened", Message(key, key, "title", ("line",), "high"))


class Desk:
    """A sender with what it stands on."""

    def __init__(self, answer: Answer | None = None, **limits: int) -> None:
        self.clock = Clock()
        self.store = MemoryStore()
        self.notifier = Scripted(answer)
        self.sender = Sender(
            self.store,
            self.notifier,
            self.clock,
            random=Random(1),
            policy=Policy(jitter=0.0),
            limits=Limits(**limits),
        )

    def put(self, *notices: Notice) -> None:
        self.store.enqueue(notices, self.clock.now)

    def row(self, key: str) -> OutboxRow:
        (found,) = [row for row in self.store.outbox() if row.notice.key == key]
        return found

    def attempts_over(self, duration: Micros, step: Micros = 5 * SECOND) -> list[Micros]:
        """When attempts were made, as time goes on; since the start."""
        times: list[Micros] = []
        while self.clock.now <= START + duration:
            before = len(self.notifier.sent)
            self.sender.run_once()
            times += [self.clock.now - START] * (len(self.notifier.sent) - before)
            self.clock.now += step
        return times


def test_a_notice_is_sent_once_and_written_down() -> None:
    desk = Desk()
    desk.put(notice("a"), notice("b", "chat"))
    assert desk.sender.run_once() == 2
    assert desk.sender.run_once() == 0
    assert sorted(desk.notifier.targets) == ["chat", "ops"]
    assert desk.row("a").state == "sent"
    assert desk.row("a").sent_at == START


def test_a_row_is_marked_before_it_is_sent() -> None:
    states: list[str] = []
    desk = Desk()

    def answer(target: str, message: Message) -> Delivery:
        states.append(desk.row("a").state)
        return SENT

    desk.notifier.answer = answer
    desk.put(notice("a"))
    desk.sender.run_once()
    assert states == ["attempting"]


def test_failures_are_tried_again_ever_more_slowly_for_a_day() -> None:
    desk = Desk(always(DOWN), breaker_limit=10**9)
    desk.put(notice("a"))
    times = desk.attempts_over(2 * DAY, 10 * SECOND)
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses[:5] == [10 * SECOND, 20 * SECOND, 40 * SECOND, 80 * SECOND, 160 * SECOND]
    assert set(pauses[10:]) == {30 * MINUTE}
    assert DAY - HOUR < times[-1] <= DAY
    row = desk.row("a")
    assert row.state == "failed"
    assert row.last_error == f"no connection; given up after {len(times)} attempts"


def test_jitter_spreads_what_failed_together() -> None:
    policy, random = Policy(), Random(1)
    leased = Leased(1, 1, notice("a"), 0, START, ambiguous=False)
    pauses = {(policy.next_at(leased, DOWN, START, random) or 0) - START for _ in range(100)}
    assert len(pauses) > 90
    assert min(pauses) >= 7.5 * SECOND
    assert max(pauses) <= 12.5 * SECOND


def test_the_wait_that_a_target_asks_for_is_kept() -> None:
    answers = [Delivery("failed", "answered 429", retry_after=600.0), SENT]
    desk = Desk(in_turn(*answers))
    desk.put(notice("a"))
    assert desk.attempts_over(HOUR) == [0, 600 * SECOND]


def test_what_is_refused_for_good_is_not_tried_again() -> None:
    desk = Desk(always(Delivery("failed", "answered 400", retryable=False)))
    desk.put(notice("a"))
    assert desk.attempts_over(HOUR) == [0]
    assert desk.row("a").state == "failed"


def test_what_is_unclear_is_repeated_rarely_and_says_that_it_is_a_repeat() -> None:
    desk = Desk(always(UNCLEAR), breaker_limit=10**9)
    desk.put(notice("a"))
    times = desk.attempts_over(2 * DAY, MINUTE)
    assert times[:4] == [0, 5 * MINUTE, 25 * MINUTE, 105 * MINUTE]
    assert 10 <= len(times) <= 16
    assert [message.repeat for _, message in desk.notifier.sent] == [False] + [True] * (len(times) - 1)


def test_a_failure_is_no_repeat() -> None:
    answers = [DOWN, SENT]
    desk = Desk(in_turn(*answers))
    desk.put(notice("a"))
    desk.attempts_over(MINUTE)
    assert [message.repeat for _, message in desk.notifier.sent] == [False, False]


def test_a_sender_that_died_leaves_a_repeat_to_the_next() -> None:
    desk = Desk()
    desk.put(notice("a"))
    desk.store.lease(START, START + MINUTE, 10)
    assert desk.sender.run_once() == 0
    desk.clock.now += MINUTE
    assert desk.sender.run_once() == 1
    assert desk.notifier.sent[0][1].repeat


def test_a_notifier_that_breaks_breaks_one_notice_only() -> None:
    def answer(target: str, message: Message) -> Delivery:
        if target == "odd":
            raise RuntimeError("a mistake")
        return SENT

    desk = Desk(answer)
    desk.put(notice("a", "odd"), notice("b"))
    assert desk.sender.run_once() == 2
    assert (desk.row("a").state, desk.row("a").ambiguous, desk.row("b").state) == ("waiting", True, "sent")


# --- the breaker ---


def test_a_target_that_fails_again_and_again_is_left_alone_then_asked_once() -> None:
    desk = Desk(always(DOWN))
    desk.put(*(notice(str(n)) for n in range(20)))
    desk.sender.run_once()
    assert len(desk.notifier.sent) == 5
    desk.clock.now += MINUTE - 1
    desk.sender.run_once()
    assert len(desk.notifier.sent) == 5
    desk.clock.now += 1
    desk.sender.run_once()
    assert len(desk.notifier.sent) == 6
    assert sum(row.attempts for row in desk.store.outbox()) == 6


def test_rows_of_a_target_that_is_left_alone_are_not_even_taken() -> None:
    """A thousand of them must not fill the batch that another target's one waits for."""
    desk = Desk(lambda target, _message: DOWN if target == "down" else SENT, batch=10)
    desk.put(*(notice(str(n), "down") for n in range(30)))
    desk.sender.run_once()
    desk.put(notice("b"))
    assert desk.sender.run_once() == 1
    assert desk.row("b").state == "sent"


def test_a_target_that_is_well_again_gets_everything() -> None:
    desk = Desk(always(DOWN))
    desk.put(*(notice(str(n)) for n in range(20)))
    desk.sender.run_once()
    desk.notifier.answer = always(SENT)
    desk.clock.now += MINUTE
    desk.sender.run_once()
    assert {row.state for row in desk.store.outbox()} == {"sent"}


def test_one_targets_breaker_is_not_anothers() -> None:
    def answer(target: str, message: Message) -> Delivery:
        return DOWN if target == "down" else SENT

    desk = Desk(answer)
    desk.put(*(notice(str(n), "down") for n in range(10)))
    desk.sender.run_once()
    desk.put(notice("b"))
    assert desk.sender.run_once() == 1
    assert desk.row("b").state == "sent"


def test_refusals_of_single_notices_do_not_open_the_breaker() -> None:
    desk = Desk(always(Delivery("failed", "answered 400", retryable=False)))
    desk.put(*(notice(str(n)) for n in range(20)))
    desk.sender.run_once()
    assert len(desk.notifier.sent) == 20


# --- the loop, in a thread ---


class Running:
    """The loop in a thread of its own."""

    def __init__(self, desk: Desk) -> None:
        self.stop = threading.Event()
        self.thread = threading.Thread(target=desk.sender.run, args=(self.stop,), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(5)
        assert not self.thread.is_alive()


def eventually(holds: Callable[[], bool], within_s: float = 3.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


def test_a_slow_target_holds_up_nobody_and_is_sent_to_one_at_a_time() -> None:
    go = threading.Event()
    flying: list[int] = [0, 0]

    def answer(target: str, message: Message) -> Delivery:
        if target == "slow":
            flying[0] += 1
            flying[1] = max(flying)
            go.wait(5)
            flying[0] -= 1
        return SENT

    desk = Desk(answer)
    desk.put(notice("s1", "slow"), notice("s2", "slow"))
    with Running(desk):
        eventually(lambda: desk.notifier.targets == ["slow"])
        desk.put(notice("s3", "slow"), *(notice(f"f{n}", "fast") for n in range(5)))
        eventually(lambda: desk.notifier.targets.count("fast") == 5)
        assert desk.notifier.targets.count("slow") == 1
        go.set()
        eventually(lambda: all(row.state == "sent" for row in desk.store.outbox()))
    assert flying == [0, 1]


def test_stopping_ends_what_is_under_way_and_hands_back_the_rest() -> None:
    started, go = threading.Event(), threading.Event()

    def answer(target: str, message: Message) -> Delivery:
        started.set()
        go.wait(5)
        return SENT

    desk = Desk(answer)
    desk.put(notice("a"), notice("b"))
    with Running(desk) as running:
        assert started.wait(3)
        running.stop.set()
        threading.Timer(0.1, go.set).start()
    first, second = desk.row("a"), desk.row("b")
    assert (first.state, first.attempts) == ("sent", 1)
    assert (second.state, second.attempts, second.ambiguous) == ("waiting", 0, False)


class Away(MemoryStore):
    """A store that cannot be reached for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.away_from: set[str] = set()

    def lease(self, now: Micros, until: Micros, limit: int, skip: Collection[str] = ()) -> list[Leased]:
        if "lease" in self.away_from:
            raise StoreAway
        return super().lease(now, until, limit, skip)

    def delivered(self, leased: Leased, delivery: Delivery, now: Micros, next_at: Micros | None) -> bool:
        if "delivered" in self.away_from:
            raise StoreAway
        return super().delivered(leased, delivery, now, next_at)


@pytest.mark.parametrize("call", ["lease", "delivered"])
def test_a_store_that_is_away_is_waited_for_and_what_was_sent_is_not_forgotten(call: str) -> None:
    desk = Desk()
    store = Away()
    store.away_from = {call}
    sender = Sender(store, desk.notifier, desk.clock, limits=Limits(poll_s=0.01))
    store.enqueue([notice("a")], START)
    stop = threading.Event()
    thread = threading.Thread(target=sender.run, args=(stop,), daemon=True)
    thread.start()
    time.sleep(0.1)
    store.away_from = set()
    eventually(lambda: store.outbox()[0].state == "sent")
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert desk.notifier.targets == ["ops"], "sent twice"


def test_a_lease_that_is_nearly_over_is_handed_back_untried() -> None:
    desk = Desk()

    def answer(target: str, message: Message) -> Delivery:
        desk.clock.now += 5 * MINUTE
        return SENT

    desk.notifier.answer = answer
    desk.put(notice("a"), notice("b"))
    assert desk.sender.run_once() == 1
    assert (desk.row("b").state, desk.row("b").attempts) == ("waiting", 0)


def talk(key: str, thread: str) -> Notice:
    return Notice(key, "ops", "opened", Message(key, thread, "title", ("line",), "high"))


def test_what_follows_hangs_on_the_first_of_its_conversation_also_within_one_turn() -> None:
    desk = Desk()
    roots: list[tuple[str, str]] = []

    def answer(target: str, message: Message) -> Delivery:
        roots.append((message.key, message.root))
        return Delivery("sent", handle=f"<{message.key}>")

    desk.notifier.answer = answer
    desk.put(talk("a1", "a"), talk("b1", "b"), talk("a2", "a"))
    assert desk.sender.run_once() == 3
    desk.put(talk("a3", "a"))
    desk.sender.run_once()
    assert roots == [("a1", ""), ("b1", ""), ("a2", "<a1>"), ("a3", "<a1>")]


def test_nothing_is_resolved_before_it_was_opened() -> None:
    desk = Desk()
    tried: list[str] = []

    def answer(target: str, message: Message) -> Delivery:
        tried.append(message.key)
        return DOWN if tried == ["opened"] else SENT

    desk.notifier.answer = answer
    desk.put(talk("opened", "a"), talk("other", "b"), talk("resolved", "a"))
    desk.sender.run_once()
    assert tried == ["opened", "other"]
    desk.sender.run_once()
    assert tried == ["opened", "other"], "the opening is tried again in ten seconds, and the resolution waits for it"
    desk.clock.now += 10 * SECOND
    desk.sender.run_once()
    assert tried == ["opened", "other", "opened", "resolved"]
