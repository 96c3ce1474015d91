"""What the operators declared: owners, moments, journeys, sources, rules, targets and routes; checked and frozen."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import Literal

from service.core.event import DAY, MINUTE, SECOND, Micros
from service.core.routes import Escalation, Inhibition, Route, TimeInterval

Level = Literal["low", "medium", "high", "critical"]
LEVELS: tuple[Level, ...] = ("low", "medium", "high", "critical")
Status = Literal["experimental", "stable", "deprecated"]


@dataclass(frozen=True, slots=True)
class Owner:
    """The person or team accountable for moments."""

    name: str
    title: str = ""
    team: str = ""
    manager: str | None = None
    targets: tuple[str, ...] = ()
    page_budget: float | None = None
    """False pages accepted in 30 days, over all of this owner's moments."""
    service_hours: tuple[TimeInterval, ...] = ()
    """When somebody is on duty; what is not critical waits until then. Empty: always."""
    zone: str = "UTC"
    escalation: tuple[Escalation, ...] = ()
    shifts: tuple[TimeInterval, ...] = ()
    """At the beginning of each, whoever comes on is handed over to."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where notices can be sent: an id, and where the apprise URL that holds the secret comes from.

    `page`: it wakes people, so that only what is high or critical goes there.
    """

    name: str
    url_file: str | None = None
    url_env: str | None = None
    page: bool = False


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of kept promises over a window."""

    target: float
    window: Micros


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are worked, and when on them, in the clock of whoever counts by it.

    `weekdays`: 0 is Monday, at least one. `holidays`: first and last day off, sorted, none touching another. `hours`:
    minutes of the day [start, end), sorted, none touching another; none: all day.
    """

    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    holidays: tuple[tuple[date, date], ...] = ()
    hours: tuple[tuple[int, int], ...] = ()

    def weekday(self, day: date) -> bool:
        """Whether the day of the week is worked."""
        return day.weekday() in self.weekdays

    def holiday(self, day: date) -> date | None:
        """The last day of the holidays that a day is of; None: it is no holiday."""
        before = bisect_right(self.holidays, day, key=itemgetter(0))
        last = self.holidays[before - 1][1] if before else None
        return last if last is not None and day <= last else None

    def works(self, day: date) -> bool:
        """Whether it is a working day."""
        return self.weekday(day) and self.holiday(day) is None


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a promise falls due where its event does not say: so long after the promise was made.

    `calendar`: days are working days and hours those of service, by the clock of `zone`; None: a day has 24 hours.
    """

    after: Micros
    calendar: WorkingCalendar | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Handoff:
    """A seam between two teams: the owner who hands over, and the one who takes over."""

    giver: str
    taker: str


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """A sale, a holiday: from a time until another, the usual is right within a factor, 19 times in 20."""

    title: str
    start: Micros
    end: Micros
    factor: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment that matters: an outcome per event, an owner, and what the customer was told."""

    name: str
    owner: str
    title: str = ""
    promise: str = ""
    unit: str = "customers"
    owner_by: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    objectives: tuple[Objective, ...] = ()
    deadline: Deadline | None = None
    give_up_after: Micros = 60 * DAY
    dimensions: tuple[str, ...] = ()
    loss_probability: float | None = None
    value_basis: Literal["orders", "customers"] = "orders"
    """What the loss probability is of: the value of what broke, or the yearly value of those whom it hit."""
    expectation: str = ""
    """The overall expectation that the moment serves, across journeys."""
    handoff: Handoff | None = None
    false_alarm_interval: Micros = 90 * DAY
    completeness_delay: Micros | None = None
    """How long after a window's end its events may still come; None: the sources' lateness."""
    window: Micros = MINUTE
    runbook_url: str = ""
    cold_start: Micros = 14 * DAY
    known_events: tuple[KnownEvent, ...] = ()
    """What calendars say that concerns this moment, in order of their start."""
    sources: tuple[str, ...] = ()
    """Names of the sources that carry this moment; empty: all of them."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a journey with the executive accountable for it."""

    name: str
    title: str
    executive: str
    moments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Journey:
    """Stages in the customer's order."""

    name: str
    title: str
    goal: str
    stages: tuple[Stage, ...]
    upstream_inhibits: bool = True
    """Trouble in an earlier stage hides what it explains in the later ones."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a record of a foreign topic says where a condition holds: that a moment's promise began, or how it ended.

    `when`: JMESPath, true of the record. `mapping`: fields that are found elsewhere in such records.
    """

    when: str
    word: Literal["promise", "kept", "broken", "cancelled"]
    moment: str
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """A topic: how its time moves and how foreign fields map onto the contract."""

    name: str
    topic: str
    clock: Literal["live", "event"] = "live"
    lateness: Micros = 30 * SECOND
    allowed_skew: Micros = 5 * MINUTE
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Contract field (dotted for dimensions: `dimensions.region`) to a JMESPath expression."""
    constants: Mapping[str, str] = field(default_factory=dict)
    events: tuple[Meaning, ...] = ()
    """What records mean, where they do not say so in the contract's words; empty: each is one event."""
    blind_above: float = 0.2
    """Where a larger share of what is read cannot be taken, what can be is not trusted either."""


DEFAULT_LATENESS: Micros = 30 * SECOND


@dataclass(frozen=True, slots=True)
class BurnWindow:
    """One pair of windows of a burn-rate rule; both must burn faster than `factor` times the objective's pace."""

    long: Micros
    short: Micros
    factor: float


@dataclass(frozen=True, slots=True)
class BurnRate:
    """SLO reporting's alarm: the error budget of `objective` is spent too fast."""

    objective: float
    page: tuple[BurnWindow, ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A trailing sum or share crossed a fixed number."""

    signal: Literal["failure_rate", "broken", "attempts", "arrivals", "complaints"]
    op: Literal[">", ">=", "<", "<="]
    value: float
    window: Micros
    min_count: int = 0
    """Fewer attempts than this in the window say nothing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A count that stands at a number: promises open past their due, or broken ones in a row."""

    signal: Literal["overdue", "streak"]
    value: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A detector that a rule asks for, outside of the moment's false-alarm budget.

    `detector`: one of river's by name, on the arrivals; None: ours for the kind. What it finds counts once `min_count`
    attempts were seen in the breach, and no less than `min_ratio` times what was expected of them.
    """

    kind: Literal["failure_rate", "duration", "volume", "silence", "value"]
    detector: str | None = None
    parameters: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    direction: Literal["up", "down", "both"] = "both"
    min_ratio: float = 1.0
    min_count: int = 0
    cold_start: Micros | None = None


Detect = BurnRate | Threshold | Standing | Asked


@dataclass(frozen=True, slots=True)
class Rule:
    """What operators add to the watch that every moment has anyway; outside its false-alarm budget."""

    name: str
    moments: tuple[str, ...]
    detect: tuple[Detect, ...]
    hold: Micros = 0
    """`for`: a condition must hold so long before it opens anything."""
    keep_firing: Micros = 0
    group_by: tuple[str, ...] = ()
    level: Level = "medium"
    status: Status = "stable"
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything declared, by name; references were checked when it was loaded."""

    owners: Mapping[str, Owner] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    moments: Mapping[str, Moment] = field(default_factory=dict)
    journeys: Mapping[str, Journey] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    """In the order of the files: the first that matches has it."""
    inhibitions: tuple[Inhibition, ...] = ()

    def sources_of(self, moment: str) -> tuple[Source, ...]:
        """The sources that carry a moment."""
        names = self.moments[moment].sources or tuple(self.sources)
        return tuple(self.sources[name] for name in names if name in self.sources)

    def delay_of(self, moment: str) -> Micros:
        """How long after its end a window of this moment stays open."""
        declared = self.moments[moment].completeness_delay
        if declared is not None:
            return declared
        return max((source.lateness for source in self.sources_of(moment)), default=DEFAULT_LATENESS)

    def rules_of(self, moment: str) -> tuple[Rule, ...]:
        """The rules that watch a moment, deprecated ones left out."""
        return tuple(r for r in self.rules.values() if moment in r.moments and r.status != "deprecated")

    @property
    def trials(self) -> frozenset[str]:
        """The rules that are watched and notify nobody yet."""
        return frozenset(name for name, rule in self.rules.items() if rule.status == "experimental")
