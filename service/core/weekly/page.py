"""The week's page as data: every figure that it shows, in its order; None where nothing is known.

Times are UTC; counts are whole; money is in minor units of the page's currency; shares are of 1.
"""

from datetime import datetime
from typing import Literal

import msgspec

from service.core.catalog import Level, Moment
from service.core.interruption import Kind, State
from service.core.weekly.limits import Verdict
from service.core.weekly.suggestions import Suggestion
from service.core.weekly.vital import VitalFew

Named = dict[str, list[str]]
"""A segment as contract output has it."""


def title_of(moment: Moment) -> str:
    """What people call it."""
    return moment.title or moment.name


class Promised(msgspec.Struct, frozen=True, gc=False):
    """What customers were told."""

    moment: str
    title: str
    promise: str


class Met(msgspec.Struct, frozen=True, gc=False):
    """What customers met, over all moments that count the same unit: attempts fell due, `broken` of them broke.

    `let_down`: distinct ones with a broken promise. `promised`: distinct ones with a promise due, None where some
    outcomes are of no keyed promise, so that those whose promise was kept are not known.
    """

    unit: str
    moments: int
    attempts: int
    broken: int
    let_down: int
    promised: int | None = None


class MomentWeek(msgspec.Struct, frozen=True, gc=False):
    """One moment's week beside the weeks before; `weeks`: how many of those the limits come from."""

    moment: str
    title: str
    unit: str
    attempts: int
    broken: int
    let_down: int
    share: float | None
    usual_share: float | None
    lower: float | None
    upper: float | None
    weeks: int
    verdict: Verdict
    broken_value_minor: int
    loss_probability: float | None

    @property
    def usual(self) -> float | None:
        """The breaks that would be usual for so many attempts."""
        return None if self.usual_share is None else self.usual_share * self.attempts


class ChartWeek(msgspec.Struct, frozen=True, gc=False):
    """A week of the chart, with the limits that it had."""

    week: str
    monday: str
    attempts: int
    broken: int
    share: float | None
    usual_share: float | None
    lower: float | None
    upper: float | None
    verdict: Verdict


class Chart(msgspec.Struct, frozen=True, gc=False):
    """The share of broken promises of one moment, oldest week first."""

    moment: str
    title: str
    weeks: tuple[ChartWeek, ...]


class Lead(msgspec.Struct, frozen=True, gc=False):
    """How long before complaints an interruption was known; negative: customers knew first.

    `against`: the complaints' clear rise, or the first complaint of a customer who was let down, or nothing.
    `most`: of an interruption of everything, the values that were worse than the rest.
    """

    id: str
    moment: str
    title: str
    dimensions: Named
    opened_at: datetime
    level: Level
    lead_s: float | None
    against: Literal["rise", "first", "none"]
    most: Named = {}

    @property
    def drew(self) -> bool:
        """Whether customers have complained."""
        return self.lead_s is not None

    @property
    def ahead(self) -> bool:
        """Known before customers said so; what nobody has complained of is no merit."""
        return self.lead_s is not None and self.lead_s > 0


class KnownFirst(msgspec.Struct, frozen=True, gc=False):
    """The interruptions that opened in the week, in order of detection.

    `heard`: whether anybody's complaints are known at all; without them nobody can say who knew first.
    `let_down`, `complained`: distinct customers of the week's breaks, and those among them who complained after.
    """

    opened: tuple[Lead, ...]
    heard: bool
    let_down: int
    complained: int


class OpenOne(msgspec.Struct, frozen=True, gc=False):
    """An interruption that was open when the week ended; `most` as of a lead."""

    id: str
    moment: str
    title: str
    dimensions: Named
    kind: Kind
    level: Level
    state: State
    owner: str
    onset_at: datetime
    resolved_at: datetime | None
    most: Named = {}


class Unwell(msgspec.Struct, frozen=True, gc=False):
    """What is not well yet. `waiting` of the week's `let_down` customers still wait for what they were promised.

    None: no moment has promises with a due time, so that nobody can be seen waiting. `contacted`: of the let down.
    """

    open: tuple[OpenOne, ...]
    waiting: int | None
    let_down: int
    contacted: int = 0


class Repeated(msgspec.Struct, frozen=True, gc=False):
    """Customers let down in the `days` before the week's end, and those among them twice, or three times or more."""

    days: int
    customers: int
    twice: int
    thrice: int


class Customers(msgspec.Struct, frozen=True, gc=False):
    """Customers gained and lost; `left_let_down`: those who left and had a broken promise in the weeks before."""

    joined: int
    left: int
    grew: int
    shrank: int
    referred: int
    left_value_minor: int
    left_let_down: int
    weeks: int


class OwnerWeek(msgspec.Struct, frozen=True, gc=False):
    """Who is accountable, and what of theirs is open, worst first."""

    owner: str
    title: str
    team: str
    open: tuple[OpenOne, ...]


class Due(msgspec.Struct, frozen=True, gc=False):
    """Promises of a moment that fall due in the week after, as far as they are known; `open`: not settled.

    `misses`: how many of the open ones will probably miss, (low, middle, high), once that week has begun; `worst`: the
    value of a dimension in which most of these are, with how many of how many open ones.
    """

    moment: str
    title: str
    promised: int
    open: int
    usual_share: float | None
    share: float | None
    misses: tuple[int, int, int] | None = None
    worst: tuple[str, str, int, int] | None = None


class Step(msgspec.Struct, frozen=True, gc=False):
    """Something that a customer lived through."""

    at: datetime
    what: Literal["broken", "kept_late", "complained"]
    title: str
    reason: str = ""
    dimensions: dict[str, str] = {}


class Story(msgspec.Struct, frozen=True, gc=False):
    """One customer's week, under a name that only those who know the id can find."""

    pseudonym: str
    unit: str
    steps: tuple[Step, ...]


class Blind(msgspec.Struct, frozen=True, gc=False):
    """How long nobody could see a moment."""

    moment: str
    title: str
    hours: float
    of_hours: float


class Unstated(msgspec.Struct, frozen=True, gc=False):
    """How many attempts carry no value for a dimension."""

    moment: str
    title: str
    dimension: str
    unstated: int
    attempts: int


class Moved(msgspec.Struct, frozen=True, gc=False):
    """What moved the goalposts of a moment, in sentences."""

    moment: str
    title: str
    lines: tuple[str, ...]


class Unseen(msgspec.Struct, frozen=True, gc=False):
    """What we did not see. `read`, `dead`, `late`: records since the store was made."""

    blind: tuple[Blind, ...]
    unstated: tuple[Unstated, ...]
    learning: tuple[str, ...]
    read: int
    dead: int
    late: int


class Page(msgspec.Struct, frozen=True, gc=False):
    """A week. `over`: it has ended and `as_of` lies behind its end, so that nothing but amendments will follow."""

    week: str
    start_at: datetime
    end_at: datetime
    as_of: datetime
    over: bool
    timezone: str
    currency: str
    minor_digits: int
    mission: str
    promises: tuple[Promised, ...]
    met: tuple[Met, ...]
    moments: tuple[MomentWeek, ...]
    chart: Chart | None
    known_first: KnownFirst
    vital_few: VitalFew | None
    unwell: Unwell
    customers: Customers | None
    repeated: tuple[Repeated, ...]
    owners: tuple[OwnerWeek, ...]
    due: tuple[Due, ...] | None
    stories: tuple[Story, ...]
    unseen: Unseen
    moved: tuple[Moved, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
