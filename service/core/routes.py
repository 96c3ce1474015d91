"""Who is told, as declared: the routing tree, what hides what, when people are on duty, and who comes next."""

from dataclasses import dataclass
from typing import Literal

from service.core.event import Micros


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """A recurring stretch of time: whatever is named must fit, in the clock of a place; nothing named: always.

    `times`: minutes of the day [start, end). `weekdays`: 0 is Monday. `days_of_month`: 1 to 31, or -1 for the last
    and so on backwards. `months`: 1 to 12. Each range holds both of its ends.
    """

    times: tuple[tuple[int, int], ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    days_of_month: tuple[tuple[int, int], ...] = ()
    months: tuple[tuple[int, int], ...] = ()
    years: tuple[tuple[int, int], ...] = ()
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is told when nobody has acknowledged so long after the first notice: an Owner, a Target, or `manager`."""

    after: Micros
    receiver: str


@dataclass(frozen=True, slots=True)
class Matcher:
    """A test of one label; `=~` and `!~` must match all of it. A label that is not there is empty."""

    label: str
    op: Literal["=", "!=", "=~", "!~"]
    value: str


EACH = "..."
"""`group_by` of everything: each interruption is a group of its own."""


@dataclass(frozen=True, slots=True)
class Route:
    """One node of the routing tree, what it inherits filled in.

    `path`: the names from the top, which identify it. `receiver`: an Owner, a Target, or None for whoever is
    accountable. `repeat`: (age from which, how often), by age; empty: said once. `mute`, `active`: named
    intervals during which it is silent, or outside of which it is.
    """

    path: str
    matchers: tuple[Matcher, ...] = ()
    receiver: str | None = None
    group_by: tuple[str, ...] = (EACH,)
    group_wait: Micros = 0
    group_interval: Micros = 0
    repeat: tuple[tuple[Micros, Micros], ...] = ()
    go_on: bool = False
    """`continue`: what comes after this node is asked as well."""
    routes: tuple["Route", ...] = ()
    mute: tuple[tuple[str, tuple[TimeInterval, ...]], ...] = ()
    active: tuple[tuple[str, tuple[TimeInterval, ...]], ...] = ()
    escalation: tuple[Escalation, ...] | None = None
    """None: the accountable owner's."""


ROOT = Route("default")
"""Where nothing is declared: each interruption to whoever is accountable, at once."""


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an interruption matches `source`, those that match `target` are not told of, where `equal` labels agree."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
