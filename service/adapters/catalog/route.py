"""What a Route may say, in Alertmanager's words, and the tree that the core walks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from service.adapters.catalog import interval
from service.adapters.catalog.fields import Dimension, Duration, Name, Span, Strict, listed, wrong
from service.adapters.catalog.interval import NamedIntervalsSpec
from service.adapters.catalog.problem import Where, show
from service.core import routes as core
from service.core.event import MINUTE, SECOND
from service.core.telling.labels import matcher_of
from service.core.telling.receivers import MANAGER

_GROUP_WAIT = 30 * SECOND
_GROUP_INTERVAL = 5 * MINUTE
DEEPEST = 8


def _matcher(text: str) -> str:
    try:
        matcher_of(text)
    except ValueError as error:
        raise wrong(str(error)) from None
    return text


Matchers = list[Annotated[str, AfterValidator(_matcher)]]


class EscalationSpec(Strict):
    """Who is told when nobody has acknowledged for so long."""

    after: Span = Field(examples=["15m"])
    receiver: Name = Field(description="an Owner, a Target, or manager", examples=["manager"])


def in_order(steps: Sequence[EscalationSpec]) -> Sequence[EscalationSpec]:
    """Steps whose times rise."""
    for i in range(1, len(steps)):
        if steps[i].after <= steps[i - 1].after:
            raise wrong("is not later than the step before it; write a longer time", (i, "after"))
    return steps


Escalations = Annotated[list[EscalationSpec], AfterValidator(in_order)]


class RepeatSpec(Strict):
    """From an age on, how often it is said again."""

    after: Duration = Field(examples=["1d"])
    every: Span = Field(examples=["24h"])


def _by_age(steps: list[RepeatSpec]) -> list[RepeatSpec]:
    for i in range(1, len(steps)):
        if steps[i].after <= steps[i - 1].after:
            raise wrong("is not later than the step before it; write a longer time", (i, "after"))
    return steps


Label = Literal["..."] | Dimension


class NodeSpec(Strict):
    """A node of the tree; what it does not say it has from the node above."""

    name: Name | None = None
    matchers: Matchers = Field(default_factory=list, examples=["['level=~\"high|critical\"']"])
    receiver: Name | None = Field(None, description="an Owner or a Target; without one, whoever is accountable")
    group_by: Annotated[list[Label], listed(least=1)] | None = Field(None, examples=["[owner, moment]"])
    group_wait: Duration | None = None
    group_interval: Duration | None = None
    repeat_interval: Span | None = None
    repeat_schedule: Annotated[list[RepeatSpec], AfterValidator(_by_age)] | None = None
    go_on: bool = Field(default=False, alias="continue")
    mute_time_intervals: Annotated[list[Name], listed()] | None = None
    active_time_intervals: Annotated[list[Name], listed()] | None = None
    escalate: Escalations | None = None
    routes: list["NodeSpec"] = Field(default_factory=list)

    refused: ClassVar[Mapping[str, str]] = {
        "match": "write matchers: ['moment=\"checkout\"']",
        "match_re": "write matchers: ['moment=~\"check.*\"']",
        "group_by_all": "write group_by: ['...']",
    }


class InhibitSpec(Strict):
    """What hides what: while a source is open, targets whose `equal` labels agree with it are not told of."""

    source_matchers: Annotated[Matchers, listed(least=1)] = Field(examples=["['moment=\"payments\"']"])
    target_matchers: Annotated[Matchers, listed(least=1)] = Field(examples=["['moment=\"checkout\"']"])
    equal: Annotated[list[Dimension], listed()] = Field(default_factory=list)


class RouteSpec(NodeSpec):
    """Who is told of what, how many at once, and when not."""

    inhibit_rules: list[InhibitSpec] = Field(default_factory=list)
    time_intervals: list[NamedIntervalsSpec] = Field(default_factory=list)

    refused: ClassVar[Mapping[str, str]] = {
        **NodeSpec.refused,
        "route": "a Route is one already; write its keys under spec",
        "receivers": "write Owners with targets, and name the Owner as the receiver",
    }

    @model_validator(mode="after")
    def _intervals_are_there(self) -> "RouteSpec":
        names = [one.name for one in self.time_intervals]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise wrong(f"{show(name)} is an interval already; rename one", ("time_intervals", i, "name"))
        for where, node in nodes(self):
            if len(where) > 2 * DEEPEST:
                raise wrong(f"is more than {DEEPEST} routes deep; write fewer levels", (*where, "routes"))
            for key in ("mute_time_intervals", "active_time_intervals"):
                for i, name in enumerate(getattr(node, key) or ()):
                    if name not in names:
                        raise wrong(
                            f"there is no interval {show(name)}; declare it in time_intervals", (*where, key, i)
                        )
        return self


def nodes(node: NodeSpec, where: Where = ()) -> Iterator[tuple[Where, NodeSpec]]:
    """A node and all below it, each with its place."""
    yield where, node
    for i, below in enumerate(node.routes):
        yield from nodes(below, (*where, "routes", i))


def receivers(spec: RouteSpec) -> Iterator[tuple[Where, str]]:
    """Every receiver that is named, with its place."""
    for where, node in nodes(spec):
        if node.receiver is not None:
            yield (*where, "receiver"), node.receiver
        for i, step in enumerate(node.escalate or ()):
            if step.receiver != MANAGER:
                yield (*where, "escalate", i, "receiver"), step.receiver


def labels(spec: RouteSpec) -> Iterator[tuple[Where, str]]:
    """Every label that is asked for, with its place."""
    for where, node in nodes(spec):
        for i, text in enumerate(node.matchers):
            yield (*where, "matchers", i), matcher_of(text).label
        for i, name in enumerate(node.group_by or ()):
            if name != core.EACH:
                yield (*where, "group_by", i), name


def escalation(steps: Sequence[EscalationSpec]) -> tuple[core.Escalation, ...]:
    """The core's steps."""
    return tuple(core.Escalation(step.after, step.receiver) for step in steps)


def build(name: str, spec: RouteSpec) -> core.Route:
    """The tree with what each node inherits filled in."""
    intervals = {one.name: tuple(interval.build(i) for i in one.time_intervals) for one in spec.time_intervals}
    return _node(name, spec, core.ROOT, intervals)


def inhibitions(spec: RouteSpec) -> tuple[core.Inhibition, ...]:
    """What hides what."""
    return tuple(
        core.Inhibition(
            tuple(map(matcher_of, rule.source_matchers)),
            tuple(map(matcher_of, rule.target_matchers)),
            tuple(rule.equal),
        )
        for rule in spec.inhibit_rules
    )


def _node(
    path: str, spec: NodeSpec, above: core.Route, intervals: Mapping[str, tuple[core.TimeInterval, ...]]
) -> core.Route:
    mine = replace(
        above,
        path=path,
        matchers=tuple(map(matcher_of, spec.matchers)),
        go_on=spec.go_on,
        routes=(),
        **_grouping(spec, above),
    )
    if spec.receiver is not None:
        mine = replace(mine, receiver=spec.receiver)
    if spec.escalate is not None:
        mine = replace(mine, escalation=escalation(spec.escalate))
    if (repeat := _repeat(spec)) is not None:
        mine = replace(mine, repeat=repeat)
    if spec.mute_time_intervals is not None:
        mine = replace(mine, mute=tuple((name, intervals[name]) for name in spec.mute_time_intervals))
    if spec.active_time_intervals is not None:
        mine = replace(mine, active=tuple((name, intervals[name]) for name in spec.active_time_intervals))
    below = [_node(f"{path}/{node.name or i}", node, mine, intervals) for i, node in enumerate(spec.routes)]
    return replace(mine, routes=tuple(below))


def _grouping(spec: NodeSpec, above: core.Route) -> dict[str, Any]:
    """Grouping and its timers; a node that begins to group gets Alertmanager's, one that ends it none."""
    group_by = above.group_by if spec.group_by is None else tuple(spec.group_by)
    begins = core.EACH in above.group_by and core.EACH not in group_by
    wait = _GROUP_WAIT if begins else above.group_wait
    every = _GROUP_INTERVAL if begins else above.group_interval
    if core.EACH in group_by and core.EACH not in above.group_by:
        wait = every = 0
    return {
        "group_by": group_by,
        "group_wait": wait if spec.group_wait is None else spec.group_wait,
        "group_interval": every if spec.group_interval is None else spec.group_interval,
    }


def _repeat(spec: NodeSpec) -> tuple[tuple[int, int], ...] | None:
    if spec.repeat_interval is None and spec.repeat_schedule is None:
        return None
    first = ((0, spec.repeat_interval),) if spec.repeat_interval is not None else ()
    later = tuple((step.after, step.every) for step in spec.repeat_schedule or ())
    return (*first, *later)
