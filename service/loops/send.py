"""The sending loop: leases due notices, sends each to its target, and writes down what became of it."""

import logging
import queue
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Protocol

import msgspec

from service.core.event import MINUTE, SECOND, Micros
from service.core.meter import Meter, NoMeter
from service.core.outbox import Delivery, Leased
from service.core.ports import Notifier, StoreAway
from service.core.telling.route import Notice
from service.loops.breaker import Breaker
from service.loops.guard import Pulse
from service.loops.retry import Policy

_log = logging.getLogger(__name__)


class Outbox(Protocol):
    """What this loop needs of the store; called from the loop's own thread only."""

    def lease(self, now: Micros, until: Micros, limit: int, skip: Collection[str] = ()) -> list[Leased]:
        """See `Store`."""
        ...

    def release(self, leased: Leased, due_at: Micros) -> bool:
        """See `Store`."""
        ...

    def enqueue(self, notices: Sequence[Notice], now: Micros) -> int:
        """See `Store`."""
        ...

    def delivered(self, leased: Leased, delivery: Delivery, now: Micros, next_at: Micros | None) -> bool:
        """See `Store`."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken at a time, and for how long.

    `lease`: how long a row is ours. `margin`: longer than any send takes; with less of the lease left none
    is begun. `batch`: rows leased at a time. `workers`: targets sent to at a time. `breaker_limit` failures
    in a row keep a target out for `breaker_pause`. `poll_s`: how often an idle loop looks.
    """

    lease: Micros = 5 * MINUTE
    margin: Micros = MINUTE
    batch: int = 100
    workers: int = 32
    breaker_limit: int = 5
    breaker_pause: Micros = MINUTE
    poll_s: float = 0.5


class _Ended(msgspec.Struct, frozen=True):
    """A row's turn is over: with a delivery, or untried and due again at a time."""

    leased: Leased
    at: Micros
    delivery: Delivery | None = None
    seconds: float = 0.0
    due_at: Micros = 0


_TOLD = Delivery("sent")


class Sender:
    """Sends outside of any transaction, one notice at a time to a target and to many targets at once.

    The store is called from one thread; workers only send. What a worker learnt is kept until the store took
    it. `instead`: asked, with what became of the last attempt, for what stands in for a notice that is given up.
    `told_until`: notices of what happened before it were sent after this database was copied, and are not sent again.
    """

    def __init__(  # noqa: PLR0913  # what it stands on, each by name
        self,
        store: Outbox,
        notifier: Notifier,
        clock: Callable[[], Micros],
        *,
        random: Random | None = None,
        policy: Policy | None = None,
        limits: Limits | None = None,
        meter: Meter | None = None,
        instead: Callable[[Notice, str], Sequence[Notice]] | None = None,
        told_until: Micros = 0,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._random = random or Random()
        self._policy = policy or Policy()
        self._limits = limits or Limits()
        self._meter = meter or NoMeter()
        self._instead = instead or (lambda _notice, _why: ())
        self._told_until = told_until
        self.pulse = Pulse()
        self._breakers: dict[str, Breaker] = {}
        self._busy: dict[str, int] = {}
        """Rows in a worker's hands, by target."""
        self._ended: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        self._unwritten: list[_Ended] = []
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(self._limits.workers, thread_name_prefix="notice")

    def run_once(self) -> int:
        """Send what is due and wait for it; how many attempts were made. Raises StoreAway."""
        made = self._write()
        self._hand_out()
        while self._busy:
            made += self._write(self._ended.get())
        return made

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; then let attempts under way end, and hand the rest back."""
        self._stop = stop
        away = 0
        while not stop.is_set():
            try:
                self._write()
                handed = self._hand_out()
                away = 0
                self.pulse.beat()
            except StoreAway:
                away += 1
                self._meter.failed("send")
                self.pulse.beat(well=False)
                _log.warning("the store is away; notices wait (turn %d)", away)
                stop.wait(min(self._limits.poll_s * 2 ** min(away, 16), 30.0))
                continue
            if not handed:
                self._idle(stop)
        self._drain()

    def _idle(self, stop: threading.Event) -> None:
        """Wait for a worker or for the next look."""
        if not self._busy:
            stop.wait(self._limits.poll_s)
            return
        try:
            self._unwritten.append(self._ended.get(timeout=self._limits.poll_s))
        except queue.Empty:
            return

    def _drain(self) -> None:
        """Every send ends by the notifier's deadline; what cannot be written comes back after its lease."""
        self._pool.shutdown(wait=True)
        try:
            self._write()
        except StoreAway:
            _log.warning("the store is away; %d notices may be sent twice", len(self._unwritten))

    # --- out ---

    def _hand_out(self) -> int:
        """Lease what is due and give each target's rows to a worker."""
        now = self._clock()
        closed = {target for target, breaker in self._breakers.items() if breaker.opens_at(now) is not None}
        until = now + self._limits.lease
        leased = self._store.lease(now, until, self._limits.batch, sorted(closed | self._busy.keys()))
        by_target: dict[str, list[Leased]] = {}
        for row in leased:
            if (row.created_at if row.notice.at is None else row.notice.at) < self._told_until:
                self._store.delivered(row, _TOLD, now, None)
                _log.info("%s/%s: was sent before the database was restored", row.notice.target, row.notice.key)
            else:
                by_target.setdefault(row.notice.target, []).append(row)
        for target, rows in by_target.items():
            breaker = self._breakers.get(target)
            if breaker is None:
                breaker = self._breakers[target] = Breaker(self._limits.breaker_limit, self._limits.breaker_pause)
            self._busy[target] = self._busy.get(target, 0) + len(rows)
            self._pool.submit(self._send_all, rows, breaker, until)
        return len(leased)

    def _send_all(self, rows: Sequence[Leased], breaker: Breaker, until: Micros) -> None:
        """A worker's turn: one target's rows, one after the other."""
        roots: dict[str, str] = {}
        stuck: set[str] = set()
        for row in rows:
            now = self._clock()
            again = breaker.opens_at(now)
            thread = row.notice.message.thread
            if self._stop.is_set() or now > until - self._limits.margin or thread in stuck:
                self._ended.put(_Ended(row, now, due_at=now))
            elif again is not None:
                self._ended.put(_Ended(row, now, due_at=again))
            else:
                ended = self._send(row, row.root or roots.get(thread, ""), breaker, now)
                self._ended.put(ended)
                delivery = ended.delivery
                if delivery is not None and delivery.outcome == "sent":
                    roots.setdefault(thread, delivery.handle)
                elif delivery is not None and delivery.retryable and thread:
                    # What follows waits until this one is through, or given up.
                    stuck.add(thread)

    def _send(self, row: Leased, root: str, breaker: Breaker, now: Micros) -> _Ended:
        message = row.notice.message
        if row.ambiguous:
            message = msgspec.structs.replace(message, repeat=True)
        if root:
            message = msgspec.structs.replace(message, root=root)
        try:
            delivery = self._notifier.send(row.notice.target, message)
        except Exception:  # noqa: BLE001  # one target's trouble is not the others'
            # A notifier never raises; one that does has a mistake, and it may have sent before it made it.
            _log.exception("%s: the notifier broke", row.notice.target)
            delivery = Delivery("unknown", "error in the notifier")
        at = self._clock()
        # A target that refuses one message for good is well; it answered.
        breaker.note(at, worked=delivery.outcome == "sent" or not delivery.retryable)
        return _Ended(row, at, delivery, (at - now) / SECOND)

    # --- in ---

    def _write(self, *ended: _Ended) -> int:
        """Write down whatever has ended; how many of it were attempts."""
        self._unwritten.extend(ended)
        while not self._ended.empty():
            self._unwritten.append(self._ended.get())
        made = 0
        while self._unwritten:
            one = self._unwritten[0]
            if one.delivery is None:
                self._store.release(one.leased, one.due_at)
            else:
                self._record(one.leased, one.delivery, one.at, one.seconds)
                made += 1
            # Only now: had the store been away, it would stay in hand.
            self._unwritten.pop(0)
            self._settle(one.leased.notice.target)
        return made

    def _settle(self, target: str) -> None:
        self._busy[target] -= 1
        if not self._busy[target]:
            del self._busy[target]

    def _record(self, leased: Leased, delivery: Delivery, at: Micros, seconds: float) -> None:
        notice = leased.notice
        next_at = self._policy.next_at(leased, delivery, at, self._random)
        tried = leased.attempts + 1
        if delivery.outcome != "sent" and next_at is None:
            detail = f"{delivery.detail}; given up after {tried} attempts"
            # Before it is written off: in between it would be nobody's. Their keys are the same whoever makes them.
            others = self._instead(notice, detail)
            if others:
                self._store.enqueue(others, at)
            told = ", ".join(other.target for other in others) or "nobody"
            _log.error("%s/%s: could not be delivered; %s is told instead", notice.target, notice.key, told)
            delivery = msgspec.structs.replace(delivery, detail=detail, retryable=False)
        ours = self._store.delivered(leased, delivery, at, next_at)
        self._meter.delivered(notice.target, delivery.outcome, seconds)
        level = logging.INFO if delivery.outcome == "sent" else logging.WARNING
        _log.log(
            level,
            "%s/%s: %s on attempt %d: %s%s",
            notice.target,
            notice.key,
            delivery.outcome,
            tried,
            delivery.detail,
            "" if ours else "; another sender had taken it over",
        )
