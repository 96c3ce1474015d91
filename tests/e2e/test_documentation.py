"""docs/kafka.md tells the truth: its settings load, its records are taken or refused as it says."""

import re
from pathlib import Path

import pytest
import yaml

from service.adapters.catalog import load
from service.settings import load_settings
from tests.e2e.events import produce
from tests.e2e.running import ROOT, Serve, kafka_at, momentwatch
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


def test_a_topic_of_orders_needs_no_new_producer(tmp_path: Path, kafka_broker: KafkaBroker) -> None:
    """Through the broker, and through a file of the same records."""
    topic = kafka_broker.create_topic()
    (catalogue,), (records,) = blocks("yaml orders"), blocks("json orders")
    rules, file = tmp_path / "rules", tmp_path / "orders.jsonl"
    rules.mkdir()
    (rules / "orders.yaml").write_text(catalogue.replace("shop.orders", topic))
    file.write_text(records)
    produce(kafka_broker.bootstrap_servers, topic, [line.encode() for line in records.splitlines()])
    service = Serve(tmp_path / "run", rules, kafka_at(kafka_broker.bootstrap_servers)).begin()
    # Seven events of five records: one is two, one is none of ours, and one cannot be taken.
    service.until(lambda: service.metric("events_read_total") == 6, "the records")
    service.until(lambda: service.metric("broken_total") == 2, "the broken promises")
    assert service.metric("events_accepted_total") == 5
    assert service.metric("events_rejected_total") == 1
    assert service.metric("reconcile_difference") == 0
    assert service.end() == 0
    books = momentwatch("reconcile", "--url", service.database)
    assert books.returncode == 0, books.stdout + books.stderr

    run = momentwatch(
        "backtest", "--rules", rules, "--events", file, "--source", "orders", "--until", "2026-03-06T00:00:00Z"
    )
    assert run.returncode == 0
    assert 'customer from "buyer.id": missing' in run.stderr
    unknown = momentwatch("backtest", "--rules", rules, "--events", file, "--source", "order")
    assert (unknown.returncode, "declared are: orders" in unknown.stderr) == (2, True)


def test_the_settings_and_the_catalogue_of_compose_load() -> None:
    deploy = ROOT / "deploy"
    settings = load_settings(deploy / "momentwatch.yaml", {"POSTGRES_PASSWORD": "x"})
    catalog = load(deploy / "rules").catalog
    assert settings.problems_with(catalog) == []
    services = yaml.safe_load((deploy / "compose.yaml").read_text())["services"]
    environment = services["momentwatch"]["environment"]
    assert environment["POSTGRES_PASSWORD"] == services["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert {target.url_env for target in catalog.targets.values()} <= set(environment)
