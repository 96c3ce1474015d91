"""docs/catalogue.md tells the truth: its examples load, and it leaves no key out."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from service.adapters.catalog import load, schemas
from service.adapters.catalog.explain import model_at
from service.adapters.catalog.models import NOT_YET, SPECS
from service.adapters.catalog.rule import DetectSpec
from service.settings import Settings, load_settings

PAGE = (Path(__file__).parents[3] / "docs" / "catalogue.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def section(heading: str) -> str:
    return PAGE.partition(f"\n{heading}\n")[2].partition("\n## ")[0]


def test_the_examples_make_one_catalogue(tmp_path: Path) -> None:
    for number, example in enumerate(EXAMPLES):
        (tmp_path / f"{number}.yaml").write_text(example, encoding="utf-8")
    catalog = load(tmp_path).catalog
    assert catalog.owners
    assert catalog.targets
    assert catalog.moments
    assert catalog.journeys
    assert catalog.sources
    assert catalog.rules


def test_the_smallest_catalogue_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(EXAMPLES[0], encoding="utf-8")
    assert list(load(tmp_path).catalog.moments) == ["departs-on-time"]


@pytest.mark.parametrize("kind", SPECS)
def test_every_key_of_a_kind_is_written_down(kind: str) -> None:
    text = section(f"## {kind}")
    for key in keys(SPECS[kind]):
        assert re.search(rf"\b{key}\b", text), key


def test_every_detector_and_its_keys_are_written_down() -> None:
    text = section("## Rule")
    for name in DetectSpec.model_fields:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        model = model_at(DetectSpec, (name,))
        assert model is not None
        for key, field in model.model_fields.items():
            assert f"`{field.alias or key}`" in row, key


def test_what_is_not_there_yet_is_written_down() -> None:
    for kind in NOT_YET:
        assert f"`{kind}`" in section("## What is not there yet")


def test_the_settings_example_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml settings\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "customers.csv").write_text("customer\n", encoding="utf-8")
    (tmp_path / "serve.yaml").write_text(example, encoding="utf-8")
    load_settings(tmp_path / "serve.yaml", {"DATABASE_PASSWORD": "x", "KAFKA_PASSWORD": "x"})


def test_every_setting_is_written_down() -> None:
    text = PAGE.partition("# The settings of `serve`")[2]
    for name in Settings.model_fields:
        model = model_at(Settings, (name,))
        for key in keys(model) if model else [name]:
            assert re.search(rf"\b{key}\b", text), key


def keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(references, schema))
    if isinstance(schema, dict):
        own = {schema["$ref"]} if "$ref" in schema else set()
        return own.union(*map(references, schema.values()))
    return set()


@pytest.mark.parametrize("kind", SPECS)
def test_a_kinds_schema_stands_alone_and_says_what_is_written(kind: str) -> None:
    schema = schemas()[kind]
    assert schema["properties"]["kind"] == {"const": kind}
    assert schema["additionalProperties"] is False
    assert sorted(schema["properties"]["spec"]["properties"]) == sorted(keys(SPECS[kind]))
    defined = {f"#/$defs/{name}" for name in schema.get("$defs", {})}
    assert references(schema) == defined
    # `key: null` is an error in the files, and durations are text.
    assert "'null'" not in str(schema)
    assert not re.search(r"'default': \d{6,}", str(schema))
