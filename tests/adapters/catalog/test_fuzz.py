"""Whatever a file holds, it loads or it raises CatalogError; nothing else ever comes out."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.adapters.catalog import CatalogError, Problem, load
from service.adapters.catalog.models import NOT_YET, SPECS
from tests.adapters.catalog.helpers import CHAT, OPS

_HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]

_TEXTS = ["", " ", "3 min", "\x00", "<<", "ops", "chat", "event", "5m", "1d", "-1d", "1000y", "NO", "region"]
_TEXTS += ["https://x", "broken", ">", "stable", "high", "adwin", "a[", "0.5"]
_WORDS = st.sampled_from(_TEXTS)
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _WORDS, st.text(max_size=10), st.dates())
_INNER = """
any burn_rate threshold volume objective page long short factor after signal op value window
detector parameters height delta env file name loss_probability target stages moments calendar min_count
direction title
"""
_OUTER = {field.alias or name for spec in SPECS.values() for name, field in spec.model_fields.items()}
_KEYS = st.one_of(st.sampled_from(sorted(_OUTER | set(_INNER.split()))), _WORDS, st.integers())
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=25,
)
_DOCUMENTS = st.fixed_dictionaries(
    {
        "apiVersion": st.sampled_from(["momentwatch/v1", "v1"]),
        "kind": st.one_of(st.sampled_from([*SPECS, *NOT_YET]), _SCALARS),
        "metadata": st.one_of(st.fixed_dictionaries({"name": _WORDS}), _VALUES),
        "spec": st.one_of(st.dictionaries(_KEYS, _VALUES, max_size=6), _VALUES),
    }
)


def holds(path: Path) -> None:
    """The law, and that what is said can be printed."""
    try:
        found: list[Problem] = load(path).warnings
    except CatalogError as error:
        found = error.problems
        assert found
    for problem in found:
        line = str(problem)
        line.encode()
        assert line.isprintable()
        assert problem.message


@settings(max_examples=200, suppress_health_check=_HEALTH, deadline=None)
@given(content=st.binary(max_size=400))
def test_any_bytes(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(content)
    holds(path)


@settings(max_examples=200, suppress_health_check=_HEALTH, deadline=None)
@given(content=st.text(alphabet="ab:-?[]{}&*!|>'\"%@#~<\n \t\\xuU0,\u2028\x85é", max_size=120))
def test_any_text_that_looks_like_yaml(content: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(content, encoding="utf-8", newline="")
    holds(path)


@settings(max_examples=100, suppress_health_check=_HEALTH, deadline=None)
@given(documents=st.lists(st.one_of(_DOCUMENTS, _VALUES), max_size=4))
def test_any_documents(documents: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    text = yaml.safe_dump_all(documents, allow_unicode=True)
    path.write_text(f"{OPS}\n---\n{CHAT}\n---\n{text}", encoding="utf-8")
    holds(path)


_SPEC_VALUES = {
    kind: st.dictionaries(
        st.sampled_from([field.alias or name for name, field in spec.model_fields.items()]),
        _VALUES,
        max_size=len(spec.model_fields),
    )
    for kind, spec in SPECS.items()
}


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_any_values_under_the_right_keys(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"

    @settings(max_examples=60, suppress_health_check=_HEALTH, deadline=None)
    @given(spec=_SPEC_VALUES[kind])
    def law(spec: dict[str, Any]) -> None:
        head = {"apiVersion": "momentwatch/v1", "kind": kind, "metadata": {"name": "it"}, "spec": spec}
        text = yaml.safe_dump(head, allow_unicode=True)
        path.write_text(f"{OPS}\n---\n{CHAT}\n---\n{text}", encoding="utf-8")
        holds(path)

    law()
