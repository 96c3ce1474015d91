"""Checks what no object can know alone: references lead somewhere, settings do not contradict."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from service.adapters.catalog import duration
from service.adapters.catalog.detector import wrong_detector
from service.adapters.catalog.entry import Entry
from service.adapters.catalog.explain import suggest
from service.adapters.catalog.fields import Strict, is_name
from service.adapters.catalog.models import MomentSpec, OwnerSpec, SourceSpec
from service.adapters.catalog.problem import Problem, Step, Where, show
from service.adapters.catalog.reader import JSON, Document
from service.adapters.catalog.route import RouteSpec, receivers
from service.adapters.catalog.rule import DetectSpec, RuleSpec
from service.adapters.decode.mapping import FIELDS, MappingError, compiled
from service.core.telling.receivers import MANAGER

S = TypeVar("S", bound=Strict)
Names = Mapping[str, Collection[str]]
"""The names of every kind."""


_REFERENCES: Mapping[str, Sequence[tuple[tuple[str, ...], str]]] = {
    "Owner": [(("manager",), "Owner"), (("targets", "*"), "Target")],
    "Moment": [
        (("owner",), "Owner"),
        (("owner_by", "*", "*"), "Owner"),
        (("handoff", "*"), "Owner"),
        (("deadline", "calendar"), "Calendar"),
        (("sources", "*"), "Source"),
    ],
    "Journey": [(("stages", "*", "moments", "*"), "Moment")],
    "Source": [(("events", "*", word), "Moment") for word in ("promise", "kept", "broken", "cancelled")],
    "Calendar": [(("moments", "*"), "Moment")],
    "Rule": [(("moment",), "Moment"), (("moments", "*"), "Moment")],
}
"""Of each kind: where in its spec the name of another object stands, and that object's kind."""


def crosscheck(entries: Sequence[Entry], documents: Sequence[Document], names: Names, *, whole: bool) -> list[Problem]:
    """Problems between objects: `entries` are the sound ones of `documents`, `names` all that are declared.

    Not `whole`: part of the files could not be read, so that references may lead there.
    """
    problems = list(_twice(entries))
    if whole:
        problems += _references(documents, names)
        problems += _receivers(entries, names)
    problems += _managers(entries)
    problems += _owner_by(entries)
    problems += _rules(entries)
    problems += _sources(entries)
    return problems


def of_kind(entries: Sequence[Entry], model: type[S]) -> Iterator[tuple[Entry, S]]:
    """The objects of one kind with their specs."""
    for entry in entries:
        if isinstance(entry.spec, model):
            yield entry, entry.spec


def _twice(entries: Sequence[Entry]) -> Iterator[Problem]:
    first: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        other = first.setdefault((entry.kind, entry.name), entry)
        if other is not entry:
            where: Where = ("metadata", "name")
            place = f"{other.document.file}:{other.document.line_of(where)}"
            message = f"{entry.kind} {show(entry.name)} is declared already at {place}; rename or remove one"
            yield entry.document.problem(where, message)


def _references(documents: Sequence[Document], names: Names) -> Iterator[Problem]:
    """Read off the documents themselves, so that a typing error elsewhere in one hides no wrong reference."""
    for document in documents:
        value = document.value
        if not document.sound or not isinstance(value, dict):
            continue
        for way, kind in _REFERENCES.get(str(value.get("kind")), ()):
            for where, name in _walk(value.get("spec"), ("spec",), way):
                known = names.get(kind, ())
                if is_name(name) and name not in known:
                    otherwise = f"declare it: kind: {kind}, metadata: {{name: {name}}}"
                    remedy = suggest(name, known, otherwise)
                    yield document.problem(where, f"there is no {kind} {show(name)}; {remedy}")


def _walk(value: JSON, where: Where, way: tuple[str, ...]) -> Iterator[tuple[Where, str]]:
    """The texts at the end of a way, `*` being every item or member."""
    if not way:
        if isinstance(value, str):
            yield where, value
        return
    members: Iterable[tuple[Step, JSON]] = ()
    if isinstance(value, dict):
        members = value.items() if way[0] == "*" else [(way[0], value.get(way[0]))]
    elif isinstance(value, list) and way[0] == "*":
        members = enumerate(value)
    for step, inner in members:
        yield from _walk(inner, (*where, step), way[1:])


def _receivers(entries: Sequence[Entry], names: Names) -> Iterator[Problem]:
    """A receiver is an Owner or a Target, whichever has the name."""
    known = {*names.get("Owner", ()), *names.get("Target", ())}
    named = [(entry, where, name) for entry, spec in of_kind(entries, RouteSpec) for where, name in receivers(spec)]
    for entry, spec in of_kind(entries, OwnerSpec):
        for i, step in enumerate(spec.escalation):
            if step.receiver == MANAGER and spec.manager is None:
                message = "owner has no manager; write manager: NAME, or the name of an Owner or Target"
                yield entry.problem(("escalation", i, "receiver"), message)
            elif step.receiver != MANAGER:
                named.append((entry, ("escalation", i, "receiver"), step.receiver))
    for entry, where, name in named:
        if name not in known:
            remedy = suggest(name, known, "declare an Owner or a Target of that name")
            yield entry.problem(where, f"there is no Owner or Target {show(name)}; {remedy}")


def _managers(entries: Sequence[Entry]) -> Iterator[Problem]:
    managers = {entry.name: spec.manager for entry, spec in of_kind(entries, OwnerSpec)}
    for entry, _ in of_kind(entries, OwnerSpec):
        chain = [entry.name]
        while (above := managers.get(chain[-1])) is not None and above not in chain:
            chain.append(above)
        # Said once, at the first name of the circle; who merely leads into it is not at fault.
        if above == entry.name and entry.name == min(chain):
            circle = " → ".join([*chain, entry.name])
            yield entry.problem(("manager",), f"is a circle: {circle}; leave out the manager of whoever is on top")


def _owner_by(entries: Sequence[Entry]) -> Iterator[Problem]:
    for entry, spec in of_kind(entries, MomentSpec):
        for dimension in spec.owner_by:
            if dimension not in spec.dimensions:
                otherwise = f"add {dimension} to dimensions"
                remedy = suggest(dimension, spec.dimensions, otherwise)
                message = f"{show(dimension)} is not among the moment's dimensions; {remedy}"
                yield entry.problem(("owner_by", dimension), message)


def _rules(entries: Sequence[Entry]) -> Iterator[Problem]:
    moments = {entry.name: spec for entry, spec in of_kind(entries, MomentSpec)}
    for entry, spec in of_kind(entries, RuleSpec):
        watched = {name: moments[name] for name in spec.watched() if name in moments}
        for i, dimension in enumerate(spec.group_by):
            for name, moment in watched.items():
                if dimension not in moment.dimensions:
                    otherwise = f"add {dimension} to its dimensions"
                    remedy = suggest(dimension, moment.dimensions, otherwise)
                    message = f"{show(dimension)} is not a dimension of moment {name}; {remedy}"
                    yield entry.problem(("group_by", i), message)
        for i, detect in enumerate(spec.detect.any):
            for where, message in _detect(detect, watched):
                yield entry.problem(("detect", "any", i, *where), message)


def _detect(detect: DetectSpec, watched: Mapping[str, MomentSpec]) -> Iterator[tuple[Where, str]]:
    spans: list[tuple[Where, int]] = []
    if detect.burn_rate is not None:
        for i, window in enumerate(detect.burn_rate.page):
            spans.append((("burn_rate", "page", i, "long"), window.long))
            spans.append((("burn_rate", "page", i, "short"), window.short))
    if detect.threshold is not None:
        spans.append((("threshold", "window"), detect.threshold.window))
    if detect.complaints is not None:
        spans.append((("complaints", "in"), detect.complaints.within))
    yield from _uneven(spans, watched)
    if detect.volume is not None and detect.volume.detector is not None:
        found = wrong_detector(detect.volume.detector, detect.volume.parameters)
        if found is not None:
            yield ("volume", *found[0]), found[1]


def _uneven(spans: Iterable[tuple[Where, int]], watched: Mapping[str, MomentSpec]) -> Iterator[tuple[Where, str]]:
    """Stretches of time that are no whole number of a moment's windows."""
    for where, span in spans:
        for name, moment in watched.items():
            if span % moment.window:
                step = duration.spell(moment.window)
                rounded = duration.spell(-(-span // moment.window) * moment.window)
                message = f"{duration.spell(span)} is no whole number of the {step} windows of moment {name}"
                yield where, f"{message}; write {rounded}"


def _sources(entries: Sequence[Entry]) -> Iterator[Problem]:
    topics: dict[str, str] = {}
    deadlines = {entry.name: spec.deadline is not None for entry, spec in of_kind(entries, MomentSpec)}
    for entry, spec in of_kind(entries, SourceSpec):
        first = topics.setdefault(spec.topic, entry.name)
        if first != entry.name:
            message = f"{show(spec.topic)} is read by Source {first} already; keep one of them"
            yield entry.problem(("topic",), message)
        for name in spec.constants:
            if wrong := _wrong_field(name):
                yield entry.problem(("constants", name), wrong)
        for name, expression in spec.mapping.items():
            if wrong := _wrong_field(name) or _wrong_expression(name, expression):
                yield entry.problem(("mapping", name), wrong)
        yield from _meanings(entry, spec, deadlines)


def _meanings(entry: Entry, spec: SourceSpec, deadlines: Mapping[str, bool]) -> Iterator[Problem]:
    """A start says when its promise falls due, or its moment does."""
    for place, meaning in enumerate(spec.events):
        if wrong := _wrong_expression("when", meaning.when):
            yield entry.problem(("events", place, "when"), wrong)
        for name, expression in meaning.mapping.items():
            if wrong := _wrong_field(name) or _wrong_expression(name, expression):
                yield entry.problem(("events", place, "mapping", name), wrong)
        moment = meaning.promise
        due = "due" in spec.mapping or "due" in meaning.mapping
        if moment is not None and not due and not deadlines.get(moment, True):
            message = f"says no due time, and Moment {show(moment)} has no deadline; map due, or give it deadline: "
            yield entry.problem(("events", place, "promise"), f"{message}{{after: 5d}}")


def _wrong_field(name: str) -> str | None:
    head, dot, rest = name.partition(".")
    if name in FIELDS or (head == "dimensions" and dot and rest):
        return None
    otherwise = f"the fields are {', '.join(FIELDS)}, and dimensions.NAME"
    return f"is not a field of an event; {suggest(name, FIELDS, otherwise)}"


def _wrong_expression(field: str, expression: str) -> str | None:
    """What the decoder would refuse, said before a single event is read."""
    try:
        compiled("", field, expression)
    except MappingError as error:
        return str(error).partition(": ")[2]
    return None
