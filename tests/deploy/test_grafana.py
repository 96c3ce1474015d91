"""The dashboard: as its generator makes it, and answered by a real Prometheus that scrapes the service."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.grafana import build
from deploy.grafana.panels import ROWS
from service.adapters.metrics.catalogue import CATALOGUE
from service.adapters.metrics.collector import StoreCollector
from service.adapters.metrics.meter import Metrics, new_registry
from service.adapters.web.app import make_app
from service.adapters.web.server import WebServer
from service.adapters.web.settings import WebSettings
from service.core.counting.changes import Counts
from service.core.counting.tally import Tally
from service.core.interruption import Change
from service.core.standing import Judgement
from tests.adapters.web.apps import Health
from tests.adapters.web.world import LATE, NOW, PARTITION, RIO_LATE, marketplace
from tests.harness.fixtures import PrometheusFactory


def expressions() -> list[str]:
    """Every expression of the committed dashboard, annotations included."""
    dashboard = json.loads(build.OUT.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return found + [each["expr"] for each in dashboard["annotations"]["list"]]


def test_the_committed_dashboard_is_what_its_generator_makes() -> None:
    assert build.OUT.read_text() == build.text(), "run python -m deploy.grafana.build"


def test_every_panel_asks_something_has_a_unit_and_a_place_of_its_own() -> None:
    dashboard = build.dashboard()
    assert dashboard["uid"] == "momentwatch-moments"
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= build.WIDTH
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert panel["datasource"]["uid"] == "${datasource}"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_the_dashboard_names_only_metrics_of_the_catalogue() -> None:
    names = "|".join(metric.name for metric in CATALOGUE)
    for _, row in ROWS:
        for panel in row:
            for query in panel.queries:
                assert any(name in query.expr for name in names.split("|")), query.expr


class Working:
    """Feeds the counters as loops would, until it is stopped."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            counts = Counts(read=12, duplicate=1)
            counts.accepted[LATE] = 10
            counts.late[LATE] = 1
            counts.dead["not_json"] = 1
            tally = Tally()
            cell = tally.cell(LATE, 0, (None, None), late=False)
            cell.attempts, cell.broken = 10, 2
            self._metrics.ingested(PARTITION, counts, tally, 0.02)
            self._metrics.behind(PARTITION, 4)
            self._metrics.judged(LATE, Judgement(NOW, (Change("opened", NOW, RIO_LATE),)), 0.01)
            self._metrics.delivered("desk", "sent", 0.1)


@pytest.fixture
def running() -> Iterator[WebServer]:
    """The service's web server over the made-up marketplace, with loops at work."""
    world = marketplace()
    registry = new_registry()
    metrics = Metrics(registry)
    metrics.loaded(world.catalog)
    registry.register(StoreCollector(world.store, lambda: world.catalog, lambda: NOW, currency="BRL", keep=0.2))
    settings = WebSettings(currency="BRL", clock="event")
    app = make_app(world.store, lambda: world.catalog, registry, Health(), settings, now=lambda: NOW)
    with WebServer(app, "127.0.0.1", 0) as server, Working(metrics):
        yield server


def test_a_real_prometheus_answers_every_expression(running: WebServer, prometheus_server: PrometheusFactory) -> None:
    config: dict[str, Any] = {
        "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
        "scrape_configs": [{"job_name": "momentwatch", "static_configs": [{"targets": [f"127.0.0.1:{running.port}"]}]}],
    }
    prometheus = prometheus_server(config)
    prometheus.wait_for('up{job="momentwatch"} == 1')
    prometheus.wait_for(f'rate(momentwatch_broken_total{{moment="{LATE}"}}[5s]) > 0')
    for written in expressions():
        expression = written.replace("$__rate_interval", "5s").replace("$__interval", "5s").replace("$moment", ".+")
        found = prometheus.query(expression)
        assert found, written
        assert [row for row in found if row["value"][1] != "NaN"], f"{written}: NaN only"
