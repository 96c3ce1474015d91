"""docs/kafka.md tells the truth: its settings load, its records are taken or refused as it says."""

import re
from pathlib import Path

import pytest
import yaml

from service.adapters.catalog import load
from service.settings import load_settings
from tests.e2e.events import produce
from tests.e2e.running import ROOT, Serve, kafka_at
from tests.harness.kafka import KafkaBroker

PAGE = (ROOT / "docs" / "kafka.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml settings"))
def test_every_example_of_settings_loads(tmp_path: Path, text: str) -> None:
    for name in ("password", "ca.pem", "client.pem", "client.key", "secret"):
        (tmp_path / name).write_text("something")
    file = tmp_path / "momentwatch.yaml"
    file.write_text(text)
    assert load_settings(file, {}).kafka is not None


def test_the_first_topic_works_as_written(tmp_path: Path, kafka_broker: KafkaBroker) -> None:
    topic = kafka_broker.create_topic()
    (catalogue,) = blocks("yaml catalogue")
    rules = tmp_path / "rules"
    rules.mkdir()
    assert "topic: shop.events" in catalogue
    (rules / "shop.yaml").write_text(catalogue.replace("shop.events", topic))
    good = [line.encode() for block in blocks("json") for line in block.splitlines()]
    refused = [line.encode() for block in blocks("json rejected") for line in block.splitlines()]
    assert (len(good), len(refused)) == (4, 3)
    produce(kafka_broker.bootstrap_servers, topic, good + refused)
    service = Serve(tmp_path / "run", rules, kafka_at(kafka_broker.bootstrap_servers)).begin()
    service.until(lambda: service.metric("events_read_total") == len(good) + len(refused), "the records")
    assert service.metric("events_accepted_total") == len(good)
    assert service.metric("events_rejected_total") == len(refused)
    assert service.end() == 0


def test_the_settings_and_the_catalogue_of_compose_load() -> None:
    deploy = ROOT / "deploy"
    settings = load_settings(deploy / "momentwatch.yaml", {"POSTGRES_PASSWORD": "x"})
    catalog = load(deploy / "rules").catalog
    assert settings.problems_with(catalog) == []
    services = yaml.safe_load((deploy / "compose.yaml").read_text())["services"]
    environment = services["momentwatch"]["environment"]
    assert environment["POSTGRES_PASSWORD"] == services["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert {target.url_env for target in catalog.targets.values()} <= set(environment)
