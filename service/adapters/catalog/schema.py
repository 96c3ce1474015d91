"""The JSON Schema of each kind, for editors that complete and underline."""

from typing import Any

from service.adapters.catalog import duration
from service.adapters.catalog.fields import Strict
from service.adapters.catalog.models import API_VERSION, SPECS, Metadata


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema (draft 2020-12) of a whole document of each kind."""
    return {kind: _schema_of(kind, spec) for kind, spec in SPECS.items()}


def _schema_of(kind: str, spec: type[Strict]) -> dict[str, Any]:
    parts = {"metadata": Metadata.model_json_schema(), "spec": spec.model_json_schema()}
    definitions: dict[str, Any] = {}
    for part in parts.values():
        definitions |= part.pop("$defs", {})
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "description": spec.__doc__,
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {"apiVersion": {"const": API_VERSION}, "kind": {"const": kind}, **parts},
    }
    if definitions:
        schema["$defs"] = definitions
    plain: dict[str, Any] = _as_written(schema)
    return plain


def _as_written(schema: Any) -> Any:
    """The models' schema as files are written: `key: null` is an error there, and durations are text."""
    if isinstance(schema, list):
        return [_as_written(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _as_written(value) for key, value in schema.items() if not (key == "default" and value is None)}
    if plain.get("pattern") == duration.PATTERN and isinstance(plain.get("default"), int):
        plain["default"] = duration.spell(plain["default"])
    choices = plain.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        kept = [choice for choice in choices if choice != {"type": "null"}]
        del plain["anyOf"]
        plain |= kept[0] if len(kept) == 1 else {"anyOf": kept}
    return plain
