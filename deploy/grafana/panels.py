"""The dashboard's panels: each asks one question of the metrics' own catalogue."""  # noqa: INP001

from dataclasses import dataclass, field
from typing import Any

from service.adapters.metrics import catalogue as m

JSON = dict[str, Any]

GREEN, AMBER, RED, GREY, BLUE = "#1c6b43", "#c98a00", "#b3261e", "#8a9492", "#4b5f8f"
STATES = (("reliable", GREEN), ("watch", AMBER), ("unreliable", RED), ("unknown", GREY), ("learning", BLUE))
"""In the order of the numbers that stand for them in the timeline."""


@dataclass(frozen=True)
class Query:
    """An expression and how its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One question and its answer; `steps`: (from this value on, colour), the first from minus infinity."""

    kind: str
    title: str
    asks: str
    queries: tuple[Query, ...]
    size: tuple[int, int]
    unit: str = "short"
    steps: tuple[tuple[float | None, str], ...] = ((None, GREEN),)
    more: JSON = field(default_factory=dict)
    options: JSON = field(default_factory=dict)
    custom: JSON = field(default_factory=dict)
    overrides: tuple[JSON, ...] = ()


def one(metric: m.Metric, *by: str, where: str = "") -> str:
    """A gauge of the store, which every replica exposes: `max` over the replicas."""
    labels = ", ".join(by or metric.labels)
    series = f"{metric.name}{chosen(metric, where)}"
    return f"max by ({labels}) ({series})" if labels else f"max({series})"


def rate(metric: m.Metric, *by: str) -> str:
    """A counter of the processes: `sum` over the replicas, after the rate."""
    grouped = f" by ({', '.join(by)})" if by else ""
    return f"sum{grouped} (rate({metric.name}{chosen(metric)}[$__rate_interval]))"


def slowest(metric: m.Metric, *by: str) -> str:
    """The time that 95 of 100 stay below."""
    labels = ", ".join(("le", *by))
    return f"histogram_quantile(0.95, sum by ({labels}) (rate({metric.name}_bucket[$__rate_interval])))"


def chosen(metric: m.Metric, where: str = "") -> str:
    """The part in braces: the moments that the reader chose, and more where it is given."""
    parts = ['moment=~"$moment"'] if "moment" in metric.labels else []
    parts += [where] if where else []
    return f"{{{', '.join(parts)}}}" if parts else ""


def state(word: str) -> str:
    """1 for each moment that stands so."""
    return one(m.STATE, "moment", where=f'state="{word}"')


ALARM = ((None, GREEN), (1.0, RED))
LINES: JSON = {"lineWidth": 2, "fillOpacity": 8, "showPoints": "never", "spanNulls": False}
STACKED: JSON = {**LINES, "fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}}
NEVER_SUMMED = "Distinct customers over all moments; the moments' own figures may not be added up."
VALUE = f'sum(max by (__name__, moment) ({{__name__=~"{m.VALUE_AT_RISK.name}_.+", moment=~"$moment"}}))'

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Right now",
        (
            Panel(
                "stat",
                "Unreliable",
                "How many moments?",
                (Query(f"sum({state('unreliable')})"),),
                (4, 4),
                steps=ALARM,
            ),
            Panel(
                "stat",
                "Not known",
                "How many moments has nobody trustworthy data of?",
                (Query(f"sum({one(m.BLIND)})"),),
                (4, 4),
                steps=((None, GREEN), (1.0, GREY)),
            ),
            Panel(
                "stat",
                "Open interruptions",
                "How many?",
                (Query(f"sum({one(m.OPEN)})"),),
                (4, 4),
                steps=ALARM,
            ),
            Panel("stat", "Customers", NEVER_SUMMED, (Query(one(m.CUSTOMERS_ALL)),), (4, 4), steps=ALARM),
            Panel("stat", "Value at risk", "In the reporting currency.", (Query(VALUE),), (4, 4), steps=ALARM),
            Panel(
                "stat",
                "Known first",
                "Interruptions with a complaint, by who knew first.",
                (Query(f"max by (by) ({m.KNOWN_FIRST.name})", "{{by}}"),),
                (4, 4),
                steps=((None, BLUE),),
            ),
        ),
    ),
    (
        "Moments that matter",
        (
            Panel(
                "state-timeline",
                "State",
                "Grey is not green: nobody knows.",
                (
                    Query(
                        " + ".join(f"{number} * {state(word)}" for number, (word, _) in enumerate(STATES, 1)),
                        "{{moment}}",
                    ),
                ),
                (24, 7),
                more={
                    "mappings": [
                        {
                            "type": "value",
                            "options": {
                                str(number): {"text": word, "color": color, "index": number}
                                for number, (word, color) in enumerate(STATES, 1)
                            },
                        }
                    ]
                },
                options={
                    "mergeValues": True,
                    "showValue": "never",
                    "rowHeight": 0.8,
                    "legend": {"showLegend": False},
                },
            ),
            Panel(
                "timeseries",
                "Promises kept in 7 days",
                "The share kept against what was promised (dashed).",
                (
                    Query(f"1 - {one(m.WEEK_BROKEN)} / {one(m.WEEK_ATTEMPTS)}", "{{moment}}"),
                    Query(one(m.OBJECTIVE, "moment"), "{{moment}} objective"),
                ),
                (12, 8),
                unit="percentunit",
                more={"max": 1},
                custom=LINES,
                overrides=(
                    {
                        "matcher": {"id": "byRegexp", "options": ".* objective"},
                        "properties": [
                            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 6]}},
                            {"id": "custom.fillOpacity", "value": 0},
                        ],
                    },
                ),
            ),
            Panel(
                "bargauge",
                "Error budget left",
                "How much of each objective's budget is left?",
                (
                    Query(
                        f"min by (moment, window) ({m.BUDGET_LEFT.name}{chosen(m.BUDGET_LEFT)})",
                        "{{moment}} {{window}}",
                    ),
                ),
                (6, 8),
                unit="percentunit",
                steps=((None, RED), (0.0, AMBER), (0.25, GREEN)),
                more={"min": -1, "max": 1},
                options={
                    "orientation": "horizontal",
                    "displayMode": "basic",
                    "reduceOptions": {"calcs": ["lastNotNull"]},
                },
            ),
            Panel(
                "timeseries",
                "Evidence",
                "How near is each detector to opening an interruption? It opens at 1.",
                (Query(one(m.SCORE), "{{moment}} {{detector}}"),),
                (6, 8),
                steps=ALARM,
                custom={**LINES, "thresholdsStyle": {"mode": "line"}},
            ),
            Panel(
                "timeseries",
                "Promises overdue and due within a day",
                "What is late already, and what will be if nothing happens?",
                (
                    Query(one(m.PROMISES_OVERDUE), "{{moment}} overdue"),
                    Query(one(m.PROMISES_DUE_SOON), "{{moment}} due within a day"),
                ),
                (12, 7),
                custom=LINES,
            ),
            Panel(
                "timeseries",
                "Broken, as they come",
                "How many promises are broken a second?",
                (Query(rate(m.BROKEN, "moment"), "{{moment}}"),),
                (12, 7),
                unit="cps",
                custom=LINES,
            ),
        ),
    ),
    (
        "Interruptions and customers",
        (
            Panel(
                "timeseries",
                "Open by level",
                "How many interruptions are open?",
                (Query(f"sum by (level) ({one(m.OPEN)})", "{{level}}"),),
                (8, 8),
                custom=STACKED,
                overrides=tuple(
                    {
                        "matcher": {"id": "byName", "options": level},
                        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
                    }
                    for level, color in (
                        ("low", GREY),
                        ("medium", AMBER),
                        ("high", "#d9534a"),
                        ("critical", RED),
                    )
                ),
            ),
            Panel(
                "timeseries",
                "Customers in open interruptions",
                "Whom do they touch, moment by moment?",
                (Query(one(m.CUSTOMERS), "{{moment}}"),),
                (8, 8),
                custom=LINES,
            ),
            Panel(
                "timeseries",
                "Promises broken in open interruptions",
                "The same in breaks, whatever a moment counts.",
                (Query(one(m.BREAKS_OPEN), "{{moment}}"),),
                (8, 8),
                custom=LINES,
            ),
        ),
    ),
    (
        "Can the figures be trusted?",
        (
            Panel(
                "timeseries",
                "Records",
                "What became of what was read?",
                (
                    Query(rate(m.EVENTS_ACCEPTED), "accepted"),
                    Query(rate(m.EVENTS_LATE), "late"),
                    Query(rate(m.EVENTS_DUPLICATE), "duplicate"),
                    Query(rate(m.EVENTS_REJECTED), "dead letters"),
                ),
                (8, 7),
                unit="cps",
                custom=LINES,
            ),
            Panel(
                "timeseries",
                "Behind",
                "How far is each source behind its clock?",
                (Query(one(m.WATERMARK_LAG), "{{source}}"),),
                (8, 7),
                unit="s",
                steps=((None, GREEN), (600.0, RED)),
                custom=LINES,
            ),
            Panel(
                "timeseries",
                "Records to be read",
                "What lies beyond the last one read?",
                (Query(f"sum by (source) ({m.CONSUMER_LAG.name})", "{{source}}"),),
                (8, 7),
                custom=LINES,
            ),
            Panel(
                "timeseries",
                "Seconds a batch and a turn, 95 of 100",
                "How quick are the loops?",
                (
                    Query(slowest(m.BATCH_SECONDS), "batch"),
                    Query(slowest(m.TICK_SECONDS, "loop"), "{{loop}}"),
                ),
                (8, 7),
                unit="s",
                custom=LINES,
            ),
            Panel(
                "timeseries",
                "Notices",
                "What became of attempts to send?",
                (Query(rate(m.NOTICES, "target", "outcome"), "{{target}} {{outcome}}"),),
                (8, 7),
                unit="cps",
                custom=LINES,
            ),
            Panel(
                "stat",
                "Oldest notice waiting",
                "Does anything stay unsent?",
                (Query(one(m.NOTICES_OLDEST)),),
                (4, 7),
                unit="s",
                steps=((None, GREEN), (300.0, RED)),
            ),
            Panel(
                "stat",
                "Books out of balance by",
                "Read minus accepted, duplicate and dead: must be 0.",
                (Query(one(m.RECONCILE)),),
                (4, 7),
                steps=ALARM,
            ),
        ),
    ),
)
