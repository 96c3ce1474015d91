"""Routing and people's handling in memory."""

import threading
from collections.abc import Collection, Sequence
from copy import deepcopy

from service.adapters.store.memory_outbox import MemoryOutbox
from service.core.desk_ports import DeskAt
from service.core.event import Micros
from service.core.handling import UNTOUCHED, Action, Handling, handle, noted
from service.core.ports import StaleClaim
from service.core.shown_ports import Shown
from service.core.standing import TimelineEntry
from service.core.telling.desk import Decision, Desk, News
from service.core.telling.route import Notice
from service.core.telling.silence import Silence


class MemoryDesk:
    """The routing desk's part of the store."""

    _lock: threading.RLock
    _outbox: MemoryOutbox
    _timeline: dict[str, list[TimelineEntry]]

    def _open_desk(self) -> None:
        self._tick = 0
        self._desk = Desk()
        self._news: dict[str, News] = {}
        self._routed: set[str] = set()
        self._silences: dict[str, Silence] = {}
        self._handlings: dict[str, Handling] = {}
        self._noise: dict[str, Micros] = {}
        self._actions: list[Action] = []
        self._decisions: list[Decision] = []
        self._shown: dict[str, Shown] = {}

    def shown(self, name: str) -> Shown | None:
        """The newest page of a name."""
        with self._lock:
            return self._shown.get(name)

    def show(self, page: Shown) -> None:
        """Keep a page in the place of the one before it."""
        with self._lock:
            self._shown[page.name] = page

    def desk(self) -> DeskAt:
        """The routing desk as it was saved."""
        with self._lock:
            return DeskAt(self._tick, deepcopy(self._desk))

    def news(self, limit: int) -> list[News]:
        """What was not routed yet, in the order it came."""
        with self._lock:
            return [one for one in self._news.values() if one.key not in self._routed][:limit]

    def silences(self, ending_after: Micros) -> list[Silence]:
        """Silences that end after a time, in the order of their start."""
        with self._lock:
            found = [one for one in self._silences.values() if one.ends > ending_after]
        return sorted(found, key=lambda one: (one.starts, one.id))

    def handlings(self, interruptions: Collection[str]) -> dict[str, Handling]:
        """What people did, of those interruptions that somebody touched."""
        with self._lock:
            return {name: self._handlings[name] for name in interruptions if name in self._handlings}

    def marked_noise(self, since: Micros) -> list[str]:
        """Interruptions that were marked as noise since a time, and still are."""
        with self._lock:
            found = [(at, name) for name, at in self._noise.items() if at >= since]
        return [name for _, name in sorted(found)]

    def actions(self, interruption: str | None, *, limit: int = 1000) -> list[Action]:
        """The audit: of one interruption in order of time, or of all, newest first."""
        with self._lock:
            if interruption is None:
                return self._actions[: -limit - 1 : -1]
            return [one for one in self._actions if one.interruption == interruption][:limit]

    def decisions(self, interruption: str | None, *, limit: int = 1000) -> list[Decision]:
        """Why people were told, or not: of one interruption in order of time, or of all, newest first."""
        with self._lock:
            if interruption is None:
                return self._decisions[: -limit - 1 : -1]
            return [one for one in self._decisions if one.interruption == interruption][:limit]

    def tell(self, told: Sequence[News]) -> int:
        """Put news up for routing; how many were new."""
        with self._lock:
            before = len(self._news)
            for one in told:
                self._news.setdefault(one.key, one)
            return len(self._news) - before

    def save_desk(
        self,
        at: DeskAt,
        routed: Sequence[str],
        notices: Sequence[Notice],
        made: Sequence[Decision],
        now: Micros,
    ) -> None:
        """Write a turn of routing with a compare-and-set on its tick."""
        with self._lock:
            if at.tick != self._tick:
                raise StaleClaim(f"routed by another replica since (tick {self._tick}, not {at.tick})")
            self._tick += 1
            self._desk = deepcopy(at.desk)
            self._routed.update(routed)
            self._outbox.enqueue(notices, now)
            self._decisions.extend(made)

    def act(self, action: Action, told: Sequence[News] = ()) -> Handling:
        """Do what somebody asks, append it to the audit and the timeline, put its news up."""
        with self._lock:
            identity = action.interruption
            before = self._handlings.get(identity, UNTOUCHED)
            after = self._handlings[identity] = handle(before, action)
            if after.mark != before.mark:
                self._noise.pop(identity, None)
                if after.mark == "noise":
                    self._noise[identity] = action.at
            self._actions.append(action)
            self._timeline[identity].append(TimelineEntry(identity, action.at, action.verb, noted(action), action.by))
            self.tell(told)
            return after

    def put_silence(self, silence: Silence) -> None:
        """Make a silence, or replace the one of its id."""
        with self._lock:
            self._silences[silence.id] = silence
