"""Turns what pydantic found into problems in the operators' words."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.adapters.catalog.problem import Problem, Step, Where, show
from service.adapters.catalog.reader import Document

_EXPECTED = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
_BOUND_WORDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}


def meant(wrong: str, known: Iterable[str]) -> str | None:
    """What somebody meant to write: a case, a prefix or a few letters away; None where nothing is near."""
    names = sorted(set(known))
    plain = _plain(wrong)
    for name in names:
        if _plain(name) == plain:
            return name
    longer = [name for name in names if len(plain) > 2 and _plain(name).startswith(plain)]  # noqa: PLR2004
    if len(longer) == 1:
        return longer[0]
    by_plain = {_plain(name): name for name in names}
    near = difflib.get_close_matches(plain, by_plain, n=1, cutoff=0.6)
    if near:
        return by_plain[near[0]]
    shorter = [name for name in names if len(name) > 2 and plain.startswith(_plain(name))]  # noqa: PLR2004
    return max(shorter, key=len) if shorter else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


def suggest(wrong: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean X?`, or what else to say."""
    near = meant(wrong, known)
    return f"did you mean {near}?" if near else otherwise


def explain(
    error: ValidationError, model: type[BaseModel], document: Document, within: Where = ()
) -> list[Problem]:
    """The problems of one value of a document that was checked against a model."""
    return [_problem(details, model, document, within) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, model: type[BaseModel], document: Document, within: Where) -> Problem:
    loc: Where = tuple(step for step in details["loc"] if step != "[key]")
    context: Mapping[str, Any] = details.get("ctx", {})
    kind = details["type"]
    if kind == "wrong":
        return document.problem((*within, *loc, *context["at"]), context["message"])
    value: object = details["input"]
    where = (*within, *loc)
    if kind == "missing":
        return document.problem(where, _missing(model, loc))
    if kind == "extra_forbidden":
        return document.problem(where, _unknown(model, loc))
    raw = document.raw.get(where)
    if kind == "literal_error":
        choices = _choices(model, loc)
        listed = ", ".join(choices)
        near = meant(str(value), choices)
        return document.problem(
            where, f"{raw or show(value)} is not one of {listed}; {f'did you mean {near}?' if near else 'write one'}"
        )
    if kind in _EXPECTED:
        return document.problem(where, _wrong_type(value, raw, _EXPECTED[kind]))
    if kind in _BOUNDS:
        bound = _BOUNDS[kind]
        return document.problem(where, f"{raw or show(value)} is out of range; write {_BOUND_WORDS[bound]} "
                                f"{context[bound]:g}")
    return document.problem(where, f"{raw or show(value)}: {details['msg']}; mend it")


def _missing(model: type[BaseModel], loc: Where) -> str:
    key = loc[-1]
    parent = model_at(model, loc[:-1])
    field = next((f for n, f in parent.model_fields.items() if (f.alias or n) == key), None) if parent else None
    example = (field.examples or [None])[0] if field else None
    if example is None:
        return "is missing; add it"
    text = example if isinstance(example, str) else show(example)
    return f"is missing; add one such as {key}: {text}"


def _unknown(model: type[BaseModel], loc: Where) -> str:
    key = str(loc[-1])
    parent = model_at(model, loc[:-1])
    if parent is None:
        return "unknown key; remove it"
    refused: Mapping[str, str] = getattr(parent, "refused", {})
    if key in refused:
        return refused[key]
    known = [field.alias or name for name, field in parent.model_fields.items()]
    otherwise = f"the keys here are {', '.join(known)}"
    return f"unknown key; {suggest(key, known, otherwise)}"


def _wrong_type(value: object, raw: str | None, expected: str) -> str:
    if isinstance(value, list):
        return f"is a list where {expected} is expected; write {expected}"
    if isinstance(value, dict):
        return f"is a mapping where {expected} is expected; write {expected}"
    shown = raw or show(value)
    if isinstance(value, str):
        if expected == "a list":
            return f"{shown} is text where a list is expected; write [{value if len(value) < 40 else '…'}]"  # noqa: PLR2004
        return f"{shown} is text where {expected} is expected; write {expected}"
    word = "true or false" if isinstance(value, bool) else "a number"
    if expected == "text":
        return f'{shown} is {word} where text is expected; write "{shown}" in quotes'
    if expected == "a list" and not isinstance(value, bool):
        return f"{shown} is {word} where a list is expected; write [{shown}]"
    return f"{shown} is {word} where {expected} is expected; write {expected}"


def model_at(model: type[BaseModel], loc: Where) -> type[BaseModel] | None:
    """The model that a place in a document is checked against."""
    annotation: Any = model
    for step in loc:
        annotation = _inner(annotation, step)
    found = _bare(annotation)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _inner(annotation: Any, step: Step) -> Any:
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        for name, field in bare.model_fields.items():
            if (field.alias or name) == step:
                return field.annotation
        return None
    arguments = get_args(bare)
    return arguments[-1] if arguments else None


def _bare(annotation: Any) -> Any:
    """An annotation without Annotated and without `| None`."""
    while get_origin(annotation) is Annotated or type(None) in get_args(annotation):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    return annotation


def _choices(model: type[BaseModel], loc: Where) -> list[str]:
    annotation: Any = model
    for step in loc:
        annotation = _inner(annotation, step)
    return [str(choice) for choice in get_args(_bare(annotation))]
