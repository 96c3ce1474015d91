"""What a document of each kind may say: the published schema of the catalogue."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from service.adapters.catalog import duration
from service.adapters.catalog.fields import (
    Annotations,
    Dimension,
    Duration,
    Labels,
    Line,
    Name,
    NotNegative,
    Probability,
    SecretFile,
    Share,
    Span,
    Strict,
    Text,
    Url,
    Variable,
    listed,
    not_yet,
    wrong,
)
from service.adapters.catalog.interval import Clock, IntervalSpec, Zone
from service.adapters.catalog.problem import show
from service.adapters.catalog.route import Escalations, RouteSpec
from service.adapters.catalog.rule import RuleSpec
from service.adapters.catalog.working import CalendarSpec, Deadline
from service.core.event import DAY, MINUTE, SECOND

API_VERSION: Literal["momentwatch/v1"] = "momentwatch/v1"

WINDOWS = ("1m", "5m", "10m", "15m", "30m", "1h")
"""Windows that divide an hour, and so a day, whatever the time zone."""
MOST_DIMENSIONS = 16
_SHORTEST_INTERVAL = DAY
_LONGEST_INTERVAL = 3_650 * DAY


class Metadata(Strict):
    """Who an object is."""

    name: Name = Field(examples=["delivered-by-promise"])
    title: Line = ""
    labels: Labels
    annotations: Annotations


class OwnerSpec(Strict):
    """The person or team accountable for moments."""

    team: Line = ""
    manager: Name | None = Field(None, description="the owner this one rolls up to")
    targets: Annotated[list[Name], listed()] = Field(default_factory=list, examples=[["ops-chat"]])
    page_budget: NotNegative | None = Field(None, description="false pages accepted in 30 days, all moments")
    service_hours: list[IntervalSpec] = Field(
        default_factory=list, description="when somebody is on duty; what is not critical waits until then"
    )
    time_zone: Zone = Field("UTC", alias="timeZone")
    shifts: list[Clock] | None = Field(
        None,
        description="when a shift begins, for the hand-over and the card; where not given, when service_hours begin",
        examples=[["06:00", "14:00", "22:00"]],
    )
    escalation: Escalations = Field(
        default_factory=list, description="who is told when nobody has acknowledged", examples=["[{after: 15m, …}]"]
    )

    refused: ClassVar[Mapping[str, str]] = {
        "time_zone": "unknown key; write timeZone",
        "escalate": "unknown key; write escalation",
    }

    @model_validator(mode="after")
    def _begins_on_its_day(self) -> Self:
        if "24:00" in (self.shifts or ()):
            raise wrong("24:00 begins no shift; write 00:00", ("shifts",))
        return self


class SecretUrl(Strict):
    """Where an address that holds a token comes from; exactly one of the two."""

    file: SecretFile | None = Field(None, description="holds nothing but the URL; relative to the YAML file")
    env: Variable | None = Field(None, description="an environment variable")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise wrong("needs one of file and env; write {env: NAME_OF_THE_VARIABLE} or {file: PATH}")
        return self


def _never_inline(value: object) -> object:
    if isinstance(value, str):
        # The value may hold a token: it is not repeated.
        raise wrong(
            "the address holds a secret and rules are shared; put it into a file or the environment and "
            "write {file: PATH} or {env: NAME}"
        )
    return value


class TargetSpec(Strict):
    """Where notices can be sent."""

    url: Annotated[SecretUrl, BeforeValidator(_never_inline)] = Field(examples=["{env: OPS_CHAT_URL}"])
    page: bool = Field(default=False, description="it wakes people: only what is high or critical goes there")


class ObjectiveSpec(Strict):
    """A share of kept promises over a window."""

    target: Share = Field(examples=[0.95])
    window: Span = Field(examples=["4w"])


class ValueSpec(Strict):
    """What a broken promise costs."""

    loss_probability: Probability = Field(examples=[0.08])
    basis: Literal["orders", "customers"] = Field("orders", description="what the probability is of")


def _divides_a_day(span: int) -> int:
    if span in map(duration.parse, WINDOWS):
        return span
    raise wrong(f"{duration.spell(span)} is not a window; write one of {', '.join(WINDOWS)}")


def _interval(span: int) -> int:
    if span < _SHORTEST_INTERVAL:
        raise wrong(f"{duration.spell(span)} is less than a day: nothing but false alarms; write 1d or more")
    if span > _LONGEST_INTERVAL:
        raise wrong(f"{duration.spell(span)} is more than ten years; write 3650d or less")
    return span


def _few(values: list[str]) -> list[str]:
    if len(values) > MOST_DIMENSIONS:
        raise wrong(f"lists {len(values)} dimensions; keep the {MOST_DIMENSIONS} that owners act on")
    return values


class HandoffSpec(Strict):
    """A seam between two teams."""

    giver: Name = Field(alias="from", description="the owner who hands over", examples=["sellers"])
    taker: Name = Field(alias="to", description="the owner who takes over", examples=["delivery-ops"])

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.giver == self.taker:
            raise wrong(f"hands over from {show(self.giver)} to itself; name two owners, or remove it")
        return self


class MomentSpec(Strict):
    """A moment that matters."""

    owner: Name = Field(description="who is accountable", examples=["delivery-ops"])
    owner_by: dict[Dimension, dict[str, Name]] = Field(
        default_factory=dict, description="who is accountable inside a segment: dimension, value, owner"
    )
    promise: Text = Field("", description="what the customer was told, in the customer's words")
    unit: Line = Field("customers", description="what one event is; only customers are called customers")
    objectives: list[ObjectiveSpec] = Field(default_factory=list)
    deadline: Deadline = None
    give_up_after: Span = 60 * DAY
    dimensions: Annotated[list[Dimension], listed(), AfterValidator(_few)] = Field(default_factory=list)
    value: ValueSpec | None = None
    expectation: Name | None = Field(None, description="the overall expectation it serves", examples=["on-time"])
    handoff: HandoffSpec | None = None
    false_alarm_interval: Annotated[Duration, AfterValidator(_interval)] = 90 * DAY
    completeness_delay: Duration | None = Field(None, description="how long after its end a window's events may come")
    window: Annotated[Span, AfterValidator(_divides_a_day)] = MINUTE
    runbook_url: Url = ""
    cold_start: Span = Field(14 * DAY, description="how much is learned from before anything is judged")
    sources: Annotated[list[Name], listed()] = Field(
        default_factory=list, description="the sources that carry this moment; all where none is named"
    )

    refused: ClassVar[Mapping[str, str]] = {
        "calendar": "unknown key; write it into deadline: {after: 5d, calendar: NAME}",
        "timeZone": "unknown key; write it into deadline: {after: 5d, calendar: NAME, timeZone: Europe/London}",
    }


class StageSpec(Strict):
    """A step of a journey."""

    name: Name = Field(examples=["delivery"])
    title: Line = ""
    executive: Line = Field("", description="who is accountable for the stage")
    moments: Annotated[list[Name], listed()] = Field(default_factory=list)


class JourneySpec(Strict):
    """Stages in the customer's order."""

    goal: Text = Field("", description="what the customer came for, in the customer's words")
    stages: Annotated[list[StageSpec], Field(examples=["[{name: delivery, moments: [delivered-by-promise]}]"])]
    upstream_inhibits: bool = Field(
        default=True, description="trouble in an earlier stage hides what it explains in the later ones"
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if not self.stages:
            raise wrong("is empty; list at least one stage", ("stages",))
        names: set[str] = set()
        seen: dict[str, str] = {}
        for i, stage in enumerate(self.stages):
            if stage.name in names:
                raise wrong(f"{show(stage.name)} is a stage already; rename one", ("stages", i, "name"))
            names.add(stage.name)
            for j, moment in enumerate(stage.moments):
                if moment in seen:
                    raise wrong(
                        f"moment {show(moment)} is in stage {show(seen[moment])} already; keep it in one",
                        ("stages", i, "moments", j),
                    )
                seen[moment] = stage.name
        return self


class MeaningSpec(Strict):
    """What records of a foreign topic say where a condition holds."""

    when: Line = Field(description="JMESPath that is true of such a record", examples=["\"status == 'SHIPPED'\""])
    promise: Name | None = Field(None, description="the moment whose promise begins; due by its event or `deadline`")
    kept: Name | None = Field(None, description="the moment whose promise is completed, in time or late")
    broken: Name | None = Field(None, description="the moment whose promise will not be kept")
    cancelled: Name | None = Field(None, description="the moment whose promise the customer withdrew")
    mapping: dict[str, Line] = Field(default_factory=dict, description="fields found elsewhere in such records")

    @property
    def told(self) -> tuple[Literal["promise", "kept", "broken", "cancelled"], str]:
        """The word, and the moment that it is said of."""
        words: tuple[Literal["promise", "kept", "broken", "cancelled"], ...] = (
            "promise",
            "kept",
            "broken",
            "cancelled",
        )
        return next((word, moment) for word in words if (moment := getattr(self, word)) is not None)

    @model_validator(mode="after")
    def _one_word(self) -> Self:
        if sum(name is not None for name in (self.promise, self.kept, self.broken, self.cancelled)) != 1:
            raise wrong("needs exactly one of promise, kept, broken and cancelled; write one item for each")
        return self


class SourceSpec(Strict):
    """A topic and how to read it."""

    topic: Line = Field(examples=["orders.outcomes"])
    clock: Literal["live", "event"] = "live"
    lateness: Duration = 30 * SECOND
    allowed_skew: Duration = 5 * MINUTE
    mapping: dict[str, Line] = Field(
        default_factory=dict, description="field of the contract to the JMESPath expression that finds it"
    )
    constants: dict[str, Line] = Field(default_factory=dict, description="field of the contract to a fixed text")
    events: Annotated[list[MeaningSpec], listed()] = Field(
        default_factory=list,
        description="what records mean, where they say it in words of their own",
        examples=["[{when: \"status == 'PLACED'\", promise: delivered}]"],
    )
    blind_above: Share = 0.2

    refused: ClassVar[Mapping[str, str]] = {
        "schema_registry": not_yet("send JSON, and remove it"),
        "topics": "unknown key; write one Source a topic, each with `topic`",
    }


SPECS: Mapping[str, type[Strict]] = {
    "Owner": OwnerSpec,
    "Target": TargetSpec,
    "Moment": MomentSpec,
    "Journey": JourneySpec,
    "Source": SourceSpec,
    "Calendar": CalendarSpec,
    "Rule": RuleSpec,
    "Route": RouteSpec,
}
NOT_YET: Mapping[str, str] = {
    "Test": "run backtest over a file of events",
}
"""Kinds whose meaning is settled but not built, each with what to do instead."""
