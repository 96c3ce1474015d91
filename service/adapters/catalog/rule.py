"""What a Rule may say: which moments, what to detect, and how to hold it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from service.adapters.catalog import duration
from service.adapters.catalog.fields import (
    Dimension,
    Duration,
    Line,
    Name,
    NotNegative,
    Share,
    Span,
    Strict,
    listed,
    not_yet,
    wrong,
)
from service.core.catalog import Level, Status
from service.core.event import HOUR


class BurnWindowSpec(Strict):
    """A long window that says it matters and a short one that says it still goes on."""

    long: Span = Field(examples=["1h"])
    short: Span = Field(examples=["5m"])
    factor: Annotated[float, Field(gt=0, examples=[14.4])]

    @model_validator(mode="after")
    def _long_is_longer(self) -> Self:
        if self.long <= self.short:
            raise wrong(
                f"{duration.spell(self.long)} is not longer than short, {duration.spell(self.short)}; "
                "write a longer one, usually 12 times short",
                ("long",),
            )
        return self


class BurnRateSpec(Strict):
    """The error budget of an objective is spent too fast."""

    objective: Share = Field(examples=[0.95])
    page: Annotated[list[BurnWindowSpec], Field(examples=["[{long: 1h, short: 5m, factor: 14.4}]"])]

    refused: ClassVar[Mapping[str, str]] = {
        "ticket": not_yet("write a second rule with a lower level"),
    }

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        if not self.page:
            raise wrong("is empty; write [{long: 1h, short: 5m, factor: 14.4}]", ("page",))
        most = 1 / (1 - self.objective)
        for i, window in enumerate(self.page):
            if window.factor >= most:
                raise wrong(
                    f"{window.factor:g} times the pace of objective {self.objective:g} is a failure rate of "
                    f"{window.factor / most:.2g}: it can never be exceeded; write less than {most:.3g}",
                    ("page", i, "factor"),
                )
        return self


class ThresholdSpec(Strict):
    """A fixed number."""

    signal: Literal["failure_rate", "broken", "attempts", "arrivals", "complaints"] = Field(examples=["failure_rate"])
    op: Literal[">", ">=", "<", "<="] = Field(examples=['">"'])
    value: NotNegative = Field(examples=[0.2])
    window: Span = HOUR
    min_count: Annotated[int, Field(ge=0)] = Field(0, description="fewer attempts in the window say nothing")

    @model_validator(mode="after")
    def _can_cross(self) -> Self:
        if self.signal == "failure_rate" and self.value > 1:
            raise wrong(f"{self.value:g} is not a share from 0 to 1; write one such as 0.2", ("value",))
        if self.op == "<" and self.value == 0:
            raise wrong("nothing is below 0; write a larger value", ("value",))
        if self.op == ">" and self.signal == "failure_rate" and self.value == 1:
            raise wrong("no share is above 1; write a smaller value or >=", ("value",))
        if self.op == ">=" and self.value == 0:
            raise wrong("everything is 0 or more; write a larger value", ("value",))
        return self


def _scalars(parameters: dict[str, Any]) -> dict[str, Any]:
    for name, value in parameters.items():
        if not isinstance(value, bool | int | float | str):
            raise wrong("is a list or a mapping; write a number, true, false or text", (name,))
    return parameters


_LEARNED = "auto: the shape of day and week is learned where there is one"


class AskedSpec(Strict):
    """The detector that every moment has, once more outside of its budget, with demands of its own."""

    direction: Literal["up"] = Field("up", description="only a rise is harm")
    min_ratio: Annotated[float, Field(ge=1)] = Field(1.0, description="times the expected from which it counts")
    min_count: Annotated[int, Field(ge=0)] = Field(0, description="attempts in the breach from which it counts")
    seasonality: Literal["auto"] = Field("auto", description=_LEARNED)
    cold_start: Span | None = Field(None, description="how long it may learn; the moment's where it is left out")


class SilenceSpec(Strict):
    """The detector of arrivals that stop, once more outside of the moment's budget."""

    direction: Literal["down"] = Field("down", description="silence is less than usual")
    seasonality: Literal["auto"] = Field("auto", description=_LEARNED)
    cold_start: Span | None = Field(None, description="how long it may learn; the moment's where it is left out")

    refused: ClassVar[Mapping[str, str]] = {
        "min_ratio": "silence is less than any ratio; remove it, or write volume: {direction: down, min_ratio: 2}",
        "min_count": "silence counts nothing; remove it",
    }


class VolumeSpec(Strict):
    """Too many or too few arrivals: one of river's detectors by name, or ours."""

    detector: Line | None = Field(None, examples=["half_space_trees"])
    parameters: Annotated[dict[str, Any], AfterValidator(_scalars)] = Field(default_factory=dict)
    direction: Literal["up", "down", "both"] = "both"
    min_ratio: Annotated[float, Field(ge=1)] = Field(1.0, description="times more or less from which it counts")
    min_count: Annotated[int, Field(ge=0)] = Field(0, description="arrivals in the breach from which it counts")
    seasonality: Literal["auto"] = Field("auto", description=_LEARNED)
    cold_start: Span | None = Field(None, description="how long it may learn; the moment's where it is left out")

    @model_validator(mode="after")
    def _parameters_of_something(self) -> Self:
        if self.parameters and self.detector is None:
            raise wrong("belong to a detector by name; write detector: NAME, or remove them", ("parameters",))
        if self.min_ratio > 1 and self.direction == "both":
            raise wrong("needs a direction; write direction: up or direction: down", ("min_ratio",))
        return self


class OverdueSpec(Strict):
    """So many promises are open past their due at once."""

    gte: Annotated[int, Field(ge=1, examples=[5])]


class ComplaintsSpec(Strict):
    """So many complaints within a stretch of time."""

    gte: Annotated[int, Field(ge=1, examples=[3])]
    within: Span = Field(HOUR, alias="in", examples=["1h"])


class StreakSpec(Strict):
    """So many promises broken in a row, none kept in between."""

    broken: Annotated[int, Field(ge=1, examples=[5])]


class ValueSpec(Strict):
    """The mean value of an event, unlike the moment's own past."""

    direction: Literal["both"] = Field("both", description="dearer is news as much as cheaper")
    seasonality: Literal["auto"] = Field("auto", description=_LEARNED)
    cold_start: Span | None = Field(None, description="how long it may learn; the moment's where it is left out")


class DetectSpec(Strict):
    """One way to see that something is wrong."""

    burn_rate: BurnRateSpec | None = None
    threshold: ThresholdSpec | None = None
    overdue: OverdueSpec | None = None
    complaints: ComplaintsSpec | None = None
    streak: StreakSpec | None = None
    failure_rate: AskedSpec | None = None
    duration: AskedSpec | None = None
    volume: VolumeSpec | None = None
    silence: SilenceSpec | None = None
    value: ValueSpec | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(getattr(self, name) is not None for name in type(self).model_fields) != 1:
            raise wrong(f"needs exactly one of {', '.join(type(self).model_fields)}; write one list item for each")
        return self


class AnyOf(Strict):
    """The rule fires when one of these does."""

    any: Annotated[list[DetectSpec], Field(examples=["[{threshold: …}]"])]

    refused: ClassVar[Mapping[str, str]] = {"all": not_yet("write any, or one rule for each")}

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.any:
            raise wrong(f"is empty; list at least one of {', '.join(DetectSpec.model_fields)}", ("any",))
        return self


def _at_most_one(values: list[str]) -> list[str]:
    if len(values) > 1:
        raise wrong(not_yet("keep one dimension, and write a rule for each of the others"), (1,))
    return values


class RuleSpec(Strict):
    """What operators add to the watch that every moment has anyway."""

    moment: Name | None = None
    moments: Annotated[list[Name], listed(least=1)] | None = None
    detect: AnyOf = Field(examples=["{any: […]}"])
    hold: Duration = Field(0, alias="for", description="how long it must last before anything opens")
    keep_firing: Duration = Field(0, alias="keep_firing_for")
    group_by: Annotated[list[Dimension], listed(), AfterValidator(_at_most_one)] = Field(default_factory=list)
    level: Level = "medium"
    status: Status = "stable"

    refused: ClassVar[Mapping[str, str]] = {
        "falsepositives": not_yet("say it in metadata.annotations"),
        "exceptions": not_yet("remove it: a rule watches all of a moment, or each segment of group_by"),
        "labels": "belongs to metadata; move it there",
        "annotations": "belongs to metadata; move it there",
        "runbook_url": "belongs to the moment; move it there",
        "severity": "unknown key; write level: low, medium, high or critical",
    }

    @model_validator(mode="after")
    def _some_moment(self) -> Self:
        if (self.moment is None) == (self.moments is None):
            raise wrong("needs one of moment and moments; write moment: NAME or moments: [NAME, NAME]")
        return self

    def watched(self) -> list[str]:
        """The names of the moments, however they were written."""
        return [self.moment] if self.moment is not None else list(self.moments or ())
