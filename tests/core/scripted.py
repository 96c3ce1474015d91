"""A detector whose every move a test can foresee, and a whole pipeline in memory around it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from detectors.frame import JSON, Frame, Scores, between
from service.adapters.store.memory import MemoryStore
from service.core.catalog import Catalog, Moment, Owner, Rule
from service.core.counting.changes import Changes, keys_of
from service.core.counting.duplicates import IdHorizon
from service.core.counting.intake import Intake
from service.core.counting.watermark import advanced
from service.core.event import MINUTE, Batch, DeadLetter, Event, Micros, Outcome, Partition, Promise, Record, micros
from service.core.interruption import Change
from service.core.judging.judge import Build, Restore
from service.core.judging.watcher import Watcher
from service.loops.watch import Watch

PLACE = Partition("events", 0, "events")


class Scripted:
    """A row is in breach once half of at least three outcomes in a frame broke, until a frame has none broken."""

    kind = "failure_rate"

    def __init__(self) -> None:
        self.since: dict[str, int] = {}

    def _after(self, frame: Frame) -> dict[str, int]:
        since = dict(self.since)
        for row, trials, hits in zip(frame.segments, frame.trials, frame.hits, strict=True):
            if trials >= 3 and hits * 2 >= trials:
                since.setdefault(row, frame.start)
            elif trials and not hits:
                since.pop(row, None)
        return since

    def score(self, frame: Frame) -> Scores | None:
        since = self._after(frame)
        rows = sorted({*frame.segments, *since})
        breach = np.array([row in since for row in rows])
        zeros = np.zeros(len(rows))
        return Scores(
            segments=tuple(rows),
            evidence=breach.astype(np.float64),
            breach=breach,
            onset=np.array([since.get(row, 0) for row in rows], dtype=np.int64),
            expected=zeros + 0.1,
            band=between(zeros, zeros + 0.2),
        )

    def learn(self, frame: Frame) -> None:
        self.since = self._after(frame)

    def progress(self) -> tuple[float, float]:
        return (1.0, 1.0)

    def dump(self) -> Mapping[str, JSON]:
        return {"version": 1, "since": dict(self.since)}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Self:
        made = cls()
        made.since = dict(state["since"])
        return made


def scripted(moment: Moment, rules: Sequence[Rule]) -> list[Watcher]:
    """One scripted detector."""
    del moment, rules
    return [Watcher("failure_rate", "failure_rate", Scripted())]


def catalog(*moments: Moment, rules: Sequence[Rule] = ()) -> Catalog:
    """An owner, some moments and some rules."""
    return Catalog(
        owners={"ops": Owner("ops")},
        moments={moment.name: moment for moment in moments},
        rules={rule.name: rule for rule in rules},
    )


MOMENT = Moment(name="arrives", owner="ops", dimensions=("region",), completeness_delay=2 * MINUTE)


@dataclass(frozen=True)
class Parts:
    """What a pipeline is made of; a mutant takes the place of one to show that a law notices."""

    intake: Callable[[Catalog], Intake] = Intake
    horizon: Callable[[], IdHorizon] = IdHorizon
    watch: Callable[[MemoryStore, Catalog, Build, Restore], Watch] = Watch


@dataclass
class Pipeline:
    """Ingest and watch over a store in memory, a batch at a time."""

    catalog: Catalog
    parts: Parts = Parts()
    store: MemoryStore = field(default_factory=MemoryStore)
    changes: list[Change] = field(default_factory=list)
    position: int = 0

    def __post_init__(self) -> None:
        self.store.declare(self.catalog.moments)
        self.start()

    def start(self) -> None:
        """As a new process: nothing but the store is left of the old one."""
        self.watch = self.parts.watch(self.store, self.catalog, scripted, Scripted.load)
        self.intake = self.parts.intake(self.catalog)
        self.claim = self.store.claim(PLACE)
        self.horizon = self.parts.horizon()
        self.horizon.restore(self.claim.hashes)

    def take(self, events: Sequence[Event], dead: Sequence[DeadLetter] = ()) -> None:
        """One batch, and whatever can be closed and judged after it."""
        records = [Record(self.position + i, micros(e.time), e) for i, e in enumerate(events)]
        fresh = self.horizon.sift(records)
        changes = Changes(dead=list(dead))
        changes.counts.read = len(records) + len(dead)
        changes.counts.duplicate = len(records) - len(fresh)
        changes.counts.dead.update(letter.reason for letter in dead)
        keys = keys_of(fresh)
        names = sorted({r.event.moment for r in fresh if isinstance(r.event, Outcome | Promise)})
        self.position += len(records)
        batch = Batch(PLACE, [], [], self.position)
        with self.store.ingest(self.claim, names, sorted(keys)) as transaction:
            self.intake.take(PLACE, fresh, transaction.view, changes)
            changes.hashes = self.horizon.drain()
            clock = advanced(self.claim.clock, batch, fresh, None)
            self.claim = transaction.save(changes, self.position, clock)
        self.changes += self.watch.tick()

    def finish(self, reached: Micros) -> None:
        """Let event time run on."""
        self.changes += self.watch.tick(reached)


def outcome(store: MemoryStore, moment: str = "arrives") -> dict[str, Any]:
    """Everything that must not depend on how the events came."""
    far = 1 << 60
    reader = store
    return {
        "interruptions": reader.interruptions(),
        "windows": [
            (w.start, w.end, {k: (c.attempts, c.broken, c.cancelled, c.arrivals, c.value) for k, c in w.cells.items()})
            for w in store.windows(moment, 0, far)
        ],
        "totals": reader.totals(moment, 0, far // 2, 60 * MINUTE),
        "impact": reader.impact(moment, (), 0, far),
        # A break without a key is called by its place in the log, which says how it came.
        "breaks": sorted(
            (b.ref if b.ref[0] == "=" else "", b.at, b.customer, b.value, b.late)
            for b in reader.breaks(moment, (), 0, far)
        ),
        "timelines": {row.id: reader.timeline(row.id) for row in reader.interruptions()},
    }
