"""What routing, people's handling and their pages need of a store: a part of its port, in a room of its own."""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from service.core.event import Micros
from service.core.handling import Action, Handling
from service.core.shown_ports import ShownStore
from service.core.telling.desk import Decision, Desk, News
from service.core.telling.route import Notice
from service.core.telling.silence import Silence


class DeskAt(msgspec.Struct):
    """The routing desk as it was saved; `tick` counts savings, so that a replica knows when its memory is stale."""

    tick: int
    desk: Desk


class DeskReader(Protocol):
    """The questions of routing and of pages about who was told, who has it, and who is not to be told."""

    def desk(self) -> DeskAt:
        """The routing desk, a copy."""
        ...

    def news(self, limit: int) -> list[News]:
        """What was not routed yet, in the order it came."""
        ...

    def silences(self, ending_after: Micros) -> list[Silence]:
        """Silences that end after a time, in the order of their start."""
        ...

    def handlings(self, interruptions: Collection[str]) -> dict[str, Handling]:
        """What people did, of those interruptions that somebody touched."""
        ...

    def marked_noise(self, since: Micros) -> list[str]:
        """Interruptions that were marked as noise since a time, and still are."""
        ...

    def actions(self, interruption: str | None, *, limit: int = 1000) -> list[Action]:
        """The audit: of one interruption in order of time, or of all, newest first."""
        ...

    def decisions(self, interruption: str | None, *, limit: int = 1000) -> list[Decision]:
        """Why people were told, or not: of one interruption in order of time, or of all, newest first."""
        ...


class DeskStore(DeskReader, ShownStore, Protocol):
    """What routing, people and their pages write; each verb one transaction."""

    def tell(self, told: Sequence[News]) -> int:
        """Put news up for routing; what is known by its key is left alone. How many were new."""
        ...

    def save_desk(
        self,
        at: DeskAt,
        routed: Sequence[str],
        notices: Sequence[Notice],
        made: Sequence[Decision],
        now: Micros,
    ) -> None:
        """Write a turn of routing with a compare-and-set on its tick; raises StaleClaim with nothing written.

        `routed`: the keys of the news that were taken in. `made`: the decisions of the turn. `now`: the wall time
        from which notices are due.
        """
        ...

    def act(self, action: Action, told: Sequence[News] = ()) -> Handling:
        """Do what somebody asks, append it to the audit and the timeline, put its news up; the handling after it.

        Raises Refused, with nothing written, where it does not fit how things stand.
        """
        ...

    def put_silence(self, silence: Silence) -> None:
        """Make a silence, or replace the one of its id."""
        ...
