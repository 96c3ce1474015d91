"""The posting loop: at a shift's beginning the hand-over and the card, and a reminder before a silence ends."""

import threading
from collections.abc import Callable

from service.core.catalog import Catalog, Owner
from service.core.desk_ports import DeskAt
from service.core.event import DAY, HOUR, Micros
from service.core.meter import Meter
from service.core.ports import Store
from service.core.telling.hours import beginnings
from service.core.telling.posts import Post, Posted, once, post
from service.core.telling.reminder import concerned, due, reminder
from service.core.telling.verdict import World
from service.core.weekly.shift import Board, Shift, card, handover
from service.loops.turning import turn_after_turn

CATCH_UP: Micros = HOUR
"""A shift that began longer ago has found its way by itself."""
_BACK: Micros = 8 * DAY
_KEPT: Micros = 60 * DAY


class Posting:
    """Says what is due, once, whichever replica comes first. `clock`: the wall time; `url`: of the pages."""

    def __init__(
        self,
        store: Store,
        catalog: Callable[[], Catalog],
        meter: Meter,
        clock: Callable[[], Micros],
        *,
        url: str = "",
        mission: str = "",
        pause: float = 15.0,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._meter = meter
        self._clock = clock
        self._url = url.rstrip("/")
        self._mission = mission
        self._pause = pause

    def run(self, stop: threading.Event) -> None:
        """Turn after turn until it is told to stop. Raises when turns keep failing."""
        turn_after_turn(self.turn, stop, "post", self._meter, self._pause)

    def turn(self) -> int:
        """Say what is due; how many notices that made."""
        now, catalog = self._clock(), self._catalog()
        shifts = [shift for owner in catalog.owners.values() if (shift := _begun(owner, now)) is not None]
        silences = self._store.silences(now)
        ending = due(silences, now)
        if not shifts and not ending:
            return 0
        at = self._store.desk()
        world = World(now, catalog, self._store.interruptions(open_only=True), silences)
        made: list[Posted] = []
        for shift in shifts:
            if once(f"shift {shift.owner.name}", shift.at, at.desk.posted, now, _KEPT):
                made += self._hand_over(shift, at, world)
        for silence in ending:
            if once(f"silence {silence.id}", silence.ends, at.desk.posted, now, _KEPT):
                for owner in concerned(silence, catalog):
                    text = reminder(silence, owner, at.desk.groups.values(), now)
                    name = f"silence {silence.id} {silence.ends} {owner.name}"
                    link = f"{self._url}/silences" if self._url else ""
                    made.append(post("silence_ends", name, text, owner, world, link))
        if not made:
            return 0
        notices = [notice for one in made for notice in one.notices]
        self._store.save_desk(at, [], notices, [decision for one in made for decision in one.decisions], now)
        return len(notices)

    def _hand_over(self, shift: Shift, at: DeskAt, world: World) -> list[Posted]:
        owner, catalog = shift.owner, world.catalog
        waiting = sum(
            member.held == "off_duty"
            for group in at.desk.groups.values()
            if group.owner == owner.name
            for member in group.members.values()
        )
        is_open = list(world.open.values())
        board = Board(is_open, self._store.handlings([it.id for it in is_open]), world.silences, waiting)
        link = f"{self._url}/owners/{owner.name}" if self._url else ""
        kinds: tuple[Post, ...] = ("handover", "card")
        texts = (
            handover(self._store, catalog, shift, board, self._url),
            card(self._store, catalog, shift, self._mission),
        )
        return [
            post(kind, f"{kind} {owner.name} {shift.at}", text, owner, world, link)
            for kind, text in zip(kinds, texts, strict=True)
        ]


def _begun(owner: Owner, now: Micros) -> Shift | None:
    """The shift that began a short while ago."""
    if not owner.shifts or not owner.targets:
        return None
    begun = beginnings(owner.shifts, now - _BACK, now + 1)
    if not begun or now - begun[-1] > CATCH_UP:
        return None
    return Shift(owner, begun[-1], begun[-2] if len(begun) > 1 else begun[-1] - DAY)
