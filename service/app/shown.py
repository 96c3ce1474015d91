"""The settings as people may see them: by name, spelt as a file has them, and without a secret."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from service.adapters.catalog import duration
from service.adapters.catalog.fields import Span
from service.settings import Settings

_HIDDEN = "(set, and not shown)"


def shown(settings: Settings) -> tuple[tuple[str, str], ...]:
    """(name, value) of every setting that holds anything, defaults included."""
    return tuple(_of(settings, ""))


def _of(section: BaseModel, before: str) -> Iterator[tuple[str, str]]:
    for name, field in type(section).model_fields.items():
        yield from _said(f"{before}{name}", getattr(section, name), field)


def _said(name: str, value: Any, field: FieldInfo) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        yield from _of(value, f"{name}.")
    elif isinstance(value, list) and value and all(isinstance(each, BaseModel) for each in value):
        for place, each in enumerate(value):
            yield from _of(each, f"{name}[{place}].")
    elif value not in (None, "", [], {}):
        yield name, _word(value, field)


def _word(value: Any, field: FieldInfo) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    annotation = field.rebuild_annotation()
    if isinstance(value, int) and Span in {annotation, *get_args(annotation)}:
        return duration.spell(value)
    if isinstance(value, str):
        # The query of an address may hold a password; the parts before it were looked at when it was loaded.
        return value.partition("?")[0] if "://" in value else value
    # What is of no kind that is known here may hold a secret.
    return str(value) if isinstance(value, int | float | Path) else _HIDDEN
