"""Field mappings: topics that speak otherwise, brought into the contract by JMESPath and constants.

A field of the contract takes, in this order: what its expression finds, its constant, and, where the source
has no expression for it, the payload's own field of that name. Numbers become text where the contract wants
text, text becomes a number where it wants one, and a number as a time is read as seconds, milli-, micro- or
nanoseconds since 1970, told apart by their size.
"""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from service.adapters.decode.faults import Fault, RefusedError, shown
from service.core.catalog import Source
from service.core.event import instant

LONGEST = 512
"""Characters of an expression."""
MOST_NODES = 64
"""Parts of an expression."""
MOST_LISTS = 4
"""Parts of an expression that make lists; each may multiply the work of the others."""

FIELDS = (
    *("id", "time", "type", "moment", "customer", "outcome", "key", "reason", "duration_s", "value", "due"),
    *("journey", "channel", "score", "text", "change", "title", "url", "dimensions"),
)
_TIMES = ("time", "due")
_NUMBERS = ("duration_s", "value", "score")
_DIMENSION = re.compile(r"dimensions\.(?P<name>.{1,256})", re.DOTALL)
_LISTS = frozenset(
    {
        "flatten",
        "projection",
        "value_projection",
        "filter_projection",
        "multi_select_list",
        "multi_select_dict",
    }
)
_TIME_UNITS = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1))


class MappingError(ValueError):
    """A source's mapping that cannot be used; says source, field, value and remedy."""


class FieldMapping:
    """The mapping of one source, compiled. Raises MappingError."""

    def __init__(self, source: Source) -> None:
        for field in (*source.mapping, *source.constants):
            if field not in FIELDS and not _DIMENSION.fullmatch(field):
                message = (
                    f"source {source.name}: {shown(field)} is no field of the contract: "
                    f"use one of {', '.join(FIELDS)} or dimensions.NAME"
                )
                raise MappingError(message)
        self._expressions = {
            field: (text, compiled(source.name, field, text)) for field, text in source.mapping.items()
        }
        self._constants = dict(source.constants)

    def apply(self, found: Mapping[str, object], fields: Mapping[str, object]) -> dict[str, object]:
        """The contract's fields of a foreign object; `fields` are its own, out of their envelope.

        Expressions see the whole object, envelope included. Raises RefusedError.
        """
        mapped = {name: value for name, value in fields.items() if name not in self._expressions}
        own = mapped.get("dimensions")
        dimensions = dict(own) if isinstance(own, dict) else {}
        values: dict[str, object] = dict(self._constants)
        for field, (text, expression) in self._expressions.items():
            value = search(field, text, expression, found)
            if value is not None:
                values[field] = value
        for field, value in values.items():
            match = _DIMENSION.fullmatch(field)
            if match:
                dimensions[match["name"]] = _as_text(value)
            elif field == "dimensions" and isinstance(value, dict):
                dimensions.update({name: _as_text(inner) for name, inner in value.items() if inner is not None})
            else:
                mapped[field] = _coerced(field, value)
        if dimensions:
            mapped["dimensions"] = dimensions
        return mapped

    def blame(self, fault: Fault) -> Fault:
        """The same fault, as one of the mapping where the field at fault is a mapped one."""
        field = fault.detail.split(":", 1)[0]
        if field not in self._expressions:
            return fault
        text = self._expressions[field][0]
        found = fault.detail.split(": ", 1)[1]
        return Fault("mapping", f"{field} from {shown(text)}: {found}")


def compiled(source: str, field: str, text: str) -> ParsedResult:
    """An expression, ready to be asked. Raises MappingError."""

    def unfit(why: str) -> MappingError:
        return MappingError(f"source {source}: the mapping of {field}, {shown(text)}, {why}")

    if len(text) > LONGEST:
        raise unfit(f"has {len(text)} characters: keep it below {LONGEST}")
    try:
        expression = jmespath.compile(text)
    except (JMESPathError, RecursionError) as error:
        first = (str(error).strip() or "it is empty").splitlines()[0]
        raise unfit(f"is not JMESPath ({first}): correct it") from error
    kinds = [node["type"] for node in _nodes(expression.parsed)]
    if len(kinds) > MOST_NODES or sum(kind in _LISTS for kind in kinds) > MOST_LISTS:
        raise unfit(f"has more than {MOST_NODES} parts or {MOST_LISTS} lists: map a simpler field")
    return expression


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    stack: list[Any] = [node]
    while stack:
        found = stack.pop()
        if isinstance(found, dict) and "children" in found:
            yield found
            stack.extend(found["children"])


def search(field: str, text: str, expression: ParsedResult, found: Mapping[str, object]) -> object:
    """What an expression finds. Raises RefusedError."""
    try:
        return expression.search(found)
    except Exception as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        detail = f"{field}: {shown(text)} failed: {why}: correct the mapping or the record"
        raise RefusedError(Fault("mapping", detail)) from error


def _coerced(field: str, value: object) -> object:
    if field in _TIMES and isinstance(value, int | float) and not isinstance(value, bool):
        return _as_time(value)
    if field in _NUMBERS:
        return _as_number(value)
    if field in _TIMES or isinstance(value, dict | list):
        return value
    return _as_text(value)


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    # A whole number that was written as 17.0 is still the id 17.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def _as_number(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    # "NaN" and "inf" are numbers to Python only.
    return number if isfinite(number) else value


def _as_time(value: float) -> object:
    for limit, micros in _TIME_UNITS:
        if abs(value) < limit:
            return _instant(round(value * micros), value)
    return _instant(round(value) // 1000, value)


def _instant(at: int, value: float) -> object:
    try:
        return instant(at)
    except OverflowError:
        return value
