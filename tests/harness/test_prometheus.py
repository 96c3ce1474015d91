from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.process import HarnessError
from tests.harness.prometheus import promtool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.fixtures import PrometheusFactory


def test_it_scrapes_itself_and_answers_a_query(prometheus_server: PrometheusFactory) -> None:
    server = prometheus_server()
    (answer,) = server.wait_for("up == 1")
    assert answer["metric"]["job"] == "prometheus"
    assert [target["health"] for target in server.get("/api/v1/targets")["activeTargets"]] == ["up"]


def test_a_wrong_configuration_is_an_error_with_its_reason(prometheus_server: PrometheusFactory) -> None:
    with pytest.raises(HarnessError, match="no_such_key"):
        prometheus_server({"no_such_key": 1})


def test_promtool_accepts_a_good_rule_and_names_a_bad_one(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text("groups: [{name: g, rules: [{record: a:b, expr: up}]}]")
    bad.write_text("groups: [{name: g, rules: [{record: a:b, expr: 'up('}]}]")
    assert "1 rules found" in promtool("check", "rules", str(good))
    with pytest.raises(HarnessError, match="could not parse"):
        promtool("check", "rules", str(bad))
