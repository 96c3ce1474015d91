"""The alerts on the service itself: checked and tested by Prometheus's own tool."""

import re
from pathlib import Path

import yaml

from service.adapters.metrics.catalogue import CATALOGUE
from tests.harness.prometheus import promtool

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules" / "momentwatch.yml"
TESTS = ROOT / "deploy" / "prometheus" / "tests" / "momentwatch.yml"


def rules() -> list[dict[str, object]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_promtool_accepts_the_rules_and_their_tests() -> None:
    assert "SUCCESS" in promtool("check", "rules", str(RULES))
    assert "SUCCESS" in promtool("test", "rules", str(TESTS))


def test_every_alert_says_what_how_bad_and_what_to_do() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    anchors = {f"docs/runbook.md#{heading.lower().replace(' ', '-')}" for heading in headings}
    alerts = [rule for rule in rules() if "alert" in rule]
    assert alerts
    for alert in alerts:
        annotations, labels = alert["annotations"], alert["labels"]
        assert isinstance(annotations, dict)
        assert isinstance(labels, dict)
        assert {"summary", "description", "runbook_url"} == set(annotations)
        assert labels["severity"] in {"none", "warning", "critical"}
        assert annotations["runbook_url"] in anchors, alert["alert"]


def test_every_alert_is_tested_firing() -> None:
    suites = yaml.safe_load(TESTS.read_text())["tests"]
    fired = {test["alertname"] for suite in suites for test in suite["alert_rule_test"] if test["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules() if "alert" in rule}


def test_the_rules_name_only_metrics_of_the_catalogue() -> None:
    names = {metric.name for metric in CATALOGUE}
    for rule in rules():
        used = set(re.findall(r"(?<![:\w])momentwatch_\w+", str(rule["expr"])))
        assert used <= names, rule
