"""What an interruption is called for routing: labels from the catalogue and its segment, and the tests of them."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

from service.core.catalog import Catalog, Level, Moment, Owner
from service.core.interruption import Interruption, Segment
from service.core.routes import Matcher

Labels = Mapping[str, str]

_LONGEST = 200
"""Characters of a label's value: a dimension's value comes from events."""


def accountable(moment: Moment, segment: Segment, catalog: Catalog) -> Owner:
    """The owner of a segment where all of its values have the same one, else the moment's."""
    for dimension, values in segment:
        by_value = moment.owner_by.get(dimension, {})
        names = {by_value.get(value) for value in values}
        name = names.pop() if len(names) == 1 else None
        if name is not None and name in catalog.owners:
            return catalog.owners[name]
    return catalog.owners.get(moment.owner) or Owner(moment.owner)


def labels_of(it: Interruption, catalog: Catalog, level: Level | None = None) -> dict[str, str]:
    """An interruption's labels; `level`: the one that somebody gave it.

    In rising order of precedence: the segment's dimensions, the labels of the moment and of the rule, and what
    is always there: interruption, moment, kind, level, owner, team, unit, rule, journey, stage.
    """
    labels = {dimension: ",".join(values)[:_LONGEST] for dimension, values in it.segment}
    rule = catalog.rules.get(it.rule or "")
    moment = catalog.moments.get(it.moment)
    if moment is not None:
        labels |= moment.labels
    if rule is not None:
        labels |= rule.labels
    owner = accountable(moment, it.segment, catalog) if moment is not None else Owner("")
    journey, stage = _stage_of(it.moment, catalog)
    return labels | {
        "interruption": it.id,
        "moment": it.moment,
        "kind": it.kind,
        "level": level or it.level,
        "owner": owner.name,
        "team": owner.team,
        "unit": moment.unit if moment is not None else "",
        "rule": it.rule or "",
        "journey": journey,
        "stage": stage,
    }


def _stage_of(moment: str, catalog: Catalog) -> tuple[str, str]:
    for journey in catalog.journeys.values():
        for stage in journey.stages:
            if moment in stage.moments:
                return journey.name, stage.name
    return "", ""


def matches(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether every matcher holds; none at all hold for everything."""
    return all(_holds(matcher, labels.get(matcher.label, "")) for matcher in matchers)


def _holds(matcher: Matcher, value: str) -> bool:
    match matcher.op:
        case "=":
            return value == matcher.value
        case "!=":
            return value != matcher.value
        case "=~":
            return _pattern(matcher.value).fullmatch(value) is not None
        case "!~":
            return _pattern(matcher.value).fullmatch(value) is None


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


_OPERATORS: dict[str, Literal["=", "!=", "=~", "!~"]] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_MATCHER = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_-]*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)


def matcher_of(text: str) -> Matcher:
    """`level=~"high|critical"` as a matcher. Raises ValueError that says what to write instead."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(
            f'{text!r} is not a matcher; write one such as moment="checkout-works" or level=~"high|critical"'
        )
    label, op, value = found.groups()
    if value[:1] == '"':
        if len(value) == 1 or value[-1] != '"':
            raise ValueError(f"{text!r} has no closing quotation mark; write it")
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if op in {"=~", "!~"}:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression: {error}; correct it or write = instead") from None
    return Matcher(label, _OPERATORS[op], value)


def spell(matcher: Matcher) -> str:
    """A matcher as people write it."""
    value = matcher.value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{matcher.label}{matcher.op}"{value}"'
