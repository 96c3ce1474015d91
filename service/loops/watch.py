"""The watch loop: close what event time has passed, judge it, and write down what that changes for customers."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import nullcontext
from math import sqrt
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from service.core.catalog import Catalog, Moment
from service.core.counting.closing import close_part
from service.core.counting.tally import Tally, Window
from service.core.counting.watermark import PartitionClock, watermark
from service.core.counting.window import closable
from service.core.event import DAY, HOUR, Micros
from service.core.interruption import Change
from service.core.judging.chronicle import TURNED, Chronicle
from service.core.judging.judge import Build, Judge, Restore, Verdicts, fingerprint
from service.core.judging.reconcile import FOUND, reconcile
from service.core.judging.unseen import unseen
from service.core.meter import Meter, NoMeter
from service.core.ports import Store
from service.core.standing import Judgement, Snapshot
from service.core.telling.desk import News

if TYPE_CHECKING:
    from service.core.counting.changes import Gap

UNDECLARED = "the moment is no longer declared"
SNAPSHOT_EVERY: Micros = DAY // 4
"""A judge's state is saved when so much event time has been judged since the last save."""
NEAR: Micros = HOUR
"""Windows of no longer are read in one transaction: a longer one would keep commits waiting."""
SEVERAL = 2
"""Moments from which they are closed at once."""
MANY = 8
"""Moments from which it matters in what order they are judged."""
USUAL = 0.1
"""By so much the newest turn changes what is taken for the usual number of broken promises of a moment."""
BEFORE: Micros = HOUR // 6
"""Of so long it is counted at first."""
TOGETHER_S = 0.2
"""What takes so long, of closing, of judging and of writing that down, is one transaction where commits cost."""

MOST_UNFOLDED = 100_000
"""Cells, of some hundred bytes each, that may wait until all that is closed is judged and told."""


class Announce(Protocol):
    """Makes news of a change; what is muted is none."""

    def __call__(self, change: Change) -> News | None:
        """What of a change people may have to be told."""
        ...


def silent(change: Change) -> News | None:
    """Announce nothing: a backtest, a learning run, a shadow run."""
    del change
    return None


class _Mind(msgspec.Struct):
    """A judge in memory, the tick of the store that it agrees with, and how far its last snapshot reaches.

    `waiting`: windows before `read` whose frame is not whole yet. What is closed is frozen, so that they need not be
    read again with every minute that is added to a frame of an hour.
    """

    judge: Judge
    fingerprint: str
    tick: int
    saved: Micros | None
    waiting: list[Window] = []
    read: Micros | None = None


class _Turn(NamedTuple):
    """What one moment's judging gave, to be written down; `verdicts`: None where nothing moved."""

    moment: Moment
    closed: Micros
    verdicts: Verdicts | None
    changes: list[Change]
    settled: list[Change]
    took: float


class Watch:
    """Closes and judges every moment of a catalogue over one store.

    `build` and `restore` make detectors; `announce` makes news of changes for the routing desk.
    """

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        build: Build,
        restore: Restore,
        announce: Announce = silent,
        *,
        snapshots: bool = True,
        meter: Meter | None = None,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._build = build
        self._restore = restore
        self.announce = announce
        self._snapshots = snapshots
        self._meter = meter or NoMeter()
        self._minds: dict[str, _Mind] = {}
        self._closed: dict[str, Micros] = {}
        self._usual: dict[str, float] = {}
        self._gaps: Sequence[Gap] = ()
        self._unfolded: list[_Mind] = []
        self._began = False
        self.turned: Callable[[], None] = lambda: None
        """Called after each moment: a catch-up may take long, and is no hanging."""
        self.told: Callable[[], None] = lambda: None
        """Called when news may have been written."""

    def tick(self, reached: Micros | None = None, *, held: Collection[str] = ()) -> list[Change]:
        """Close and judge whatever can be; the changes of interruptions, moment by moment, each in order of time.

        `reached`: a time that event time is known to have reached beyond what the partitions have shown. `held`:
        moments that are left as they are.
        """
        changes = self._withdraw()
        clocks = self._store.clocks()
        # After the clocks: whatever moved one over a gap wrote it in the same transaction.
        self._gaps = self._store.gaps()
        due = []
        for name, moment in self._catalog.moments.items():
            if name in held:
                continue
            mark = watermark(self._clocks_of(moment, clocks))
            if reached is not None:
                mark = reached if mark is None else max(mark, reached)
            if mark is None:
                continue
            through = closable(mark, moment.window, self._catalog.delay_of(name))
            if through > self._closed.get(name, 0):
                due.append((moment, through))
        closed = deque(self._worst_first(self._close_all(due)))
        while closed:
            changes += self._advance(closed)
        self._fold()
        return changes

    def _worst_first(self, closed: list[tuple[Moment, Micros]]) -> list[tuple[Moment, Micros]]:
        """Many moments in the order in which people are to be told of them: by what broke beyond the usual.

        What is judged first is told while the rest is judged.
        """
        known = [self._closed[moment.name] for moment, _ in closed if moment.name in self._closed]
        if len(known) < max(len(closed), MANY):
            return closed
        start, end = min(known), max(through for _, through in closed)
        if end - start > NEAR:
            # Whoever catches up has all in order of time, and nobody waits for it.
            return closed
        names = [moment.name for moment, _ in closed]
        broke = self._store.broken(names, start, end)
        new = [name for name in names if name not in self._usual]
        if new:
            before = self._store.broken(new, start - BEFORE, start)
            self._usual.update({name: before.get(name, 0) * (end - start) / BEFORE for name in new})
        excess: dict[str, float] = {}
        for name in names:
            many, usual = broke.get(name, 0), self._usual[name]
            self._usual[name] = usual + USUAL * (many - usual)
            excess[name] = (many - usual) / sqrt(usual + 1.0)
        return sorted(closed, key=lambda each: -excess[each[0].name])

    def has_more(self) -> bool:
        """Whether event time has passed windows that are not closed and judged yet."""
        clocks = self._store.clocks()
        for name, moment in self._catalog.moments.items():
            mark = watermark(self._clocks_of(moment, clocks))
            if mark is not None:
                through = closable(mark, moment.window, self._catalog.delay_of(name))
                if through > self._closed.get(name, 0):
                    return True
        return False

    def judged_through(self, moment: str) -> Micros | None:
        """How far a moment is closed and judged, as this process knows it."""
        return self._closed.get(moment)

    def forget(self) -> None:
        """Drop the judges in memory; they come back from the store."""
        self._minds.clear()
        self._closed.clear()

    def _clocks_of(self, moment: Moment, clocks: Sequence[PartitionClock]) -> list[PartitionClock]:
        topics = {source.topic for source in self._catalog.sources_of(moment.name)}
        return [clock for clock in clocks if not topics or clock.partition.topic in topics]

    def _advance(self, closed: deque[tuple[Moment, Micros]]) -> list[Change]:
        """Judge some of what is closed and write it down, so that people are told of it while the rest is judged."""
        turns: list[_Turn] = []
        began = perf_counter()
        try:
            while closed and perf_counter() - began < TOGETHER_S:
                turns.append(self._judged(*closed.popleft()))
        finally:
            # One moment that cannot be judged keeps no other's judgement from being written.
            changes = self._save_all(turns)
        if sum(len(window.cells) for mind in self._unfolded for window in mind.waiting) > MOST_UNFOLDED:
            self._fold()
        return changes

    def _fold(self) -> None:
        """Make little of what waits for its frame: after people are told, for they wait for nothing less."""
        for mind in self._unfolded:
            mind.waiting = mind.judge.fold(mind.waiting)
        self._unfolded.clear()

    def _judged(self, moment: Moment, closed: Micros) -> "_Turn":
        """What judging a moment gives, as far as it is closed; nothing of it is written yet."""
        began = perf_counter()
        mind = self._minds.get(moment.name)
        settled: list[Change] = []
        if mind is None:
            mind, settled = self._recall(moment)
        before = mind.judge.through
        near = mind.read is not None and closed - mind.read <= NEAR
        with self._store.reading() if near else nullcontext():
            verdicts = self._judge(moment, mind, closed)
            changes = self._chronicle(moment).changes(verdicts.decisions)
        self.turned()
        moved = bool(changes) or verdicts.through != before
        return _Turn(moment, closed, verdicts if moved else None, changes, settled, perf_counter() - began)

    def _save_all(self, turns: Sequence["_Turn"]) -> list[Change]:
        """Write down what was judged, many moments in a transaction where commits cost; the changes, in order."""
        rest = deque(turns)
        while rest:
            some: list[_Turn] = []
            try:
                with self._store.together():
                    began = perf_counter()
                    while rest and perf_counter() - began < TOGETHER_S:
                        some.append(rest.popleft())
                        self._save_turn(some[-1])
            except BaseException:
                # What was judged in memory is not what is stored: start again from what is.
                for turn in (*some, *rest):
                    self._minds.pop(turn.moment.name, None)
                raise
            self._closed.update((turn.moment.name, turn.closed) for turn in some)
            if any(turn.changes for turn in some):
                self.told()
        return [change for turn in turns for change in (*turn.settled, *turn.changes)]

    def _save_turn(self, turn: "_Turn") -> None:
        if turn.verdicts is not None:
            mind = self._minds[turn.moment.name]
            judgement = self._save(turn.moment, mind, turn.verdicts, turn.changes)
            self._meter.judged(turn.moment.name, judgement, turn.took)

    def _judge(self, moment: Moment, mind: _Mind, closed: Micros) -> Verdicts:
        """Judge all that is closed; what has to wait for the rest of its frame stays in mind."""
        since = mind.judge.through if mind.read is None else mind.read
        windows = [*mind.waiting, *self._store.windows(moment.name, since, closed)]
        verdicts = mind.judge.advance(windows, closed, unseen(self._gaps, self._catalog, moment.name))
        mind.waiting = [window for window in windows if window.start >= verdicts.through]
        self._unfolded.append(mind)
        # Before the first window a judge has no beginning, and asks for everything again.
        mind.read = None if mind.judge.through is None else closed
        return verdicts

    def _chronicle(self, moment: Moment) -> Chronicle:
        def judged(start: Micros, end: Micros) -> Iterator[Window]:
            return self._store.windows(moment.name, start, end)

        def turned(identity: str) -> Micros | None:
            entries = self._store.timeline(identity)
            return max((entry.at for entry in entries if entry.what in TURNED), default=None)

        return Chronicle(moment, self._catalog.delay_of(moment.name), judged, self._store.interruption, turned)

    def _close_all(self, due: Sequence[tuple[Moment, Micros]]) -> list[tuple[Moment, Micros]]:
        """Close moments, and how far each is closed then; many in a transaction where commits cost.

        Expiry of promises belongs to closing, in parts where there are very many: those that are left after the first
        are transactions of their own.
        """
        closed = self._close_at_once(due)
        there = {moment.name for moment, _ in closed}
        rest = deque(each for each in due if each[0].name not in there)
        while rest:
            some = []
            with self._store.together():
                began = perf_counter()
                while rest and perf_counter() - began < TOGETHER_S:
                    moment, through = rest.popleft()
                    some.append((moment, through, self._close(moment, through)))
            for moment, through, first in some:
                reached = first
                while reached < through:
                    self.turned()
                    reached = self._close(moment, through)
                closed.append((moment, reached))
        return closed

    def _close_at_once(self, due: Sequence[tuple[Moment, Micros]]) -> list[tuple[Moment, Micros]]:
        """Those that have nothing to expire; a statement for all of them costs hardly more than one for each."""
        if len(due) < SEVERAL:
            return []
        began = perf_counter()
        ways = {moment.name: (through, through - moment.give_up_after) for moment, through in due}
        there = self._store.close_at_once(ways)
        closed = [(moment, there[moment.name]) for moment, _ in due if moment.name in there]
        for moment, _ in closed:
            self._meter.closed(moment.name, Tally(), (perf_counter() - began) / len(closed))
        return closed

    def _close(self, moment: Moment, through: Micros) -> Micros:
        """Close a moment's windows, or a part of what expires with them; how far it is closed then."""
        began = perf_counter()
        with self._store.closing(moment.name) as closing:
            if closing.reach.closed >= through:
                return closing.reach.closed
            changes, now = close_part(moment, closing, through)
            closing.save(changes, now)
        self._meter.closed(moment.name, changes.tally, perf_counter() - began)
        return now.closed

    def _recall(self, moment: Moment) -> tuple[_Mind, list[Change]]:
        """The moment's judge from its snapshot and by replay of what was judged since, and what that changed.

        Without a snapshot that fits what is declared now, it learns again from the beginning. Nobody hears of what
        it decides meanwhile; but what is open in the store is then what it holds open, and nothing else. Its memory
        may fall behind the store's when another replica judges; then the save is refused, and the next tick comes
        here again.
        """
        judged = self._store.judged(moment.name)
        rules = self._catalog.rules_of(moment.name)
        fresh = self._build(moment, rules)
        mark = fingerprint(moment, rules, fresh)
        snapshot = judged.snapshot
        if snapshot is not None and snapshot.fingerprint == mark:
            judge = Judge.load(moment, rules, fresh, snapshot.state, self._restore)
            mind = _Mind(judge, mark, judged.tick, snapshot.through)
        else:
            judge = Judge(moment, rules, fresh)
            mind = _Mind(judge, mark, judged.tick, None)
        self._minds[moment.name] = mind
        changes: list[Change] = []
        if judged.through is not None:
            windows = self._store.windows(moment.name, judge.through, judged.through)
            verdicts = judge.advance(windows, judged.through, unseen(self._gaps, self._catalog, moment.name))
            changes = reconcile(
                judge,
                self._chronicle(moment),
                self._store.interruptions(moment=moment.name, open_only=True),
                self._store.interruption,
                (verdicts.through, verdicts.through + self._catalog.delay_of(moment.name)),
            )
            if changes:
                self._save(moment, mind, verdicts, changes)
        return mind, changes

    def _withdraw(self) -> list[Change]:
        """Once, at the start: end what is open of moments that are no longer declared."""
        if self._began:
            return []
        rows = [row for row in self._store.interruptions(open_only=True) if row.moment not in self._catalog.moments]
        changes: list[Change] = []
        for name in sorted({row.moment for row in rows}):
            judged = self._store.judged(name)
            at = max(judged.through or 0, *(row.detected_at for row in rows if row.moment == name))
            mine = [
                Change("withdrawn", at, msgspec.structs.replace(row, state="withdrawn", resolved_at=at), UNDECLARED)
                for row in rows
                if row.moment == name
            ]
            told = [news for change in mine if (news := self.announce(change)) is not None]
            self._store.save_judgement(name, judged.tick, Judgement(judged.through or at, tuple(mine)), None, told)
            changes += mine
        self._began = True
        return changes

    def _save(self, moment: Moment, mind: _Mind, verdicts: Verdicts, changes: Sequence[Change]) -> Judgement:
        through = verdicts.through
        snapshot = None
        if self._snapshots and (mind.saved is None or through - mind.saved >= SNAPSHOT_EVERY):
            snapshot = Snapshot(through, mind.fingerprint, mind.judge.dump())
        told = [
            news
            for change in changes
            if change.interruption.notifies and change.note != FOUND and (news := self.announce(change)) is not None
        ]
        judgement = Judgement(through, tuple(changes), verdicts.series, verdicts.learning)
        try:
            self._store.save_judgement(moment.name, mind.tick, judgement, snapshot, told)
        except BaseException:
            # What was judged in memory is not what is stored: start again from what is.
            self._minds.pop(moment.name, None)
            raise
        mind.tick += 1
        if snapshot is not None:
            mind.saved = through
        return judgement
