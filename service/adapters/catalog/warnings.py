"""What is allowed but probably not meant, and the arithmetic of false alarms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.adapters.catalog import duration
from service.adapters.catalog.crosscheck import of_kind
from service.adapters.catalog.entry import Entry
from service.adapters.catalog.explain import suggest
from service.adapters.catalog.models import MomentSpec, OwnerSpec
from service.adapters.catalog.problem import Problem
from service.adapters.catalog.route import RouteSpec, labels
from service.adapters.catalog.rule import RuleSpec
from service.core.catalog import Catalog
from service.core.event import DAY

BUDGET_DAYS = 30

_ROUTED = ("Moment", "Rule")
"""Kinds whose labels an interruption has when it is routed."""
_ALWAYS = ("interruption", "moment", "kind", "level", "owner", "team", "unit", "rule", "journey", "stage")


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """How often an owner is told of something that is not there."""

    owner: str
    moments: int
    expected: float
    """False interruptions in 30 days, while all of the owner's moments stay reliable."""
    page_budget: float | None

    @property
    def too_many(self) -> bool:
        """The budget is smaller than what is expected."""
        return self.page_budget is not None and self.expected > self.page_budget * (1 + 1e-9)


def false_alarms(catalog: Catalog) -> list[FalseAlarms]:
    """Expected false interruptions of each owner: the sum over their moments of 30 d / interval."""
    rows = []
    for owner in catalog.owners.values():
        intervals = [m.false_alarm_interval for m in catalog.moments.values() if m.owner == owner.name]
        expected = sum(BUDGET_DAYS * DAY / interval for interval in intervals)
        rows.append(FalseAlarms(owner.name, len(intervals), expected, owner.page_budget))
    return rows


def warnings_of(entries: Sequence[Entry], catalog: Catalog) -> list[Problem]:
    """Every warning, sorted."""
    return sorted(
        [
            *_unused(entries),
            *_asked(entries),
            *_owners(entries, catalog),
            *_moments(entries),
            *_rules(entries),
            *_routes(entries),
        ]
    )


def _unused(entries: Sequence[Entry]) -> Iterator[Problem]:
    """What is kept, because it belongs to the object, but changes nothing in this version."""
    for entry in entries:
        metadata = entry.metadata
        if metadata.labels and entry.kind not in _ROUTED:
            message = "are not used: what is routed has the labels of its Moment and its Rule; move them there"
            yield entry.document.problem(("metadata", "labels"), message)


_ASKED = ("failure_rate", "duration", "volume", "silence")
"""Entries that name a detector, which has its own memory and its own segments."""


def _asked(entries: Sequence[Entry]) -> Iterator[Problem]:
    for entry, spec in of_kind(entries, RuleSpec):
        for name in {name for detect in spec.detect.any for name in _ASKED if getattr(detect, name) is not None}:
            for key, given in (
                ("for", spec.hold),
                ("keep_firing_for", spec.keep_firing),
                ("group_by", spec.group_by),
            ):
                if given:
                    yield entry.problem(
                        (key,), f"does not apply to {name}, which has its own; give {name} its own rule"
                    )


def _owners(entries: Sequence[Entry], catalog: Catalog) -> Iterator[Problem]:
    rows = {row.owner: row for row in false_alarms(catalog)}
    for entry, spec in of_kind(entries, OwnerSpec):
        if not spec.targets:
            message = f"owner {entry.name} has no targets: shows on the page only; list the ids of Targets"
            yield entry.problem(("targets",), message)
        row = rows[entry.name]
        if row.too_many:
            yield entry.problem(("page_budget",), _over_budget(row))


def _over_budget(row: FalseAlarms) -> str:
    budget = row.page_budget or 0.0
    moments = f"{row.moments} moment" if row.moments == 1 else f"{row.moments} moments"
    false = f"{row.expected:.2f} false pages"
    text = f"{budget:g} in {BUDGET_DAYS} days, but {moments} of {row.owner} expect {false}"
    if not budget:
        return f"{text}; no interval brings that to 0: raise the budget"
    days = -(-row.moments * BUDGET_DAYS // budget)
    return f"{text}; raise the budget, or false_alarm_interval to {duration.spell(round(days) * DAY)}"


def _moments(entries: Sequence[Entry]) -> Iterator[Problem]:
    for entry, spec in of_kind(entries, MomentSpec):
        if not spec.promise:
            message = f"moment {entry.name} has no promise: notices cannot say what the customer was told; write it"
            yield entry.problem(("promise",), message)
        if not spec.runbook_url:
            message = f"moment {entry.name} has no runbook: notices cannot say what to do first; write its address"
            yield entry.problem(("runbook_url",), message)


def _rules(entries: Sequence[Entry]) -> Iterator[Problem]:
    for entry, spec in of_kind(entries, RuleSpec):
        if spec.status == "experimental":
            yield entry.problem(("status",), f"experimental rule {entry.name} notifies nobody; write stable to notify")
        if spec.status == "deprecated":
            yield entry.problem(("status",), f"deprecated rule {entry.name} is not evaluated; remove it when it is due")


def _routes(entries: Sequence[Entry]) -> Iterator[Problem]:
    """Labels that nothing has: a matcher of one never holds, or always does."""
    known = {name for entry in entries if entry.kind in _ROUTED for name in entry.metadata.labels}
    known |= {dimension for _, spec in of_kind(entries, MomentSpec) for dimension in spec.dimensions}
    known |= set(_ALWAYS)
    for entry, spec in of_kind(entries, RouteSpec):
        for where, name in labels(spec):
            if name not in known:
                message = (
                    f'no interruption has a label "{name}": {suggest(name, known, "put it on a Moment or a Rule")}'
                )
                yield entry.problem(where, message)
