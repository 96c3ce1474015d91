"""What the routing desk remembers and decides: groups of interruptions on their way to a receiver."""

from typing import Literal

import msgspec

from service.core.catalog import Level
from service.core.event import Micros
from service.core.interruption import Interruption
from service.core.telling.message import Occasion

Reason = Literal[
    "opened",
    "reopened",
    "level_changed",
    "resolved",
    "found_late",
    "was_open_while_away",
    "repeat",
    "escalated",
    "undelivered",
    "acknowledged",
    "stale",
    "withdrawn",
    "shift",
    "silence_ends",
    "digest",
    "test",
]
"""Why a notice is sent; kept with it and shown."""

Held = Literal[
    "waiting_for_group",
    "inhibited",
    "awaiting_upstream",
    "silenced",
    "muted",
    "off_duty",
    "over_before_told",
    "not_urgent",
    "page_budget_spent",
    "no_target",
]
"""Why a notice is not sent, or not yet."""


class News(msgspec.Struct, frozen=True, gc=False):
    """Something about an interruption that somebody may have to be told; `key`: the same whoever computes it."""

    key: str
    what: Occasion
    at: Micros
    interruption: Interruption
    level_before: Level | None = None


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Why somebody was told of an interruption, or was not (yet); `detail` names the silence, the rule, the hour.

    `interruption`: "" where it is about none alone.
    """

    at: Micros
    interruption: str
    route: str
    receiver: str
    verdict: Literal["sent", "held", "dropped"]
    reason: Reason | Held
    detail: str = ""


class Member(msgspec.Struct):
    """An interruption in a group: what is still to be told of it, and what was told last."""

    interruption: Interruption
    pending: list[News] = msgspec.field(default_factory=list)
    told: Level | None = None
    heard: list[str] = msgspec.field(default_factory=list)
    """The targets that were told: they hear how it goes on, and of its end."""
    taken: bool = False
    """That somebody has it was passed on to the incidents of receivers that keep their own."""
    held: str = ""
    """The reason that was last written down, so that it is written once."""


class Group(msgspec.Struct):
    """Interruptions that one receiver hears of together.

    `flush_at`: when what is pending is looked at next. `first_told`: since when somebody should act. `number`:
    how many messages there have been.
    """

    path: str
    owner: str
    labels: list[tuple[str, str]]
    members: dict[str, Member] = msgspec.field(default_factory=dict)
    flush_at: Micros | None = None
    flushed_at: Micros | None = None
    first_told: Micros | None = None
    last_told: Micros | None = None
    escalated: int = 0
    number: int = 0
    key: str = ""
    """Its own in the desk."""
    born: Micros = 0
    """When the first of it came: a later group of the same key is another one, with a conversation of its own."""


class Desk(msgspec.Struct):
    """Every group by its key, and what was posted: what routing remembers between two turns."""

    groups: dict[str, Group] = msgspec.field(default_factory=dict)
    posted: dict[str, Micros] = msgspec.field(default_factory=dict)
    """What was said that is about no interruption alone, such as a hand-over, and when: it is said once."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """One interruption in a dispatch, and what is said of it; `news` None: only that it still goes on."""

    interruption: Interruption
    level: Level
    news: News | None = None


class Dispatch(msgspec.Struct, frozen=True, gc=False):
    """One message on its way: of which group, to which targets, about what, worst first.

    `late`: it was held back, so that its figures are to be those of now. `number`: counts a group's messages.
    """

    group: str
    path: str
    labels: tuple[tuple[str, str], ...]
    receiver: str
    targets: tuple[str, ...]
    items: tuple[Item, ...]
    reason: Reason
    number: int
    late: bool = False
    over: bool = False
    """Nothing of the group is open any more."""
    escalates_at: Micros | None = None
    """When the next one is told unless somebody acknowledges."""
    by: str = ""
    """Who acknowledged, where it says that."""
    born: Micros = 0
    """When the group began."""
