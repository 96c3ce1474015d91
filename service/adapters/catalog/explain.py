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
_LONGEST_WORD = 40
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


def explain(error: ValidationError, model: type[BaseModel], document: Document, within: Where = ()) -> list[Problem]:
    """The problems of one value of a document that was checked against a model."""
    return [_problem(details, model, document, within) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, model: type[BaseModel], document: Document, within: Where) -> Problem:
    loc: Where = tuple(step for step in details["loc"] if step != "[key]")
    where = (*within, *loc)
    context: Mapping[str, Any] = details.get("ctx", {})
    if details["type"] == "wrong":
        return document.problem((*where, *context["at"]), context["message"])
    return document.problem(where, _message(details, context, model, loc, document.raw.get(where)))


def _message(
    details: ErrorDetails, context: Mapping[str, Any], model: type[BaseModel], loc: Where, raw: str | None
) -> str:
    kind = details["type"]
    value: object = details["input"]
    if kind == "missing":
        message = _missing(model, loc)
    elif kind == "extra_forbidden":
        message = _unknown(model, loc)
    elif kind == "literal_error":
        choices = [str(choice) for choice in get_args(_bare(_annotation_at(model, loc)))]
        single = len(choices) == 1
        listed = choices[0] if single else f"one of {', '.join(choices)}"
        remedy = f"write {listed}" if single else suggest(str(value), choices, "write one of them")
        message = f"{raw or show(value)} is not {listed}; {remedy}"
    elif kind in _EXPECTED:
        message = _wrong_type(value, raw, _EXPECTED[kind])
    elif kind in _BOUNDS:
        bound = _BOUNDS[kind]
        message = f"{raw or show(value)} is out of range; write {_BOUND_WORDS[bound]} {context[bound]:g}"
    else:
        message = f"{raw or show(value)}: {details['msg']}; mend it"
    return message


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
    shown, remedy = raw or show(value), f"write {expected}"
    if isinstance(value, list | dict):
        shown, found = "", "a list" if isinstance(value, list) else "a mapping"
    elif isinstance(value, str):
        found = "text"
    else:
        found = "true or false" if isinstance(value, bool) else "a number"
    written = str(raw or value)
    if expected == "a list" and isinstance(value, str | int | float) and len(written) < _LONGEST_WORD:
        remedy = f"write [{written if written.isprintable() else show(value)}]"
    elif expected == "text" and shown:
        remedy = f'write "{shown}" in quotes'
    return f"{shown} is {found} where {expected} is expected; {remedy}".lstrip()


def model_at(model: type[BaseModel], loc: Where) -> type[BaseModel] | None:
    """The model that a place in a document is checked against."""
    found = _bare(_annotation_at(model, loc))
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _annotation_at(model: type[BaseModel], loc: Where) -> Any:
    annotation: Any = model
    for step in loc:
        annotation = _inner(annotation, step)
    return annotation


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
