"""Makes the Grafana dashboard from the catalogue of metrics: `python -m deploy.grafana.build`."""  # noqa: INP001

# Plain typed Python, not Grafana's foundation SDK: its package is an alpha for Grafana 10.1, versioned by an
# epoch that grows with each release, and one dashboard needs a dozen fields of the format. Taking the names
# from the metrics' own catalogue keeps the two from drifting apart.

import json
from pathlib import Path

from deploy.grafana.panels import JSON, RED, ROWS, Panel, chosen
from service.adapters.metrics import catalogue as m

UID = "momentwatch-moments"
OUT = Path(__file__).parent / "dashboards" / "momentwatch.json"

WIDTH = 24
"""Columns of Grafana's grid."""
DATASOURCE: JSON = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> JSON:
    """The dashboard as Grafana provisions it."""
    panels: list[JSON] = []
    top = 0
    for title, row in ROWS:
        panels.append(_placed({"type": "row", "title": title, "collapsed": False, "panels": []}, (0, top, WIDTH, 1)))
        left, top, tallest = 0, top + 1, 0
        for panel in row:
            width, height = panel.size
            if left + width > WIDTH:
                left, top, tallest = 0, top + tallest, 0
            panels.append(_placed(_panel(panel), (left, top, width, height)))
            left, tallest = left + width, max(tallest, height)
        top += tallest
    for number, each in enumerate(panels, 1):
        each["id"] = number
    opened = f"sum by (moment, level) (increase({m.OPENED.name}{chosen(m.OPENED)}[$__interval])) > 0"
    return {
        "uid": UID,
        "title": "momentwatch: moments that matter",
        "description": "Which promises are broken, for how many customers, and can the figures be trusted?",
        "tags": ["momentwatch"],
        "editable": False,
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "graphTooltip": 1,
        "templating": {
            "list": [
                {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
                {
                    "name": "moment",
                    "label": "Moment",
                    "type": "query",
                    "datasource": DATASOURCE,
                    "query": {"query": f"label_values({m.WEEK_ATTEMPTS.name}, moment)", "refId": "moments"},
                    "refresh": 2,
                    "sort": 1,
                    "multi": True,
                    "includeAll": True,
                    "allValue": ".+",
                    "current": {"text": "All", "value": "$__all"},
                },
            ]
        },
        "annotations": {
            "list": [
                {
                    "name": "Interruptions",
                    "datasource": DATASOURCE,
                    "enable": True,
                    "expr": opened,
                    "titleFormat": "{{level}}: {{moment}}",
                    "iconColor": RED,
                }
            ]
        },
        "panels": panels,
    }


def _placed(panel: JSON, place: tuple[int, int, int, int]) -> JSON:
    return {**panel, "gridPos": dict(zip("xywh", place, strict=True))}


def _panel(panel: Panel) -> JSON:
    options: JSON = panel.options
    if panel.kind == "stat":
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"]},
            "colorMode": "value",
            "graphMode": "area",
            **options,
        }
    if panel.kind == "timeseries":
        shown = {"displayMode": "list", "placement": "bottom", "showLegend": True}
        options = {"legend": shown, "tooltip": {"mode": "multi", "sort": "desc"}, **options}
    steps = [{"value": value, "color": color} for value, color in panel.steps]
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.asks,
        "datasource": DATASOURCE,
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
            }
            for number, query in enumerate(panel.queries)
        ],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": panel.custom,
                **panel.more,
            },
            "overrides": list(panel.overrides),
        },
        "options": options,
    }


def text() -> str:
    """As it is committed."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OUT.write_text(text())
